"""Robustness to degraded sound: the clean sound gives the run's own numbers, and the others what their sound deserves."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mmerc import load_config, open_corpus, train
from mmerc.cli import app
from mmerc.corpora import Dialogue, LiveRecording, Utterance
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.errors import RunError
from mmerc.evaluation import evaluate, signal_robustness
from mmerc.evaluation.report import write_report
from mmerc.evaluation.signal_robustness import CLEAN, degrade_dialogue, read_waveforms
from mmerc.media.degradation import DEGRADATIONS

VOICE = (0.1 * np.sin(np.arange(8_000) / 5)).astype(np.float32)
HEARD = Utterance("test", "d", 0, live=LiveRecording(VOICE))
DIALOGUE = Dialogue("test", "d", (HEARD, replace(HEARD, utterance=1), Utterance("test", "d", 2, text="no sound")))


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_run, tmp_path / "run"))


def test_every_system_that_hears_is_scored_under_every_degradation(run: Path) -> None:
    result = evaluate(run, "test", signal=True)
    found = result["signal_robustness"]
    assert list(found["modalities"]) == ["audio"] and list(found["fusions"]) == ["crossmodal_embracenet"]
    for system, measured in (
        ("audio", found["modalities"]["audio"]),
        ("fused", found["fusions"]["crossmodal_embracenet"]),
    ):
        assert list(measured) == [CLEAN, *DEGRADATIONS]
        expected = result["systems"][system]["mean"]
        assert measured[CLEAN]["mean"] == {name: pytest.approx(expected[name]) for name in measured[CLEAN]["mean"]}
    assert found["modalities"]["audio"][CLEAN]["missing"] == result["missing"]["audio"]
    assert evaluate(run, "test")["signal_robustness"] == found  # a later evaluation keeps it
    assert json.loads((run / "metrics.json").read_text())["test"]["signal_robustness"] == found
    assert evaluate(run, "test", signal=True)["signal_robustness"] == found  # and a repeated one gives the same


def test_the_command_and_the_report_show_it_for_one_modality_too(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_robustness, "DEGRADATIONS", ("telephone",))
    run = tmp_path / "run"
    small = ["audio.encoder=spectrogram", "audio.conv_channels=4", "audio.hidden_size=8", "audio.epochs=1"]
    config = load_config("smoke", overrides=small, modalities=["audio"])
    train(open_corpus(f"meld:{small_corpus}"), run, config, seeds=2)
    result = CliRunner().invoke(app, ["evaluate", str(run), "--signal"])
    assert result.exit_code == 0, result.stderr
    assert "Degraded sound" in result.stdout and "telephone" in result.stdout
    assert "Weighted F1 when the sound is degraded" in write_report(run).read_text()
    refused = CliRunner().invoke(app, ["evaluate", str(run), "--robustness"])
    assert refused.exit_code == 2 and "--signal works with one" in " ".join(refused.stderr.split())


def test_a_run_without_sound_is_refused(small_corpus: Path, tmp_path: Path) -> None:
    train(open_corpus(f"meld:{small_corpus}"), tmp_path / "run", load_config("smoke", modalities=["text"]))
    with pytest.raises(RunError, match="no modality that reads sound"):
        evaluate(tmp_path / "run", "test", signal=True)


def test_each_utterance_has_its_own_noise_and_always_the_same() -> None:
    waveforms = read_waveforms(Spectrogram(SpectrogramConfig(encoder="spectrogram"), 7), [DIALOGUE])
    assert list(waveforms) == [HEARD.key, ("test", "d", "1")]
    first, second, silent = degrade_dialogue(DIALOGUE, waveforms, "white-noise-0dB").utterances
    again = degrade_dialogue(DIALOGUE, waveforms, "white-noise-0dB").utterances[0]
    assert first.live is not None and second.live is not None and again.live is not None and silent.live is None
    assert np.array_equal(first.live.samples, again.live.samples)
    assert not np.array_equal(first.live.samples, second.live.samples)
    clean = degrade_dialogue(DIALOGUE, waveforms, CLEAN).utterances[0]
    assert clean.live is not None and np.array_equal(clean.live.samples, VOICE)
