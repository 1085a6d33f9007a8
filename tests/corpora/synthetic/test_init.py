from pathlib import Path

from mmerc.corpora import open_corpus
from mmerc.corpora.synthetic import make_corpus
from mmerc.errors import MissingModality
from mmerc.media import read_frames, read_waveform


def test_it_reads_as_meld_with_real_clips(small_corpus: Path) -> None:
    corpus = open_corpus(f"meld:{small_corpus}")
    assert {split: len(list(corpus.utterances(split))) for split in corpus.splits} == {"train": 12, "dev": 8, "test": 8}
    clips = [utterance.clip for split in corpus.splits for utterance in corpus.utterances(split) if utterance.clip]
    heard = 0
    for clip in clips:
        assert read_frames(clip, 4).images.shape == (4, 240, 320, 3)
        try:
            heard += len(read_waveform(clip)) > 16_000
        except MissingModality as missing:
            assert "no audio stream" in str(missing)
    assert len(clips) >= 26 and heard >= len(clips) - 4


def test_it_is_made_once(tmp_path: Path) -> None:
    make_corpus(tmp_path / "c", dialogues={"train": 1}, utterances=1)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "c").rglob("*")}
    make_corpus(tmp_path / "c", dialogues={"train": 1}, utterances=1)
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "c").rglob("*")}
