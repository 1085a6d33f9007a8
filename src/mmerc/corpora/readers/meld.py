"""`meld:FOLDER`: the annotation files alone, or the whole MELD.Raw tree with its clips.

Format: github.com/declare-lab/MELD. The quirks handled here are those of the files as published.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from mmerc.corpora.dialogue import Clip, Corpus, Problem, Utterance, gather
from mmerc.corpora.readers.rows import read_rows, times
from mmerc.emotions import SEVEN
from mmerc.errors import CorpusError
from mmerc.suffixes import MEDIA_SUFFIXES, VIDEO_SUFFIXES

ANNOTATIONS = {"train": "train_sent_emo.csv", "dev": "dev_sent_emo.csv", "test": "test_sent_emo.csv"}
CLIPS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
COLUMNS = ("Utterance", "Speaker", "Dialogue_ID", "Utterance_ID")

# The clips as published are MP4; people also keep their sound alone, or convert them.
NAME = re.compile(
    r"(?P<corrected>final_videos_test)?dia(?P<dialogue>\d+)_utt(?P<utterance>\d+)"
    rf"(?P<suffix>{'|'.join(map(re.escape, sorted(MEDIA_SUFFIXES)))})",
    re.IGNORECASE,
)


def read_meld(folder: Path) -> Corpus:
    """Read every split whose annotation file lies in `folder` or up to two levels below it.

    Raises:
        CorpusError: there is none, or one of them lacks a column.
    """
    rows: list[Utterance] = []
    problems: list[Problem] = []
    found_any = False
    for split, filename in ANNOTATIONS.items():
        file = _below(folder, filename)
        if file is None:
            continue
        found_any = True
        clips, strays = _clips(folder, split)
        problems += strays
        found, complaints = _read_split(file, split, clips)
        rows += found
        problems += complaints
        known = {(row.dialogue, row.utterance) for row in found}
        problems += [
            Problem("clip", str(clip.relative_to(folder)), "no row of the annotations names this clip")
            for key, clip in sorted((clips or {}).items())
            if key not in known
        ]
    if not found_any:
        raise CorpusError(
            f"{folder} holds none of {', '.join(ANNOTATIONS.values())}: give the folder of MELD's annotations."
        )
    if not rows:
        raise CorpusError(f"the annotation files in {folder} hold no rows that can be used: check that they are whole.")
    splits, duplicates = gather(rows)
    return Corpus("MELD", SEVEN, splits, tuple(problems + duplicates))


def sort_clips(files: Iterable[Path]) -> list[Path]:
    """Sort files so that the better clip of an utterance comes after the other: video after sound, and after both the
    corrected clips of the test folder ("final_videos_test...").

    >>> [file.name for file in sort_clips(map(Path, ["dia0_utt0.mp4", "dia0_utt0.wav"]))]
    ['dia0_utt0.wav', 'dia0_utt0.mp4']
    """
    return sorted(
        files,
        key=lambda file: (file.name.startswith("final_videos_test"), file.suffix.lower() in VIDEO_SUFFIXES, file.name),
    )


def _below(folder: Path, name: str) -> Path | None:
    for pattern in (name, f"*/{name}", f"*/*/{name}"):
        for found in sorted(folder.glob(pattern)):
            return found
    return None


def _clips(folder: Path, split: str) -> tuple[dict[tuple[int, int], Path] | None, list[Problem]]:
    """The clips of a split by dialogue and utterance, None where there is no folder of them, and what is odd there."""
    clips: dict[tuple[int, int], Path] = {}
    problems = []
    place = _below(folder, CLIPS[split])
    if place is None:
        return None, []
    for file in sort_clips(place.iterdir()):
        if file.name.startswith("."):  # what macOS's tar leaves beside each file
            continue
        match = NAME.fullmatch(file.name)
        if match is None:
            problems.append(
                Problem(
                    "clip",
                    f"{place.name}/{file.name}",
                    "is not named dia<D>_utt<U>.mp4",
                )
            )
            continue
        if not file.is_file():
            problems.append(Problem("clip", f"{place.name}/{file.name}", "is no file"))
            continue
        clips[int(match["dialogue"]), int(match["utterance"])] = file
    return clips, problems


def _read_split(
    file: Path, split: str, clips: dict[tuple[int, int], Path] | None
) -> tuple[list[Utterance], list[Problem]]:
    rows, problems = read_rows(file, COLUMNS)
    utterances = []
    for number, row in enumerate(rows, start=2):
        try:
            dialogue, utterance = int(row["Dialogue_ID"]), int(row["Utterance_ID"])
        except ValueError as error:
            problems.append(Problem("row", f"{file.name} row {number}", f"has no whole-number ids ({error}); skipped"))
            continue
        where = f"{split} dialogue {dialogue} utterance {utterance}"
        start, end, wrong_times = times(row.get("StartTime", ""), row.get("EndTime", ""), where)
        problems += wrong_times
        emotion = None
        if row.get("Emotion"):
            try:
                emotion = SEVEN.normalise(row["Emotion"])
            except CorpusError as error:
                problems.append(Problem("label", where, str(error)))
        clip = (clips or {}).get((dialogue, utterance))
        if clips is not None and clip is None:
            problems.append(Problem("clip", where, f"{CLIPS[split]}/dia{dialogue}_utt{utterance}.mp4 is absent"))
        utterances.append(
            Utterance(
                split=split,
                dialogue=dialogue,
                utterance=utterance,
                speaker=row["Speaker"],
                text=row["Utterance"] or None,
                start=start,
                end=end,
                emotion=emotion,
                clip=Clip(clip) if clip else None,
                source=f"s{row.get('Season', ''):0>2}e{row.get('Episode', ''):0>2}",
            )
        )
    return utterances, problems
