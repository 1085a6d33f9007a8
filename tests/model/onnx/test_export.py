"""Exported graphs against the torch networks, at sizes other than those they were traced with."""

import json
from pathlib import Path

import pytest
import torch

from mmerc import Predictor, config
from mmerc.corpora import open_corpus
from mmerc.encoders.audio.mel import compute_log_mel
from mmerc.encoders.signal import Signal, SignalConfig
from mmerc.errors import RunError
from mmerc.fusion import FUSIONS, FusionConfig, build
from mmerc.model.onnx.export import LENGTHS, _fusion_inputs, _inputs, _part, export_onnx
from mmerc.model.onnx.runtime import loss_of
from mmerc.training.run import train
from mmerc.training.run_config import check

SMALL = [
    *("text.backbone=scratch", "text.warm_start=", "text.epochs=1", "text.scratch_width=32", "text.scratch_layers=1"),
    *("audio.epochs=1", "audio.min_speech_seconds=0", "audio.conv_channels=4", "audio.hidden_size=8"),
    *(
        "face.epochs=1",
        "face.conv_channels=8",
        "face.hidden_size=8",
        "face.num_frames=2",
        "fusion.epochs=1",
        "fusion.width=16",
    ),
]


@pytest.fixture(scope="module")
def model(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the compact preset's networks, tiny."""
    out = tmp_path_factory.mktemp("compact") / "run"
    train(f"meld:{small_corpus}", out, check(config.load("compact", None, SMALL)))
    return out / "model"


@pytest.fixture(scope="module")
def exported(model: Path) -> Path:
    export_onnx(model, folder := model.parent / "onnx")
    return folder


def test_the_same_answers(model: Path, exported: Path, small_corpus: Path) -> None:
    dialogues = open_corpus(f"meld:{small_corpus}").dialogues("test")
    found = loss_of(exported, dialogues)
    assert found["utterances"] == 8 and found["same_emotion"] == 1.0
    assert found["largest_difference_of_a_probability"] < 1e-4
    assert found["f1_weighted_torch"] == found["f1_weighted_onnx"]
    (row,) = list(
        Predictor.load(exported, backend="onnx").predict_clip(small_corpus / "none.mp4", text="You came back!")
    )
    assert row["modalities"] == ["text"]


def test_the_manifest_says_what_goes_in_and_out(exported: Path) -> None:
    manifest = json.loads((exported / "onnx.json").read_text())
    assert sorted(manifest["parts"]) == ["audio", "face", "fusion", "text"]
    fusion = manifest["parts"]["fusion"]
    assert fusion["inputs"]["mask_text"]["shape"] == ["batch", "text_length"]
    assert fusion["outputs"]["logits"]["shape"] == ["batch", 7] and len(fusion["sha256"]) == 64
    assert all(part["largest_difference"] < 1e-4 for part in manifest["parts"].values())


def test_eight_bits(model: Path, small_corpus: Path) -> None:
    manifest = export_onnx(model, folder := model.parent / "int8", int8=True)
    assert manifest["int8"] and 0 < manifest["parts"]["text"]["largest_difference"] < 0.5
    assert (folder / "text.onnx").stat().st_size < 0.6 * (model.parent / "onnx" / "text.onnx").stat().st_size
    assert loss_of(folder, open_corpus(f"meld:{small_corpus}").dialogues("test"))["utterances"] == 8


def test_what_cannot_be_loaded_or_written(model: Path, exported: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="exists already"):
        export_onnx(model, exported)
    with pytest.raises(RunError, match="holds no ONNX graphs"):
        Predictor.load(model, backend="onnx")


def test_the_spectrogram_without_complex_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = torch.randn(2, 5000, generator=torch.Generator().manual_seed(0))
    sizes = {"n_mels": 32, "n_fft": 512, "win_length": 400, "hop_length": 160}
    usual = compute_log_mel(wave, **sizes)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    assert torch.allclose(compute_log_mel(wave, **sizes), usual, atol=1e-3)


# torch's attention between two sequences fixes the length of the second where it is traced
UNTRACEABLE = ("mult", "inter_modality")


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("name", [name for name in FUSIONS if name != "ctnet"])
def test_a_graph_of_each_fusion_answers_as_torch_does_or_is_refused(name: str, heads: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build(FusionConfig(name=name, width=8, heads=heads, size=16), {"a": 4, "b": 5, "c": 6}, 7).eval()
    batches = [_fusion_inputs(network, lengths) for lengths in LENGTHS]
    if name in UNTRACEABLE:
        with pytest.raises(RunError, match="its graph does not run"):
            _part(tmp_path, "fusion", network, ("logits", "embedding"), batches, int8=False)
    else:
        found = _part(tmp_path, "fusion", network, ("logits", "embedding"), batches, int8=False)
        assert found["largest_difference"] < 1e-5


def test_a_network_that_cannot_be_traced_is_named(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="audio: a wavernn network cannot be traced"):
        export_onnx(small_run / "model", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("context", [False, True])
def test_a_graph_of_a_signal_whose_input_is_named_like_an_output(tmp_path: Path, context: bool) -> None:
    encoder = Signal(SignalConfig(encoder="signal", signal="pulse", inputs=2, hidden=4, context=context), 3)
    batches = [_inputs(encoder.eval(), lengths) for lengths in LENGTHS]
    part = _part(tmp_path, "pulse", encoder, ("sequence", "steps", "logits"), batches, False)
    assert list(part["inputs"]) == ["steps", "mask"]
    assert list(part["outputs"]) == ["sequence", "steps_out", "logits"] and part["largest_difference"] < 1e-4
