import csv
import json
import shutil
from pathlib import Path

import fsspec
import pytest

from mmerc.addresses import RemotePath
from mmerc.transfers import upload
from tests.cli.run import run
from tests.object_stores import ObjectStore, ask_for_rights


def test_predictions_as_jsonl_and_csv(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    source = f"meld:{small_corpus}#test"
    result = run("predict", small_run / "model", source, "--out", tmp_path / "p.jsonl")
    assert (result.exit_code, result.stdout) == (0, "")
    rows = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    table = list(csv.DictReader(run("predict", small_run / "model", source, "--format", "csv").stdout.splitlines()))
    assert [row["emotion"] for row in rows] == [row["emotion"] for row in table]
    assert list(table[0])[:8] == ["split", "dialogue", "utterance", "speaker", "text", "start", "end", "emotion"]
    assert float(table[0]["p_joy"]) == rows[0]["probabilities"]["joy"]
    assert run("predict", small_run / "model", source, "--out", tmp_path / "p.xlsx").exit_code == 0
    assert (tmp_path / "p.xlsx").read_bytes()[:2] == b"PK"
    refused = run("predict", small_run / "model", source, "--format", "xlsx")
    assert refused.exit_code == 2 and "name a file with --out" in refused.stderr
    again = run("predict", small_run / "model", source, "--out", small_corpus / "test_sent_emo.csv")
    assert again.exit_code == 2 and "choose a path outside it" in again.stderr


def test_explanations_are_columns_and_a_page(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text\n1,0,Ann,We won!\n")
    page = tmp_path / "page.html"
    result = run(
        "predict", small_run / "model", f"table:{tmp_path / 't.csv'}", "--format", "csv", "--explain", "--html", page
    )
    assert result.exit_code == 0, result.stderr
    (row,) = csv.DictReader(result.stdout.splitlines())
    assert float(row["influence_text"]) and row["missing_face"] == "it has no clip" and row["model"].startswith("meld-")
    assert "We won!" in page.read_text()
    same = run("predict", small_run / "model", f"table:{tmp_path / 't.csv'}", "--out", page, "--html", page)
    assert same.exit_code == 2 and "give two different files" in same.stderr


def test_sets_have_the_coverage_that_is_asked_for(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text\n1,0,Ann,We won!\n1,1,Ann,\n")
    source = f"table:{tmp_path / 't.csv'}"
    result = run("predict", small_run / "model", source, "--coverage", "0.4")
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert first["set"][0] == first["emotion"] and first["coverage"] == 0.4 and first["trained_on"] == "MELD"
    assert first["uncertain"] or len(first["set"]) == 1
    assert second["modalities"] == [] and second["uncertain"] and len(second["set"]) == 7
    said = " ".join(result.stderr.split())
    assert "was trained on the corpus MELD. Other people and recordings are outside of its experience." in said
    assert "of 2 predictions are uncertain at a coverage of 0.4" in said
    (row, _) = csv.DictReader(run("predict", small_run / "model", source, "--format", "csv").stdout.splitlines())
    assert row["set"].split() and row["coverage"] == "0.9" and row["uncertain"] == "True" and row["warning"] == ""
    refused = run("predict", small_run / "model", source, "--coverage", "90")
    assert refused.exit_code == 2 and "give a share such as 0.9" in refused.stderr


def test_a_model_without_prediction_sets_says_how_to_get_them(small_run: Path, tmp_path: Path) -> None:
    model = shutil.copytree(small_run / "model", tmp_path / "model")
    (model / "conformal.json").unlink()
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text\n1,0,Ann,We won!\n")
    result = run("predict", model, f"table:{tmp_path / 't.csv'}")
    assert "set" not in json.loads(result.stdout)
    assert "It has no prediction sets: train it again to get them." in " ".join(result.stderr.split())


def test_annotation_files_of_a_corpus_and_of_a_recording(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    corpus = run("predict", small_run / "model", f"meld:{small_corpus}#test", "--out", tmp_path / "p.eaf")
    assert corpus.exit_code == 2 and "shows one conversation, and there are 2" in corpus.stderr
    clip = next(small_corpus.rglob("*.mp4"))
    transcript = tmp_path / "other.rttm"
    transcript.write_text("SPEAKER film 1 0.0 0.5 <NA> <NA> Ann <NA> <NA>\n")
    out = tmp_path / "p.vtt"
    result = run("predict", small_run / "model", clip, "--transcript", transcript, "--out", out)
    assert result.exit_code == 0 and 'is about "film", and the recording is' in result.stderr
    assert "<v Ann>[" in out.read_text() and "trained on MELD" in out.read_text()
    again = run("predict", small_run / "model", clip, "--out", out)
    assert again.exit_code == 2 and "may have annotations by hand" in again.stderr
    whole = run("predict", small_run / "model", clip, "--format", "rttm")
    assert whole.exit_code == 0 and f"SPEAKER {clip.stem} 1 0.000 " in whole.stdout


def test_a_series_and_the_choice_of_faces(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    clip = next(small_corpus.rglob("*.mp4"))
    (tmp_path / "t.csv").write_text("start,end,speaker,text\n0,0.8,Ann,Hi!\n0.8,1.4,Ann,Well?\n")
    out = tmp_path / "o.csv"
    asked = ("predict", small_run / "model", clip, "--transcript", tmp_path / "t.csv", "--out", out)
    result = run(*asked, "--every", "0.4", "--faces", "recording", "--listeners")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["text"] for row in rows] == ["Hi!", "Well?"] and {row["face_of"] for row in rows} <= {
        "speaker",
        "unknown",
    }
    steps = list(csv.DictReader((tmp_path / "o.series.csv").read_text().splitlines()))
    assert [float(row["start"]) for row in steps if row["utterance"] == "0"] == [0.0, 0.4]
    assert run(*asked, "--every", "0").exit_code == 2 and run(*asked, "--faces", "nearest").exit_code == 2


def test_speakers_that_cannot_be_found(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    zero = run("predict", small_run / "model", tmp_path / "a.wav", "--speakers", "0")
    assert zero.exit_code == 2 and "--speakers" in zero.stderr
    both = run("predict", small_run / "model", tmp_path / "a.wav", "--names", "Ann,Bob", "--voices", tmp_path)
    assert both.exit_code == 2 and "give one of them" in both.stderr
    many = run("predict", small_run / "model", tmp_path / "a.wav", "--names", "Ann,Bob", "--speakers", "1")
    assert many.exit_code == 2 and "there are 2 names for 1 speakers" in " ".join(many.stderr.split())


def test_corrections_are_applied_and_methods_are_written(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text\n1,0,Ann,We won!\n1,1,Bo,Did we?\n")
    (tmp_path / "c.csv").write_text(
        "split,dialogue,utterance,speaker,text,emotion\ntest,1,1,Cleo,We did!,joy\ntest,1,5,,,fear\n"
    )
    out, html = tmp_path / "p.jsonl", tmp_path / "p.html"
    model, source = small_run / "model", f"table:{tmp_path / 't.csv'}"
    result = run("predict", model, source, "--corrections", tmp_path / "c.csv", "--out", out, "--html", html)
    assert result.exit_code == 0 and "c.csv row 3: is about no utterance of the input; left out" in result.stderr
    first, second = (json.loads(line) for line in out.read_text().splitlines())
    assert "corrected" not in first and (second["corrected"], second["text"], second["speaker"]) == (
        "joy",
        "We did!",
        "Cleo",
    )
    methods = (tmp_path / "p.methods.md").read_text()
    assert (
        "| SHA-256 of the model |" in methods and "## Model card" in methods and "| labels by a person | 1," in methods
    )
    refused = run("predict", model, source, "--corrections", tmp_path / "t.csv", "--out", tmp_path / "t.csv")
    assert refused.exit_code == 2


def test_model_input_and_outputs_at_addresses(
    s3: ObjectStore, small_run: Path, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path))
    store = RemotePath("s3://bucket/predictions")
    upload(small_run / "model", store / "model")
    clips = sorted(small_corpus.rglob("*.mp4"))
    upload(clips[0], store / "clips" / "a.mp4")
    local = tmp_path / "clips"
    local.mkdir()
    shutil.copy(clips[0], local / "a.mp4")
    out = (f"{store}/out.csv", "--html", f"{store}/out.html")
    result = run("predict", f"{store}/model", f"{store}/clips", "--out", *out)
    assert result.exit_code == 0, result.stderr
    assert run("predict", small_run / "model", local, "--out", tmp_path / "out.csv").exit_code == 0
    assert (store / "out.csv").read_text() == (tmp_path / "out.csv").read_text()
    assert (store / "out.html").is_file() and (store / "out.methods.md").is_file()
    over = run("predict", f"{store}/model", f"{store}/clips/a.mp4", "--out", f"{store}/clips/a.mp4")
    assert over.exit_code == 2 and "is not a file of predictions: give another file" in over.stderr
    with ask_for_rights(s3):
        fsspec.filesystem("s3").invalidate_cache()
        refused = run("predict", small_run / "model", local, "--out", f"{store}/new.csv")
    assert refused.exit_code == 2 and "cannot be written (no rights to write it" in " ".join(refused.stderr.split())
    absent = run("predict", f"{store}/none", local)
    assert absent.exit_code == 2 and "cannot be read (there is nothing at this address)" in " ".join(
        absent.stderr.split()
    )
