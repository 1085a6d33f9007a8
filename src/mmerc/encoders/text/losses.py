"""The two additional losses of the paper's text model (Eq. 1): next sentence and language model."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from mmerc.encoders.text.input import SEGMENT, TOKEN

IGNORE_INDEX = -100  # cross_entropy skips these targets


def compute_next_sentence_loss(
    scores: Float[Tensor, "B K"], has_candidate: Bool[Tensor, " B"]
) -> tuple[Float[Tensor, ""], Int[Tensor, ""], Int[Tensor, ""]]:
    """Score the true candidate, which is the first of K, against the distractors.

    Returns the mean cross-entropy in nats, the number of correct choices, and the number of utterances that have a candidate.
    Only these are scored.
    """
    target = torch.where(has_candidate, 0, IGNORE_INDEX)  # [B]
    count = has_candidate.sum()
    loss = F.cross_entropy(scores, target, reduction="sum", ignore_index=IGNORE_INDEX) / count.clamp(min=1)
    return loss, ((scores.argmax(1) == 0) & has_candidate).sum(), count


def compute_language_model_loss(
    tokens: Int[Tensor, "B L 3"], hidden: Float[Tensor, "B L d"], embedding: Float[Tensor, "V d"], segment: int
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Predict each token of `segment` from all tokens before it. The turn token, which is its first, is no target.

    `embedding` is the table of input tokens, which is also the output layer. Returns the sum of the cross-entropies in
    nats and the number of target tokens.
    """
    is_candidate = tokens[..., SEGMENT] == segment  # [B, L]
    is_target = is_candidate[:, 1:] & is_candidate[:, :-1]  # [B, L - 1]
    scores = F.linear(hidden[:, :-1][is_target], embedding)  # [targets, V]
    targets = tokens[:, 1:, TOKEN][is_target]  # [targets]
    return F.cross_entropy(scores, targets, reduction="sum"), is_target.sum()
