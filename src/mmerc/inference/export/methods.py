"""`NAME.methods.md` beside each output: which model made it, from what, with which settings, and how to cite it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from mmerc.files import is_stream, write_text
from mmerc.inference.export.document import Document
from mmerc.model.folder import hash_model
from mmerc.model.model import EmotionModel

SUFFIX = ".methods.md"
MANUAL = "https://mmerc.github.io/mmerc/responsible-use/"

CITATION = """```bibtex
@software{mmerc,
  title = {mmerc: multimodal emotion recognition in conversation},
  author = {{The mmerc contributors}},
  version = {VERSION},
  url = {https://github.com/mmerc/mmerc}
}
@article{xie2021robust,
  title = {Robust Multimodal Emotion Recognition from Conversation with Transformer-Based Cross-Modality Fusion},
  author = {Xie, Baijun and Sidulova, Mariia and Park, Chung Hyuk},
  journal = {Sensors}, volume = {21}, number = {14}, pages = {4913}, year = {2021}, doi = {10.3390/s21144913}
}
```"""


def name_methods(output: Path) -> Path | None:
    """The file beside an output; None where the output is a device or a pipe.

    >>> name_methods(Path("results/talk.csv"))
    PosixPath('results/talk.methods.md')
    """
    return None if is_stream(output) else output.with_name(output.stem + SUFFIX)


def write_methods(
    file: Path, document: Document, model: EmotionModel, folder: Path, settings: Mapping[str, object]
) -> None:
    """Write the file. `folder`: the model's. `settings`: by the names that a user knows; those that are None are not named.

    Raises:
        RunError: the file cannot be written.
    """
    write_text(file, make_methods(document, model, folder, settings))


def make_methods(document: Document, model: EmotionModel, folder: Path, settings: Mapping[str, object]) -> str:
    """The text of the file, in Markdown."""
    origin = document.provenance
    card = _read_card(folder)
    sections = [
        f"# Methods: {document.recording.name if document.recording else 'predictions of expressed emotions'}",
        f"Written by mmerc {origin.mmerc_version} on {origin.made.date().isoformat()}.",
        *([f"**{model.warning}**"] if model.warning else []),
        f"## Text for a paper\n\n{_make_paragraph(document, model, settings)}",
        f"## Model\n\n{_make_table(_describe_model(document, model, folder))}",
        f"## Settings\n\n{_make_table({name: value for name, value in settings.items() if value is not None})}",
        f"## Results\n\n{_make_table(_describe_results(document, model))}",
        f"## How to cite\n\nCite mmerc, the paper of the method, and the corpora that the model was trained on.\n\n"
        f"{CITATION.replace('VERSION', origin.mmerc_version)}",
        *([f"## Model card\n\n{card}"] if card else []),
    ]
    return "\n\n".join(sections) + "\n"


def _make_paragraph(document: Document, model: EmotionModel, settings: Mapping[str, object]) -> str:
    rows, origin = document.predictions, document.provenance
    dialogues = len({(each.split, each.dialogue) for each in rows})
    people = f" of {_count(document.num_speakers, 'speaker')}" if document.num_speakers else ""
    corrected = sum(each.corrected is not None for each in rows)
    sentences = [
        f"The emotion that each of {_count(len(rows), 'utterance')}{people} in {_count(dialogues, 'conversation')} expresses was predicted "
        f"with mmerc {origin.mmerc_version} and the model {model.name or 'without a name'}, trained on {model.trained_on or 'an unknown corpus'}.",
        f"The model gives the probability of each of {len(model.labels)} labels ({', '.join(model.labels.names)}) from "
        f"{', '.join(model.encoders)}; in an utterance that lacks a modality it uses the others.",
    ]
    if model.conformal is not None:
        sentences.append(
            f"Prediction sets are from split conformal prediction on the dev split, with a coverage of {model.coverage:g}."
        )
    if settings.get("corrections"):
        sentences.append(
            f"A person checked the words, speakers, boundaries and labels; {_count(corrected, 'utterance')} "
            f"{'has' if corrected == 1 else 'have'} a label by this person (column `corrected`)."
        )
    sentences.append(
        "A label says what an utterance expresses in the view of annotators like those of the training corpus; it does not say what the "
        f"person feels ({MANUAL})."
    )
    return " ".join(sentences)


def _describe_model(document: Document, model: EmotionModel, folder: Path) -> dict[str, object]:
    score = model.info.get("dev_f1_weighted")
    return {
        "name": model.name,
        "trained on": model.trained_on,
        "SHA-256 of the model": hash_model(folder),
        "mmerc": document.provenance.mmerc_version,
        "labels": ", ".join(model.labels.names),
        "protocol": model.info.get("protocol", ""),
        "modalities": ", ".join(f"{name} ({encoder.config.encoder})" for name, encoder in model.encoders.items()),
        "weighted F1 on dev, which selected the checkpoint": f"{100 * score:.1f}" if score is not None else "",
    }


def _describe_results(document: Document, model: EmotionModel) -> dict[str, object]:
    rows = document.predictions
    labels = Counter(each.emotion for each in rows)
    read = Counter(name for each in rows for name in each.modalities)
    reviewed = [each for each in rows if each.corrected is not None]
    same = sum(each.corrected == each.emotion for each in reviewed)
    return {
        "utterances": len(rows),
        "predicted labels": ", ".join(f"{name} {labels[name]}" for name in model.labels.names),
        "utterances with each modality": ", ".join(f"{name} {read[name]}" for name in model.encoders),
        "uncertain utterances": sum(bool(each.uncertain) for each in rows) if model.conformal else "",
        "labels by a person": f"{len(reviewed)}, of which {same} are the predicted ones" if reviewed else "",
    }


def _read_card(folder: Path) -> str:
    """The model card without its metadata, with its headings two levels lower; empty where there is none."""
    card = folder / "README.md"
    if not card.is_file():
        return ""
    text = card.read_text(encoding="utf-8", errors="replace")
    if text.startswith("---\n"):
        text = text.partition("\n---\n")[2]
    lines = text.strip().splitlines()
    return "\n".join(f"##{line}" if line.startswith("#") else line for line in lines)


def _make_table(values: Mapping[str, object]) -> str:
    rows = [f"| {name} | {_escape(value)} |" for name, value in values.items() if value not in ("", None)]
    return "\n".join(["| | |", "|---|---|", *rows])


def _escape(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
