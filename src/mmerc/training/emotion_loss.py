"""The loss of the emotion: cross-entropy over the labels that an utterance's corpus has, with logit adjustment."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mmerc.config import TrainingConfig
from mmerc.training.batches import Examples
from mmerc.training.splits import CONTEXT


class EmotionLoss(nn.Module):
    """The mean cross-entropy over the utterances that have a label.

    Where several corpora are joined, the softmax of an utterance is over the labels that occur in the training part of its corpus.
    Another label is neither right nor wrong there: it may be what the corpus calls by another name, or leaves out.

    Logit adjustment (Menon et al. 2021) adds the log label frequencies to the logits in training. The network then does not learn
    the class imbalance, and its own logits are higher for rare labels. The frequencies are those of the utterance's corpus, so
    that a label is not preferred because one of the corpora has much of it.

    With `shares` (see `training.targets`) the target of an utterance is the distribution of its annotators' votes.
    """

    has_label: Tensor
    adjustment: Tensor

    def __init__(self, examples: Examples, num_classes: int, config: TrainingConfig) -> None:
        super().__init__()
        self.label_smoothing = config.label_smoothing
        counts = count_labels(examples, num_classes)  # [M, C]
        self.register_buffer("has_label", find_known_labels(counts), persistent=False)
        self.register_buffer("adjustment", config.logit_adjustment * compute_log_prior(counts), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "B C"],
        labels: Int[Tensor, " B"],
        corpora: Int[Tensor, " B"],
        shares: Float[Tensor, "B C"] | None = None,
    ) -> Float[Tensor, ""]:
        """Compute the loss; `corpora` are the numbers of the utterances' corpora."""
        is_scored = labels != CONTEXT
        if shares is not None:
            shares = shares[is_scored]
        logits, labels, corpora = logits[is_scored], labels[is_scored], corpora[is_scored]
        losses = []
        for corpus, rows in _list_corpora(corpora):
            own = self.has_label[corpus]
            if shares is None:
                columns = own.cumsum(0) - 1  # of a label among those that the corpus has
                targets = columns[labels[rows]]
            else:
                targets = shares[rows][:, own]
                targets = targets / targets.sum(1, keepdim=True)
            adjusted = self._adjust(logits, corpus, rows)
            losses.append(F.cross_entropy(adjusted, targets, reduction="none", label_smoothing=self.label_smoothing))
        return torch.cat(losses).mean()

    def compute_disagreement(
        self,
        first: Float[Tensor, "B C"],
        second: Float[Tensor, "B C"],
        labels: Int[Tensor, " B"],
        corpora: Int[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        """How much two predictions of the same labelled utterances differ, for R-Drop (Liang et al. 2021).

        This is the mean of both Kullback-Leibler divergences, in nats, of the softmaxes that `forward` uses.
        """
        is_scored = labels != CONTEXT
        divergences = []
        for corpus, rows in _list_corpora(corpora[is_scored]):
            p, q = (self._adjust(logits[is_scored], corpus, rows).log_softmax(1) for logits in (first, second))
            divergences.append(((p.exp() - q.exp()) * (p - q)).sum(1) / 2)
        return torch.cat(divergences).mean()

    def _adjust(self, logits: Float[Tensor, "B C"], corpus: int, rows: Bool[Tensor, " B"]) -> Float[Tensor, "R K"]:
        """The adjusted logits of the rows of a corpus, for the labels that it has."""
        own = self.has_label[corpus]
        return logits[rows][:, own] + self.adjustment[corpus, own]


def _list_corpora(corpora: Int[Tensor, " B"]) -> list[tuple[int, Bool[Tensor, " B"]]]:
    """The number of each corpus in the batch, and which rows are from it."""
    return [(corpus, corpora == corpus) for corpus in sorted(set(corpora.tolist()))]


def count_labels(examples: Examples, num_classes: int) -> Int[Tensor, "M C"]:
    """How often each label occurs in each of the M corpora."""
    labels, corpora = np.asarray(examples.labels, int), np.asarray(examples.corpora, int)  # [N], [N]
    counts = np.zeros((corpora.max(initial=0) + 1, num_classes), int)
    np.add.at(counts, (corpora[labels != CONTEXT], labels[labels != CONTEXT]), 1)
    return torch.from_numpy(counts)


def find_known_labels(counts: Int[Tensor, "M C"]) -> Bool[Tensor, "M C"]:
    """Which labels each of the M corpora has, from `count_labels`.

    One corpus has all labels of its set: the user may know a label that no training utterance has.
    """
    return counts > 0 if len(counts) > 1 else torch.ones_like(counts, dtype=torch.bool)


def compute_log_prior(counts: Int[Tensor, "M C"]) -> Float[Tensor, "M C"]:
    """The logarithm of each label's share of the utterances of each corpus; an unseen label counts as seen once."""
    counts = counts.clamp(min=1)
    return (counts / counts.sum(1, keepdim=True)).log()
