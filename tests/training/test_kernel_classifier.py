from pathlib import Path

import numpy as np
import torch

from mmerc.corpora import Corpus, Dialogue, LiveRecording, Utterance
from mmerc.emotions import SEVEN
from mmerc.encoders.audio.pretrained import PretrainedSpeech, PretrainedSpeechConfig
from mmerc.features.store import FeatureStore
from mmerc.training.batches import make_encoder_examples
from mmerc.training.extraction import open_inputs
from mmerc.training.kernel_classifier import fit_kernel_classifier
from mmerc.training.task import Task, make_task
from tests.encoders.audio.speech_networks import make_samples, save_speech_network

EMOTIONS = ("joy", "anger")


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
        for split, count in (("train", 3), ("dev", 1))
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
