"""A prediction: what the model says of one utterance, and the columns of a table of predictions.

This is the one definition. The JSON lines of `mmerc predict`, the columns of CSV and XLSX files, the OpenAPI schema of the
service, and the table and the downloads of the pages are derived from it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mmerc.corpora import FaceOf, Utterance
from mmerc.emotions import LabelSet
from mmerc.model.conformal import PredictionSet
from mmerc.model.notebook import make_details, make_rows

DECIMALS = 6  # of a probability
# A spreadsheet runs a cell that begins so as a formula. A quote in front makes it text. A cell that has such quotes already gets
# one more, so that taking one away gives the text.
FORMULA = re.compile(r"^'*[-=+@\t\r]")
MAX_NAME = 60  # bytes in the name of a column; SPSS takes 64


class Prediction(BaseModel):
    """The emotion that an utterance expresses, with the probability of each label; immutable.

    >>> prediction = Prediction(
    ...     split="live", dialogue="talk", utterance=0, text="You came back!", emotion="joy", confidence=0.8,
    ...     probabilities={"joy": 0.8, "anger": 0.2}, modalities=("text",), missing={"face": "it has no clip"}, model="demo",
    ... )
    >>> prediction
    Prediction(live talk/0: joy 0.80 from text)
    >>> prediction.to_dict()["missing"]
    {'face': 'it has no clip'}
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    split: str = Field(description="split of the corpus; `input` for files, `live` for a live conversation")
    dialogue: int | str = Field(description="ID of the dialogue")
    utterance: int | str = Field(description="ID of the utterance in its dialogue")
    speaker: str = Field("", description="speaker's name; empty where it is not known")
    text: str | None = Field(None, description="the words; null where they are not known")
    start: float | None = Field(None, description="start in the recording, in seconds")
    end: float | None = Field(None, description="end in the recording, in seconds")
    emotion: str = Field(description="the label with the largest probability")
    confidence: float = Field(description="probability of `emotion`")
    probabilities: Mapping[str, float] = Field(description="probability of each label, in the model's order")
    dimensions: Mapping[str, float] | None = Field(
        None, description="value of each continuous dimension, such as valence, on the scale of the training corpus"
    )
    set: tuple[str, ...] | None = Field(
        None, description="the labels that hold the true one with this coverage, the most probable first"
    )
    coverage: float | None = Field(
        None, description="share of sets that hold the true label, as on the model's dev split"
    )
    uncertain: bool | None = Field(
        None, description="whether `set` has several labels, or its only label is improbable, or no modality was read"
    )
    modalities: tuple[str, ...] = Field(description="the modalities that were read")
    missing: Mapping[str, str] = Field({}, description="why each of the other modalities is missing")
    face_of: FaceOf | None = Field(
        None,
        description="whose face was read: `speaker`, or `unknown`; `listener` if only listeners are seen, whose faces are "
        "not read for the speaker; only where the faces of a whole recording were found",
    )
    model: str = Field("", description="name of the model")
    trained_on: str = Field("", description="the corpus that the model was trained on")
    warning: str | None = Field(
        None, description="what makes this model unfit for use; only where there is such a thing"
    )
    corrected: str | None = Field(None, description="the label that a person gave; only where there is one")
    influence: Mapping[str, float] | None = Field(
        None, description="how much the probability of `emotion` falls without each modality; only if asked for"
    )
    attention: Mapping[str, float] | None = Field(
        None, description="the same for each crossmodal attention, named source->target; only if asked for"
    )

    def to_dict(self) -> dict[str, Any]:
        """The row as `mmerc predict` writes it. Fields without a value are left out, except `text`, `start` and `end`."""
        row = self.model_dump(mode="json")
        return {name: value for name, value in row.items() if value is not None or name in ("text", "start", "end")}

    def __repr__(self) -> str:
        where = f"{self.split} {self.dialogue}/{self.utterance}"
        source = f"from {', '.join(self.modalities)}" if self.modalities else "nothing could be read"
        return f"Prediction({where}: {self.emotion} {self.confidence:.2f} {source})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """The prediction in a notebook."""
        return make_details(self.to_dict(), list_notes([self]))


class Predictions(list[Prediction]):
    """The predictions of a recording, in order: a list that a notebook shows as a table."""

    def _repr_html_(self) -> str:
        return make_rows([each.to_dict() for each in self], list_notes(self))


def make_prediction(
    utterance: Utterance,
    labels: LabelSet,
    probabilities: Sequence[float],
    modalities: Sequence[str],
    *,
    missing: Mapping[str, str] | None = None,
    model: str = "",
    trained_on: str = "",
    warning: str = "",
    conformal: PredictionSet | None = None,
    dimensions: Sequence[float] | None = None,
) -> Prediction:
    """The prediction of an utterance from its probabilities [C], in the order of `labels`.

    `dimensions`: standardised, in the order of the dimensions of `labels`; the means of training where nothing was read.
    `conformal`: the prediction set, where the model has such sets.
    """
    best = int(np.argmax(probabilities))
    return Prediction(
        split=utterance.split,
        dialogue=utterance.dialogue,
        utterance=utterance.utterance,
        speaker=utterance.speaker,
        text=utterance.text,
        start=utterance.start,
        end=utterance.end,
        emotion=labels.names[best],
        confidence=round(float(probabilities[best]), DECIMALS),
        probabilities={name: round(float(p), DECIMALS) for name, p in zip(labels.names, probabilities, strict=True)},
        dimensions={
            each.name: round(each.restore(value), DECIMALS)
            for each, value in zip(labels.dimensions, dimensions or [0.0] * len(labels.dimensions), strict=True)
        }
        or None,
        set=tuple(labels.names[index] for index in conformal.labels) if conformal else None,
        coverage=conformal.coverage if conformal else None,
        uncertain=conformal.uncertain if conformal else None if modalities else True,
        modalities=tuple(modalities),
        missing=dict(missing or {}),
        face_of=utterance.face.face_of if utterance.face else None,
        model=model,
        trained_on=trained_on,
        warning=warning or None,
    )


def describe_origin(model: str, trained_on: str) -> str:
    """What a model was trained on, as a sentence for people.

    >>> describe_origin("meld-3f9a01bc", "MELD")
    'Model meld-3f9a01bc was trained on the corpus MELD. Other people and recordings are outside of its experience.'
    """
    return f"Model {model} was trained on the corpus {trained_on}. Other people and recordings are outside of its experience."


def list_notes(predictions: Iterable[Prediction]) -> list[str]:
    """What people have to know of the models of these predictions: what they were trained on, and their warnings."""
    models = dict.fromkeys((each.model, each.trained_on, each.warning) for each in predictions)
    origins = [describe_origin(model, corpus) for model, corpus, _ in models if corpus]
    return list(dict.fromkeys([*origins, *(warning for _, _, warning in models if warning)]))


@dataclass(frozen=True)
class Column:
    """A column of a table of predictions. `path` leads to its value in `Prediction.to_dict()`.

    Names hold letters, digits and underscores only, so that R, SPSS and databases take them.
    """

    name: str
    path: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The column as the pages and the service send it."""
        return {"name": self.name, "path": list(self.path)}

    def value(self, row: Mapping[str, Any]) -> Any:
        """The cell of a row of `Prediction.to_dict()`; empty where the row has none."""
        found: Any = row
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if found is None:
            return ""
        return guard_cell(" ".join(found)) if isinstance(found, (list, tuple)) else guard_cell(found)


