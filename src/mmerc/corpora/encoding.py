"""The text of a file whose encoding is not declared: byte order marks, then UTF-8, then a detector."""

import codecs

from charset_normalizer import from_bytes

# UTF-32 first: its little-endian mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "cp1252"
SAMPLE_BYTES = 1 << 16  # of lines that are not ASCII; the detector needs no more
SHORT = 8  # bytes that are not ASCII: with fewer, isolated in words, the detector guesses at random
RUN = 3  # such bytes in a row: letters of a script that is not Latin


def decode_text(data: bytes) -> tuple[str, str, bool]:
    """The text of a file's bytes, the name of its encoding, and whether this was guessed.

    A byte order mark decides; without one, UTF-16 and UTF-32 are recognised by their zero bytes; valid UTF-8 is UTF-8, and
    so is UTF-8 with a few damaged bytes (a guess). For anything else charset-normalizer guesses. Never raises: a byte
    that the encoding lacks becomes U+FFFD.

    >>> decode_text("é".encode()), decode_text("\\ufeffé".encode("utf-16-le")), decode_text("é".encode("cp1252"))
    (('é', 'UTF-8', False), ('é', 'UTF-16', False), ('é', 'Windows-1252', True))
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            text = data.decode(encoding, "replace")
            return text, name_encoding(encoding), "\ufffd" in text
    wide = _guess_wide(data)
    if wide:
        return data.decode(wide, "replace"), name_encoding(wide), True
    try:
        return data.decode("utf-8"), "UTF-8", False
    except UnicodeDecodeError:
        pass
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    if sum(letter > "\x7f" for letter in text) - damaged > 4 * damaged:
        return text, "UTF-8", True
    encoding = _guess_narrow(data)
    return data.decode(encoding, "replace"), name_encoding(encoding), True


def name_encoding(codec: str) -> str:
    """The usual name of one of Python's codecs.

    >>> name_encoding("cp1251"), name_encoding("utf-8-sig"), name_encoding("koi8_r")
    ('Windows-1251', 'UTF-8', 'KOI8-R')
    """
    codec = codec.removesuffix("-sig").removesuffix("_sig")
    for prefix, name in (("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("cp125", "Windows-125")):
        if codec.startswith(prefix):
            return name + (codec[len(prefix) :] if prefix == "cp125" else "")
    return codec.replace("_", "-").upper()


def _guess_wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: the zero bytes of its ASCII letters lie at regular positions."""
    if not data or b"\0" not in data:
        return None
    sample = data[: SAMPLE_BYTES & ~3]
    zeros = [sample[first::4].count(0) * 4 / len(sample) for first in range(4)]
    for encoding, positions in (
        ("utf-32-le", (1, 2, 3)),
        ("utf-32-be", (0, 1, 2)),
        ("utf-16-le", (1, 3)),
        ("utf-16-be", (0, 2)),
    ):
        others = [zeros[position] for position in range(4) if position not in positions]
        # Commas and digits are ASCII in every table: some zeros at each position, and almost none elsewhere.
        if min(zeros[position] for position in positions) > 0.1 and max(others) < 0.02:
            try:
                return encoding if "\0" not in data.decode(encoding) else None
            except UnicodeDecodeError:
                return None
    return None


def _guess_narrow(data: bytes) -> str:
    lines = (line for line in data.splitlines() if not line.isascii())
    sample = b"\n".join(lines)[:SAMPLE_BYTES]
    guess = from_bytes(sample).best()
    if guess is None:
        return WESTERN
    count, run = _count_high_bytes(sample)
    if count < SHORT and run < RUN:
        return WESTERN
    # Code pages of Latin letters share most of them: where the text is the same, the most common one is named.
    return WESTERN if sample.decode(WESTERN, "replace") == sample.decode(guess.encoding, "replace") else guess.encoding


def _count_high_bytes(data: bytes) -> tuple[int, int]:
    """How many bytes are not ASCII, and the longest run of such bytes."""
    count = run = longest = 0
    for byte in data:
        run = run + 1 if byte > 0x7F else 0
        count += byte > 0x7F
        longest = max(longest, run)
    return count, longest
