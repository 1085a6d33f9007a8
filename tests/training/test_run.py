import json
from pathlib import Path

import numpy as np
import pytest

from mmerc import load_config, open_corpus, train
from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.errors import ConfigError, RunError
from mmerc.evaluation import evaluate
from mmerc.evaluation.external import evaluate_on
from mmerc.evaluation.report import write_report
from mmerc.evaluation.tables import make_dimensions
from mmerc.model.folder import load_model
from mmerc.training import run
from mmerc.training.run_folder import read_run
from tests.training.packs import make_config


def test_a_run_folder_has_the_parts_of_the_design(small_run: Path) -> None:
    found = {str(file.relative_to(small_run)) for file in small_run.rglob("*")}
    for expected in (
        "config.yaml", "environment.json", "log.jsonl", "encoders/text/model.safetensors", "features/audio",
        "fusion/model.safetensors", "predictions/test.jsonl", "predictions/face/test.jsonl", "model/config.json",
        "model/README.md", "model/encoders/face/model.safetensors",
    ):  # fmt: skip
        assert expected in found
    assert not [
        name for name in found if ".partial" in name or name.endswith(".checkpoint") or name.startswith("inputs")
    ]


def test_every_part_of_the_paper_was_trained(small_run: Path) -> None:
    events = [json.loads(line) for line in (small_run / "log.jsonl").read_text().splitlines()]
    stages = {event["stage"]: event for event in events if event.get("epoch") == 2}
    assert list(stages) == ["text", "audio", "face", "fusion"]
    assert {
        "loss_emotion",
        "loss_next_sentence",
        "loss_language_model",
        "next_sentence_accuracy",
        "perplexity",
        "dev_next_sentence_accuracy",
        "dev_perplexity",
    } <= stages["text"].keys()


def test_every_utterance_has_a_row_with_its_modalities_and_reasons(small_run: Path, small_corpus: Path) -> None:
    rows = [json.loads(line) for line in (small_run / "predictions" / "test.jsonl").read_text().splitlines()]
    utterances = list(open_corpus(f"meld:{small_corpus}").utterances("test"))
    assert [(row["dialogue"], row["utterance"]) for row in rows] == [(u.dialogue, u.utterance) for u in utterances]
    name = json.loads((small_run / "model" / "config.json").read_text())["name"]
    for row, utterance in zip(rows, utterances, strict=True):
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert row["emotion"] == max(row["probabilities"], key=row["probabilities"].get)
        assert row["confidence"] == row["probabilities"][row["emotion"]]
        assert "text" in row["modalities"] and row["model"] == name
        assert set(row["modalities"]) | set(row["missing"]) == {"text", "audio", "face"}
        if utterance.clip is None:
            assert row["missing"] == {"audio": "it has no clip", "face": "it has no clip"}


def test_the_same_call_again_changes_nothing(small_run: Path, small_corpus: Path) -> None:
    before = (small_run / "predictions" / "test.jsonl").read_text()
    trained = (small_run / "encoders" / "text" / "model.safetensors").stat().st_mtime_ns
    train(open_corpus(f"meld:{small_corpus}"), small_run, load_config("smoke"))
    assert (small_run / "predictions" / "test.jsonl").read_text() == before
    assert (small_run / "encoders" / "text" / "model.safetensors").stat().st_mtime_ns == trained


def write_table(folder: Path) -> Corpus:
    rows = "".join(f"{n},0,A,words {n},joy,{'train' if n < 8 else 'dev'}\n" for n in range(12))
    (folder / "t.csv").write_text("dialogue,utterance,speaker,text,emotion,split\n" + rows)
    return open_corpus(f"table:{folder / 't.csv'}")


def test_several_corpora_in_one_run(tmp_path: Path) -> None:
    rows = [f"{n},{turn},A,words {n} {turn},{'joy' if n % 2 else 'boredom'},{'train' if n < 8 else 'dev'}\n"
            for n in range(12) for turn in range(2)]  # fmt: skip
    (tmp_path / "own.csv").write_text("dialogue,utterance,speaker,text,emotion,split\n" + "".join(rows))
    write_table(tmp_path)
    corpus = open_corpus(f"table:{tmp_path / 'own.csv'}+table:{tmp_path / 't.csv'}")
    config = load_config("smoke", overrides=["text.epochs=1", "calibration=dev"], modalities=["text"])
    train(corpus, tmp_path / "run", config)
    result = evaluate(tmp_path / "run", "dev")
    assert result["corpus"] == "own + t" and result["scored"] == 12
    assert {name: found["scored"] for name, found in result["corpora"].items()} == {"table": 8, "table-2": 4}
    assert result["corpora"]["table"]["systems"]["text"]["mean"].keys() >= {
        "f1_weighted",
        "accuracy",
        "balanced_accuracy",
    }
    report = write_report(tmp_path / "run").read_text()
    assert "Each corpus" in report and "table-2" in report
    rows = [json.loads(line) for line in (tmp_path / "run" / "predictions" / "dev.jsonl").read_text().splitlines()]
    assert {row["dialogue"] for row in rows} == {f"table/{n}" for n in range(8, 12)} | {
        f"table-2/{n}" for n in range(8, 12)
    }
    assert list(rows[0]["probabilities"]) == list(corpus.labels.names)


