"""Files as the tools write them."""

from pathlib import Path

import numpy as np
import pytest

from mmerc.corpora import open_corpus
from mmerc.corpora.packs.tool_csv import read_tool_csv

OPENFACE = """frame, face_id, timestamp, confidence, success, gaze_0_x, AU01_r, AU45_c
1, 0, 0.000, 0.98, 1, 0.10, 1.50, 0.0
2, 0, 0.033, 0.00, 0, 0.00, 0.00, 0.0
3, 0, 0.067, 0.98, 1, 0.30, 2.50, 1.0
3, 1, 0.067, 0.98, 1, 9.00, 9.00, 9.0
"""
PY_FEAT = """,frame,FaceRectX,FaceScore,AU01,happiness,input
0,0,10.5,0.99,0.5,0.25,clip.mp4
1,1,,,,,clip.mp4
"""
OPENSMILE = """name;frameTime;F0_sma;loudness_sma
'unknown';0.000000;110.0;0.5
'unknown';0.010000;112.0;0.75
"""
FUNCTIONALS = """file,start,end,F0semitone_amean,loudness_amean
a.wav,0 days,0 days 00:00:01,27.5,0.5
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OPENFACE, [[0.1, 1.5, 0.0], [0.3, 2.5, 1.0]]),
        (PY_FEAT, [[10.5, 0.5, 0.25]]),
        (OPENSMILE, [[110.0, 0.5], [112.0, 0.75]]),
        (FUNCTIONALS, [[27.5, 0.5]]),
    ],
)
def test_only_features_of_usable_rows_are_read(tmp_path: Path, text: str, expected: list[list[float]]) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert read_tool_csv(tmp_path / "a.csv").tolist() == expected


def test_a_folder_of_them_is_a_signal(tmp_path: Path) -> None:
    (tmp_path / "utterances.csv").write_text("dialogue,utterance,speaker,text\n0,0,A,hi\n0,1,A,ho\n0,2,A,hm\n")
    (tmp_path / "openface").mkdir()
    (tmp_path / "openface" / "dia0_utt0.csv").write_text(OPENFACE)
    (tmp_path / "openface" / "0_1.csv").write_text("frame, success, gaze_0_x\n1, 0, 0.0\n")  # no face
    (tmp_path / "openface" / "0_2.csv").write_bytes(b"\xff\x00rubbish")
    corpus = open_corpus(f"pack:{tmp_path}")
    first, second, third = corpus.utterances("test")
    assert np.asarray(first.signals["openface"]).shape == (2, 3)
    assert not second.signals and not third.signals
    assert [problem.kind for problem in corpus.problems] == ["signal"]
