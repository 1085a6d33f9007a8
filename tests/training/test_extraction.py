import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from mmerc.addresses import make_path
from mmerc.corpora import Clip, Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.encoders.signal import Signal, SignalConfig
from mmerc.errors import ConfigError, MissingModality, RunError
from mmerc.features.store import FeatureStore
from mmerc.training.extraction import count_workers, extract_features, list_inputs, open_inputs, prepare_inputs
from tests.file_server import FileServer, serve_files

COUNT = 70


class Voice(Spectrogram):
    """Made of noise: every seventh utterance is missing, the third makes the decoder fail."""

    def prepare(self, dialogue: Dialogue, index: int) -> np.ndarray:
        if index == 3:
            raise ValueError("invalid data")
        if index % 7 == 0:
            raise MissingModality("it has no clip")
        return (np.random.default_rng(index).standard_normal(800 + 160 * index) * 2000).astype(np.int16)


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
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    reported: list[int] = []
    store, state = FeatureStore(tmp_path / "two"), torch.random.get_rng_state()
    prepare_inputs(voice, list_inputs(voice, corpus, ["train"]), store, reported.append)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert reported == list(range(1, COUNT + 1)) and len(store) == COUNT
    for key in (utterance.key for utterance in corpus.utterances("train")):
        assert store[key].reason == expected[key].reason
        assert np.array_equal(store[key].values, expected[key].values)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            None,
            "a process that reads recordings has died (DataLoader worker (pid(s) N) exited unexpectedly): if the memory",
        ),
        (ConfigError("it needs the extra sound."), "it needs the extra sound."),
    ],
)
def test_an_error_in_a_process_ends_the_run(
    error: Exception | None,
    sentence: str,
    voice: Voice,
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def fail(dialogue: Dialogue, index: int) -> np.ndarray:
        if index < 60:
            return np.zeros(1600, np.int16)
        if error is None:
            os._exit(1)  # as a decoder that crashes
        raise error

    monkeypatch.setattr(voice, "prepare", fail)
    store = FeatureStore(tmp_path / "inputs")
    with pytest.raises(RunError if error is None else type(error)) as caught:
        prepare_inputs(voice, list_inputs(voice, corpus, ["train"]), store)
    assert sentence in re.sub(r"\d+", "N", str(caught.value))
    assert 0 < len(FeatureStore(tmp_path / "inputs")) <= 60  # those before it are kept


def test_processes_read_a_remote_file_that_the_program_has_begun_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    noise = np.random.default_rng(0).integers(-9999, 9999, 70 * 16_000, np.int16)
    wavfile.write(tmp_path / "talk.wav", 16_000, noise)
    with serve_files(FileServer({"/talk.wav": (tmp_path / "talk.wav").read_bytes()})) as server:
        path = make_path(f"{server.url}/talk.wav")
        clips = [Clip(path, float(number), number + 0.5) for number in range(COUNT)]
        utterances = tuple(Utterance("train", 0, number, clip=clip) for number, clip in enumerate(clips))
        corpus = Corpus("c", SEVEN, {"train": (Dialogue("train", 0, utterances),)})
        encoder = Spectrogram(SpectrogramConfig(encoder="spectrogram", conv_channels=8), 7)
        encoder.prepare(corpus.dialogues("train")[0], 0)
        store = FeatureStore(tmp_path / "inputs")
        prepare_inputs(encoder, list_inputs(encoder, corpus, ["train"]), store)
    assert not store.list_missing() and len(store) == COUNT
    samples = store[("train", "0", "69")].values
    assert np.abs(samples - noise[69 * 16_000 :][:8_000]).max() <= 200  # less its mean


def test_processes_are_for_many_recordings(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert [count_workers(voice, count) for count in (1, 63, 64, 10_000)] == [0, 0, 4, 4]
    signal = Signal(SignalConfig(encoder="signal", signal="body"), 7)
    assert count_workers(signal, 10_000) == 0  # it reads numbers
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert count_workers(voice, 64) == 2  # of each of two ranks on this machine
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert count_workers(voice, 64) == 0


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
