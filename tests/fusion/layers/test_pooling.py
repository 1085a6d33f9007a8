import pytest
import torch

from mmerc.fusion.layers.pooling import Pooling

MASK = torch.tensor([[True, True, False], [False, False, False]])


@pytest.mark.parametrize(("kind", "expected"), [("mean", [2.0, 3.0]), ("last", [3.0, 4.0])])
def test_only_real_steps_are_pooled(kind: str, expected: list[float]) -> None:
    x = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, -1e30]], [[9.0, 9.0]] * 3])
    assert Pooling(kind, 2)(x, MASK).tolist() == [expected, [0.0, 0.0]]  # type: ignore[arg-type]


def test_attention_is_a_weighted_mean() -> None:
    pooling = Pooling("attention", 1)
    assert pooling.score is not None
    torch.nn.init.constant_(pooling.score.weight, 1.0)
    pooled = pooling(torch.tensor([[[0.0], [1.0], [50.0]], [[1.0]] * 3]), MASK)
    # softmax(0, 1) = (0.2689, 0.7311)
    assert pooled.squeeze(-1).tolist() == pytest.approx([0.7311, 0.0], abs=1e-4)


def test_attention_with_equal_scores_is_the_mean() -> None:
    pooling = Pooling("attention", 2)
    assert pooling.score is not None
    torch.nn.init.zeros_(pooling.score.weight)
    x = torch.tensor([[[1.0, 4.0], [3.0, 8.0], [99.0, 99.0]], [[5.0, 5.0]] * 3])
    assert pooling(x, MASK).tolist() == [[2.0, 6.0], [0.0, 0.0]]
