"""What a live conversation keeps, and what it gives to the model."""

import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from mmerc.corpora import Dialogue, LiveRecording, Utterance
from mmerc.emotions import SEVEN
from mmerc.encoders import ENCODERS, check_encoder_config
from mmerc.errors import RunError
from mmerc.inference import Conversation, Predictor, make_utterance
from mmerc.inference.call_batcher import CallBatcher
from mmerc.inference.streaming import MAX_PAST_UTTERANCES, LiveRequest, predict_requests
from mmerc.memo import Memo
from mmerc.model import EmotionModel, load_model
from mmerc.model.prediction import Prediction


@pytest.fixture(scope="module")
def model(small_run: Path) -> EmotionModel:
    return load_model(small_run / "model")


class Recorder:
    """A conversation of which the requests are recorded."""

    def __init__(self, model: EmotionModel, name: str) -> None:
        self.requests: list[LiveRequest] = []
        self.dialogues: list[Dialogue] = []

        def compute(requests: Sequence[LiveRequest]) -> list[tuple[Prediction, None]]:
            self.requests += requests
            return [
                (Prediction(split="live", dialogue=name, utterance=each.utterance.utterance, emotion="joy", confidence=1.0,
                            probabilities={"joy": 1.0}, modalities=("text",)), None)
                for each in requests
            ]  # fmt: skip

        self.conversation = Conversation(model, CallBatcher(compute, max_batch=4), name, explain=False)


def test_earlier_utterances_are_kept_without_sound(model: EmotionModel, monkeypatch: pytest.MonkeyPatch) -> None:
    dialogues: list[Dialogue] = []
    monkeypatch.setattr(
        "mmerc.inference.streaming.prepare_row",
        lambda encoder, dialogue, index: dialogues.append(dialogue) or _no_row(dialogue, index),
    )
    recorder = Recorder(model, "kitchen")
    sound = LiveRecording(np.zeros(1600, np.float32), (), ())
    assert recorder.conversation.push(make_utterance("Hello", speaker="Ann", live=sound)).emotion == "joy"
    recorder.conversation.push(make_utterance("You came!\ud800", speaker="Bo", live=sound))
    first, last = dialogues[0], dialogues[-1]
    assert [utterance.text for utterance in last.utterances] == ["Hello", "You came!?"]
    assert [utterance.utterance for utterance in last.utterances] == [0, 1] and last.dialogue == "kitchen"
    assert first.utterances[0].live is sound and last.utterances[0].live is None and last.utterances[1].live is sound


def _no_row(dialogue: Dialogue, index: int) -> object:
    from mmerc.features import FeatureRow

    return FeatureRow(dialogue.utterances[index].key, None, "not read")


