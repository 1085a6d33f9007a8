"""Against the article's equations written out in NumPy."""

import numpy as np
import pytest
import torch

from mmerc.fusion.crossmodal import CrossmodalAttention, CrossmodalBlock, pair_name


def layer_norm(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def by_hand(block: CrossmodalBlock, target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Eq. 6-11 for one utterance and one head; LayerNorm's gains are 1 and its biases 0 at the start."""
    weight = {name: value.detach().numpy() for name, value in block.named_parameters()}
    query, key, value = (
        target @ weight["query.weight"].T,
        source @ weight["key.weight"].T,
        source @ weight["value.weight"].T,
    )
    scores = query @ key.T / np.sqrt(query.shape[-1])
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    x = layer_norm(shares @ value + query)
    hidden = np.maximum(x @ weight["widen.weight"].T + weight["widen.bias"], 0)
    return layer_norm(hidden @ weight["narrow.weight"].T + weight["narrow.bias"] + x)


@pytest.fixture
def dice() -> np.random.Generator:
    return np.random.default_rng(0)


def test_equations_6_to_11(dice: np.random.Generator) -> None:
    torch.manual_seed(0)
    block = CrossmodalBlock((3, 5), 4)
    target, source = dice.normal(size=(2, 3)), dice.normal(size=(6, 5))
    padded = np.concatenate([source, np.full((2, 5), 77.0)])  # two steps of padding behind the source
    out = block(
        torch.tensor(target[None], dtype=torch.float32),
        torch.tensor(padded[None], dtype=torch.float32),
        torch.tensor([[True] * 6 + [False] * 2]),
    )
    assert out.shape == (1, 2, 4)
    assert out[0].detach().numpy() == pytest.approx(by_hand(block, target, source), abs=1e-5)


def test_several_heads_split_the_width(dice: np.random.Generator) -> None:
    torch.manual_seed(0)
    block = CrossmodalBlock((4, 4), 4, heads=2)
    target, source = (torch.tensor(dice.normal(size=(1, steps, 4)), dtype=torch.float32) for steps in (2, 3))
    weight = {name: value.detach().numpy() for name, value in block.named_parameters()}
    query, key, value = (
        x[0].numpy() @ weight[f"{name}.weight"].T for x, name in ((target, "query"), (source, "key"), (source, "value"))
    )
    attended = []
    for head in (slice(0, 2), slice(2, 4)):
        scores = query[:, head] @ key[:, head].T / np.sqrt(2)
        attended.append(np.exp(scores) / np.exp(scores).sum(-1, keepdims=True) @ value[:, head])
    x = layer_norm(np.concatenate(attended, 1) + query)
    hidden = np.maximum(x @ weight["widen.weight"].T + weight["widen.bias"], 0)
    expected = layer_norm(hidden @ weight["narrow.weight"].T + weight["narrow.bias"] + x)
    assert block(target, source, torch.ones(1, 3, dtype=torch.bool))[0].detach().numpy() == pytest.approx(
        expected, abs=1e-5
    )


def sequences(dice: np.random.Generator) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    found = {
        name: torch.tensor(dice.normal(size=(2, steps, 3)), dtype=torch.float32)
        for name, steps in (("a", 4), ("b", 2), ("c", 3))
    }
    return found, {name: torch.ones(value.shape[:2], dtype=torch.bool) for name, value in found.items()}


def test_equation_12_is_the_product_over_the_sources(dice: np.random.Generator) -> None:
    torch.manual_seed(0)
    attention = CrossmodalAttention({"a": 3, "b": 3, "c": 3}, 4)
    found, masks = sequences(dice)
    expected = attention.pairs[pair_name("b", "a")](found["a"], found["b"], masks["b"]) * attention.pairs[
        pair_name("c", "a")
    ](found["a"], found["c"], masks["c"])
    assert torch.allclose(attention(found, masks)["a"], expected)


def test_a_missing_source_is_left_out_and_the_last_one_leaves_the_target_alone(dice: np.random.Generator) -> None:
    torch.manual_seed(0)
    attention = CrossmodalAttention({"a": 3, "b": 3, "c": 3}, 4)
    found, masks = sequences(dice)
    masks["c"][0] = False  # the first utterance lacks c, the second lacks b and c
    masks["b"][1] = masks["c"][1] = False
    out = attention(found, masks)["a"]
    only_b = attention.pairs[pair_name("b", "a")](found["a"], found["b"], torch.ones_like(masks["b"]))
    assert torch.allclose(out[0], only_b[0])
    assert torch.allclose(out[1], attention.own["a"](found["a"])[1])
    assert torch.isfinite(out).all()


def test_gradients_are_those_of_the_numbers(dice: np.random.Generator) -> None:
    torch.manual_seed(0)
    block = CrossmodalBlock((2, 2), 2).double()
    target, source = (torch.tensor(dice.normal(size=(1, steps, 2)), requires_grad=True) for steps in (2, 3))
    mask = torch.tensor([[True, True, False]])
    assert torch.autograd.gradcheck(lambda t, s: block(t, s, mask), (target, source))
