import pytest
import torch

from mmerc.fusion.baselines import mlp
from mmerc.fusion.published import CTNet, InterModality, MultiLevel, PreNormLayer, SelfAttention
from tests.fusion.examples import make_batch, make_fusion

MASK = torch.tensor([[True, True, False]])


def read_mix_input(name: str, **settings: object) -> torch.Tensor:
    """What the last layer before the fused vector reads, for the batch of all tests."""
    fusion, seen = make_fusion(name, bf16=False, **settings), []
    fusion.mix.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))  # type: ignore[union-attr]
    fusion(*make_batch())
    return seen[0]


@pytest.mark.parametrize(
    ("name", "vectors"),
    [
        ("inter_modality", 3 + 6 + 3),  # pooled, attended, products
        ("mult", 3 * 2),  # two sources for each target
        ("multi_level", 3 * 2),  # pooled, attended
        ("ctnet", 3 * 2),  # within, across
    ],
)
def test_what_is_concatenated(name: str, vectors: int) -> None:
    parts = read_mix_input(name)
    assert parts.shape == (8, vectors * 8 + 3)
    is_available = torch.stack([mask.any(1) for _, mask in sorted(make_batch()[1].items())], 1)
    assert torch.equal(parts[:, -3:].bool(), is_available)


@pytest.mark.parametrize("name", ["mult", "multi_level", "ctnet"])
def test_a_missing_modality_gives_zeros(name: str) -> None:
    parts = read_mix_input(name)[:, :-3].unflatten(1, (3, 16))  # [B, M, 2 d], modalities in alphabetical order
    for index, (_, mask) in enumerate(sorted(make_batch()[1].items())):
        assert not parts[~mask.any(1), index].any() and parts[mask.any(1), index].any(1).all()


def test_inter_modality_attention_needs_both_modalities() -> None:
    attended = read_mix_input("inter_modality")[:, 24:72].unflatten(1, (6, 8))  # [B, pairs, d]
    masks = make_batch()[1]
    names = sorted(masks)
    pairs = [(source, target) for target in names for source in names if source != target]
    for index, (source, target) in enumerate(pairs):
        has_both = masks[source].any(1) & masks[target].any(1)
        assert torch.equal(attended[:, index].any(1), has_both)


def test_ctnet_always_reads_the_dialogue() -> None:
    assert CTNet.reads_dialogue and not InterModality.reads_dialogue and not MultiLevel.reads_dialogue
    fusion = make_fusion("ctnet")
    assert fusion.has_dialogue_context and fusion.dialogue_context is not None


@pytest.mark.parametrize("kind", [PreNormLayer, SelfAttention])
def test_attention_layers_do_not_read_padding(kind: type[PreNormLayer] | type[SelfAttention]) -> None:
    torch.manual_seed(0)
    layer = kind(4, 2, 0.0).eval()
    x = torch.randn(1, 3, 4)
    changed = x.clone()
    changed[0, 2] += 1
    before, after = (
        layer(each, each, MASK) if isinstance(layer, PreNormLayer) else layer(each, MASK) for each in (x, changed)
    )
    assert torch.allclose(before[:, :2], after[:, :2]) and not torch.allclose(before[:, 2], after[:, 2])


def test_a_pre_norm_layer_keeps_the_target_in_its_residual() -> None:
    layer = PreNormLayer(4, 2, 0.0).eval()
    for part in (layer.attention.out_proj, layer.feed[3]):
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.zeros_(part.bias)
    target = torch.randn(1, 2, 4)
    assert torch.equal(layer(target, torch.randn(1, 3, 4), MASK), target)


def test_one_modality_needs_no_source() -> None:
    for name in ("mult", "inter_modality", "multi_level", "ctnet"):
        fusion = make_fusion(name, {"words": 5})
        sequences, masks = make_batch()
        one = {"words": sequences["words"][:2]}, {"words": masks["words"][:2] | (torch.arange(5) == 0)}
        assert torch.isfinite(fusion(*one).logits).all()
    assert mlp(3, fusion.config)[0].in_features == 3
