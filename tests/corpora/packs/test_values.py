import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmerc.corpora.packs.values import LabelValue, check_labels, read_label, read_speaker
from mmerc.errors import CorpusError


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (2, "2"),
        (2.0, "2"),
        (np.int64(3), "3"),
        (torch.tensor(1), "1"),
        (torch.tensor([[4.0]], requires_grad=True), "4"),
        ([0, 0, 1], "2"),
        ([[0.0, 1.0]], "1"),
        (np.array([True, False]), "0"),
        ("Joy ", "Joy"),
        (b"fear", "fear"),
        (np.array(["fear"]), "fear"),
        (None, None),
        (math.nan, None),
        ([math.nan, 1.0], None),
        (math.inf, None),
        ([], None),
        ("", None),
    ],
)
def test_one_label_or_none(value: Any, label: str | None) -> None:
    assert read_label(value) == LabelValue(label)


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        ([1, 1, 0], "[1 1 0] marks several classes"),
        ([0, 0], "[0 0] marks no class"),
        ([0.7, 0.3], "[0.7 0.3] is not one-hot"),
        ([0.5, 0.5], "[0.5 0.5] is not one-hot"),
        ([3, 3, 4], "[3 3 4] is not one-hot"),
        (0.4, "0.4 is not a whole number"),
        (np.eye(4)[:, :2], "an array of the shape [4, 2] is 4 yes/no pairs for one utterance"),
        (np.zeros((2, 3)), "an array of the shape [2, 3] is several labels for one utterance"),
        (["joy", "fear"], "joy, fear are several labels"),
    ],
)
def test_what_is_not_one_label(value: Any, refusal: str) -> None:
    assert read_label(value) == LabelValue(refusal=refusal)


def test_a_few_refused_labels_are_problems_and_many_are_an_error() -> None:
    names = [f"row {number}" for number in range(20)]
    values = [LabelValue("1")] * 18 + [LabelValue(refusal="[1 1] marks several classes"), LabelValue()]
    (problem,) = check_labels(Path("x.pkl"), values, names)
    assert (problem.kind, problem.where) == ("label", "row 18")
    assert problem.what == "[1 1] marks several classes: the utterance has no label"
    with pytest.raises(
        CorpusError, match=r"x.pkl: 3 of 19 labels are not one class each \(\[1 1\] marks several classes\)"
    ):
        check_labels(Path("x.pkl"), [values[18]] * 2 + values[2:], names)
    assert check_labels(Path("x.pkl"), [LabelValue()] * 20, names) == []


@pytest.mark.parametrize(
    ("value", "speaker"),
    [("Ann", "Ann"), (b"Bo", "Bo"), ([0, 1, 0], "speaker 1"), (0, "speaker 0"), ([0, 0], ""), ([1, 1], ""), (None, "")],
)
def test_speakers(value: Any, speaker: str) -> None:
    assert read_speaker(value) == speaker
