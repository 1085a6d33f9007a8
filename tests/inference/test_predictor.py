import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc import Predictor
from mmerc.corpora import Clip, Dialogue, Utterance, open_corpus
from mmerc.emotions import SEVEN
from mmerc.encoders import ENCODERS, check_config
from mmerc.errors import RunError
from mmerc.files import read_jsonl
from mmerc.fusion import FusionConfig, build
from mmerc.inference.streaming import REMEMBERED


@pytest.fixture(scope="module")
def predictor(small_run: Path) -> Predictor:
    return Predictor.load(small_run / "model")


def test_it_answers_as_the_run_did(predictor: Predictor, small_run: Path, small_corpus: Path) -> None:
    rows = list(predictor.predict(open_corpus(f"meld:{small_corpus}").dialogues("test")))
    expected = read_jsonl(small_run / "predictions" / "test.jsonl")
    assert len(rows) == len(expected) == 8
    for row, other in zip(rows, expected, strict=True):
        for name, p in row.pop("probabilities").items():
            assert p == pytest.approx(other["probabilities"][name], abs=2e-3)
        assert row == {name: value for name, value in other.items() if name != "probabilities"}


def test_what_was_missing_and_why_is_logged(
    predictor: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("mmerc"), "propagate", True)
    (tmp_path / "not.mp4").touch()
    with caplog.at_level(logging.INFO, "mmerc"):
        predictor.predict_clip(tmp_path / "not.mp4")
    assert "text: missing in 1 of 1 utterances (1x it has no text)" in caplog.text
    assert "audio: missing in 1 of 1 utterances (1x is empty (0 bytes))" in caplog.text


def test_a_clip_with_and_without_words(predictor: Predictor, small_corpus: Path) -> None:
    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    (mute,), (said,) = (
        predictor.predict_clip(clip),
        predictor.predict_clip(clip, text="We won the guitar!", speaker="Ada"),
    )
    assert "text" not in mute["modalities"] and "text" in said["modalities"]
    assert mute["dialogue"] == clip.stem and said["speaker"] == "Ada"


def test_a_file_that_is_no_clip_still_has_a_row(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "not.mp4").write_text("no film")
    (row,) = predictor.predict_clip(tmp_path / "not.mp4")
    assert row["modalities"] == []
    assert list(row["probabilities"].values()) == pytest.approx(predictor.prior, abs=1e-6)


@pytest.mark.realdata
def test_real_clips(predictor: Predictor, real_data: Path) -> None:
    for name in ("facenet_video.mp4", "pyfeat_face_noface.mov"):
        (row,) = predictor.predict_clip(real_data / "clips" / name)
        assert row["modalities"] == ["audio", "face"]


def test_what_each_modality_adds_is_what_the_answer_loses_without_it(predictor: Predictor, small_corpus: Path) -> None:
    dialogue = open_corpus(f"meld:{small_corpus}").dialogues("test")[0]
    plain, rows = list(predictor.predict([dialogue])), list(predictor.predict([dialogue], explain=True))
    explained = {"influence": None, "attention": None}
    assert [row | explained for row in plain] == [row | explained for row in rows]
    turns = dialogue.utterances
    mute = replace(dialogue, utterances=tuple(replace(turn, text=None) for turn in turns))
    without = list(predictor.predict([mute]))
    for turn, row, rest in zip(turns, rows, without, strict=True):
        assert list(row["influence"]) == row["modalities"]
        if turn.text and len(row["modalities"]) > 1:
            lost = row["probabilities"][row["emotion"]] - rest["probabilities"][row["emotion"]]
            assert row["influence"]["text"] == pytest.approx(lost, abs=1e-5)


