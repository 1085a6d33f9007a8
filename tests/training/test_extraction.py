import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.errors import MissingModality
from mmerc.features.store import FeatureStore
from mmerc.training import extraction
from mmerc.training.extraction import extract_features, list_inputs, open_inputs, prepare_inputs

COUNT = 70


class Voice(Spectrogram):
    """Made of noise: every seventh utterance is missing, the third makes the decoder fail."""

    def prepare(self, dialogue: Dialogue, index: int) -> np.ndarray:
        if index == 3:
            raise ValueError("invalid data")
        if index % 7 == 0:
            raise MissingModality("it has no clip")
        return (np.random.default_rng(index).standard_normal(800 + 160 * index) * 2000).astype(np.int16)


class DeadlyVoice(Voice):
    """A decoder that ends its process at the fifth utterance."""

    def prepare(self, dialogue: Dialogue, index: int) -> np.ndarray:
        if index == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().prepare(dialogue, index)


@pytest.fixture
def voice() -> Voice:
    torch.manual_seed(0)
    return Voice(SpectrogramConfig(encoder="spectrogram", conv_channels=8), 7)


@pytest.fixture
def corpus() -> Corpus:
    utterances = tuple(Utterance("train", 0, number, speaker="Ann") for number in range(COUNT))
    return Corpus("c", SEVEN, {"train": (Dialogue("train", 0, utterances),)})


def test_every_row_has_an_array_or_a_reason(voice: Voice, corpus: Corpus, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "inputs")
    prepare_inputs(voice, list_inputs(voice, corpus, ["train"]), store)
    assert len(store) == COUNT
    assert store[("train", "0", "7")].reason == "it has no clip"
    assert store[("train", "0", "3")].reason == "it cannot be read (ValueError: invalid data)"
    assert store[("train", "0", "1")].values is not None


def test_several_processes_prepare_the_same_rows(
    voice: Voice, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = open_inputs(tmp_path / "one", "audio", voice, corpus, ["train"])
    monkeypatch.setattr(extraction, "MIN_INPUTS", COUNT)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    deadly = DeadlyVoice(voice.config, 7)
    reported: list[int] = []
    store = FeatureStore(tmp_path / "two")
    prepare_inputs(deadly, list_inputs(deadly, corpus, ["train"]), store, reported.append)
    assert reported == list(range(1, COUNT + 1)) and len(store) == COUNT
    for key in (utterance.key for utterance in corpus.utterances("train")):
        if key[2] == "5":
            assert store[key].reason == "3 processes died while they read it (SIGKILL)"
        else:
            assert store[key].reason == expected[key].reason
            assert np.array_equal(store[key].values, expected[key].values)


def test_inputs_that_are_there_are_not_prepared_again(
    voice: Voice, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_inputs(tmp_path, "audio", voice, corpus, ["train"])
    monkeypatch.setattr(voice, "prepare", lambda *_: pytest.fail("it was prepared again"))
    second = open_inputs(tmp_path, "audio", voice, corpus, ["train"])
    assert first.folder == second.folder == tmp_path / "audio" and len(second) == COUNT


def test_features_cut_off_and_resumed_are_the_same_numbers(voice: Voice, corpus: Corpus, tmp_path: Path) -> None:
    inputs = FeatureStore(tmp_path / "inputs")
    prepare_inputs(voice, list_inputs(voice, corpus, ["train"]), inputs)
    keys = [utterance.key for utterance in corpus.utterances("train")]
    undisturbed, cut = FeatureStore(tmp_path / "undisturbed"), FeatureStore(tmp_path / "cut")
    extract_features(voice, inputs, undisturbed, keys)

    class Killed(Exception):
        pass

    def kill(done: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        extract_features(voice, inputs, cut, keys, kill)
    cut.refresh()
    assert 0 < len(cut) < COUNT
    extract_features(voice, inputs, cut, keys)
    for key in keys:
        one, other = undisturbed[key], cut[key]
        assert one.reason == other.reason and one.metadata == other.metadata
        assert one.values is None or np.array_equal(one.values, other.values)  # type: ignore[arg-type]
    assert undisturbed[keys[1]].values.dtype == np.float16  # type: ignore[union-attr]
