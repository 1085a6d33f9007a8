import csv
from pathlib import Path

from mmerc.corpora import open_corpus
from mmerc.media.inspection import broken_clips
from tests.media.clips import write_video


def test_every_broken_clip_is_listed_with_its_modality(tmp_path: Path) -> None:
    write_video(tmp_path / "good.mp4")
    write_video(tmp_path / "mute.mp4", audio=False)
    (tmp_path / "broken.mp4").write_text("no")
    with (tmp_path / "t.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerows([("dialogue", "utterance", "speaker", "text", "clip")])
        table.writerows((0, n, "A", "x", name) for n, name in enumerate(("good.mp4", "mute.mp4", "broken.mp4")))
    seen: list[int] = []
    problems = broken_clips(open_corpus(f"table:{tmp_path / 't.csv'}"), seen.append)
    assert [(problem.kind, problem.where[-1]) for problem in problems] == [
        ("audio", "1"),
        ("audio", "2"),
        ("video", "2"),
    ]
    assert seen == [1, 2, 3]