def test_what_is_no_model(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a model folder: give the RUN/model"):
        Predictor.load(tmp_path)
    with pytest.raises(RunError, match="its model lies in the folder model inside it"):
        Predictor.load(small_run)
    shutil.copytree(small_run / "model", tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    written = config.read_text()
    for there, mend in ((99, "update mmerc"), (1, "train it again")):
        config.write_text(written.replace('"format": 4', f'"format": {there}'))
        with pytest.raises(RunError, match=f"has format {there}, this mmerc reads 4: {mend}"):
            Predictor.load(tmp_path / "model")
    for wrong in ('{"fused": {"temperature": 0}}', '{"fused": 3}', '{"fused": {"share": "a"}}'):
        config.write_text(json.dumps(json.loads(written) | {"decisions": json.loads(wrong)}))
        with pytest.raises(RunError, match="the folder is damaged"):
            Predictor.load(tmp_path / "model")
    shutil.rmtree(tmp_path / "model")
    shutil.copytree(small_run / "model", tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / "encoders" / "audio")
    with pytest.raises(RunError, match="is .*audio a complete run or model folder"):
        Predictor.load(tmp_path / "model")


def test_what_each_attention_adds_is_what_the_answer_loses_when_it_is_shut(
    predictor: Predictor, small_corpus: Path
) -> None:
    from mmerc.fusion.layers.crossmodal import closed

    clip = sorted((small_corpus / "train_splits").iterdir())[0]
    dialogue = Dialogue("t", 0, (Utterance("t", 0, 0, text="We won!", clip=Clip(clip)),))
    (row,) = predictor.predict([dialogue], explain=True)
    names = ("text", "audio", "face")
    assert set(row["attention"]) == {f"{a}->{b}" for a in names for b in names if a != b}
    with closed(("audio", "text")):
        (without,) = predictor.predict([dialogue])
    lost = row["probabilities"][row["emotion"]] - without["probabilities"][row["emotion"]]
    assert row["attention"]["audio->text"] == pytest.approx(lost, abs=1e-5) and abs(lost) > 0


def test_a_stream_reads_the_dialogue_as_a_file_does(predictor: Predictor, small_corpus: Path) -> None:
    torch.manual_seed(0)
    config = FusionConfig(width=8, size=8, context=True, protocol="online")
    fusion = build(config, {name: encoder.width for name, encoder in predictor.encoders.items()}, 7).eval()
    reading = Predictor(labels=predictor.labels, encoders=predictor.encoders, fusion=fusion, prior=predictor.prior)
    clips = sorted((small_corpus / "train_splits").iterdir())[:3]
    turns = [Utterance("t", "0", n, "ABAC"[n], clip=Clip(clip)) for n, clip in enumerate([*clips, clips[0]])]
    whole = [row["probabilities"] for row in reading.predict([Dialogue("t", "0", tuple(turns))])]
    talk = reading.stream(explain=True)
    said = [talk.push(turn) for turn in turns]
    for row, expected in zip(said, whole, strict=True):
        assert row["probabilities"] == pytest.approx(expected, abs=2e-5)
    assert whole[0] != pytest.approx(whole[3], abs=1e-4)  # the same clip, later in the talk
    lost = said[3]["influence"]["audio"]
    other = reading.stream(explain=True)
    for turn in turns[1:]:
        last = other.push(turn)
    assert last["influence"]["audio"] != pytest.approx(lost, abs=1e-6)  # another past


def test_who_has_said_nothing_that_can_be_read_has_no_number_in_either() -> None:
    torch.manual_seed(0)
    encoders = {}
    for name in ("skin", "pulse"):
        config = check_config(name, {"encoder": "signal", "signal": name, "input_size": 2, "hidden_size": 4})
        encoders[name] = ENCODERS["signal"](config, 7).eval()
    reads = FusionConfig(width=8, size=8, context=True, protocol="online")
    fusion = build(reads, {name: encoder.width for name, encoder in encoders.items()}, 7).eval()
    assert fusion.context is not None
    torch.nn.init.normal_(fusion.context.speakers.weight)  # so that a number matters
    reading = Predictor(labels=SEVEN, encoders=encoders, fusion=fusion, prior=[1 / 7] * 7)
    rng = np.random.default_rng(0)
    signals = [{}, *({name: rng.normal(size=2) for name in encoders} for _ in range(2))]
    turns = tuple(Utterance("t", "0", n, "ABA"[n], signals=each) for n, each in enumerate(signals))
    talk = reading.stream()
    said = [talk.push(turn)["probabilities"] for turn in turns]
    for one, other in zip(said, reading.predict([Dialogue("t", "0", turns)]), strict=True):
        assert one == pytest.approx(other["probabilities"], abs=2e-5)


def test_speakers_keep_their_numbers_when_the_first_of_them_is_long_gone(predictor: Predictor) -> None:
    torch.manual_seed(0)
    config = FusionConfig(width=8, size=8, context=True, protocol="online")
    fusion = build(config, {name: encoder.width for name, encoder in predictor.encoders.items()}, 7).eval()
    seen: list[list[int]] = []
    assert fusion.context is not None
    fusion.context.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1][0, :, 1].tolist()))
    talk = Predictor(
        labels=predictor.labels, encoders=predictor.encoders, fusion=fusion, prior=predictor.prior
    ).stream()
    for number in range(REMEMBERED + 2):
        talk.push(Utterance("t", "0", 0, "Ann" if number == 0 else "BC"[number % 2], text="Well."))
    assert seen[-1] == [*([1, 2] * REMEMBERED)[: REMEMBERED + 1]]  # Ann, who was 0, is forgotten
