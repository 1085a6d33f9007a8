import torch
from torch import nn

from mmerc.recurrent import run_gru


def test_a_padded_sequence_gives_what_it_gives_alone() -> None:
    torch.manual_seed(0)
    gru = nn.GRU(3, 4, batch_first=True)
    x = torch.randn(2, 5, 3)

    outputs, last = run_gru(gru, x, torch.tensor([2, 5]))

    alone, state = gru(x[:1, :2])
    assert torch.allclose(outputs[:1, :2], alone, atol=1e-6) and torch.allclose(last[:, :1], state, atol=1e-6)
    assert outputs.shape == (2, 5, 4) and not outputs[0, 2:].any()
