"""What every fusion shares."""

import pytest
import torch

from mmerc.fusion import FusionConfig, build
from mmerc.fusion.base import Pooling, answerable

MASK = torch.tensor([[True, True, False], [False, False, False]])


@pytest.mark.parametrize(("kind", "expected"), [("mean", [2.0, 3.0]), ("last", [3.0, 4.0])])
def test_pooling_reads_real_steps_alone(kind: str, expected: list[float]) -> None:
    x = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, -1e30]], [[9.0, 9.0]] * 3])
    pooled = Pooling(kind, 2)(x, MASK)  # type: ignore[arg-type]
    assert pooled[0].tolist() == expected
    assert kind == "last" or pooled[1].tolist() == [0.0, 0.0]


def test_attention_pooling_is_a_mean_under_weights_of_its_own() -> None:
    pooling = Pooling("attention", 1)
    assert pooling.score is not None
    torch.nn.init.constant_(pooling.score.weight, 1.0)
    pooled = pooling(torch.tensor([[[0.0], [1.0], [50.0]], [[1.0]] * 3]), MASK)
    # softmax(0, 1) = (0.2689, 0.7311)
    assert pooled.squeeze(-1).tolist() == pytest.approx([0.7311, 0.0], abs=1e-4)


def test_who_has_nothing_answers_with_its_first_step() -> None:
    assert answerable(MASK).tolist() == [[True, True, False], [True, False, False]]


def test_bfloat16_changes_an_answer_only_a_little_and_float32_is_exact() -> None:
    torch.manual_seed(0)
    inputs = {"a": 12, "b": 8}
    sequences = {name: torch.randn(4, 5, width) for name, width in inputs.items()}
    masks = {name: torch.ones(4, 5, dtype=torch.bool) for name in inputs}
    exact = build(FusionConfig(width=16, size=16, bf16=False), inputs, 7).eval()
    fast = build(FusionConfig(width=16, size=16), inputs, 7).eval()
    fast.load_state_dict(exact.state_dict())
    one, other = exact(sequences, masks).logits, fast(sequences, masks).logits
    assert one.dtype == other.dtype == torch.float32
    assert torch.allclose(one, other, atol=0.02)


def test_modality_dropout_leaves_each_utterance_one_that_it_has() -> None:
    torch.manual_seed(0)
    inputs = {"a": 4, "b": 4}
    network = build(FusionConfig(name="late_averaging", modality_dropout=1.0), inputs, 2)
    masks = {"a": torch.tensor([[True], [True], [False]]), "b": torch.tensor([[True], [False], [True]])}
    seen = set()
    for _ in range(30):
        kept = network._with_dropout(masks)
        assert (kept["a"].sum(1) + kept["b"].sum(1)).tolist() == [1, 1, 1]
        seen.add(bool(kept["a"][0]))
    assert seen == {True, False}


def test_modality_dropout_may_rise_with_the_training() -> None:
    torch.manual_seed(0)
    masks = {name: torch.ones(2, 1, dtype=torch.bool) for name in "ab"}
    config = FusionConfig(name="late_averaging", modality_dropout=0.8, dropout_rise=0.5)
    network = build(config, {"a": 4, "b": 4}, 2)
    shares = {}
    for network.trained in (0.0, 0.25, 0.5, 1.0):
        shares[network.trained] = sum(network._with_dropout(masks) is not masks for _ in range(400)) / 400
    assert shares[0.0] == 0.0
    assert shares[0.25] == pytest.approx(0.4, abs=0.08)
    assert shares[0.5] == pytest.approx(0.8, abs=0.08) and shares[1.0] == pytest.approx(0.8, abs=0.08)


def test_distillation_is_of_what_is_said_of_the_whole_and_only_where_something_was_dropped() -> None:
    torch.manual_seed(0)
    inputs = {"a": 4, "b": 4}
    sequences = {name: torch.randn(6, 3, 4) for name in inputs}
    masks = {name: torch.ones(6, 3, dtype=torch.bool) for name in inputs}
    network = build(FusionConfig(width=8, size=8, dropout=0, modality_dropout=1, distillation=2), inputs, 3)
    out = network(sequences, masks)
    assert network.training and float(out.losses["distillation"].detach()) > 0
    out.losses["distillation"].backward()
    assert network.classifier.weight.grad is not None
    complete = build(FusionConfig(width=8, size=8, modality_dropout=0, distillation=2), inputs, 3)
    assert complete(sequences, masks).losses == {}
    assert network.eval()(sequences, masks).losses == {}


def test_some_kept_is_every_subset_of_what_is_there_and_never_nothing() -> None:
    torch.manual_seed(0)
    inputs = {"a": 4, "b": 4, "c": 4}
    network = build(FusionConfig(width=8, size=8, modality_dropout=1, kept="some"), inputs, 2)
    masks = {name: torch.ones(200, 1, dtype=torch.bool) for name in inputs}
    masks["c"][100:] = False
    found = torch.cat(list(network._with_dropout(masks).values()), 1).tolist()
    assert {tuple(row) for row in found[100:]} == {(True, False, False), (False, True, False), (True, True, False)}
    assert len({tuple(row) for row in found[:100]}) == 7 and all(map(any, found))
