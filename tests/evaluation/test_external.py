import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmerc import open_corpus
from mmerc.cli import app
from mmerc.errors import CorpusError, RunError
from mmerc.evaluation import evaluate
from mmerc.evaluation.external import evaluate_on


def test_on_its_own_corpus_it_finds_the_runs_own_numbers(small_run: Path, small_corpus: Path) -> None:
    own = evaluate(small_run, "dev")
    seen: list[tuple[int, int]] = []
    corpus = open_corpus(f"meld:{small_corpus}")
    found = evaluate_on(small_run, corpus, "dev", on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 8) for done in range(1, 9)]
    for name in ("majority", "fused"):
        assert found["systems"][name]["confusion"] == own["systems"][name]["confusion"]
        assert found["systems"][name]["interval"] == own["systems"][name]["interval"]
    assert found["sets"].keys() == own["sets"].keys() == {"0.8", "0.9", "0.95"}
    assert found["sets"]["0.95"] == own["sets"]["0.95"]
    assert {key: found[key] for key in ("utterances", "scored", "missing", "labels", "protocol", "seeds")} == {
        key: own[key] for key in ("utterances", "scored", "missing", "labels", "protocol", "seeds")
    }


def test_a_model_on_labels_of_which_it_knows_some(
    small_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"test,{n},0,A,words,{label}" for n, label in enumerate(("Happy", "joy", "bored", "", "angry"))]
    (tmp_path / "t.csv").write_text("\n".join(["split,dialogue,utterance,speaker,text,emotion", *rows]))
    found = evaluate_on(small_run / "model", open_corpus(f"table:{tmp_path / 't.csv'}"))
    assert (found["utterances"], found["scored"], found["seeds"], found["split"]) == (5, 3, 1, "test")
    assert found["missing"] == {"text": 0, "audio": 5, "face": 5}
    supports = [sum(row) for row in found["systems"]["fused"]["confusion"]]
    assert dict(zip(found["labels"], supports, strict=True)) == {
        "anger": 1, "disgust": 0, "fear": 0, "joy": 2, "neutral": 0, "sadness": 0, "surprise": 0,
    }  # fmt: skip
    assert "the model has no label bored" in caplog.text
    (tmp_path / "t.csv").write_text("\n".join(["dialogue,utterance,speaker,text,emotion", "0,0,A,words,bored"]))
    with pytest.raises(CorpusError, match="nothing can be scored"):
        evaluate_on(small_run / "model", open_corpus(f"table:{tmp_path / 't.csv'}"))
    with pytest.raises(RunError, match="is not a model folder"):
        evaluate_on(tmp_path, open_corpus(f"table:{tmp_path / 't.csv'}"))


def test_the_command(small_run: Path, small_corpus: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["evaluate", str(small_run), "--on", f"meld:{small_corpus}#dev", *words])
        return result.exit_code, result.stdout if result.exit_code == 0 else result.stderr

    code, shown = run("--json")
    assert code == 0 and json.loads(shown)["scored"] == 8
    code, shown = run()
    assert code == 0 and "fused" in shown and "audio, face, text" in shown
    assert run("--signal") == (
        2,
        "error: --on cannot be combined with --split or --signal: write the split as KIND:PATH#SPLIT.\n",
    )
    code, shown = run("--robustness", "--json")
    measured = json.loads(shown)["robustness"]["fused"]
    assert code == 0 and len(measured["subsets"]) == 7 and set(measured["noise"]) == {"text", "audio", "face"}
