from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import mmerc.training.run as run_module
from mmerc import load_config, train
from mmerc.corpora import Corpus, Dialogue, LiveRecording, Utterance
from mmerc.emotions import SEVEN
from mmerc.encoders.audio.pretrained import PretrainedSpeech, PretrainedSpeechConfig
from mmerc.features.store import FeatureStore
from mmerc.files import read_jsonl
from mmerc.training.batches import make_encoder_examples
from mmerc.training.extraction import open_inputs
from mmerc.training.kernel_classifier import fit_kernel_classifier
from mmerc.training.task import Task, make_task
from tests.encoders.audio.speech_networks import make_samples, save_speech_network

EMOTIONS = ("joy", "anger")
SMALL = (
    "audio.hidden_size=8", "audio.epochs=1", "audio.bf16=false", "audio.encoder=pretrained", "audio.refit_with_dev=true",
    "calibration=none",
)  # fmt: skip


def make_utterance(split: str, dialogue: int, number: int, emotion: str | None) -> Utterance:
    # Anger is a high tone, joy is a low one.
    tone = np.sin(np.arange(8_000) * (0.9 if emotion == "anger" else 0.1)).astype(np.float32)
    noise = make_samples(0.5, 10 * dialogue + number).astype(np.float32) / 32_768
    return Utterance(
        split, dialogue, number, speaker="A", emotion=emotion, live=LiveRecording(samples=0.5 * tone + 0.1 * noise[:8_000])
    )  # fmt: skip


def make_corpus() -> Corpus:
    splits = {
        split: tuple(
            Dialogue(
                split, dialogue, tuple(make_utterance(split, dialogue, n, EMOTIONS[n % 2] if n < 4 else None) for n in range(5))
            )
            for dialogue in range(count)
        )
        for split, count in (("train", 3), ("dev", 1), ("test", 1))
    }  # fmt: skip
    return Corpus("tones", SEVEN, splits)


def make_encoder(folder: Path, **settings: object) -> PretrainedSpeech:
    torch.manual_seed(0)
    backbone = str(save_speech_network("whisper", folder / "hub"))
    config = PretrainedSpeechConfig.model_validate(
        {"encoder": "pretrained", "backbone": backbone, "hidden_size": 8, "bf16": False, "batch_size": 6, **settings}
    )
    return PretrainedSpeech(config, 7)


def make_fit(folder: Path, encoder: PretrainedSpeech) -> Task:
    corpus = make_corpus()
    inputs: FeatureStore = open_inputs(folder / "inputs", "audio", encoder, corpus, ["train", "dev"])
    train, dev = (make_encoder_examples(encoder, inputs, corpus, split) for split in ("train", "dev"))
    return make_task("audio", encoder, encoder, encoder.config, corpus, train, dev, seed=0)


def test_the_fitted_classifier_is_used_saved_and_restored(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path)
    task = make_fit(tmp_path, encoder)
    inputs = task.dev.collate(range(4), None)
    before = encoder.eval()(inputs)
    fit_kernel_classifier(task, encoder)
    assert encoder.kernel is not None
    assert encoder.kernel.landmarks.shape == (24, 5 * 2 * 16)  # 12 labelled utterances, with references and without
    after = encoder(inputs)
    joy, anger = (SEVEN.index(emotion) for emotion in EMOTIONS)
    assert after.logits.argmax(1).tolist() == [joy, anger, joy, anger]
    assert torch.equal(after.sequence, before.sequence)  # what stage 2 reads is that of the training by gradients

    (tmp_path / "saved").mkdir()
    encoder.save(tmp_path / "saved")
    restored = PretrainedSpeech.restore(tmp_path / "saved")
    assert torch.equal(restored(inputs).logits, after.logits)  # type: ignore[arg-type]


def test_the_same_task_gives_the_same_classifier(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path)
    task = make_fit(tmp_path, encoder)
    found = []
    for _ in range(2):
        fit_kernel_classifier(task, encoder)
        assert encoder.kernel is not None
        found.append(encoder.kernel.coefficients)
    assert torch.equal(*found)


def test_without_the_option_the_trained_classifier_stays(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, kernel_classifier=False)
    fit_kernel_classifier(make_fit(tmp_path, encoder), encoder)
    assert encoder.kernel is None


def test_without_references_each_utterance_counts_once(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, speaker_reference=False)
    fit_kernel_classifier(make_fit(tmp_path, encoder), encoder)
    assert encoder.kernel is not None and len(encoder.kernel.landmarks) == 12


def test_refitted_with_dev_it_knows_the_utterances_of_both(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path)
    task = make_fit(tmp_path, encoder)
    fit_kernel_classifier(task, encoder)
    before = encoder.eval()(task.dev.collate(range(4), None)).logits
    fit_kernel_classifier(task, encoder, with_dev=True)
    assert encoder.kernel is not None and len(encoder.kernel.landmarks) == 24 + 8  # four of dev are labelled
    after = encoder(task.dev.collate(range(4), None)).logits
    labels = torch.tensor(task.dev.labels[:4])
    assert torch.nn.functional.cross_entropy(after, labels) < torch.nn.functional.cross_entropy(before, labels)


def test_a_run_predicts_dev_before_and_test_after_the_classifier_is_refitted(tmp_path: Path) -> None:
    backbone = save_speech_network("whisper", tmp_path / "hub")
    rows, landmarks = {}, {}
    for refit in ("false", "true"):
        overrides = [*SMALL, f"audio.backbone={backbone}", f"audio.refit_with_dev={refit}"]
        config = load_config("smoke", overrides=overrides, modalities=["audio"])
        run = tmp_path / refit
        train(make_corpus(), run, config)
        for split in ("dev", "test"):
            rows[refit, split] = [row["probabilities"] for row in read_jsonl(run / "predictions" / f"{split}.jsonl")]
        landmarks[refit] = len(
            load_file(run / "model" / "encoders" / "audio" / "model.safetensors")["kernel.landmarks"]
        )
    assert rows["false", "dev"] == rows["true", "dev"] and rows["false", "test"] != rows["true", "test"]
    assert landmarks == {"false": 24, "true": 32}
    model = tmp_path / "true" / "model"
    assert "fitted again to train and dev" in (model / "README.md").read_text()
    folders = [tmp_path / "true" / part for part in ("encoders", "refitted", "features")]
    parts = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    written = {file: file.stat().st_mtime_ns for file in parts}
    train(make_corpus(), tmp_path / "true", config)  # a finished run is not computed again
    assert all(folder.is_dir() for folder in folders) and written == {file: file.stat().st_mtime_ns for file in parts}
    assert len(load_file(model / "encoders" / "audio" / "model.safetensors")["kernel.landmarks"]) == 32


def test_a_run_that_was_killed_after_dev_was_predicted_ends_with_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = save_speech_network("whisper", tmp_path / "hub")
    config = load_config("smoke", overrides=[*SMALL, f"audio.backbone={backbone}"], modalities=["audio"])
    train(make_corpus(), tmp_path / "whole", config)
    extract, calls = run_module._extract, []

    def stop(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        extract(*arguments)

    monkeypatch.setattr(run_module, "_extract", stop)
    with pytest.raises(KeyboardInterrupt):
        train(make_corpus(), tmp_path / "killed", config)
    monkeypatch.setattr(run_module, "_extract", extract)
    train(make_corpus(), tmp_path / "killed", config)
    for split in ("dev", "test"):
        rows = [read_jsonl(tmp_path / run / "predictions" / f"{split}.jsonl") for run in ("whole", "killed")]
        assert [row["probabilities"] for row in rows[0]] == [row["probabilities"] for row in rows[1]]
