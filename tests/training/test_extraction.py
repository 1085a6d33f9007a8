from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmerc.corpora import Corpus, Dialogue, Key, Utterance
from mmerc.emotions import SEVEN
from mmerc.encoders.audio.spectrogram import Spectrogram, SpectrogramConfig
from mmerc.errors import MissingModality
from mmerc.features import FeatureStore, Row
from mmerc.training.batches import speaker_of
from mmerc.training.extraction import extract_features, prepare_inputs, prepared

COUNT = 70


class Voice(Spectrogram):
    """Speaks by itself: every seventh utterance is missing, the third makes the decoder fail."""

    def prepare(self, dialogue: Dialogue, place: int) -> np.ndarray:
        if place == 3:
            raise ValueError("bits of rubbish")
        if place % 7 == 0:
            raise MissingModality("it has no clip")
        return (np.random.default_rng(place).standard_normal(800 + 160 * place) * 2000).astype(np.int16)


@pytest.fixture
def voice() -> Voice:
    import torch

    torch.manual_seed(0)
    return Voice(SpectrogramConfig(encoder="spectrogram", channels=8), 7)


@pytest.fixture
def corpus() -> Corpus:
    turns = tuple(Utterance("train", 0, number, speaker="Ann") for number in range(COUNT))
    return Corpus("c", SEVEN, {"train": (Dialogue("train", 0, turns),)})


def test_a_reason_for_every_row_without_an_array(voice: Voice, corpus: Corpus, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "inputs")
    prepare_inputs(voice, corpus, ["train"], store)
    assert len(store) == COUNT
    assert store[("train", "0", "7")].reason == "it has no clip"
    assert store[("train", "0", "3")].reason == "it cannot be read (ValueError: bits of rubbish)"
    assert prepared(voice, corpus.dialogues("train")[0], 1).values is not None


def test_what_an_encoder_noted_stays_with_its_features(corpus: Corpus, tmp_path: Path) -> None:
    class Noting(Voice):
        def prepare_with_notes(self, dialogue: Dialogue, place: int) -> tuple[np.ndarray, dict[str, Any]]:
            return self.prepare(dialogue, place), {"place": place}

    encoder = Noting(SpectrogramConfig(encoder="spectrogram", channels=8), 7)
    inputs, features = FeatureStore(tmp_path / "inputs"), FeatureStore(tmp_path / "features")
    prepare_inputs(encoder, corpus, ["train"], inputs)
    extract_features(encoder, inputs, features, [("train", "0", "1"), ("train", "0", "2")])
    assert [features[("train", "0", name)].metadata["place"] for name in "12"] == [1, 2]
    assert len(features[("train", "0", "1")].metadata["logits"]) == 7
    absent: dict[Key, Row] = {("train", "0", "1"): Row(("train", "0", "1"), None, "no face")}
    assert speaker_of(("train", "0", "1"), {"face": absent, "audio": features}) == "Ann"
    assert speaker_of(("train", "0", "1"), {"face": absent}) == ""


def test_features_cut_off_and_resumed_are_the_same_numbers(voice: Voice, corpus: Corpus, tmp_path: Path) -> None:
    inputs = FeatureStore(tmp_path / "inputs")
    prepare_inputs(voice, corpus, ["train"], inputs)
    keys = [turn.key for turn in corpus.utterances("train")]
    whole, cut = FeatureStore(tmp_path / "whole"), FeatureStore(tmp_path / "cut")
    extract_features(voice, inputs, whole, keys)

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
        one, other = whole[key], cut[key]
        assert one.reason == other.reason and one.metadata == other.metadata
        assert one.values is None or np.array_equal(one.values, other.values)  # type: ignore[arg-type]
    assert whole[keys[1]].values.dtype == np.float16  # type: ignore[union-attr]
