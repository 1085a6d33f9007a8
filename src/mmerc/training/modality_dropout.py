"""Modality dropout and distillation: how a fusion learns to predict from some of the modalities."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from mmerc.fusion import Fusion, FusionConfig
from mmerc.fusion.layers.embracement import compute_availability
from mmerc.fusion.layers.sequences import Masks
from mmerc.model.collation import unpack_batch
from mmerc.outputs import split_outputs


@dataclass(frozen=True)
class FusionForwardOutput:
    """The logits, and further losses by name."""

    logits: Float[Tensor, "B C"]
    losses: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)


class FusionForward:
    """The forward pass of a fusion in training, as `mmerc.training.task.Task.forward`.

    In `config.modality_dropout` of the training batches each utterance keeps one or some of its modalities (Choi and Lee
    2019). In these batches `config.distillation_weight` weighs one more loss, "distillation": the KL divergence, in nats, of
    the predicted probabilities from those that the same network gives for all modalities, without dropout.

    If the network is in evaluation mode, it reads all modalities.
    """

    def __init__(self, network: Fusion, config: FusionConfig) -> None:
        self.network, self.config = network, config

    def __call__(self, batch: Mapping[str, Tensor]) -> FusionForwardOutput:
        sequences, masks, dialogues = unpack_batch(dict(batch))
        drops = self.network.training and bool(self.config.modality_dropout)
        if not drops or torch.rand(()) >= self.config.modality_dropout:
            return FusionForwardOutput(self.network(sequences, masks, dialogues).logits)
        logits = self.network(sequences, self.drop_modalities(masks), dialogues).logits  # [B, C]
        if not self.config.distillation_weight:
            return FusionForwardOutput(logits)
        self.network.eval()
        try:
            with torch.no_grad():
                complete = self.network(sequences, masks, dialogues).logits  # [B, C]
        finally:
            self.network.train()
        taught, target = (split_outputs(each, self.network.num_dimensions)[0] for each in (logits, complete))
        divergence = F.kl_div(taught.log_softmax(1), target.softmax(1), reduction="batchmean")
        return FusionForwardOutput(logits, {"distillation": self.config.distillation_weight * divergence})

    def drop_modalities(self, masks: Masks) -> dict[str, Bool[Tensor, "B _"]]:
        """Draw for each utterance which of its modalities it keeps, at least one; mask the others.

        With "some", every non-empty subset has the same probability, except for all modalities, which have twice that.
        """
        masks = {name: masks[name] for name in self.network.modalities}
        is_available = torch.stack([mask.any(1) for mask in masks.values()])  # [M, B]
        if self.config.modality_dropout_keeps == "one":
            kept = torch.multinomial(compute_availability(is_available).T, 1)[:, 0]  # [B]
            is_kept = F.one_hot(kept, len(masks)).T.bool()  # [M, B]
        else:
            is_drawn = torch.rand(is_available.shape, device=is_available.device) < 0.5  # [M, B]
            is_kept = is_drawn | ~(is_drawn & is_available).any(0)  # where none is drawn, all are kept
        return {name: mask & is_kept[index][:, None] for index, (name, mask) in enumerate(masks.items())}
