"""The outputs of a network: logits of the emotions, and after these the values of continuous dimensions."""

from jaxtyping import Float
from torch import Tensor


def split_outputs(
    outputs: Float[Tensor, "B O"], num_dimensions: int
) -> tuple[Float[Tensor, "B C"], Float[Tensor, "B D"]]:
    """The logits, and the values of the last `num_dimensions` outputs, which are standardised (see `mmerc.emotions.Dimension`).

    >>> import torch
    >>> [part.tolist() for part in split_outputs(torch.tensor([[1.0, 2.0, 3.0]]), 1)]
    [[[1.0, 2.0]], [[3.0]]]
    """
    count = outputs.shape[1] - num_dimensions
    return outputs[:, :count], outputs[:, count:]
