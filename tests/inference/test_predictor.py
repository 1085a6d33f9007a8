import asyncio
import json
import logging
import multiprocessing
import pickle
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc import Prediction, Predictor
from mmerc.corpora import Clip, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.encoders import ENCODERS, check_encoder_config
from mmerc.errors import ClipNotFound, ConfigError, RunError
from mmerc.fusion import Fusion, FusionConfig, build_fusion
from mmerc.inference.streaming import MAX_PAST_UTTERANCES
from mmerc.model import EmotionModel


@pytest.fixture(scope="module")
def predictor(small_run: Path) -> Predictor:
    return Predictor.load(small_run / "model")


def test_a_clip_with_and_without_words(predictor: Predictor, small_corpus: Path) -> None:
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    without = predictor.predict_clip(clip)
    with_words = predictor.predict_clip(clip, text="We won the guitar!", speaker="Ada", explain=True)
    assert "text" not in without.modalities and without.missing["text"] == "it has no text"
    assert "text" in with_words.modalities and with_words.speaker == "Ada"
    assert without.dialogue == clip.stem and without.influence is None
    assert with_words.influence is not None and set(with_words.influence) == set(with_words.modalities)


def test_a_text_alone(predictor: Predictor) -> None:
    found = predictor.predict_text("We won the guitar!", speaker="Ada", explain=True)
    assert found.modalities == ("text",) and found.text == "We won the guitar!" and found.speaker == "Ada"
    assert found.influence is not None and list(found.influence) == ["text"]


def test_words_that_utf8_cannot_hold(predictor: Predictor, small_corpus: Path) -> None:
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    for found in (
        predictor.predict_text("We won\ud800!", speaker="A\udc80da"),
        predictor.predict_clip(clip, text="We won\ud800!", speaker="A\udc80da"),
        predictor.stream().push(Utterance("t", 0, 0, speaker="A\udc80da", text="We won\ud800!")),
    ):
        assert (found.speaker, found.text) == ("A?da", "We won?!")
    composed, decomposed = (
        predictor.predict_text("Hi", speaker="Zoë"),
        predictor.predict_text("Hi", speaker="Zoe\u0308"),
    )
    assert composed.speaker == decomposed.speaker


def test_a_file_that_is_no_clip_has_a_prediction_and_an_absent_file_is_an_error(
    predictor: Predictor, tmp_path: Path
) -> None:
    (tmp_path / "not.mp4").write_text("no film")
    found = predictor.predict_clip(tmp_path / "not.mp4")
    assert found.modalities == () and set(found.missing) == {"text", "audio", "face"}
    assert list(found.probabilities.values()) == pytest.approx(list(predictor.model.prior), abs=1e-6)
    for predict in (predictor.predict_clip, predictor.predict_recording):
        with pytest.raises(ClipNotFound, match="there is no file .*none.mp4: check the path"):
            predict(tmp_path / "none.mp4")


@pytest.mark.realdata
def test_real_clips(predictor: Predictor, real_data: Path) -> None:
    assert predictor.predict_clip(real_data / "clips" / "facenet_video.mp4").modalities == ("audio", "face")
    # Its sound begins after 2.4 s, and this tiny network hears 0.6 s of it.
    assert predictor.predict_clip(real_data / "clips" / "pyfeat_face_noface.mov").modalities == ("face",)


def test_a_recording_with_a_transcript(predictor: Predictor, small_corpus: Path, tmp_path: Path) -> None:
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    (tmp_path / "talk.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nANN: We got the guitar!\n")
    (found,) = predictor.predict_recording(clip, tmp_path / "talk.srt", explain=True)
    assert (found.text, found.start, found.end) == ("We got the guitar!", 0.1, 0.9)
    assert found.influence is not None


def test_its_text_form_names_the_model(predictor: Predictor) -> None:
    assert repr(predictor) == f"Predictor({predictor.model.name}: {', '.join(SEVEN.names)} from text, audio, face)"
    assert predictor.modalities == ("text", "audio", "face") and predictor.labels == SEVEN


