from pathlib import Path

import pytest

from mmerc.corpora import Clip, Utterance, open_corpus
from mmerc.errors import CorpusError

TRANSCRIPT = """\
--qXJuDtHPw___5___23.199___30.325___I see that a writer is somebody.
--qXJuDtHPw___0___-0.457596371882___1.77959183673_____(umm) hello
--qXJuDtHPw___1___2___4___
a line that is none
"""
HEADER = '"HITId","Input.VIDEO_ID","Input.CLIP","Answer.anger","Answer.disgust","Answer.fear","Answer.happiness","Answer.sadness","Answer.sentiment","Answer.surprise"\n'
LABELS = (
    HEADER
    + """\
"a","--qXJuDtHPw","5","0","0","0","2","0","1","0"
"a","--qXJuDtHPw","5","0","0","0","1","1","2","0"
"b","batch/--qXJuDtHPw","0","0","0","0","0","0","-1","0"
"""
)
FOLDS = "standard_train_fold=['--qXJuDtHPw']\nstandard_valid_fold=['a_']\nprint('never executed')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "cmu_mosei_std_folds.py": FOLDS,
        "Raw/Transcript/Segmented/Combined/--qXJuDtHPw.txt": TRANSCRIPT,
        "Raw/Transcript/Segmented/Combined/a_.txt": "a____0___1.0___3.5___No.\n",
        "Raw/Labels/5000_batch_raw.csv": LABELS,
        "Raw/Labels/extreme_sentiment_results.csv": HEADER + '"c","a_","0","1","0","0","0","1","-3","0"\n',
        "Raw/Labels/other.csv": "x,y\n1,2\n",
        "Raw/Videos/Segmented/Combined/--qXJuDtHPw_5.mp4": "",
        "Raw/Audio/Full/WAV_16000/a_.wav": "",
        "Raw/Audio/Full/WAV_16000/--qXJuDtHPw.mat": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def read(folder: Path) -> dict[str, Utterance]:
    corpus = open_corpus(f"mosei:{folder}")
    return {str(each.utterance): each for split in corpus.splits for each in corpus.utterances(split)}


def test_sentences_of_a_video_are_a_dialogue(folder: Path) -> None:
    corpus = open_corpus(f"mosei:{folder}")
    assert {split: sum(map(len, dialogues)) for split, dialogues in corpus.splits.items()} == {"train": 3, "dev": 1}
    (dialogue,) = corpus.dialogues("train")
    first, second, third = dialogue.utterances
    assert (first.utterance, first.text, first.start, first.end) == ("--qXJuDtHPw_0", "(umm) hello", 0.0, 1.779592)
    assert (second.text, second.emotion, second.votes, second.dimensions) == (None, None, {}, {})
    assert (third.utterance, third.speaker, third.start) == ("--qXJuDtHPw_5", "--qXJuDtHPw", 23.199)
    assert [(problem.kind, problem.where) for problem in corpus.problems] == [
        ("file", "other.csv"),
        ("row", "--qXJuDtHPw.txt line 4"),
    ]


def test_labels_are_the_means_of_the_annotators(folder: Path) -> None:
    found = read(folder)
    joy, neutral, tie = (found[name] for name in ("--qXJuDtHPw_5", "--qXJuDtHPw_0", "a__0"))
    assert (joy.emotion, joy.votes, joy.dimensions) == ("joy", {"joy": 0.75, "sadness": 0.25}, {"valence": 1.5})
    assert (neutral.emotion, neutral.votes, neutral.dimensions) == ("neutral", {"neutral": 1.0}, {"valence": -1.0})
    assert (tie.emotion, tie.votes) == ("sadness", {"anger": 0.5, "sadness": 0.5})  # sadness is more frequent


def test_a_sentence_without_a_video_is_a_part_of_the_recording(folder: Path) -> None:
    found, raw = read(folder), folder / "Raw"
    assert found["--qXJuDtHPw_5"].clip == Clip(raw / "Videos/Segmented/Combined/--qXJuDtHPw_5.mp4")
    assert found["a__0"].clip == Clip(raw / "Audio/Full/WAV_16000/a_.wav", 1.0, 3.5)
    assert found["--qXJuDtHPw_0"].clip is None
    (raw / "Videos/Full/Combined").mkdir(parents=True)
    (raw / "Videos/Full/Combined/a_.mp4").touch()
    assert read(raw)["a__0"].clip == Clip(raw / "Videos/Full/Combined/a_.mp4", 1.0, 3.5)


def test_what_is_absent(folder: Path, tmp_path: Path) -> None:
    (folder / "cmu_mosei_std_folds.py").unlink()
    for file in (folder / "Raw/Labels").iterdir():
        file.unlink()
    corpus = open_corpus(f"mosei:{folder}")
    assert list(corpus.splits) == ["train"]
    assert [problem.kind for problem in corpus.problems] == ["split", "label", "row"]
    (folder / "cmu_mosei_std_folds.py").write_text("standard_train_fold=[open('/etc/passwd')]")
    with pytest.raises(CorpusError, match="cmu_mosei_std_folds.py cannot be read"):
        open_corpus(f"mosei:{folder}")
    with pytest.raises(CorpusError, match="has no Transcript/Segmented/Combined"):
        open_corpus(f"mosei:{folder / 'Raw/Labels'}")
