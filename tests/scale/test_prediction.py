import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmerc.errors import ConfigError
from mmerc.inference import Predictor
from mmerc.inference.inputs import Recording, read_input
from mmerc.scale.prediction import PredictionJob, check_job, predict_dialogues, predict_parts


def test_the_rows_are_those_of_a_predictor(small_run: Path, small_corpus: Path, tmp_path: Path) -> None:
    source = f"meld:{small_corpus}#test"
    job = PredictionJob(model=str(small_run / "model"), every=1.0)
    predictor = Predictor.load(small_run / "model")
    dialogues, _ = read_input(source)
    with predict_parts(source, tmp_path / "rows.jsonl", job) as rows:
        assert list(rows.predictions) == list(predictor.predict(dialogues))
        assert len(rows.predictions) == 8 and rows.listeners is None and rows.series is not None
        assert list(rows.series) == [each for dialogue in dialogues for each in predictor.predict_series(dialogue, 1.0)]
        assert rows.predictions[-1] == rows.predictions[4:][3] == list(rows.predictions)[7]
        with pytest.raises(IndexError):
            rows.predictions[8]
    assert list(tmp_path.iterdir()) == []


def test_one_process_and_a_worker_give_the_same_listeners_and_series(small_run: Path, small_corpus: Path) -> None:
    dialogues, _ = read_input(f"meld:{small_corpus}#test")
    job = PredictionJob(model=str(small_run / "model"), listeners=True, every=1.0)
    work, steps = job.load(), list[str]()

    @contextmanager
    def show(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        yield lambda done: steps.append(f"{title} {done} of {total}")

    here = predict_dialogues(work.predictor, dialogues, job, show=show)
    parts = [json.loads(work.process(dialogue)) for dialogue in dialogues]
    assert set(here) == {"predictions", "listeners", "series"} and len(here["series"]) > 0
    for kind, rows in here.items():
        assert [each.to_dict() for each in rows] == [row for part in parts for row in part[kind]]
    assert "predicting 8 of 8" in steps and "predicting the series 1 of None" in steps
    assert set(predict_dialogues(work.predictor, dialogues[:1], PredictionJob(model=job.model))) == {"predictions"}


def test_an_error_while_the_rows_are_written_keeps_the_parts(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text\n1,0,Ann,We won!\n2,0,Bo,Did we?\n")
    job = PredictionJob(model=str(small_run / "model"))
    with (
        pytest.raises(OSError, match="full"),
        predict_parts(f"table:{tmp_path / 't.csv'}", tmp_path / "o", job) as rows,
    ):
        assert [each.dialogue for each in rows.predictions] == [1, 2]
        raise OSError("the disk is full")
    assert len(list((tmp_path / "o.parts").glob("test-*"))) == 2


def test_a_recording_that_cannot_be_processed_is_a_row_with_the_reason(small_run: Path) -> None:
    work = PredictionJob(model=str(small_run / "model")).load()
    content = json.loads(work.fail(Recording(Path("talk.mp4"), "talk"), "3 processes died"))
    (row,) = content["predictions"]
    assert (row["dialogue"], row["modalities"]) == ("talk", [])
    assert row["missing"] == dict.fromkeys(work.predictor.modalities, "3 processes died")


@pytest.mark.parametrize(
    ("out", "form", "single", "message"),
    [
        (None, "jsonl", {}, "name a file with --out"),
        (Path("o.eaf"), "eaf", {}, "the format eaf is for one recording"),
        (Path("o.csv"), "csv", {"--transcript": Path("a.srt")}, "--transcript is about one recording"),
    ],
)
def test_options_that_are_about_one_recording(
    out: Path | None, form: str, single: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_job(out, form, single)
