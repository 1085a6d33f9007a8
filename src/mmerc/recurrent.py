"""Recurrent networks over a batch of sequences of different lengths."""

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def run_gru(
    gru: nn.GRU, x: Float[Tensor, "B T i"], lengths: Int[Tensor, " B"]
) -> tuple[Float[Tensor, "B T o"], Float[Tensor, "L B h"]]:
    """The outputs of a GRU for padded sequences, 0 on padding, and its state after the last real step of each sequence.

    `lengths`: real steps of each sequence, 1 at least. L is the number of layers times directions, and o = directions * h.
    """
    packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    outputs, last = gru(packed)
    return pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])[0], last
