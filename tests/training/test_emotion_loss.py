import math
import random
from collections.abc import Sequence

import pytest
import torch
from torch.nn import functional as F

from mmerc.config import TrainingConfig
from mmerc.training.emotion_loss import EmotionLoss, compute_log_prior, count_labels
from mmerc.training.splits import CONTEXT


class Labels:
    """Examples that are labels only."""

    def __init__(self, labels: list[int], corpora: list[int] | None = None) -> None:
        self.labels, self.corpora = labels, corpora or [0] * len(labels)
        self.keys = [("train", "0", str(number)) for number in range(len(labels))]
        self.units = [[number] for number in range(len(labels))]
        self.lengths = self.counts = [1] * len(labels)

    def collate(self, indices: Sequence[int], rng: random.Random | None) -> dict[str, torch.Tensor]:
        return {}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_one_corpus_is_plain_cross_entropy_over_the_scored_utterances(smoothing: float) -> None:
    torch.manual_seed(0)
    config = TrainingConfig(logit_adjustment=0.3, label_smoothing=smoothing)
    loss = EmotionLoss(Labels([0, 0, 1, CONTEXT]), 3, config)
    logits, labels = torch.randn(4, 3), torch.tensor([1, CONTEXT, 2, 0])
    adjusted = logits + 0.3 * torch.tensor([2 / 4, 1 / 4, 1 / 4]).log()  # the unseen label counts as seen once
    scored = labels != CONTEXT
    expected = F.cross_entropy(adjusted[scored], labels[scored], label_smoothing=smoothing)
    assert torch.allclose(loss(logits, labels, torch.zeros(4, dtype=torch.long)), expected)


def test_the_target_of_votes_is_their_distribution() -> None:
    loss = EmotionLoss(Labels([0, 1, 0]), 2, TrainingConfig())
    logits, labels = torch.randn(3, 2), torch.tensor([0, 1, CONTEXT])
    shares = torch.tensor([[0.75, 0.25], [0.0, 1.0], [0.0, 0.0]])
    expected = -(logits.log_softmax(1) * shares)[:2].sum(1).mean()
    assert torch.allclose(loss(logits, labels, torch.zeros(3, dtype=torch.long), shares), expected)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.5), (0.5, 1 / 3), (1.0, 0.2)])
def test_logit_adjustment_lowers_the_probability_of_a_rare_label(share: float, expected: float) -> None:
    loss = EmotionLoss(Labels([0] * 40 + [1] * 10), 2, TrainingConfig(logit_adjustment=share))
    found = loss(torch.zeros(1, 2), torch.tensor([1]), torch.tensor([0]))
    assert math.exp(-float(found)) == pytest.approx(expected)  # 0.2^share / (0.2^share + 0.8^share)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_a_label_that_the_corpus_lacks_is_masked(smoothing: float) -> None:
    loss = EmotionLoss(Labels([0, 1, 2, 0, 1], [0, 0, 0, 1, 1]), 3, TrainingConfig(label_smoothing=smoothing))
    logits = torch.zeros(2, 3, requires_grad=True)
    both = torch.tensor([0, 0])
    found = loss(logits, both, torch.tensor([0, 1]))
    assert float(found.detach()) == pytest.approx((math.log(3) + math.log(2)) / 2)
    (gradient,) = torch.autograd.grad(found, logits)
    assert gradient[1, 2] == 0 and gradient[0, 2] != 0


def test_each_corpus_has_its_own_prior() -> None:
    examples = Labels([0, 0, 0, 1, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1])
    loss = EmotionLoss(examples, 2, TrainingConfig(logit_adjustment=1.0))
    found = [float(loss(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([corpus]))) for corpus in (0, 1)]
    assert [math.exp(-each) for each in found] == pytest.approx([0.75, 0.25])
    assert not loss.state_dict()  # it follows from the examples


def test_labels_are_counted_in_each_corpus() -> None:
    counts = count_labels(Labels([0, 2, CONTEXT, 2], [0, 1, 1, 1]), 3)
    assert counts.tolist() == [[1, 0, 0], [0, 0, 2]]
    assert compute_log_prior(torch.tensor([[49, 0]])).exp()[0].tolist() == pytest.approx([0.98, 0.02])


def test_the_disagreement_of_two_predictions_is_the_mean_of_both_divergences() -> None:
    loss = EmotionLoss(Labels([0, 1, 2, 0, 1], [0, 0, 0, 1, 1]), 3, TrainingConfig())
    p, q = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.5, 0.25])
    labels, corpora = torch.tensor([0, CONTEXT, 1]), torch.tensor([0, 0, 1])
    first = torch.stack([p.log(), p.log(), torch.tensor([0.0, 0.0, 9.0])])
    second = torch.stack([q.log(), torch.zeros(3), torch.tensor([0.0, 0.0, -9.0])])  # corpus 1 has no label 2
    found = float(loss.compute_disagreement(first, second, labels, corpora))
    assert found == pytest.approx((0.25 * math.log(2) + 0) / 2)
    assert float(loss.compute_disagreement(first, first, labels, corpora)) == 0