def test_memory_is_bounded_and_numbers_go_on(model: EmotionModel, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    monkeypatch.setattr(
        "mmerc.inference.streaming.prepare_row",
        lambda encoder, dialogue, index: lengths.append(len(dialogue)) or _no_row(dialogue, index),
    )
    recorder = Recorder(model, "long")
    for _ in range(MAX_PAST_UTTERANCES + 5):
        recorder.conversation.push(make_utterance("again"))
    assert max(lengths) == MAX_PAST_UTTERANCES + 1
    assert recorder.requests[-1].utterance.utterance == MAX_PAST_UTTERANCES + 4


def test_from_many_threads_every_utterance_has_its_own_number(
    model: EmotionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mmerc.inference.streaming.prepare_row", lambda encoder, dialogue, index: _no_row(dialogue, index)
    )
    recorder = Recorder(model, "crowd")
    push = recorder.conversation.push
    threads = [threading.Thread(target=lambda: [push(make_utterance("me")) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [request.utterance.utterance for request in recorder.requests] == list(range(80))


def test_requests_of_several_conversations_are_predicted_as_each_alone(model: EmotionModel) -> None:
    requests: list[LiveRequest] = []

    def collect(batch: Sequence[LiveRequest]) -> list[tuple[Prediction, None]]:
        requests.extend(batch)
        return [(found, None) for found, _ in predict_requests(model, batch)]

    batcher = CallBatcher(collect, max_batch=4)
    alone = [
        Conversation(model, batcher, name, explain=name == "b").push(make_utterance(f"We won, {name}!"))
        for name in ("a", "b")
    ]
    together = [found for found, _ in predict_requests(model, requests)]
    for one, other in zip(alone, together, strict=True):
        assert dict(one.probabilities) == pytest.approx(dict(other.probabilities), abs=1e-5)
    assert together[0].influence is None and together[1].influence is not None


@pytest.mark.parametrize("trained_for_both", [False, True])
def test_a_live_dialogue_has_the_predictions_of_the_online_protocol(trained_for_both: bool) -> None:
    """Also when it is longer than what is read together, and when others push at the same time."""
    torch.manual_seed(0)
    settings = {
        "encoder": "dialogue",
        "backbone": "scratch",
        "scratch_hidden_size": 32,
        "max_tokens": 48,
        "bf16": False,
    }
    config = check_encoder_config("text", settings | {"online_probability": 0.5 if trained_for_both else 0.0})
    encoder = ENCODERS["dialogue"](config, 7, protocol="offline" if trained_for_both else "online").eval()
    model = EmotionModel(SEVEN, {"text": encoder}, None, [1 / 7] * 7)
    rng = random.Random(0)
    texts = [" ".join(rng.choices(["go", "why", "no", "hello"], k=rng.randint(1, 9))) for _ in range(60)]
    texts[20] = ""
    utterances = [Utterance("t", 0, n, "ABC"[n % 3], text or None) for n, text in enumerate(texts)]
    conversation, other = Predictor(model).stream(), Predictor(model).stream()
    found = []
    for utterance in utterances:
        other.push(replace(utterance, text="something else"))
        found.append(conversation.push(utterance))
    model.set_protocol("online")
    expected = list(Predictor(model).predict([Dialogue("t", 0, tuple(utterances))]))
    for live, later in zip(found, expected, strict=True):
        assert dict(live.probabilities) == pytest.approx(dict(later.probabilities), abs=1e-4)
    assert not found[20].modalities and found[21].modalities == ("text",)


def test_a_model_is_not_read_with_a_protocol_that_it_was_not_trained_for(model: EmotionModel) -> None:
    with pytest.raises(
        RunError, match="text was trained for the offline protocol: train a model with --set protocol=online"
    ):
        model.set_protocol("online")
    model.set_protocol("offline")


def test_earlier_vectors_of_a_signal_are_read_again() -> None:
    torch.manual_seed(0)
    settings = {"encoder": "signal", "signal": "pulse", "input_size": 2, "hidden_size": 4, "dialogue_context": True}
    encoder = ENCODERS["signal"](check_encoder_config("pulse", settings), 7, protocol="online").eval()
    predictor = Predictor(EmotionModel(SEVEN, {"pulse": encoder}, None, [1 / 7] * 7))
    rng = np.random.default_rng(0)
    utterances = [Utterance("t", 0, n, signals={"pulse": rng.normal(size=2)}) for n in range(5)]
    conversation = predictor.stream()
    found = [conversation.push(utterance) for utterance in utterances]
    expected = list(predictor.predict([Dialogue("t", 0, tuple(utterances))]))
    for live, later in zip(found, expected, strict=True):
        assert dict(live.probabilities) == pytest.approx(dict(later.probabilities), abs=1e-5)


def test_an_utterance_can_be_looked_at_and_pushed_again(model: EmotionModel) -> None:
    recorder = Recorder(model, "kitchen")
    conversation = recorder.conversation
    conversation.push(make_utterance("One"))
    assert conversation.peek(make_utterance("Tw")).utterance == 1
    assert conversation.push(make_utterance("Two")).utterance == 1
    conversation.push(make_utterance("Three"))
    conversation.rewind(2)
    assert conversation.push(make_utterance("Too")).utterance == 1
    assert [utterance.text for utterance in conversation._past] == ["One", "Too"]
    with pytest.raises(ValueError, match="3 utterances cannot be forgotten: give at most 2"):
        conversation.rewind(3)


def make_voice_model() -> EmotionModel:
    torch.manual_seed(0)
    settings = {"encoder": "spectrogram", "n_mels": 16, "conv_channels": 4, "hidden_size": 8, "bf16": False}
    encoder = ENCODERS["spectrogram"](check_encoder_config("audio", settings), 7).eval()
    return EmotionModel(SEVEN, {"audio": encoder}, None, [1 / 7] * 7)


def make_voice(seconds: float, memo: Memo | None) -> Utterance:
    samples = np.random.default_rng(0).normal(0, 0.1, int(16_000 * seconds)).astype(np.float32)
    return Utterance("live", "", 0, start=0.0, end=seconds, live=LiveRecording(samples, memo=memo))


def test_what_was_prepared_is_not_encoded_again_and_the_prediction_is_the_same() -> None:
    model = make_voice_model()
    lengths: list[int] = []
    model.encoders["audio"].register_forward_pre_hook(lambda _, batch: lengths.append(batch[0]["waveform"].shape[1]))
    expected = Predictor(model).stream().push(make_voice(1.0, None))
    conversation, memo = Predictor(model).stream(explain=True), Memo()
    lengths.clear()
    conversation.prepare(make_voice(0.9, memo))
    conversation.prepare(make_voice(1.0, memo))
    assert conversation.peek(make_voice(1.0, memo)).probabilities == expected.probabilities
    found = conversation.push(make_voice(1.0, memo))
    assert found.probabilities == expected.probabilities and found.utterance == 0
    assert lengths == [14_400, 16_000]
    conversation.rewind(1)
    assert conversation.push(make_voice(1.0, memo)).probabilities == expected.probabilities
    assert lengths == [14_400, 16_000]
    conversation.push(make_voice(0.9, memo))
    assert lengths == [14_400, 16_000, 14_400]


def test_without_a_memo_nothing_is_prepared() -> None:
    model = make_voice_model()
    lengths: list[int] = []
    model.encoders["audio"].register_forward_pre_hook(lambda _, batch: lengths.append(1))
    conversation = Predictor(model).stream()
    conversation.prepare(make_voice(1.0, None))
    conversation.prepare(Utterance("live", "", 0, text="Hi!"))
    assert lengths == [] and conversation.push(make_voice(1.0, None)).utterance == 0


def test_the_faces_of_several_people_are_not_compared_before_the_end() -> None:
    conversation, compared = Predictor(make_voice_model()).stream(), []

    def assign(utterance: Utterance, *, keep: bool) -> Utterance:
        assert utterance.live is not None
        compared.append((len(utterance.live.images), keep))
        return utterance

    voice = make_voice(1.0, Memo())
    assert voice.live is not None
    seen = replace(voice, live=replace(voice.live, images=(b"image",), times=(0.5,), memos=({},)))
    for before in (None, ()):
        conversation._faces = cast(Any, SimpleNamespace(seen=before, assign=assign))
        conversation.prepare(seen)
        conversation.push(seen)
    assert compared == [(1, False), (1, True), (0, False), (1, True)]


def test_a_memo_of_one_conversation_of_a_batch_does_not_change_the_others() -> None:
    model, memo = make_voice_model(), Memo()
    requests: list[LiveRequest] = []

    def collect(batch: Sequence[LiveRequest]) -> list[tuple[Prediction, None]]:
        requests.extend(batch)
        return [(found, None) for found, _ in predict_requests(model, batch)]

    batcher = CallBatcher(collect, max_batch=4)
    voices = [make_voice(0.8, Memo()), make_voice(1.0, memo), make_voice(0.6, None)]
    alone = [Conversation(model, batcher, "", explain=False).push(voice) for voice in voices]
    assert voices[0].live is not None
    requests[0] = replace(
        requests[0], utterance=replace(requests[0].utterance, live=replace(voices[0].live, memo=Memo()))
    )
    together = [found for found, _ in predict_requests(model, requests)]
    for one, other in zip(alone, together, strict=True):
        assert dict(one.probabilities) == pytest.approx(dict(other.probabilities), abs=1e-5)
