from typing import Any

import pytest
import torch

from mmerc.fusion import Fusion, FusionConfig, build_fusion
from mmerc.training.modality_dropout import FusionForward

WIDTHS = {"a": 4, "b": 4, "c": 4}


def make_fusion(name: str = "crossmodal_embracenet", **settings: Any) -> Fusion:
    torch.manual_seed(0)
    config = FusionConfig(name=name, **{"d_model": 8, "num_heads": 2, "fused_size": 8, "dropout": 0.0, **settings})
    return build_fusion(config, WIDTHS, 3)


def make_masks(size: int) -> dict[str, torch.Tensor]:
    """One step of each modality; the second half of the utterances lacks c."""
    masks = {name: torch.ones(size, 1, dtype=torch.bool) for name in WIDTHS}
    masks["c"][size // 2 :] = False
    return masks


def make_batch(size: int = 6) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    sequences = {f"{name}/sequence": torch.randn(size, 1, width, generator=generator) for name, width in WIDTHS.items()}
    return sequences | {f"{name}/mask": mask for name, mask in make_masks(size).items()}


def list_kept(keeps: str) -> list[tuple[bool, ...]]:
    """What each of 200 utterances keeps of a, b and c."""
    network = make_fusion(modality_dropout=1.0, modality_dropout_keeps=keeps)
    kept = FusionForward(network, network.config).drop_modalities(make_masks(200))
    assert list(kept) == ["a", "b", "c"]
    return [tuple(row) for row in torch.cat(list(kept.values()), 1).tolist()]


def test_one_modality_that_is_available_is_kept() -> None:
    kept = list_kept("one")
    assert set(kept[:100]) == {(True, False, False), (False, True, False), (False, False, True)}
    assert set(kept[100:]) == {(True, False, False), (False, True, False)}


def test_some_keeps_any_subset_but_the_empty_one() -> None:
    kept = list_kept("some")
    assert len(set(kept[:100])) == 7 and all(map(any, kept))
    assert set(kept[100:]) == {(True, False, False), (False, True, False), (True, True, False)}


def test_a_dropped_modality_keeps_no_step() -> None:
    network = make_fusion(modality_dropout=1.0)
    masks = {name: torch.tensor([[True, True, False]]) for name in WIDTHS}
    kept = FusionForward(network, network.config).drop_modalities(masks)
    assert sorted(mask.tolist() for mask in kept.values()) == [[[False] * 3], [[False] * 3], [[True, True, False]]]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0)])
def test_the_share_of_batches_in_which_modalities_are_dropped(share: float, expected: float) -> None:
    network = make_fusion("late_averaging", modality_dropout=share, distillation_weight=1.0)
    forward, batch = FusionForward(network, network.config), make_batch()
    dropped = [bool(forward(batch).losses) for _ in range(200)]
    assert sum(dropped) / 200 == pytest.approx(expected, abs=0.08)


def test_distillation_compares_with_the_output_for_all_modalities() -> None:
    network = make_fusion("early_concatenation", modality_dropout=1.0, distillation_weight=2.0)
    forward, batch = FusionForward(network, network.config), make_batch()
    out = forward(batch)
    assert network.training and all(module.training for module in network.modules())
    loss = out.losses["distillation"]
    masks = {name: batch[f"{name}/mask"] for name in WIDTHS}
    complete = network.eval()({name: batch[f"{name}/sequence"] for name in WIDTHS}, masks).logits.softmax(1)
    divergence = (complete * (complete.log() - out.logits.log_softmax(1))).sum(1).mean()
    assert loss.item() == pytest.approx(2 * divergence.item(), abs=1e-6) and loss.item() > 0
    loss.backward()
    assert network.classifier.weight.grad is not None


def test_an_error_leaves_the_network_in_training_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_fusion(modality_dropout=1.0, distillation_weight=1.0)
    classify = network.classify

    def fail(*args: Any) -> torch.Tensor:
        if not network.training:
            raise RuntimeError("out of memory")
        return classify(*args)

    monkeypatch.setattr(network, "classify", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        FusionForward(network, network.config)(make_batch())
    assert network.training


def test_evaluation_reads_all_modalities() -> None:
    network = make_fusion(modality_dropout=1.0, distillation_weight=1.0).eval()
    batch = make_batch()
    out = FusionForward(network, network.config)(batch)
    masks = {name: batch[f"{name}/mask"] for name in WIDTHS}
    assert out.losses == {}
    assert torch.equal(out.logits, network({name: batch[f"{name}/sequence"] for name in WIDTHS}, masks).logits)


def test_a_batch_may_have_dialogues() -> None:
    network = make_fusion("ctnet").eval()
    forward, batch = FusionForward(network, network.config), make_batch(3)
    together = forward(batch | {"dialogues": torch.tensor([[[0, 0], [1, 1], [2, 0]]])})
    assert not torch.allclose(together.logits, forward(batch).logits)
