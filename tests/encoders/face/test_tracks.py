"""Faces over time: cuts, links, and the real clips beside a search of every frame."""

from pathlib import Path

import pytest
import torch

from mmerc.corpora import Clip
from mmerc.encoders.face.boxes import overlaps
from mmerc.encoders.face.mtcnn import FaceDetector, Faces
from mmerc.encoders.face.tracks import cuts, faces_over_time, linked
from mmerc.media import read_frames
from tests.encoders.face.plain_mtcnn import PlainDetector


def faces(*boxes: tuple[int, int, int, int]) -> Faces:
    found = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return Faces(found, torch.ones(len(found)), torch.zeros(len(found), 5, 2), found)


def test_two_people_are_two_tracks_also_when_one_looks_away() -> None:
    left, right = (0, 0, 10, 10), (50, 0, 60, 10)
    tracks = linked([faces(left, right), faces(right), faces(right, (1, 0, 11, 10)), faces((2, 0, 12, 10))])
    assert [track.frames for track in tracks] == [[0, 2, 3], [0, 1, 2]]
    assert tracks[0].boxes[:, 0].tolist() == [0.0, 1.0, 2.0] and len(tracks[1]) == 3


def test_who_comes_back_late_or_elsewhere_is_somebody_new() -> None:
    here, there = (0, 0, 10, 10), (50, 0, 60, 10)
    assert [track.frames for track in linked([faces(here), faces(there)])] == [[0], [1]]
    gone = [faces(here), *[faces()] * 13, faces(here)]
    assert [track.frames for track in linked(gone)] == [[0], [14]]
    assert linked([]) == [] and linked([faces()]) == []
    assert [track.frames for track in linked([faces(here)] * 4, [0, 2])] == [[0, 1], [2, 3]]  # another shot


def test_a_face_never_joins_two_tracks_and_each_track_takes_one() -> None:
    tracks = linked([faces((0, 0, 10, 10)), faces((0, 0, 10, 10), (1, 0, 11, 10))])
    assert [track.frames for track in tracks] == [[0, 1], [1]]


def test_another_shot_is_a_cut_and_a_slow_change_is_none() -> None:
    dark, light = torch.full((1, 40, 40, 3), 20, dtype=torch.uint8), torch.full((1, 40, 40, 3), 200, dtype=torch.uint8)
    assert cuts(torch.cat([dark, dark, light, light, dark])) == [0, 2, 4]
    fading = torch.arange(20, 200, 10, dtype=torch.uint8)[:, None, None, None].expand(-1, 40, 40, 3)
    assert cuts(fading) == [0]


@pytest.mark.realdata
@pytest.mark.weights
def test_the_fast_form_finds_what_the_plain_one_finds(real_data: Path) -> None:
    images = torch.from_numpy(read_frames(Clip(real_data / "clips" / "facenet_video.mp4"), 2).images)
    fast, plain = (kind.pretrained()(images) for kind in (FaceDetector, PlainDetector))
    for ours, theirs in zip(fast, plain, strict=True):
        assert len(ours) == len(theirs) > 3
        assert overlaps(ours.boxes, theirs.boxes).diagonal().min() > 0.999
        assert torch.allclose(ours.landmarks, theirs.landmarks, atol=0.1)


@pytest.mark.realdata
@pytest.mark.weights
def test_following_keeps_to_the_face_until_it_leaves_the_picture(real_data: Path) -> None:
    clip = Clip(real_data / "clips" / "pyfeat_face_noface.mov")
    images = torch.from_numpy(read_frames(clip, 40, max_side=480).images)
    detector = FaceDetector.pretrained(smallest=20)
    followed, searched = faces_over_time(detector, images, cuts(images)), detector(images)
    assert [len(each) for each in followed] == [len(each) for each in searched]
    assert sum(map(len, searched)) == 15
    both = [(a.boxes, b.boxes) for a, b in zip(followed, searched, strict=True) if len(b)]
    assert min(float(overlaps(a, b)) for a, b in both) > 0.85
    (track,) = linked(followed)
    assert track.frames == list(range(15))
