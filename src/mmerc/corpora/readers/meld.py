"""`meld:FOLDER`: MELD's annotation files alone, or the MELD.Raw tree with its clips, or other data in that layout.

Format: github.com/declare-lab/MELD. The oddities that are handled here are those of the published files.
"""

import re
from pathlib import Path

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import Clip, Corpus, Problem, Utterance
from mmerc.corpora.paths import CLIP_SUFFIXES
from mmerc.corpora.readers.ids import parse_number
from mmerc.corpora.readers.rows import read_rows
from mmerc.corpora.readers.times import read_times
from mmerc.emotions import LabelSet
from mmerc.errors import CorpusError

ANNOTATIONS = {"train": "train_sent_emo.csv", "dev": "dev_sent_emo.csv", "test": "test_sent_emo.csv"}
CLIPS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
COLUMNS = ("Utterance", "Speaker", "Dialogue_ID", "Utterance_ID")

# The test folder also holds corrected clips, which replace the others.
CLIP_NAME = re.compile(
    r"(?P<corrected>final_videos_test)?dia(?P<dialogue>\d+)_utt(?P<utterance>\d+)"
    rf"(?P<ending>{'|'.join(map(re.escape, CLIP_SUFFIXES))})",
    re.IGNORECASE,
)
ClipKey = tuple[int, int]  # dialogue and utterance


def read_meld(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read every split whose annotation file lies in `folder` or up to two levels below it.

    Raises:
        CorpusError: there is no such file, one lacks a column, or no row can be used.
    """
    utterances: list[Utterance] = []
    problems: list[Problem] = []
    has_annotations = False
    for split, filename in ANNOTATIONS.items():
        file = _find_below(folder, filename)
        if file is None:
            continue
        has_annotations = True
        clips, clip_problems = _find_clips(folder, split)
        found, row_problems = _read_split(file, split, clips)
        utterances += found
        problems += [*clip_problems, *row_problems]
        keys = {(utterance.dialogue, utterance.utterance) for utterance in found}
        problems += [
            Problem("clip", str(clip.relative_to(folder)), "no row of the annotations names this clip")
            for key, clip in sorted((clips or {}).items())
            if key not in keys
        ]
    if not has_annotations:
        raise CorpusError(
            f"{folder} has none of {', '.join(ANNOTATIONS.values())}: give the folder of MELD's annotations."
        )
    return build_corpus("MELD", utterances, problems, labels)


def _find_below(folder: Path, name: str) -> Path | None:
    for pattern in (name, f"*/{name}", f"*/*/{name}"):
        for found in sorted(folder.glob(pattern)):
            return found
    return None


def _find_clips(folder: Path, split: str) -> tuple[dict[ClipKey, Path] | None, list[Problem]]:
    """The clips of a split, `None` where there is no folder of clips, and the files in it that are not clips of MELD."""
    clip_folder = _find_below(folder, CLIPS[split])
    if clip_folder is None:
        return None, []
    ranked: dict[ClipKey, tuple[bool, int, Path]] = {}
    problems = []
    for file in sorted(clip_folder.iterdir()):
        if file.name.startswith("."):  # macOS's tar leaves one beside each file
            continue
        match = CLIP_NAME.fullmatch(file.name)
        if match is None:
            problems.append(Problem("clip", f"{clip_folder.name}/{file.name}", "is not named dia<D>_utt<U>.mp4"))
        elif not file.is_file():
            problems.append(Problem("clip", f"{clip_folder.name}/{file.name}", "is not a file"))
        else:
            key = int(match["dialogue"]), int(match["utterance"])
            rank = (match["corrected"] is None, CLIP_SUFFIXES.index(match["ending"].lower()), file)
            ranked[key] = min(rank, ranked.get(key, rank))
    return {key: file for key, (_, _, file) in ranked.items()}, problems


def _read_split(file: Path, split: str, clips: dict[ClipKey, Path] | None) -> tuple[list[Utterance], list[Problem]]:
    rows, problems = read_rows(file, COLUMNS)
    utterances = []
    for row in rows:
        dialogue, utterance = parse_number(row["Dialogue_ID"]), parse_number(row["Utterance_ID"])
        if dialogue is None or utterance is None:
            ids = f'Dialogue_ID "{row["Dialogue_ID"][:20]}", Utterance_ID "{row["Utterance_ID"][:20]}"'
            problems.append(
                Problem("row", f"{file.name} row {row.number}", f"has no whole-number ids ({ids}); skipped")
            )
            continue
        where = f"{split} dialogue {dialogue} utterance {utterance}"
        start, end, time_problems = read_times(row.get("StartTime", ""), row.get("EndTime", ""), where)
        problems += time_problems
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
                emotion=row.get("Emotion"),
                clip=Clip(clip) if clip else None,
                source=f"s{_pad(row.get('Season', ''))}e{_pad(row.get('Episode', ''))}",
            )
        )
    return utterances, problems


def _pad(number: str) -> str:
    value = parse_number(number)
    return f"{number if value is None else value:0>2}"
