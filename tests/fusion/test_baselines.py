import torch

from mmerc.fusion import FusionConfig, FusionInput
from mmerc.fusion.baselines import AttentionPooling, EmbraceNet, LateFusion, LowRank, concatenate_with_flags
from tests.fusion.examples import make_batch, make_fusion

CONFIG = FusionConfig(d_model=16, num_heads=1, fused_size=6, dropout=0.0, bf16=False)
BOTH, ONLY_B = [0.5, 0.5], [0.0, 1.0]  # p of two utterances


def two_utterances() -> FusionInput:
    """Two modalities of one step; the second utterance lacks a."""
    generator = torch.Generator().manual_seed(0)
    masks = {"a": torch.tensor([[True], [False]]), "b": torch.tensor([[True], [True]])}
    sequences = {name: torch.randn(2, 1, 3, generator=generator) * mask[..., None] for name, mask in masks.items()}
    return FusionInput(sequences, masks, torch.tensor([BOTH, ONLY_B]).T)


def test_flags_say_which_vectors_are_available() -> None:
    vectors = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[3.0, 4.0], [5.0, 6.0]]])  # [M, B, d]
    p = torch.tensor([BOTH, ONLY_B]).T
    assert concatenate_with_flags(vectors, p).tolist() == [[1, 2, 3, 4, 1, 1], [0, 0, 5, 6, 0, 1]]


def test_a_missing_modality_gives_a_zero_vector() -> None:
    torch.manual_seed(0)
    fusion = EmbraceNet(CONFIG, {"a": 3, "b": 3}, 2).eval()
    vectors = fusion.pool_and_project(two_utterances())
    assert vectors.shape == (2, 2, 16)
    assert not vectors[0, 1].any() and vectors[0, 0].any() and vectors[1, 1].any()


def test_embracenet_gives_the_mean_of_the_available_docked_vectors() -> None:
    torch.manual_seed(0)
    fusion, batch = EmbraceNet(CONFIG, {"a": 3, "b": 3}, 2).eval(), two_utterances()
    docked = fusion.embracement.docking(dict(zip("ab", fusion.pool_and_project(batch), strict=True)))
    assert torch.allclose(fusion.fuse(batch), torch.stack([docked[:, 0].mean(0), docked[1, 1]]))


def test_attention_pooling_with_equal_scores_is_the_mean_of_the_available_vectors() -> None:
    torch.manual_seed(0)
    fusion, batch = AttentionPooling(CONFIG, {"a": 3, "b": 3}, 2).eval(), two_utterances()
    torch.nn.init.zeros_(fusion.score[2].weight)
    vectors = fusion.pool_and_project(batch)
    expected = fusion.mix(torch.stack([vectors[:, 0].mean(0), vectors[1, 1]]))
    assert torch.allclose(fusion.fuse(batch), expected, atol=1e-6)


def test_low_rank_fusion_is_a_product_over_the_available_modalities() -> None:
    torch.manual_seed(0)
    fusion, batch = LowRank(CONFIG, {"a": 3, "b": 3}, 2).eval(), two_utterances()
    extended = torch.cat([fusion.pool_and_project(batch), torch.ones(2, 2, 1)], -1)  # [M, B, d + 1]
    a, b = ([extended[m, n] @ fusion.factors[m] for n in range(2)] for m in range(2))  # [rank, c] each
    expected = torch.stack([a[0] * b[0], b[1]]).mean(1)  # the weights of the ranks start equal
    assert torch.allclose(fusion.fuse(batch), expected, atol=1e-5)


def test_late_averaging_is_the_mean_of_the_probabilities() -> None:
    fusion = make_fusion("late_averaging", {"voice": 3, "words": 5})
    sequences, masks = ({key: part[key][:1] for key in ("voice", "words")} for part in make_batch())
    single = [
        fusion(sequences, {other: mask & (other == key) for other, mask in masks.items()}).logits.softmax(1)
        for key in masks
    ]
    assert torch.allclose(fusion(sequences, masks).logits.softmax(1), (single[0] + single[1]) / 2, atol=1e-6)


def test_late_stacking_is_linear_in_the_logits_of_each_modality() -> None:
    fusion = make_fusion("late_stacking", {"voice": 3, "words": 5}, bf16=False)
    assert isinstance(fusion, LateFusion)
    sequences, masks = ({key: part[key][:1] for key in ("voice", "words")} for part in make_batch())
    out = fusion(sequences, masks)
    batch = FusionInput(sequences, masks, torch.tensor([[0.5], [0.5]]))
    logits = [
        fusion.classifiers[name](vector[0]) for name, vector in zip(masks, fusion.pool_and_project(batch), strict=True)
    ]
    assert torch.allclose(out.embedding[0], torch.cat([*logits, torch.ones(2)]), atol=1e-5)
    assert torch.allclose(out.logits, fusion.classifier(out.embedding))


def test_crossmodal_concatenation_gives_zeros_for_a_missing_target() -> None:
    fusion = make_fusion("crossmodal_concatenation", {"voice": 3, "words": 5}, bf16=False)
    seen: list[torch.Tensor] = []
    fusion.mix.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))  # type: ignore[union-attr]
    sequences, masks = ({key: part[key][:2] for key in ("voice", "words")} for part in make_batch())
    fusion(sequences, masks)  # utterance 1 lacks voice
    assert not seen[0][1, :8].any() and seen[0][1, 8:16].any() and seen[0][0, :8].any()
    assert seen[0][:, 16:].tolist() == [[1, 1], [0, 1]]