def test_the_coverage_decides_the_size_of_the_sets(small_run: Path) -> None:
    def predict(coverage: float) -> Prediction:
        return Predictor.load(small_run / "model", coverage=coverage).predict_text("We won!")

    small, large = predict(0.2), predict(0.9)
    assert small.set is not None and large.set is not None
    assert small.set[0] == small.emotion and set(small.set) <= set(large.set)
    assert set(large.set) == set(SEVEN.names) and large.uncertain  # eight dev utterances are too few for 0.9
    assert (small.coverage, large.coverage) == (0.2, 0.9) and large.trained_on == "MELD"
    loaded = Predictor.load(small_run / "model", coverage=0.5)
    assert pickle.loads(pickle.dumps(loaded)).model.coverage == 0.5
    with pytest.raises(ConfigError, match="the coverage 90 is not between 0 and 1: give a share such as 0.9"):
        predict(90)


def test_a_models_warning_is_logged_and_in_every_prediction(
    small_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("mmerc"), "propagate", True)
    shutil.copytree(small_run / "model", tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"warning": "It is a toy."}))
    predictor = Predictor.load(tmp_path / "model")
    assert f"{predictor.model.name}: It is a toy." in caplog.text
    assert (
        predictor.predict_text("We won!").warning
        == predictor.stream().push(Utterance("t", 0, 0)).warning
        == "It is a toy."
    )


def test_it_survives_pickling(predictor: Predictor) -> None:
    copy = pickle.loads(pickle.dumps(predictor))
    assert copy.predict_text("We won!") == predictor.predict_text("We won!")
    with pytest.raises(TypeError, match="cannot be pickled: save the model first"):
        pickle.dumps(Predictor(predictor.model))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_it_works_in_other_processes(predictor: Predictor, small_corpus: Path, method: str) -> None:
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    before = torch.get_num_threads()
    torch.set_num_threads(2)  # a forked child that waited for the parent's threads would hang
    try:
        predictor.stream().push(Utterance("t", 0, 0, text="We won!"))
        expected = predictor.predict_clip(clip, text="We won!")
        assert expected.modalities == ("text", "audio", "face")
        context = multiprocessing.get_context(method)
        pipes = [context.Pipe() for _ in range(2)]
        children = [context.Process(target=_send_probabilities, args=(predictor, clip, writer)) for _, writer in pipes]
        for child in children:
            child.start()
        for reader, _ in pipes:
            assert reader.recv() == pytest.approx(dict(expected.probabilities), abs=1e-5)
        for child in children:
            child.join()
            assert child.exitcode == 0
    finally:
        torch.set_num_threads(before)


def _send_probabilities(predictor: Predictor, clip: Path, writer: Connection) -> None:
    predictor.stream().push(Utterance("t", 0, 0, text="We won!"))
    writer.send(dict(predictor.predict_clip(clip, text="We won!").probabilities))


def test_a_copy_finds_its_folder_from_any_other(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_run)
    pickled = pickle.dumps(Predictor.load("model"))
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(pickled).source == str(small_run / "model")


def test_many_recordings_in_their_order(
    predictor: Predictor, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))  # the same digits
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    files = {
        "talk.srt": "1\n00:00:00,100 --> 00:00:00,900\nANN: We got the guitar!\n",
        "empty.srt": "",
        "not.mp4": "no film",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    paths: list[str | Path | tuple[str | Path, str | Path]] = [
        tmp_path / "not.mp4", clip, tmp_path / "none.mp4", (str(clip), tmp_path / "talk.srt"),
        (clip, tmp_path / "empty.srt"), "\0",
    ]  # fmt: skip
    here = list(predictor.predict_many(iter(paths)))
    assert [len(rows) for rows in here] == [1] * 6
    assert here[1] == predictor.predict_recording(clip) and here[1][0].modalities == ("audio", "face")
    assert here[3][0].text == "We got the guitar!" and here[3][0].speaker == "ANN"
    reasons = {
        0: "not.mp4 cannot be opened", 2: "there is no file .*none.mp4: check the path", 4: "empty.srt has no line with a time", 5: "null byte|no file",
    }  # fmt: skip
    for index, reason in reasons.items():
        assert here[index][0].modalities == () and re.search(reason, here[index][0].missing["audio"])
    assert list(predictor.predict_many(paths, workers=2)) == here


def test_many_recordings_need_a_saved_model_and_a_process(predictor: Predictor) -> None:
    with pytest.raises(ConfigError, match="0 processes compute nothing: give a number of workers from 1"):
        predictor.predict_many([], workers=0)
    with pytest.raises(TypeError, match="cannot be pickled: save the model first"):
        next(Predictor(predictor.model).predict_many(["a.mp4"], workers=2))


def test_threads_and_asyncio(predictor: Predictor) -> None:
    texts = [f"We won {number} guitars!" for number in range(8)]
    expected = [predictor.predict_text(text) for text in texts]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(predictor.predict_text, texts)) == expected

    async def predict_all() -> list[Prediction]:
        return list(await asyncio.gather(*(asyncio.to_thread(predictor.predict_text, text) for text in texts)))

    assert asyncio.run(predict_all()) == expected


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a model folder"):
        Predictor.load(tmp_path)


