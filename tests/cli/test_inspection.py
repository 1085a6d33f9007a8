import json
from pathlib import Path

import numpy as np

from tests.cli.run import run
from tests.media.clips import write_wav


def test_the_command_shows_every_file_and_prints_json(tmp_path: Path) -> None:
    write_wav(tmp_path / "talk.wav", np.full((1, 32_000), 0.1))
    (tmp_path / "talk.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nANN: [Well] yes\n")
    (tmp_path / "x.bin").write_bytes(b"\0\1")
    files = [str(tmp_path / name) for name in ("talk.wav", "talk.srt", "x.bin")]
    shown = run("inspect", *files)
    assert shown.exit_code == 0, shown.stderr
    for part in ("recording, wav, 0:02.00", "audio 0", "transcript, SubRip, utf-8, 1 utterance", "not readable:"):
        assert part in shown.stdout
    found = json.loads(run("inspect", "--json", *files).stdout)
    assert [each["kind"] for each in found] == ["recording", "transcript", "unreadable"]
