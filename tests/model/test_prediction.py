import pytest

from mmerc.corpora import Utterance
from mmerc.emotions import LabelSet
from mmerc.model.conformal import PredictionSet
from mmerc.model.prediction import Prediction, guard_cell, list_columns, make_prediction, make_table

LABELS = LabelSet(("joy", "fear"))


def prediction(**fields: object) -> Prediction:
    utterance = Utterance("input", "talk", 3, "Ann", "=well", 0.5, None)
    made = make_prediction(utterance, LABELS, [0.25, 0.75], ["text"], missing={"face": "it has no clip"}, model="m-1")
    return made.model_copy(update=fields)


def test_the_emotion_is_the_label_with_the_largest_probability() -> None:
    found = prediction()
    assert (found.emotion, found.confidence, dict(found.probabilities)) == ("fear", 0.75, {"joy": 0.25, "fear": 0.75})
    assert (found.dialogue, found.utterance, found.speaker, found.start, found.end) == ("talk", 3, "Ann", 0.5, None)


def test_a_prediction_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        prediction().emotion = "joy"  # type: ignore[misc]


def test_its_dictionary_has_explanations_only_if_they_were_asked_for() -> None:
    row = prediction().to_dict()
    assert row["text"] == "=well" and row["end"] is None and row["modalities"] == ["text"]
    assert "influence" not in row and "attention" not in row
    assert prediction(influence={"text": 0.1}).to_dict()["influence"] == {"text": 0.1}
    assert Prediction.model_validate(row) == prediction()


def make(modalities: list[str], labels: tuple[int, ...] | None, *, uncertain: bool = True) -> Prediction:
    conformal = None if labels is None else PredictionSet(labels, 0.8, uncertain)
    utterance = Utterance("input", "talk", 3)
    return make_prediction(
        utterance, LABELS, [0.25, 0.75], modalities, trained_on="MELD", warning="It is a toy.", conformal=conformal
    )


def test_a_set_has_the_names_of_its_labels() -> None:
    one, two = make(["text"], (1,), uncertain=False), make(["text"], (1, 0))
    assert (one.set, one.coverage, one.uncertain) == (("fear",), 0.8, False)
    assert (two.set, two.uncertain) == (("fear", "joy"), True)
    header, line = make_table([two.to_dict()])
    cells = dict(zip(header, line, strict=True))
    assert (cells["set"], cells["coverage"], cells["uncertain"]) == ("fear joy", 0.8, True)
    assert (cells["trained_on"], cells["warning"]) == ("MELD", "It is a toy.")


def test_a_model_without_prediction_sets_has_none() -> None:
    row = make(["text"], None).to_dict()
    assert {"set", "coverage", "uncertain"}.isdisjoint(row)
    assert make([], None).to_dict()["uncertain"] is True


def test_its_text_form_says_what_and_from_what() -> None:
    assert repr(prediction()) == str(prediction()) == "Prediction(input talk/3: fear 0.75 from text)"
    assert "nothing could be read" in repr(prediction(modalities=()))


def test_columns_follow_the_fields_and_every_row() -> None:
    rows = [prediction().to_dict(), prediction(missing={"my-pulse": "no signal"}).to_dict()]
    names = [column.name for column in list_columns(rows, {"missing": ("text",)})]
    assert names == [
        "split", "dialogue", "utterance", "speaker", "text", "start", "end", "emotion", "confidence", "p_joy", "p_fear",
        "set", "coverage", "uncertain", "modalities", "missing_text", "missing_face", "missing_my_pulse", "face_of", "model", "trained_on", "warning",
            "corrected",
    ]  # fmt: skip


def test_names_of_columns_are_valid_in_statistics_programs_and_unique() -> None:
    labels = {"a b": 0.5, "a-b": 0.5, "A b": 0.0, "é" * 40: 0.0, "_": 0.0}
    rows = [{"attention": {"audio->face": 0.1}, "probabilities": labels}]
    names = [column.name for column in list_columns(rows)]
    assert "attention_audio_to_face" in names and "p_a_b" in names and "p_a_b_2" in names
    assert len({name.lower() for name in names}) == len(names) and all(name.isidentifier() for name in names)
    assert all(len(name.encode()) <= 64 and not name.endswith("_") for name in names)


def test_a_table_has_empty_cells_where_a_row_has_no_value() -> None:
    rows = [prediction().to_dict(), prediction(influence={"text": -0.2}, missing={}).to_dict()]
    header, first, second = make_table(rows)
    cells = [dict(zip(header, line, strict=True)) for line in (first, second)]
    assert (cells[0]["influence_text"], cells[1]["influence_text"]) == ("", -0.2)
    assert (cells[0]["missing_face"], cells[1]["missing_face"]) == ("it has no clip", "")
    assert cells[0]["text"] == "'=well" and cells[0]["end"] == "" and cells[0]["modalities"] == "text"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@cmd", "\t=1", "\r=1", "'=1"])
def test_text_that_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    assert guard_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["1-1", " =1", "", -0.5, None, 3])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert guard_cell(value) == value
