import re
from typing import Any

from mmerc import Prediction, Predictions
from mmerc.model.notebook import MAX_ROWS


def predict(**values: Any) -> Prediction:
    given = {
        "split": "input", "dialogue": "talk", "utterance": 0, "emotion": "joy", "confidence": 0.8,
        "probabilities": {"anger": 0.2, "joy": 0.8}, "modalities": ("text",),
    }  # fmt: skip
    return Prediction.model_validate(given | values)


def read_cells(html: str) -> list[list[str]]:
    """The text of the cells of each row."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [[re.sub(r"<.*?>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


def test_a_list_is_a_table_without_empty_columns() -> None:
    rows = Predictions([predict(speaker="Ann", start=0.0, end=1.25), predict(utterance=1, confidence=0.25)])
    assert read_cells(rows._repr_html_()) == [
        ["dialogue", "utterance", "seconds", "speaker", "emotion", "probability", "read"],
        ["talk", "0", "0.0–1.2", "Ann", "joy", "0.80", "text"],
        ["talk", "1", "", "", "joy", "0.25", "text"],
    ]
    assert Predictions()._repr_html_() == "<p>no predictions</p>"


def test_a_prediction_has_all_its_labels_and_facts() -> None:
    html = predict(
        missing={"face": "it has no clip"},
        influence={"text": 0.3},
        dimensions={"valence": 0.51234},
        set=("joy", "anger"),
    )._repr_html_()
    assert read_cells(html) == [
        ["emotion", "probability"], ["joy", "0.80"], ["anger", "0.20"],
        ["dialogue", "talk"], ["utterance", "0"], ["prediction set", "joy, anger"], ["read", "text"],
        ["missing", "face: it has no clip"], ["valence", "0.512"], ["without text", "-0.30"],
    ]  # fmt: skip


def test_what_comes_from_files_is_escaped_and_cut() -> None:
    odd = predict(dialogue="<script>x</script>", speaker="\"'&", text="<b>" * 99, trained_on="<i>", warning="<u>")
    for html in (odd._repr_html_(), Predictions([odd])._repr_html_()):
        assert not re.search("<(script|b|i|u)>", html)
        assert "&lt;script&gt;x&lt;/script&gt;" in html and "&#34;&#39;&amp;" in html and "&lt;u&gt;" in html
        assert html.count("&lt;b&gt;") <= 67 and "…" in html


def test_a_long_list_says_how_many_rows_it_does_not_show() -> None:
    html = Predictions([predict(utterance=number) for number in range(MAX_ROWS + 2)])._repr_html_()
    assert len(read_cells(html)) == MAX_ROWS + 1 and "and 2 more rows" in html


def test_the_origin_and_the_warning_are_said_once() -> None:
    html = Predictions([predict(model="demo", trained_on="MELD", warning="It is a toy.")] * 3)._repr_html_()
    assert html.count("Model demo was trained on the corpus MELD.") == html.count("It is a toy.") == 1