def test_a_modality_without_data_is_found_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="audio: not one labelled utterance of the train split has it"):
        train(write_table(tmp_path), tmp_path / "run", load_config("smoke"))
    assert not (tmp_path / "run" / "encoders").exists()


def test_an_absent_gpu_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)
    config = load_config("smoke", overrides=["trainer.accelerator=gpu"])
    with pytest.raises(ConfigError, match="torch finds none: set it to auto or cpu"):
        train(write_table(tmp_path), tmp_path / "run", config)


def test_an_error_of_an_encoder_names_its_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    config = load_config("paper", overrides=["modalities.voice.encoder=wavernn"], modalities=["voice"])
    with pytest.raises(Exception, match=r"^voice: .*mmerc weights fetch wavernn-ljspeech"):
        train(write_table(tmp_path), tmp_path / "run", config)


def test_more_seeds_join_a_finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rows, arrays = ["split,dialogue,utterance,speaker,text,emotion"], {}
    for number in range(40):
        split = ("train", "train", "dev", "test")[number % 4]
        rows.append(f"{split},{number},0,A,,{'joy' if number % 8 < 4 else 'fear'}")
        arrays[f"{number}/0"] = rng.normal(number % 8 < 4, 1, (3, 2))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "utterances.csv").write_text("\n".join(rows))
    for name in ("pulse", "skin"):
        np.savez(tmp_path / "mine" / f"{name}.npz", **arrays)
    corpus = open_corpus(f"pack:{tmp_path / 'mine'}")
    few = [f"{name}.epochs=2" for name in ("pulse", "skin", "fusion")]
    config = load_config("compact", overrides=few, corpus=corpus)
    train(corpus, tmp_path / "grown", config)
    with pytest.raises(ZeroDivisionError):  # the run is interrupted before the second seed
        monkeypatch.setattr(run, "train_seed", lambda job, fusions: 1 / 0)
        train(corpus, tmp_path / "grown", config, seeds=2)
    monkeypatch.undo()
    assert (tmp_path / "grown" / "model" / "config.json").is_file()  # the finished seed can still be used
    finished: list[str] = []
    train(corpus, tmp_path / "grown", config, seeds=2, on_finish=lambda trained: finished.append(trained.name))
    assert finished == [corpus.name]
    train(corpus, tmp_path / "at-once", config, seeds=2)
    for part in ("seed-0/predictions/test.jsonl", "seed-1/predictions/test.jsonl", "model/config.json"):
        assert (tmp_path / "grown" / part).read_text() == (tmp_path / "at-once" / part).read_text(), part
    names = [{path.name for path in (tmp_path / run).iterdir()} for run in ("grown", "at-once")]
    assert names[0] == names[1]
    assert read_run(tmp_path / "grown").seeds == 2


def test_votes_and_ratings_are_learned_predicted_and_scored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows, arrays = ["split,dialogue,utterance,speaker,text,emotion_1,emotion_2,valence"], {}
    for number in range(36):
        value = rng.normal()
        split = ("train", "train", "dev", "test")[number % 4]
        rows.append(f"{split},{number},0,s,,joy,{'joy' if value > 0 else 'fear'},{value:.3f}")
        arrays[f"{number}/0"] = rng.normal(value, 0.1, (3, 2))
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "utterances.csv").write_text("\n".join(rows))
    for name in ("pulse", "skin"):
        np.savez(folder / f"{name}.npz", **arrays)
    corpus, out = open_corpus(f"pack:{folder}"), tmp_path / "run"
    train(corpus, out, make_config(corpus))
    result = evaluate(out)
    assert list(result["dimensions"]) == ["pulse", "skin", "fused"] and result["systems"]["fused"]["annotators"]
    assert result["dimensions"]["fused"]["valence"]["utterances"] == 9
    stored = [json.loads(line) for line in (out / "predictions" / "test.jsonl").read_text().splitlines()]
    model = load_model(out / "model")
    assert len(model.labels) == 7 and [each.name for each in model.labels.dimensions] == ["valence"]
    predicted = [each.dimensions for each in model.predict(corpus.dialogues("test"))]
    assert [each and each["valence"] for each in predicted] == pytest.approx(
        [row["dimensions"]["valence"] for row in stored],
        abs=2e-3,  # a rounding error may change a feature by one step of its eight bits
    )
    (nothing,) = model.predict([Dialogue("test", "x", (Utterance("test", "x", 0),))])
    assert nothing.dimensions == {"valence": pytest.approx(model.labels.dimensions[0].mean, abs=1e-5)}
    again = evaluate_on(out / "model", corpus)["dimensions"]["fused"]["valence"]["mean"]
    assert again == pytest.approx(result["dimensions"]["fused"]["valence"]["mean"], abs=2e-3)
    assert [table.title for table in make_dimensions(result)] == ["Continuous dimensions"]
