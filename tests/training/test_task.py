"""Splits that have no example."""

import pytest

from mmerc.errors import RunError
from mmerc.training.task import check_not_empty


def test_an_empty_split_is_named() -> None:
    key = ("train", "0", "0")
    check_not_empty("text", [key], [key])
    for train, dev, split in (([], [key], "train"), ([key], [], "dev")):
        with pytest.raises(RunError, match=f"text: not one labelled utterance of the {split} split has it"):
            check_not_empty("text", train, dev)
