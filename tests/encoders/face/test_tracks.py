"""Shots, tracks, and detection in real videos compared with a full search of every frame."""

from pathlib import Path

import pytest
import torch
from benchmarks.reference.plain_mtcnn import detect_faces

from mmerc.corpora import Clip
from mmerc.encoders.face.boxes import compute_iou
from mmerc.encoders.face.detector import Faces
from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.encoders.face.tracks import detect_over_time, find_shots, link_tracks
from mmerc.media import read_frames


def make_faces(*boxes: tuple[int, int, int, int]) -> Faces:
    found = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return Faces(found, torch.ones(len(found)), torch.zeros(len(found), 5, 2), found)


def test_a_person_who_looks_away_keeps_the_track() -> None:
    left, right = (0, 0, 10, 10), (50, 0, 60, 10)
    tracks = link_tracks(
        [make_faces(left, right), make_faces(right), make_faces(right, (1, 0, 11, 10)), make_faces((2, 0, 12, 10))]
    )
    assert [track.frames for track in tracks] == [[0, 2, 3], [0, 1, 2]]
    assert tracks[0].boxes[:, 0].tolist() == [0.0, 1.0, 2.0] and len(tracks[1]) == 3


def test_a_face_far_away_or_after_a_gap_or_in_a_new_shot_is_a_new_track() -> None:
    here, there = (0, 0, 10, 10), (50, 0, 60, 10)
    assert [track.frames for track in link_tracks([make_faces(here), make_faces(there)])] == [[0], [1]]
    gone = [make_faces(here), *[make_faces()] * 13, make_faces(here)]
    assert [track.frames for track in link_tracks(gone)] == [[0], [14]]
    assert link_tracks([]) == [] and link_tracks([make_faces()]) == []
    assert [track.frames for track in link_tracks([make_faces(here)] * 4, [0, 2])] == [[0, 1], [2, 3]]  # a new shot


def test_each_track_takes_one_face_of_a_frame() -> None:
    tracks = link_tracks([make_faces((0, 0, 10, 10)), make_faces((0, 0, 10, 10), (1, 0, 11, 10))])
    assert [track.frames for track in tracks] == [[0, 1], [1]]


def test_a_sudden_change_is_a_new_shot_and_a_slow_change_is_not() -> None:
    dark, light = torch.full((1, 40, 40, 3), 20, dtype=torch.uint8), torch.full((1, 40, 40, 3), 200, dtype=torch.uint8)
    assert find_shots(torch.cat([dark, dark, light, light, dark])) == [0, 2, 4]
    fading = torch.arange(20, 200, 10, dtype=torch.uint8)[:, None, None, None].expand(-1, 40, 40, 3)
    assert find_shots(fading) == [0]


@pytest.mark.realdata
@pytest.mark.weights
def test_the_detector_finds_the_faces_of_the_reference(real_data: Path) -> None:
    images = torch.from_numpy(read_frames(Clip(real_data / "clips" / "facenet_video.mp4"), 2).images)
    detector = MTCNN.pretrained()
    for ours, theirs in zip(detector(images), detect_faces(detector, images), strict=True):
        assert len(ours) == len(theirs) > 3
        assert compute_iou(ours.boxes, theirs.boxes).diagonal().min() > 0.999
        assert torch.allclose(ours.landmarks, theirs.landmarks, atol=0.1)


@pytest.mark.realdata
@pytest.mark.weights
def test_a_track_ends_when_the_face_leaves_the_image(real_data: Path) -> None:
    clip = Clip(real_data / "clips" / "pyfeat_face_noface.mov")
    images = torch.from_numpy(read_frames(clip, 40, max_side=480).images)
    detector = MTCNN.pretrained(min_face_size=20)
    followed, searched = detect_over_time(detector, images, find_shots(images)), detector(images)
    assert [len(each) for each in followed] == [len(each) for each in searched]
    assert sum(map(len, searched)) == 15
    both = [(a.boxes, b.boxes) for a, b in zip(followed, searched, strict=True) if len(b)]
    assert min(float(compute_iou(a, b)) for a, b in both) > 0.85
    (track,) = link_tracks(followed)
    assert track.frames == list(range(15))
