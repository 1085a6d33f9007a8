from pathlib import Path

from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.corpora.statistics import count_corpus
from mmerc.emotions import LabelSet
from mmerc.evaluation import evaluate
from mmerc.evaluation.metrics import MAIN_METRICS, score
from mmerc.evaluation.tables import (
    make_corpora,
    make_fusions,
    make_overall,
    make_per_emotion,
    make_robustness,
    make_signal_robustness,
    make_tables,
)
from mmerc.terminal import console, print_statistics


def result(corpus: str, split: str, utterances: int) -> dict[str, object]:
    labels = ["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"]
    system = score([0, 1, 2, 3, 4, 5, 6], [[0, 1, 2, 3, 4, 5, 0]], labels)
    return {
        "corpus": corpus, "split": split, "utterances": utterances, "scored": utterances, "protocol": "offline", "seeds": 1, "labels": labels,
        "labelled": True, "systems": {"majority": system, "text": system, "fused": system},
    }  # fmt: skip


def test_our_numbers_stand_beside_the_articles_under_their_true_names() -> None:
    table = make_overall(result("MELD", "test", 2610))
    assert table.header == [
        "system", "accuracy", "paper", "balanced_accuracy", "paper", "f1_weighted", "paper", "f1_of_weighted_pr", "paper",
    ]  # fmt: skip
    rows = {row[0]: row for row in table.rows}
    assert rows["fused"][2::2] == ["65.0", "42.2", "63.0", "64.0"]
    assert rows["majority"][2::2] == ["48.1", "14.3", "31.3", ""]
    assert rows["fused"][1].startswith("85.7 [")
    assert "cannot be compared" not in table.note


def test_other_utterances_are_never_compared(small_run: Path) -> None:
    first, second, third, fourth, fifth, sixth = make_tables(evaluate(small_run, "test"))
    assert "cannot be compared" in first.note
    assert len(second.rows) == 7 and len(third.rows) == 11 + 8
    assert [row[0] for row in fourth.rows] == ["text", "audio", "face", "fused"]
    assert [row[0] for row in fifth.rows] == ["text", "audio", "face", "fused"] and fifth.header[1] == "50 %"
    assert [row[0] for row in sixth.rows] == ["80 %", "90 %", "95 %"]
    assert sixth.rows[2][1:] == ["100.0", "7.00", "0.0", "0.0"]  # eight dev utterances are too few for 95 %
    tables = (first, second, third, fourth, fifth, sixth)
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)


def test_the_warning_of_the_corpus_is_below_its_numbers() -> None:
    assert make_overall(result("c", "test", 7) | {"warning": "It is a toy."}).note.endswith("It is a toy.")


def test_each_of_several_corpora_has_its_rows() -> None:
    whole, part = result("A + B", "dev", 7), result("B", "dev", 7)
    assert make_corpora(whole) == []
    (table,) = make_corpora(whole | {"corpora": {"b": {"scored": 7, "systems": {"text": part["systems"]["text"]}}}})  # type: ignore[index]
    assert [row[:3] for row in table.rows] == [
        ["all", "7", "majority"], ["all", "7", "text"], ["all", "7", "fused"], ["b", "7", "text"],
    ]  # fmt: skip
    assert table.rows[-1][3].startswith("85.7 [")


def test_names_are_text_in_a_terminal() -> None:
    labels = ("[/joy]", "[red]", ":x:")
    found = {
        "corpus": "c",
        "split": "test",
        "systems": {"[b]": score([0, 1, 2], [[0, 1, 2]], labels)},
        "labels": list(labels),
    }
    with console.capture() as shown:
        console.print(make_per_emotion(found).to_rich())
    assert all(name in shown.get() for name in (*labels, "[b] PRE"))
    turn = Utterance("[/x]", 0, 0, emotion="[red]")
    corpus = Corpus("[c]", LabelSet(labels), {"[/x]": (Dialogue("[/x]", 0, (turn,)),)})
    with console.capture() as shown:
        print_statistics(count_corpus(corpus))
    assert all(name in shown.get() for name in (*labels, "[/x]", "[c]"))


def test_one_seed_has_no_deviation() -> None:
    measured = {"mean": dict.fromkeys(MAIN_METRICS, 0.5), "std": dict.fromkeys(MAIN_METRICS, 0.0)}
    found = {"subsets": {"text": measured}, "rates": {"0.0": measured}, "noise": {"text": {"0.5": measured}}}
    for seeds, cell, note in ((1, "50.0", "One seed."), (2, "50.0 ± 0.0", "standard deviation")):
        for each in make_robustness(found, seeds):
            assert each.rows[0][1] == cell and note in each.note
        table = make_fusions({"late": {**measured, "parameters": 1, "seconds": 2.0}}, {}, seeds)
        assert table.rows[0][1] == cell and note in table.note


def test_degraded_sound_is_compared_with_clean_sound() -> None:
    def measure(value: float) -> dict[str, dict[str, float]]:
        return {"mean": dict.fromkeys(MAIN_METRICS, value), "std": dict.fromkeys(MAIN_METRICS, 0.01)}

    found = {
        "modalities": {
            "voice": {"clean": {**measure(0.5), "missing": 0}, "telephone": {**measure(0.42), "missing": 3}},
        },
        "fusions": {"late": {"clean": measure(0.6), "telephone": measure(0.61)}, "other": {"clean": measure(0.1)}},
    }
    table = make_signal_robustness(found, 1)
    assert table.header[1:5] == ["voice balanced_accuracy", "change", "voice f1_weighted", "change"]
    assert len(table.header) == 10 and table.header[-1] == "voice missing"  # the run's own fusion only
    assert table.rows[0] == ["clean", "50.0", "", "50.0", "", "60.0", "", "60.0", "", "0"]
    assert table.rows[1] == ["telephone", "42.0", "-8.0", "42.0", "-8.0", "61.0", "+1.0", "61.0", "+1.0", "3"]
    assert make_signal_robustness(found, 2).rows[0][1] == "50.0 ± 1.0"
