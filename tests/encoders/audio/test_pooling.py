import torch

from mmerc.encoders.audio.pooling import make_padding_mask, pool_mean, pool_statistics

MASK = torch.tensor([[True, False, False], [True, True, True]])
SEQUENCE = torch.tensor([[[2.0], [50.0], [50.0]], [[1.0], [2.0], [3.0]]])  # 50 is padding


def test_the_padding_mask_is_true_on_real_steps() -> None:
    assert torch.equal(make_padding_mask(torch.tensor([1, 3]), 3), MASK)


def test_equal_scores_give_the_mean_of_the_real_steps() -> None:
    assert pool_mean(SEQUENCE, torch.zeros(2, 3), MASK).tolist() == [[2.0], [2.0]]


def test_a_high_score_picks_one_step() -> None:
    scores = torch.tensor([[0.0, 99.0, 0.0], [0.0, 0.0, 99.0]])
    assert pool_mean(SEQUENCE, scores, MASK).tolist() == [[2.0], [3.0]]


def test_the_statistics_are_mean_and_standard_deviation() -> None:
    pooled = pool_statistics(SEQUENCE, torch.zeros(2, 3), MASK)
    assert torch.allclose(pooled, torch.tensor([[2.0, 1e-3], [2.0, (2 / 3) ** 0.5]]), atol=1e-5)
