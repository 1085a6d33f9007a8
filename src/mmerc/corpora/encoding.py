"""Text files in any encoding: the byte order mark decides, then UTF-8, then a detector, whose choice is a guess."""

import codecs
import re
from pathlib import Path

import charset_normalizer

from mmerc.errors import CorpusError

MARKS = (  # the longer mark first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 1 << 18  # bytes that the detector reads
VALID_MULTIBYTE = re.compile(rb"[\xc3-\xf4][\x80-\xbf]+")
# Non-ASCII characters that are frequent in the languages a code page was made for. The detector is unsure of short texts.
_WEST = "àáâãäåæçèéêëìíîïñòóôõöøœùúûüÿßÀÁÂÄÅÆÇÈÉÊËÍÎÑÓÔÖØŒÚÜ¿¡’‘“”–—…«»°€·\u00a0"
LATIN = {  # if two are equal, the first is chosen
    "cp1252": _WEST,
    "cp1254": "çğıöşüÇĞİÖŞÜâîû’‘“”–—…«»\u00a0",
    "cp1250": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽäöüÄÖÜôľĺőűŐŰßăâîşţĂÂÎŞŢđĐ’‘“”„–—…«»\u00a0",
    "mac_roman": _WEST,
    "cp850": _WEST,
}
_KANA = "".join(map(chr, range(0x3041, 0x30FD))) + "、。！？"
_HAN = "的一是不了在人有我他到大地中你生和要她出也得自以可下天去能小多心好看起成只如事把用道想作美己面最女但前些所同日手又行意方期位分老因很名法知世什使身者高已其此常正，。！？"
EAST_ASIAN = {
    "gb18030": _HAN
    + "这个们来时为子说国年着就那里后会家过对然于学么之都发当没还第样种开总从无情现动它头经长儿回爱给间两次被进话",
    "big5": _HAN
    + "這個們來時為子說國年著就那裡後會家過對然於學麼之都發當沒還第樣種開總從無情現動它頭經長兒回愛給間兩次被進話",
    "cp932": _KANA,
    "euc_jp": _KANA,
    "cp949": "이다는에가을고하지의한를도서나기사아어자은로니리그게있해요안녕세반갑습오늘내일무왜네제저우너만거면,.",
}
HEBREW = {"cp1255": "".join(map(chr, range(0x5D0, 0x5EB))) + "’“”–…"}  # the detector treats short texts as Russian
OPENING_SIGN = re.compile(r"(?<=[^\W\d_])[¿¡]")  # after a letter it is a letter of another code page, such as Polish ż
NO_TEXT_FILES = ["cp037", "cp424", "cp500", "cp875", "cp1026", "cp1140", "cp273", "utf_7", "hz"]  # mainframes and mail


def read_text_any_encoding(path: Path) -> tuple[str, str, bool]:
    """The text of a file, the name of the encoding that was assumed, and whether that is a guess.

    UTF-8, UTF-16 and UTF-32 are recognised with or without a byte order mark; a mark is not part of the text. In UTF-8 with a few
    damaged bytes these become U+FFFD, which counts as a guess. Anything else is the choice of charset-normalizer.

    Raises:
        CorpusError: the file cannot be read, or is no text.
    """
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CorpusError(f"{path} cannot be read ({reason}): check the path and its permissions.") from error
    decoded = decode_any_encoding(raw)
    if decoded is None:
        raise CorpusError(f"{path} is no text in any known encoding: export it again as UTF-8.")
    return decoded


def decode_any_encoding(raw: bytes) -> tuple[str, str, bool] | None:
    """The text in `raw`, its encoding, and whether the encoding is a guess; `None` where `raw` is no text.

    >>> decode_any_encoding("Привет, как дела?".encode("cp1251"))
    ('Привет, как дела?', 'cp1251', True)
    >>> decode_any_encoding("Ça va ?".encode("utf-16-le"))
    ('Ça va ?', 'utf-16-le', False)
    """
    encoding = next((name for mark, name in MARKS if raw.startswith(mark)), None) or _find_wide(raw)
    if encoding and encoding != "utf-8":
        text = raw.decode(encoding, errors="replace")  # a cut file lacks the last half of a character
        return text.removeprefix("\ufeff"), encoding, "\ufffd" in text
    try:
        return raw.decode("utf-8-sig"), "utf-8", False
    except UnicodeDecodeError:
        if b"\0" in raw:
            return None
    damaged = raw.decode("utf-8-sig", errors="replace")
    if encoding or damaged.count("\ufffd") * 10 < len(VALID_MULTIBYTE.findall(raw)):
        return damaged, "utf-8", True
    guess = _guess_by_letters(raw) or _guess_by_detector(raw) or _choose_code_page(raw[:SAMPLE], LATIN, at_least=0.0)
    assert guess is not None
    return raw.decode(guess, errors="replace"), guess, True


def _find_wide(raw: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: the high bytes of line ends, digits and spaces are zero, at regular distances."""
    sample = raw[: SAMPLE - SAMPLE % 4]
    if b"\0" not in sample:
        return None
    zeros = [sample[offset::4].count(0) for offset in range(4)]
    quarter = len(sample) / 4
    for name, pattern in (("utf-32-le", (0, 0, 1, 1)), ("utf-32-be", (1, 1, 0, 0))):
        if all(count > 0.9 * quarter for count, full in zip(zeros, pattern, strict=True) if full):
            return name
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if max(even, odd) > 0.1 * len(sample) / 2 and min(even, odd) * 10 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _guess_by_letters(raw: bytes) -> str | None:
    """The code page in which most bytes above 127 are frequent letters; `None` where no page is clearly right."""
    sample = raw[:SAMPLE]
    high = sum(byte > 127 for byte in sample)
    letters = len(re.findall(rb"[A-Za-z]", sample))
    pairs = len(re.findall(rb"[\x80-\xff](?=[\x80-\xff])", sample))
    if high <= 0.8 * letters and pairs <= 0.4 * high:  # single accents among ASCII letters
        return _choose_code_page(sample, LATIN, at_least=0.8)
    if pairs <= 0.5 * high:
        return None
    return _choose_code_page(sample, EAST_ASIAN, at_least=0.3) or _choose_code_page(sample, HEBREW, at_least=0.99)


def _choose_code_page(sample: bytes, pages: dict[str, str], at_least: float) -> str | None:
    shares = {}
    for page, frequent in pages.items():
        text = OPENING_SIGN.sub("\ufffd", sample.decode(page, errors="replace"))
        characters = [character for character in text if character > "\x7f"]
        shares[page] = sum(character in frequent for character in characters) / max(len(characters), 1)
    best = max(shares, key=lambda page: shares[page])
    return best if shares[best] >= at_least else None


def _guess_by_detector(raw: bytes) -> str | None:
    """The detector's choice. It reads only the lines that ASCII cannot hold: times and numbers say nothing of the language."""
    lines = [line for line in re.split(rb"[\r\n]+", raw[:SAMPLE]) if not line.isascii()]
    match = charset_normalizer.from_bytes(b"\n".join(lines), cp_exclusion=NO_TEXT_FILES).best()
    return str(match.encoding) if match is not None and match.encoding not in ("ascii", "utf_8") else None
