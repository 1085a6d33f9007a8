"""LoRA updates start at zero, are the only trained parameters, and are merged into the matrices when saved."""

import torch
from torch import nn

from mmerc.encoders.text.lora import add_lora, merge_lora, rename_for_lora


def make_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3), nn.LayerNorm(3))


def test_the_outputs_are_the_same_at_the_start_and_only_updates_are_trained() -> None:
    plain, adapted = make_network(), make_network()
    add_lora(adapted, 2)
    tokens = torch.arange(5)

    assert torch.equal(plain(tokens), adapted(tokens))
    trained = {name: tuple(value.shape) for name, value in adapted.named_parameters() if value.requires_grad}
    assert trained == {"1.parametrizations.weight.0.up": (3, 2), "1.parametrizations.weight.0.down": (2, 4)}


def test_a_trained_update_is_merged_into_the_matrix_of_a_plain_make_network() -> None:
    adapted, tokens = make_network(), torch.arange(5)
    add_lora(adapted, 1)
    update = adapted[1].parametrizations.weight[0]  # type: ignore[index, union-attr]
    with torch.no_grad():
        update.up.copy_(torch.tensor([[1.0], [0.0], [2.0]]))
        update.down.copy_(torch.tensor([[0.5, 0.0, 0.0, 1.0]]))
    plain = make_network()
    before = plain[1].weight.detach().clone()  # type: ignore[union-attr]

    plain.load_state_dict(merge_lora(adapted))

    assert torch.allclose(plain(tokens), adapted(tokens))
    change = plain[1].weight - before  # type: ignore[operator]
    assert torch.allclose(change, torch.tensor([[1.0, 0, 0, 2], [0, 0, 0, 0], [2, 0, 0, 4]]))


def test_a_network_with_updates_can_start_from_one_without() -> None:
    plain, adapted, tokens = make_network(), make_network(), torch.arange(5)
    with torch.no_grad():
        plain[1].weight.add_(1.0)  # type: ignore[union-attr, operator]
    add_lora(adapted, 1)

    found = rename_for_lora(adapted, plain.state_dict())
    assert adapted.load_state_dict(found, strict=False).missing_keys == [
        "1.parametrizations.weight.0.up",
        "1.parametrizations.weight.0.down",
    ]
    assert torch.equal(adapted(tokens), plain(tokens))
    assert rename_for_lora(make_network(), plain.state_dict()).keys() == plain.state_dict().keys()
