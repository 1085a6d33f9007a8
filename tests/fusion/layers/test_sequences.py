import torch

from mmerc.fusion.layers.sequences import ensure_one_step


def test_an_utterance_without_a_step_gets_its_first_step() -> None:
    mask = torch.tensor([[True, True, False], [False, False, False], [False, True, False]])
    assert ensure_one_step(mask).tolist() == [[True, True, False], [True, False, False], [False, True, False]]
