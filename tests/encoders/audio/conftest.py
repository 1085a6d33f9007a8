from pathlib import Path

import pytest
import torch

from mmerc.campplus.network import CamPlusPlus
from mmerc.weights import write_tensors


@pytest.fixture(scope="session")
def voice_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `MMERC_WEIGHTS` with random weights of the voice encoder."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    write_tensors(folder / "voice-encoder.safetensors", CamPlusPlus().state_dict())
    return folder


@pytest.fixture
def use_voice_weights(voice_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The voice encoder can be loaded, with random weights."""
    monkeypatch.setenv("MMERC_WEIGHTS", str(voice_weights))
