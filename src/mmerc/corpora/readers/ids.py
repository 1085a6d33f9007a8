"""Ids of dialogues and utterances, and splits, as tables write them."""

import re
from collections.abc import Iterable

from mmerc.corpora.dialogue import HELD_OUT, SPLITS, Identity

# 18 digits fit into 64 bits. A program that had a gap in the column writes 1 as 1.0.
NUMBER = re.compile(r"([0-9]{1,18})(?:[.,]0*)?")
PADDED = re.compile(r"0[0-9]")
SPLIT_NAMES = {"val": "dev", "valid": "dev", "validation": "dev", "development": "dev", "training": "train"}


def parse_number(text: str) -> int | None:
    """A whole number, with or without zero decimals; `None` for any other text.

    >>> parse_number("12"), parse_number("0.0"), parse_number("1.5"), parse_number("one")
    (12, 0, None, None)
    """
    found = NUMBER.fullmatch(text)
    return int(found[1]) if found else None


def parse_id(text: str) -> Identity:
    """An id: a number where the text is a plain whole number, else the text.

    >>> parse_id("3"), parse_id("3.0"), parse_id("ses01")
    (3, '3.0', 'ses01')
    """
    number = parse_number(text)
    return text if number is None or str(number) != text else number


def parse_ids(column: Iterable[str]) -> dict[str, Identity]:
    """The ids of a column: "1.0" is 1 in a column of whole numbers, but text in one with "1.1" or "001".

    >>> parse_ids(["0.0", "1.0"]), parse_ids(["1.0", "1.1"])
    ({'0.0': 0, '1.0': 1}, {'1.0': '1.0', '1.1': '1.1'})
    """
    texts = list(dict.fromkeys(text for text in column if text))
    numbers = {text: parse_number(text) for text in texts}
    if None in numbers.values() or any(PADDED.match(text) for text in texts):
        return {text: parse_id(text) for text in texts}
    return {text: number for text, number in numbers.items() if number is not None}


def parse_split(name: str) -> str:
    """The split that a cell names; an empty cell is `test`, to be predicted.

    >>> parse_split("Validation"), parse_split("TRAIN"), parse_split("")
    ('dev', 'train', 'test')
    """
    name = name or "test"
    known = SPLIT_NAMES.get(name.lower(), name.lower())
    return known if known in SPLITS else f"{name} (own)" if name == HELD_OUT else name