# Each field that holds one value has one column; a field with a value for each subkey has a column for each subkey.
PREFIXES = {
    "probabilities": "p",
    "dimensions": "",
    "missing": "missing",
    "influence": "influence",
    "attention": "attention",
}


def list_columns(rows: Iterable[Mapping[str, Any]], subkeys: Mapping[str, Sequence[str]] | None = None) -> list[Column]:
    """The columns of these rows, in the order of the fields of `Prediction`.

    `subkeys`: for each field with several values, the keys that it may have, such as the labels of the model under
    `probabilities`. Keys that occur in the rows are added.

    >>> rows = [{"probabilities": {"joy": 1.0}, "attention": {"audio->face": 0.1}}]
    >>> names = [column.name for column in list_columns(rows)]
    >>> "p_joy" in names, "attention_audio_to_face" in names
    (True, True)
    """
    found: dict[str, dict[str, None]] = {field: dict.fromkeys((subkeys or {}).get(field, ())) for field in PREFIXES}
    for row in rows:
        for field, seen in found.items():
            seen.update(dict.fromkeys(row.get(field) or {}))
    columns: list[Column] = []
    used: set[str] = set()
    for field in Prediction.model_fields:
        paths = [(field, subkey) for subkey in found[field]] if field in PREFIXES else [(field,)]
        for path in paths:
            name = "_".join(filter(None, [PREFIXES[field], _as_variable(path[1])])) if len(path) > 1 else field
            columns.append(Column(_make_unique(name, used), path))
    return columns


def _make_unique(name: str, used: set[str]) -> str:
    """The name, or with a number where it is used; SPSS does not tell capitals from small letters. Adds it to `used`.

    >>> used = {"p_joy"}
    >>> _make_unique("p_Joy", used), _make_unique("p_joy", used), _make_unique("p_fear", used)
    ('p_Joy_2', 'p_joy_3', 'p_fear')
    """
    base, number = name.encode()[:MAX_NAME].decode(errors="ignore").rstrip("_"), 1
    name = base
    while name.lower() in used:
        number += 1
        name = f"{base}_{number}"
    used.add(name.lower())
    return name


def make_table(
    rows: Sequence[Mapping[str, Any]], subkeys: Mapping[str, Sequence[str]] | None = None
) -> list[list[Any]]:
    """The header and one line per row of `Prediction.to_dict()`."""
    columns = list_columns(rows, subkeys)
    return [[column.name for column in columns], *([column.value(row) for column in columns] for row in rows)]


def guard_cell(value: Any) -> Any:
    """The value, with a quote in front of text that a spreadsheet would run as a formula.

    >>> guard_cell("=1+1"), guard_cell("well"), guard_cell(0.5)
    ("'=1+1", 'well', 0.5)
    """
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def _as_variable(name: str) -> str:
    """The name as statistics programs take it: `->` becomes `_to_`, any other mark an underscore."""
    return re.sub(r"\W", "_", name.replace("->", "_to_"))
