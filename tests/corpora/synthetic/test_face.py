import numpy as np
import pytest
import torch

from mmerc.corpora.synthetic.face import EXPRESSIONS, HEIGHT, LOOKS, STEPS, WIDTH, draw_portrait, render_frames
from mmerc.encoders.face.mtcnn import MTCNN


def test_expressions_change_the_face_and_nothing_else() -> None:
    rest = draw_portrait("Ada", "rest", STEPS - 1).astype(int)
    for name in EXPRESSIONS.keys() - {"rest"}:
        changed = np.abs(draw_portrait("Ada", name, STEPS - 1).astype(int) - rest).max(-1) > 25
        assert changed.mean() > 0.003
        assert not changed[:, :60].any() and not changed[:, -60:].any()


def test_a_film_has_its_frames_and_grain() -> None:
    frames = render_frames("smile", "Ben", 5, np.random.default_rng(0))
    assert frames.shape == (5, HEIGHT, WIDTH, 3)
    assert not np.array_equal(frames[0], frames[1])


@pytest.mark.weights
def test_the_real_detector_finds_every_face() -> None:
    pictures = np.stack([draw_portrait(who, name, STEPS - 1) for who in LOOKS for name in EXPRESSIONS])
    detector = MTCNN.pretrained(min_face_size=32)
    assert [len(faces) for faces in detector(torch.from_numpy(pictures))] == [1] * len(pictures)
    room = draw_portrait("Ada", None, 0)
    assert len(detector(torch.from_numpy(room[None].copy()))[0]) == 0
