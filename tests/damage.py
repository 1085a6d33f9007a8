"""Damage to files: what transfers, editors, other programs and attackers do to them. The random numbers are those of hypothesis."""

import re
from random import Random

NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
ODD_NUMBERS = (
    "-1", "0", "-0.0", "nan", "NaN", "inf", "-Infinity", "1e400", "1e-400", "1e15", "9" * 30, "9" * 5000, "2147483648", "1_0", "0x10",
    "1.5.2", "1,5", "٣", "²", "½", "1e", "+1", ".", "true", "null",
)  # fmt: skip
ODD_TEXTS = (
    "", "\0", "\x1a", "\x85", "\u2028", "\ufeff", "\ufffd", "\ud800", "\u202e", "e\u0301", "👩‍👩‍👧", "\r", "\r\n", "\n\n", "\t", " ", '"', '""', "'", "\\", '\\"',
    ",", ";", "|", "=", ":", "-->", "{", "}", "[", "]", "[" * 5000, '{"a":' * 5000, "<", ">", "</", "<!--", "]]>", "<![CDATA[", "&", "&amp;", "&#0;",
    "&#x110000;", "<!DOCTYPE a [", '<!ENTITY a "b">', "#", "%s", "{}", "../../../etc/passwd", "/etc/passwd", "con", "A" * 5000, "!!python/object/apply:os.system",
    "*a", "&a", "sep=", "null", "[]", "{}", "[[]]", '""', "None", "-",
)  # fmt: skip


def damage_text(text: str, rng: Random) -> bytes:
    """The text after one to three edits, as UTF-8; sometimes in another encoding, or with bytes that are no UTF-8."""
    for _ in range(rng.randint(1, 3)):
        text = _edit(text, rng)
    encoding = rng.choice(["utf-8"] * 12 + ["utf-16", "utf-8-sig", "latin-1", "utf-32-le"])
    content = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    return damage_bytes(content, rng) if rng.randint(0, 9) == 0 else content


def _edit(text: str, rng: Random) -> str:
    kind = rng.choice(["number", "number", "insert", "insert", "replace", "delete", "cut", "repeat", "swap"])
    start = rng.randint(0, len(text))
    end = min(len(text), start + rng.randint(0, 12))
    if kind == "number" and (found := list(NUMBER.finditer(text))):
        chosen = rng.choice(found)
        return text[: chosen.start()] + rng.choice(ODD_NUMBERS) + text[chosen.end() :]
    if kind == "cut":
        return text[:start]
    if kind == "delete":
        return text[:start] + text[end:]
    if kind == "repeat":
        return text[:end] + text[start:]
    if kind == "swap" and (lines := text.splitlines(keepends=True)):
        one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
        return "".join(lines)
    odd = rng.choice([*ODD_TEXTS, *ODD_NUMBERS, chr(rng.randrange(0x11_0000))])
    return text[:start] + odd + text[end if kind == "replace" else start :]


def damage_bytes(content: bytes, rng: Random) -> bytes:
    """The bytes after one to four changes: a byte, a run of bytes, a cut, something inserted."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        start = rng.randint(0, len(changed))
        end = min(len(changed), start + rng.choice([1, 1, 1, 4, 8]))
        kind = rng.choice(["change", "change", "change", "cut", "delete", "insert"])
        if kind == "cut":
            del changed[start:]
        elif kind == "delete":
            del changed[start:end]
        elif kind == "insert":
            changed[start:start] = rng.randbytes(rng.randint(1, 8))
        else:
            changed[start:end] = bytes([rng.choice([0, 0x7F, 0x80, 0xFF, rng.randrange(256)])] * (end - start))
    return bytes(changed)
