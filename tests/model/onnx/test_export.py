"""Exported graphs against the torch networks, at sizes other than those they were traced with."""

import json
from pathlib import Path

import pytest
import torch

from mmerc import open_corpus
from mmerc.config import Protocol
from mmerc.encoders import ENCODERS, check_encoder_config
from mmerc.encoders.signal import Signal, SignalConfig
from mmerc.errors import RunError
from mmerc.fusion import FUSIONS, FusionConfig, build_fusion
from mmerc.model.onnx.comparison import compare_backends
from mmerc.model.onnx.export import (
    LENGTHS,
    _export_part,
    _fusion_inputs,
    _inputs,
    export_onnx,
    summarise_export,
)


def test_the_manifest_has_the_inputs_and_outputs_of_each_graph(exported: Path) -> None:
    manifest = json.loads((exported / "onnx.json").read_text())
    assert sorted(manifest["parts"]) == ["audio", "face", "fusion", "text"]
    fusion = manifest["parts"]["fusion"]
    assert fusion["inputs"]["mask_text"]["shape"] == ["batch", "text_length"]
    assert fusion["outputs"]["logits"]["shape"] == ["batch", 7] and len(fusion["sha256"]) == 64
    assert all(part["largest_difference"] < 1e-4 for part in manifest["parts"].values())
    summary = summarise_export(manifest)
    assert not summary["int8"]
    assert set(summary["parts"]["text"]) == {"largest_difference", "times_as_fast", "times_as_fast_as_float32"}


def test_eight_bits(small_model: Path, exported: Path, small_corpus: Path) -> None:
    manifest = export_onnx(small_model, folder := small_model.parent / "int8", int8=True)
    assert manifest["int8"] and 0 < manifest["parts"]["text"]["largest_difference"] < 0.5
    assert (folder / "text.onnx").stat().st_size < 0.6 * (exported / "text.onnx").stat().st_size
    assert compare_backends(folder, open_corpus(f"meld:{small_corpus}").dialogues("test"))["utterances"] == 8


def test_an_existing_folder_is_not_overwritten(small_model: Path, exported: Path) -> None:
    with pytest.raises(RunError, match="exists already"):
        export_onnx(small_model, exported)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("name", [name for name in FUSIONS if FUSIONS[name].is_traceable])
def test_a_graph_of_each_fusion_gives_the_outputs_of_torch(name: str, heads: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = FusionConfig(name=name, d_model=8, num_heads=heads, fused_size=16)
    network = build_fusion(config, {"a": 4, "b": 5, "c": 6}, 7).eval()
    batches = [_fusion_inputs(network, lengths) for lengths in LENGTHS]
    found = _export_part(tmp_path, "fusion", network, ("logits", "embedding"), batches, int8=False)
    assert found["largest_difference"] < 1e-5


@pytest.mark.parametrize("protocol", ["offline", "online"])
def test_a_graph_of_an_encoder_of_dialogues_gives_the_outputs_of_torch(protocol: Protocol, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = check_encoder_config("text", {"encoder": "dialogue", "backbone": "scratch", "max_tokens": 128})
    network = ENCODERS["dialogue"](config, 7, protocol=protocol).eval()
    batches = [_inputs(network, lengths) for lengths in LENGTHS]
    assert [len(batch["tokens"]) for batch in batches] == [1, 1, 2]  # two utterances in a dialogue
    found = _export_part(tmp_path, "text", network, ("sequence", "steps", "logits"), batches, int8=False)
    assert found["largest_difference"] < 1e-4
    assert found["inputs"]["tokens"]["shape"] == ["dialogues", "tokens_length"]
    assert found["inputs"]["ends"]["shape"] == ["batch"]


def test_a_fusion_that_cannot_be_traced_is_refused_before_anything_is_written(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FUSIONS["crossmodal_embracenet"], "is_traceable", False)
    with pytest.raises(RunError, match="the fusion crossmodal_embracenet cannot be exported"):
        export_onnx(small_model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_encoder_that_cannot_be_traced_is_named(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="audio: an encoder of the kind wavernn cannot be exported"):
        export_onnx(small_run / "model", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("context", [False, True])
def test_a_graph_of_a_signal_whose_input_has_the_name_of_an_output(tmp_path: Path, context: bool) -> None:
    config = SignalConfig(encoder="signal", signal="pulse", input_size=2, hidden_size=4, dialogue_context=context)
    batches = [_inputs(encoder := Signal(config, 3).eval(), lengths) for lengths in LENGTHS]
    part = _export_part(tmp_path, "pulse", encoder, ("sequence", "steps", "logits"), batches, False)
    assert list(part["inputs"]) == ["steps", "mask"]
    assert list(part["outputs"]) == ["sequence", "steps_out", "logits"] and part["largest_difference"] < 1e-4
