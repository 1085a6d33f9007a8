"""Predictions in a notebook: small tables of HTML, without scripts. They have the colours of the page around them, light or dark."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

MAX_ROWS = 50  # of a table; a longer one makes the notebook slow and is read by nobody
MAX_CHARACTERS = 200  # of a cell
MACROS = """
{% macro head(names) %}<thead><tr>{% for name in names %}<th scope="col" style="text-align: left">{{ name }}</th>{% endfor %}</tr></thead>{% endmacro %}
{% macro cell(value) %}<td dir="auto" style="text-align: left">{{ value | truncate(length, True, "…", 0) }}</td>{% endmacro %}
{% macro share(p) %}<td style="text-align: left; white-space: nowrap">{{ "%.2f" | format(p) }} <span aria-hidden="true" style="\
display: inline-block; height: 0.6em; width: {{ "%.1f" | format(5 * p) }}em; background: currentColor; opacity: 0.5"></span></td>{% endmacro %}
{% macro note(text) %}<p style="font-size: smaller">{{ text }}</p>{% endmacro %}
"""
ROWS = (
    MACROS
    + """
<table>{{ head(columns) }}<tbody>
{% for row in rows %}<tr>
{% for column in columns %}{% if column == "probability" %}{{ share(row[column]) }}{% else %}{{ cell(row[column]) }}{% endif %}{% endfor %}
</tr>
{% endfor %}</tbody></table>
{% if omitted %}{{ note("and %d more rows" | format(omitted)) }}{% endif %}
{% for each in notes %}{{ note(each) }}{% endfor %}
"""
)
DETAILS = (
    MACROS
    + """
<table>{{ head(["emotion", "probability"]) }}<tbody>
{% for name, p in probabilities %}<tr>{{ cell(name) }}{{ share(p) }}</tr>
{% endfor %}</tbody></table>
<table><tbody>
{% for name, value in facts %}<tr><th scope="row" style="text-align: left">{{ name }}</th>{{ cell(value) }}</tr>
{% endfor %}</tbody></table>
{% for each in notes %}{{ note(each) }}{% endfor %}
"""
)


def make_rows(predictions: Sequence[Mapping[str, Any]], notes: Sequence[str]) -> str:
    """A table with a row for each of the first `MAX_ROWS` predictions (`Prediction.to_dict`), and sentences below it.

    A column that is empty in all of them is left out.
    """
    if not predictions:
        return "<p>no predictions</p>"
    rows = [_describe(each) for each in predictions[:MAX_ROWS]]
    columns = [name for name in rows[0] if any(row[name] != "" for row in rows)]
    return _render(ROWS, rows=rows, columns=columns, omitted=len(predictions) - len(rows), notes=notes)


def make_details(prediction: Mapping[str, Any], notes: Sequence[str]) -> str:
    """The probability of each label, and what else is known of the utterance."""
    facts = _describe(prediction)
    known = [(name, value) for name, value in facts.items() if value != "" and name not in ("emotion", "probability")]
    known += [(name, f"{value:.3g}") for name, value in prediction.get("dimensions", {}).items()]
    known += [(f"without {name}", f"{-value:+.2f}") for name, value in prediction.get("influence", {}).items()]
    ranked = sorted(prediction["probabilities"].items(), key=lambda each: -each[1])
    return _render(DETAILS, probabilities=ranked, facts=known, notes=notes)


def _describe(prediction: Mapping[str, Any]) -> dict[str, str | float]:
    """The cells of a row by column."""
    start, end = prediction["start"], prediction["end"]
    return {
        "dialogue": str(prediction["dialogue"]),
        "utterance": str(prediction["utterance"]),
        "seconds": "" if start is None or end is None else f"{start:.1f}–{end:.1f}",
        "speaker": prediction["speaker"],
        "text": prediction["text"] or "",
        "emotion": prediction["emotion"],
        "probability": prediction["confidence"],
        "prediction set": ", ".join(prediction.get("set", ())),
        "read": ", ".join(prediction["modalities"]),
        "missing": "; ".join(f"{name}: {reason}" for name, reason in prediction["missing"].items()),
        "corrected": prediction.get("corrected", ""),
    }


def _render(template: str, **values: object) -> str:
    return _compile(template).render(length=MAX_CHARACTERS, **values)


@lru_cache
def _compile(template: str) -> "jinja2.Template":
    import jinja2  # here, because every program that predicts imports this module

    return jinja2.Environment(autoescape=True, trim_blocks=True).from_string(template)