def with_dialogue_context(model: EmotionModel) -> tuple[EmotionModel, Fusion]:
    """The same encoders under a fusion that reads earlier utterances."""
    torch.manual_seed(0)
    config = FusionConfig(d_model=8, fused_size=8, dialogue_context=True)
    widths = {name: encoder.width for name, encoder in model.encoders.items()}
    fusion = build_fusion(config, widths, 7, protocol="online").eval()
    return EmotionModel(model.labels, model.encoders, fusion, model.prior), fusion


def test_a_stream_reads_the_dialogue_as_a_file_does(predictor: Predictor, small_corpus: Path) -> None:
    reading = Predictor(with_dialogue_context(predictor.model)[0])
    clips = sorted((small_corpus / "train_splits").iterdir())[:3]
    utterances = [Utterance("t", "0", n, "ABAC"[n], clip=Clip(clip)) for n, clip in enumerate([*clips, clips[0]])]
    expected = list(reading.predict([Dialogue("t", "0", tuple(utterances))]))
    conversation = reading.stream(explain=True)
    found = [conversation.push(utterance) for utterance in utterances]
    for one, other in zip(found, expected, strict=True):
        assert dict(one.probabilities) == pytest.approx(dict(other.probabilities), abs=2e-5)
    first, last = (dict(expected[index].probabilities) for index in (0, 3))
    assert first != pytest.approx(last, abs=1e-4)  # the same clip later in the conversation
    assert found[3].influence is not None
    other_conversation = reading.stream(explain=True)
    for utterance in utterances[1:]:
        last_prediction = other_conversation.push(utterance)
    assert last_prediction.influence is not None
    assert last_prediction.influence["audio"] != pytest.approx(found[3].influence["audio"], abs=1e-6)


def test_a_speaker_has_a_number_after_an_utterance_that_can_be_read() -> None:
    torch.manual_seed(0)
    encoders = {}
    for name in ("skin", "pulse"):
        settings = {"encoder": "signal", "signal": name, "input_size": 2, "hidden_size": 4}
        encoders[name] = ENCODERS["signal"](check_encoder_config(name, settings), 7).eval()
    config = FusionConfig(d_model=8, fused_size=8, dialogue_context=True)
    widths = {name: encoder.width for name, encoder in encoders.items()}
    fusion = build_fusion(config, widths, 7, protocol="online").eval()
    assert fusion.dialogue_context is not None
    torch.nn.init.normal_(fusion.dialogue_context.speakers.weight)  # so that a number matters
    reading = Predictor(EmotionModel(SEVEN, encoders, fusion, [1 / 7] * 7))
    rng = np.random.default_rng(0)
    signals = [{}, *({name: rng.normal(size=2) for name in encoders} for _ in range(2))]
    utterances = tuple(Utterance("t", "0", n, "ABA"[n], signals=each) for n, each in enumerate(signals))
    conversation = reading.stream()
    for utterance, other in zip(utterances, reading.predict([Dialogue("t", "0", utterances)]), strict=True):
        assert dict(conversation.push(utterance).probabilities) == pytest.approx(dict(other.probabilities), abs=2e-5)


def test_speakers_keep_their_numbers_when_the_first_one_is_forgotten(predictor: Predictor) -> None:
    model, fusion = with_dialogue_context(predictor.model)
    seen: list[list[int]] = []
    assert fusion.dialogue_context is not None
    fusion.dialogue_context.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1][0, :, 1].tolist()))
    conversation = Predictor(model).stream()
    for number in range(MAX_PAST_UTTERANCES + 2):
        utterance = Utterance("t", "0", 0, "Ann" if number == 0 else "BC"[number % 2], text="Well.")
        conversation.push(replace(utterance))
    assert seen[-1] == ([1, 2] * MAX_PAST_UTTERANCES)[: MAX_PAST_UTTERANCES + 1]  # Ann, who was 0, is forgotten
