import numpy as np
import pytest
import torch

from mmerc.corpora.packs.arrays import convert_signals, is_signal


def test_what_is_no_plausible_array_is_missing() -> None:
    tensor = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    found = convert_signals(
        [
            ("a", [[1.0], [1.0, 2.0]]),
            ("b", np.array([1e300])),
            ("c", "words"),
            ("d", None),
            ("e", tensor),
            ("f", [1, 2]),
            ("g", np.float32([2e38])),
        ]
    )
    assert {name: value.tolist() for name, value in found.items()} == {"e": [1.0, 1.0], "f": [1.0, 2.0]}  # type: ignore[attr-defined]


def test_one_number_that_is_none_or_beyond_all_units_spoils_it() -> None:
    assert is_signal(np.array([[1e15, -1e15]])) and is_signal(np.array([True]))
    for odd in ([np.nan], [1e16], [], [[[1.0]]], ["1"], np.float16([np.inf, 1]), [np.iinfo(np.int64).min]):
        assert not is_signal(np.array(odd))


def test_half_precision_is_as_good_as_any(recwarn: pytest.WarningsRecorder) -> None:
    assert is_signal(np.float16([65504, -1])) and not recwarn.list
