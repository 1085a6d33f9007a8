import torch

from mmerc.encoders.audio.pooling import compute_attention, make_padding_mask, pool_statistics

MASK = torch.tensor([[True, False, False], [True, True, True]])
SEQUENCE = torch.tensor([[[2.0], [50.0], [50.0]], [[1.0], [2.0], [3.0]]])  # 50 is padding
STATISTICS = torch.tensor([[2.0, 1e-3], [2.0, (2 / 3) ** 0.5]])  # a single step has no deviation


def test_the_padding_mask_is_true_on_real_steps() -> None:
    assert torch.equal(make_padding_mask(torch.tensor([1, 3]), 3), MASK)


def test_the_attention_reads_no_padding() -> None:
    scores = torch.tensor([[0.0, 99.0, 0.0], [0.0, 0.0, 0.0]])
    assert torch.allclose(compute_attention(scores, MASK), torch.tensor([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]))


def test_the_statistics_are_mean_and_standard_deviation() -> None:
    weights = compute_attention(torch.zeros(2, 3), MASK)
    padded = pool_statistics(SEQUENCE, lambda steps: (weights[..., None] * steps).sum(1))
    assert torch.allclose(padded, STATISTICS, atol=1e-5)
    joined = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 1 / 3, 1 / 3, 1 / 3]])  # the four real steps in one sequence
    assert torch.allclose(pool_statistics(SEQUENCE[MASK], lambda steps: joined @ steps), STATISTICS, atol=1e-5)
