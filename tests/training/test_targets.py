import math

import pytest
import torch

from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.corpora.dimensions import fit_dimensions
from mmerc.emotions import LabelSet
from mmerc.training.targets import compute_concordance, compute_dimension_loss, make_targets

ROWS = (
    Utterance("train", 0, 0, emotion="joy", votes={"joy": 3.0, "fear": 1.0}, dimensions={"valence": 1.0}),
    Utterance("train", 0, 1, emotion="fear", dimensions={"valence": 3.0}),
    Utterance("train", 0, 2),
)


def make_corpus(rows: tuple[Utterance, ...]) -> Corpus:
    return fit_dimensions(Corpus("made", LabelSet(("joy", "fear")), {"train": (Dialogue("train", 0, rows),)}))


def test_targets_are_shares_of_votes_and_standardised_ratings() -> None:
    targets = make_targets(make_corpus(ROWS), [("train", "0", "0"), ("train", "0", "1"), ("train+2", "0", "2")])
    assert targets.shares is not None and targets.shares.tolist() == [[0.75, 0.25], [0, 1], [0, 0]]
    assert targets.names == ("valence",)
    assert targets.dimensions[:2].tolist() == [[-1], [1]] and targets.dimensions[2].isnan().all()


def test_a_corpus_with_labels_alone_has_no_targets() -> None:
    targets = make_targets(make_corpus((Utterance("train", 0, 0, emotion="joy"),)), [("train", "0", "0")])
    assert targets.shares is None and targets.dimensions.shape == (1, 0)


def test_concordance_is_one_for_equal_values_and_falls_with_shift_and_scale() -> None:
    x = torch.tensor([0.0, 1.0, 2.0, 5.0])
    assert float(compute_concordance(x, x)) == pytest.approx(1, abs=1e-6)
    assert float(compute_concordance(-x, x)) < 0 < float(compute_concordance(2 * x, x)) < 1
    assert float(compute_concordance(torch.zeros(4), x)) == 0


def test_a_batch_without_ratings_has_no_loss_and_finite_gradients() -> None:
    predicted = torch.ones(2, 2, requires_grad=True)
    truth = torch.tensor([[math.nan, 1.0], [math.nan, math.nan]])
    loss = compute_dimension_loss(predicted, truth)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0 and predicted.grad is not None and predicted.grad.isfinite().all()


def test_only_rated_rows_count() -> None:
    truth = torch.tensor([[0.0], [2.0], [math.nan]])
    assert float(compute_dimension_loss(torch.tensor([[0.0], [2.0], [9.0]]), truth)) == pytest.approx(0, abs=1e-6)
