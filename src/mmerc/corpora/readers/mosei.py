"""`mosei:FOLDER`: the raw files of CMU-MOSEI (Zadeh et al. 2018): monologues, with sentiment and six emotions for each sentence.

The published layout, in `FOLDER` or in its folder `Raw`: `Transcript/Segmented/Combined/VIDEO.txt`, where each line is
`VIDEO___NUMBER___START___END___TEXT`; `Labels/*.csv`, with a row for each annotator; `Videos/Segmented/Combined/VIDEO_NUMBER.mp4`; the complete
recordings in `Videos/Full/Combined` and `Audio/Full/WAV_16000`. The splits are those of `cmu_mosei_std_folds.py`, a file of CMU-MultimodalSDK.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from mmerc.corpora.build import build_corpus
from mmerc.corpora.dialogue import EMPTY, Clip, Corpus, Problem, Utterance
from mmerc.corpora.encoding import read_text_any_encoding
from mmerc.corpora.paths import CLIP_SUFFIXES
from mmerc.corpora.readers.rows import read_rows
from mmerc.corpora.readers.times import read_times
from mmerc.corpora.votes import settle_votes
from mmerc.emotions import SEVEN, LabelSet
from mmerc.errors import CorpusError

TRANSCRIPTS, LABELS = "Transcript/Segmented/Combined", "Labels"
SEGMENTS, VIDEOS, AUDIO = "Videos/Segmented/Combined", "Videos/Full/Combined", "Audio/Full/WAV_16000"
FOLDS = "cmu_mosei_std_folds.py"
SPLITS = {"standard_train_fold": "train", "standard_valid_fold": "dev", "standard_test_fold": "test"}
VIDEO, NUMBER, ANSWER = "Input.VIDEO_ID", "Input.CLIP", "Answer."  # columns of the labels
EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")  # from 0 to 3
SENTIMENT = "sentiment"  # from -3 to 3
LINE = re.compile(r"_{3,}(?P<number>\d+)_{3,}(?P<start>[-+.\deE]+)_{3,}(?P<end>[-+.\deE]+)_{3,}(?P<text>.*)")
SegmentKey = tuple[str, str]  # video and number


def read_mosei(folder: Path, labels: LabelSet | None = None) -> Corpus:
    """Read every sentence that has a transcript. A video is a dialogue and has one speaker.

    The emotion is the one with the highest mean intensity, and neutral where all intensities are 0; `votes` has the share of each
    emotion in the intensities. The mean sentiment is the rating `valence`. A sentence that nobody has rated has no label.

    Raises:
        CorpusError: there is no transcript.
    """
    root = folder / "Raw" if (folder / "Raw").is_dir() else folder
    files = [file for file in sorted((root / TRANSCRIPTS).glob("*.txt")) if not file.name.startswith(".")]
    if not files:
        raise CorpusError(f"{folder} has no {TRANSCRIPTS}/*.txt: give the folder of CMU-MOSEI, or its folder Raw.")
    problems: list[Problem] = []
    splits = _read_folds(folder, root, problems)
    ratings = _read_ratings(root / LABELS, problems)
    files_of_clips = (file for part in (AUDIO, VIDEOS, SEGMENTS) for file in (root / part).glob("*.*"))
    clips = {file.stem: file for file in files_of_clips if file.suffix.lower() in CLIP_SUFFIXES}  # the last one counts
    utterances = [
        utterance
        for file in files
        for utterance in _read_video(file, splits.get(file.stem, "train"), ratings, clips, problems)
    ]
    return build_corpus("CMU-MOSEI", settle_votes(utterances), problems, labels or SEVEN)


def _read_video(
    file: Path,
    split: str,
    ratings: Mapping[SegmentKey, Mapping[str, float]],
    clips: Mapping[str, Path],
    problems: list[Problem],
) -> list[Utterance]:
    """The sentences of one video in the order in which they begin."""
    video = file.stem
    try:
        text, _, _ = read_text_any_encoding(file)
    except CorpusError as error:
        problems.append(Problem("file", file.name, str(error)))
        return []
    utterances = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found = LINE.fullmatch(line.strip().removeprefix(video))
        if found is None:
            what = f"is not {video}___NUMBER___START___END___TEXT; skipped"
            problems.append(Problem("row", f"{file.name} line {number}", what))
            continue
        name = f"{video}_{found['number']}"
        # Some sentences begin a little before the video.
        begin = "0" if found["start"].startswith("-") else found["start"]
        start, end, time_problems = read_times(begin, found["end"], name)
        problems += time_problems
        rating = ratings.get((video, found["number"]), {})
        utterances.append(
            Utterance(
                split,
                video,
                name,
                speaker=video,
                text=found["text"].strip() or None,
                start=start,
                end=end,
                clip=_find_clip(clips, video, name, start, end),
                source=video,
                votes=_share(rating) or EMPTY,
                dimensions={"valence": rating[SENTIMENT]} if SENTIMENT in rating else EMPTY,
            )
        )
    return sorted(utterances, key=lambda each: each.start or 0.0)


def _find_clip(clips: Mapping[str, Path], video: str, name: str, start: float | None, end: float | None) -> Clip | None:
    """The video of a sentence, or its part of the complete recording."""
    if name in clips:
        return Clip(clips[name])
    if video in clips and start is not None and end is not None:
        return Clip(clips[video], start, end)
    return None


def _share(rating: Mapping[str, float]) -> dict[str, float]:
    """The share of each emotion in the intensities of all.

    >>> _share({"anger": 0.5, "happiness": 1.5, "fear": 0.0, "sentiment": -1.0}), _share({"anger": 0.0})
    ({'anger': 0.25, 'happiness': 0.75}, {'neutral': 1.0})
    """
    found = {name: rating[name] for name in EMOTIONS if name in rating}
    total = sum(found.values())
    if total == 0:
        return {"neutral": 1.0} if found else {}
    return {name: value / total for name, value in found.items() if value}


def _read_ratings(folder: Path, problems: list[Problem]) -> dict[SegmentKey, dict[str, float]]:
    """The mean of all annotators for each sentence, over the files of the folder."""
    sums: dict[SegmentKey, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    files = sorted(folder.glob("*.csv"))
    if not files:
        problems.append(Problem("label", str(folder), "has no .csv file: no sentence has a label"))
    for file in files:
        try:
            rows, row_problems = read_rows(file, (VIDEO, NUMBER, *(ANSWER + name for name in (*EMOTIONS, SENTIMENT))))
        except CorpusError as error:
            problems.append(Problem("file", file.name, str(error)))
            continue
        problems += row_problems
        for row in rows:
            key = row[VIDEO].rpartition("/")[2], row[NUMBER].removesuffix(".0")
            for name in (*EMOTIONS, SENTIMENT):
                try:
                    value = float(row[ANSWER + name])
                except ValueError:
                    continue
                lowest = -3 if name == SENTIMENT else 0
                if lowest <= value <= 3:
                    sums[key][name].append(value)
    return {key: {name: sum(found) / len(found) for name, found in each.items()} for key, each in sums.items()}


def _read_folds(folder: Path, root: Path, problems: list[Problem]) -> dict[str, str]:
    """The split of each video. The file of the SDK is Python; only its lists of text are read, nothing in it is executed."""
    file = next((place / FOLDS for place in (folder, root) if (place / FOLDS).is_file()), None)
    if file is None:
        what = f"all videos are train: copy {FOLDS} of CMU-MultimodalSDK into the folder for the published splits"
        problems.append(Problem("split", str(folder), what))
        return {}
    splits: dict[str, str] = {}
    try:
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                split = SPLITS.get(node.targets[0].id)
                splits |= dict.fromkeys(map(str, ast.literal_eval(node.value)), split) if split else {}
    except (OSError, SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise CorpusError(f"{file} cannot be read ({error}): copy it again from CMU-MultimodalSDK.") from error
    return splits
