from pathlib import Path

from mmerc.build.plan import Plan
from mmerc.build.results import list_training_corpora, score_networks
from mmerc.files import write_json
from tests.build.corpora import write_takes


def make_plan(folder: Path) -> Plan:
    write_takes(folder)
    return Plan({"audio": {kind: f"{kind}:{folder / kind}" for kind in ("ravdess", "emodb")}})


def test_a_corpus_is_counted_as_it_trains(tmp_path: Path) -> None:
    assert list_training_corpora(make_plan(tmp_path)) == [
        {"network": "audio", "corpus": "RAVDESS", "utterances": 8, "speakers": 2},
        {"network": "audio", "corpus": "EMO-DB", "utterances": 8, "speakers": 2},
    ]


def test_test_comes_before_dev_where_it_has_labels(tmp_path: Path) -> None:
    def make_split(f1: float, *, labelled: bool) -> dict[str, object]:
        system = {"mean": {"f1_weighted": f1, "balanced_accuracy": 0.5}, "calibration_error": [0.1]}
        return {"labelled": labelled, "corpus": "C", "scored": 4, "systems": {"audio": system} if labelled else {}}

    plan = make_plan(tmp_path)
    (tmp_path / "audio").mkdir()
    splits = {"dev": make_split(0.6, labelled=True), "test": make_split(0.7, labelled=False)}
    write_json(tmp_path / "audio" / "metrics.json", splits)
    (scored,) = score_networks(tmp_path, plan)
    assert (scored["split"], scored["f1_weighted"], scored["calibration_error"]) == ("dev", 0.6, 0.1)
    write_json(tmp_path / "audio" / "metrics.json", splits | {"test": make_split(0.7, labelled=True)})
    assert score_networks(tmp_path, plan)[0]["split"] == "test"
