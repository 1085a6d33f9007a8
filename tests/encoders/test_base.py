import numpy as np
import torch

from mmerc.encoders.base import masked_mean, pad_arrays


def test_padding_keeps_further_axes_and_dtype() -> None:
    values, mask = pad_arrays([np.ones((2, 3), np.uint8), np.ones((1, 3), np.uint8)])
    assert values.dtype == torch.uint8 and values.shape == (2, 2, 3)
    assert values[1, 1].tolist() == [0, 0, 0]
    assert mask.tolist() == [[True, True], [True, False]]


def test_lengths_are_rounded_up_but_not_beyond_the_most() -> None:
    arrays = [np.ones(5), np.ones(9)]
    widths = {most: pad_arrays(arrays, multiple=8, most=most)[0].shape[1] for most in (None, 20, 12, 3)}
    assert widths == {None: 16, 20: 16, 12: 12, 3: 9}


def test_masked_mean_ignores_padding() -> None:
    sequence = torch.tensor([[[1.0], [3.0], [99.0]], [[5.0], [7.0], [7.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert masked_mean(sequence, mask).tolist() == [[2.0], [0.0]]
