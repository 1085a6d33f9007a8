import pytest
import torch

from mmerc.fusion.layers.embracement import Docking, Embracement, compute_availability, embrace

DOCKED = torch.tensor([[[1.0, 2, 3, 4], [1, 2, 3, 4]], [[10.0, 20, 30, 40], [10, 20, 30, 40]]])  # [M, B, c]


def test_expectation_is_the_weighted_sum() -> None:
    p = compute_availability(torch.tensor([[True, True], [True, False]]))
    assert p.tolist() == [[0.5, 1.0], [0.5, 0.0]]
    assert embrace(DOCKED, p, sample=False).tolist() == [[5.5, 11, 16.5, 22], [1, 2, 3, 4]]


def test_a_draw_takes_each_feature_from_one_modality() -> None:
    p = compute_availability(torch.tensor([[True, True], [True, False]]))
    out = embrace(DOCKED, p, sample=True, generator=torch.Generator().manual_seed(0))
    assert all(value in (one, 10 * one) for value, one in zip(out[0].tolist(), (1, 2, 3, 4), strict=True))
    assert out[1].tolist() == [1, 2, 3, 4]  # never from a missing modality
    again = embrace(DOCKED, p, sample=True, generator=torch.Generator().manual_seed(0))
    assert torch.equal(out, again)


def test_draws_follow_the_probabilities() -> None:
    p = compute_availability(torch.ones(2, 1, dtype=torch.bool), torch.tensor([3.0, 1.0]))
    assert p.flatten().tolist() == [0.75, 0.25]
    docked = torch.stack([torch.ones(1, 40_000), torch.zeros(1, 40_000)])
    drawn = embrace(docked, p, sample=True, generator=torch.Generator().manual_seed(1))
    assert float(drawn.mean()) == pytest.approx(0.75, abs=0.01)


def test_no_modality_at_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="without any modality"):
        compute_availability(torch.tensor([[True, False], [False, False]]))


def test_docking_is_a_layer_and_a_relu() -> None:
    docking = Docking({"a": 2, "b": 1}, 1)
    with torch.no_grad():
        docking.layers["a"].weight[:], docking.layers["a"].bias[:] = 1.0, -1.0
        docking.layers["b"].weight[:], docking.layers["b"].bias[:] = -1.0, 0.0
    out = docking({"a": torch.tensor([[2.0, 3.0]]), "b": torch.tensor([[4.0]])})
    assert out.tolist() == [[[4.0]], [[0.0]]]


def test_embracement_samples_in_training_and_is_deterministic_in_evaluation() -> None:
    torch.manual_seed(0)
    p = compute_availability(torch.ones(2, 1, dtype=torch.bool))
    vectors = {"a": torch.randn(1, 3), "b": torch.randn(1, 3)}
    for samples_in_eval in (False, True):
        embracement = Embracement({"a": 3, "b": 3}, 200, samples_in_eval=samples_in_eval)
        docked = embracement.docking(vectors)
        assert not torch.equal(embracement(vectors, p), embracement(vectors, p))
        embracement.eval()
        assert torch.equal(embracement(vectors, p), embracement(vectors, p))
        is_sampled = (embracement(vectors, p) == docked).any(0).all()  # each feature is one of the two
        assert bool(is_sampled) == samples_in_eval
        assert samples_in_eval or torch.allclose(embracement(vectors, p), docked.mean(0))
