"""`iemocap:FOLDER`: the acted conversations of IEMOCAP (Busso et al. 2008, on request, for research), split by session.

The published layout: in `Session1` to `Session5` the files `dialog/EmoEvaluation/*.txt` (times and emotion of each turn),
`dialog/transcriptions/*.txt` (words) and `sentences/wav/<dialogue>/<turn>.wav`. `?classes=4`, `5` or `6` chooses the emotions
that are labels. Sessions 1-3 are train, 4 is dev, 5 is test; each session has two speakers of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import Clip, Corpus, Problem, Utterance
from mmerc.corpora.encoding import read_text_any_encoding
from mmerc.corpora.readers.times import read_times
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

EVALUATION = re.compile(r"\[(?P<start>[\d.]+) - (?P<end>[\d.]+)\]\s+(?P<turn>\S+)\s+(?P<emotion>[a-z]{3})(\s.*)?")
TRANSCRIPT = re.compile(r"(?P<turn>\S+) \[[\d.]+-[\d.]+\]:?\s*(?P<text>.*)")
TURN = re.compile(r"(?P<dialogue>Ses0[1-5][FM]_\w+)_(?P<speaker>[FM])\d{3}")
SESSION = re.compile(r"Session([1-5])")
SPLITS = {"1": "train", "2": "train", "3": "train", "4": "dev", "5": "test"}

FOUR = {"ang": "anger", "hap": "joy", "exc": "joy", "neu": "neutral", "sad": "sadness"}
SIX = {
    "hap": "happy", "sad": "sad", "neu": "neutral", "ang": "angry", "exc": "excited", "fru": "frustrated",
}  # fmt: skip
CLASSES = {"4": FOUR, "5": {**SIX, "exc": "happy"}, "6": SIX}  # code of the files -> label
CODES = {*SIX, "fea", "sur", "dis", "oth", "xxx"}
DEFAULT_CLASSES = "4"


def read_iemocap(folder: Path, labels: LabelSet | None = None, parameters: Mapping[str, str] | None = None) -> Corpus:
    """Read the sessions that are there. Other emotions than those of the `classes` have no label.

    4 classes: anger, joy (happy and excited), neutral and sadness. 6: happy, sad, neutral, angry, excited and frustrated. 5: the
    six with excited as happy. The default is 4.

    Raises:
        CorpusError: there is no session or no turn, or `parameters` has another key or another number of classes.
    """
    parameters = {"classes": DEFAULT_CLASSES, **(parameters or {})}
    if parameters.keys() != {"classes"} or parameters["classes"] not in CLASSES:
        given = "&".join(f"{name}={value}" for name, value in parameters.items())
        raise CorpusError(f"{folder} cannot be read with {given[:80]}: write ?classes=4, ?classes=5 or ?classes=6.")
    names = CLASSES[parameters["classes"]]
    files = _find_evaluations(folder)
    if not files:
        raise CorpusError(f"{folder} has no Session1/dialog/EmoEvaluation/*.txt: give the folder of IEMOCAP.")
    utterances: list[Utterance] = []
    problems: list[Problem] = []
    for file in files:
        found, found_problems = _read_dialogue(file, names)
        utterances += found
        problems += found_problems
    labels = labels or LabelSet(tuple(dict.fromkeys(names.values())))
    corpus = build_corpus("IEMOCAP", utterances, problems, labels)
    sessions = {file.stem: f"Session{_get_session(file)}" for file in files}
    splits = {
        split: tuple(replace(dialogue, session=sessions[str(dialogue.dialogue)]) for dialogue in dialogues)
        for split, dialogues in corpus.splits.items()
    }
    return replace(corpus, splits=splits)


def _find_evaluations(folder: Path) -> list[Path]:
    """The evaluation files of all sessions, in `folder` or one level below it."""
    for pattern in ("Session*", "*/Session*"):
        files = sorted(folder.glob(f"{pattern}/dialog/EmoEvaluation/*.txt"))
        kept = [file for file in files if not file.name.startswith(".") and SESSION.fullmatch(file.parents[2].name)]
        if kept:
            return kept
    return []


def _get_session(file: Path) -> str:
    return file.parents[2].name[-1]


def _read_dialogue(file: Path, names: Mapping[str, str]) -> tuple[list[Utterance], list[Problem]]:
    """The turns of one dialogue in the order in which they begin."""
    session, dialogue = file.parents[2], file.stem
    lines, problems = _read_lines(file)
    texts, more_problems = _read_transcript(session / "dialog" / "transcriptions" / file.name)
    problems += more_problems
    wavs = session / "sentences" / "wav"
    utterances = []
    for number, line in enumerate(lines, start=1):
        if not line.startswith("["):  # the header, and the votes of each annotator
            continue
        found = EVALUATION.fullmatch(line)
        turn = TURN.fullmatch(found["turn"]) if found else None
        if found is None or turn is None or turn["dialogue"] != dialogue or found["emotion"] not in CODES:
            problems.append(Problem("row", f"{file.name} line {number}", "is not a turn of this dialogue; skipped"))
            continue
        where = f"{dialogue} {turn[0]}"
        start, end, time_problems = read_times(found["start"], found["end"], where)
        clip = wavs / dialogue / f"{turn[0]}.wav"
        has_clip = clip.is_file()
        problems += time_problems
        if wavs.is_dir() and not has_clip:
            problems.append(Problem("clip", where, f"{clip.relative_to(session)} is absent"))
        utterances.append(
            Utterance(
                SPLITS[_get_session(file)],
                dialogue,
                turn[0],
                speaker=f"{dialogue[:5]}_{turn['speaker']}",
                text=texts.get(turn[0]) or None,
                start=start,
                end=end,
                emotion=names.get(found["emotion"]),
                clip=Clip(clip) if has_clip else None,
                source=dialogue,
                attributes={"gender": "female" if turn["speaker"] == "F" else "male"},
            )
        )
    return sorted(utterances, key=lambda each: each.start or 0.0), problems


def _read_transcript(file: Path) -> tuple[dict[str, str], list[Problem]]:
    """The words of each turn. Sounds between the turns, which are not evaluated, are left out."""
    lines, problems = _read_lines(file)
    return {found["turn"]: found["text"].strip() for line in lines if (found := TRANSCRIPT.fullmatch(line))}, problems


def _read_lines(file: Path) -> tuple[list[str], list[Problem]]:
    try:
        text, encoding, is_guess = read_text_any_encoding(file)
    except CorpusError as error:
        return [], [Problem("file", file.name, str(error))]
    what = f"does not declare its encoding; read as {encoding}. Save it as UTF-8 if letters are wrong"
    problems = [Problem("encoding", str(file), what)] if is_guess else []
    return [line.strip() for line in text.splitlines()], problems
