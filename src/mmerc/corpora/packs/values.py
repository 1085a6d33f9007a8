"""Labels, speakers and text as packs hold them: numbers, bytes, one-hot vectors, tensors."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.corpora.dialogue import Problem, replace_surrogates
from mmerc.corpora.packs.arrays import convert_tensor
from mmerc.errors import CorpusError

MOST_REFUSED = 0.1  # share of labels; if more are refused, the file has another kind of label


@dataclass(frozen=True)
class LabelValue:
    """A label as text, or the reason why the value is not one label. Both are empty where there is no label."""

    label: str | None = None
    refusal: str | None = None


def read_text(value: Any) -> str:
    """The value as text; bytes are UTF-8, and `None` is empty."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return "" if value is None else str(value).strip()


def read_label(value: Any) -> LabelValue:
    """The label of one utterance: text, a whole number, or the index of the 1 in a one-hot vector.

    NaN, `None` and empty values are no label. Several labels, scores and fractions are refused: no class follows from them.

    >>> read_label([0, 1, 0]), read_label(2.0), read_label(float("nan"))
    (LabelValue(label='1', refusal=None), LabelValue(label='2', refusal=None), LabelValue(label=None, refusal=None))
    >>> read_label([1, 1, 0]).refusal
    '[1 1 0] marks several classes'
    """
    value = convert_tensor(value)
    if not isinstance(value, str | bytes) and np.size(value) == 1:
        value = np.ravel(np.asarray(value, object))[0]
    if isinstance(value, str | bytes):
        return LabelValue(replace_surrogates(read_text(value)) or None)
    array = np.squeeze(np.asarray([] if value is None else value))
    if array.dtype.kind in "USO" and array.size > 1 and any(isinstance(each, str | bytes) for each in array.flat):
        return LabelValue(refusal=f"{', '.join(map(read_text, array.flat))[:60]} are several labels")
    numbers = array.astype(np.float64)
    if not numbers.size or not np.isfinite(numbers).all():
        return LabelValue()
    if numbers.ndim > 1:
        what = f"{len(numbers)} yes/no pairs" if numbers.shape[1:] == (2,) else "several labels"
        return LabelValue(refusal=f"an array of the shape {list(numbers.shape)} is {what} for one utterance")
    if numbers.ndim == 0:
        number = float(numbers)
        is_whole = number == int(number)
        return LabelValue(str(int(number))) if is_whole else LabelValue(refusal=f"{number:g} is not a whole number")
    shown = np.array2string(numbers, threshold=8, edgeitems=3, formatter={"float_kind": lambda each: f"{each:g}"})
    if not np.isin(numbers, (0, 1)).all():
        return LabelValue(refusal=f"{shown} is not one-hot")
    if numbers.sum() == 1:
        return LabelValue(str(int(numbers.argmax())))
    return LabelValue(refusal=f"{shown} marks {'several classes' if numbers.any() else 'no class'}")


def check_labels(file: Path, values: Sequence[LabelValue], names: Sequence[str]) -> list[Problem]:
    """The problems with the labels of a file; `names` are those of their utterances.

    Raises:
        CorpusError: more than a tenth of the labels are refused.
    """
    refused = [(name, value.refusal) for name, value in zip(names, values, strict=True) if value.refusal]
    total = len(refused) + sum(value.label is not None for value in values)
    if len(refused) > MOST_REFUSED * total:
        reasons = Counter(reason for _, reason in refused)
        raise CorpusError(
            f"{file}: {len(refused)} of {total} labels are not one class each ({reasons.most_common(1)[0][0]}): map labels to "
            "whole numbers, names or one-hot vectors, such as --map labels=classes."
        )
    return [Problem("label", name, f"{reason}: the utterance has no label") for name, reason in refused]


def read_speaker(value: Any) -> str:
    """A name, or "speaker N" for the number N or a one-hot vector; empty where a vector is not one-hot."""
    if value is None or isinstance(value, str | bytes):
        return read_text(value)
    found = read_label(value)
    return f"speaker {found.label}" if found.label is not None else ""
