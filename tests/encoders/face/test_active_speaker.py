"""Active speaker detection on videos of draw_portraits whose mouths follow a voice, another voice, or nothing."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from benchmarks.reference.two_people import FRAMES, TIMES, compose_video, make_voice, pick_people

from mmerc.corpora import Clip, Utterance
from mmerc.corpora.synthetic.face import draw_portrait
from mmerc.encoders.face.active_speaker import compute_loudness, score_speakers, smooth
from mmerc.encoders.face.config import FaceConfig
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.encoders.face.tracks import Track, detect_over_time, link_tracks


@pytest.mark.weights
@pytest.mark.parametrize("others", ["still", "another voice"])
def test_the_person_whose_mouth_follows_the_voice_is_chosen(others: str) -> None:
    detector = MTCNN.pretrained(min_face_size=40)
    right = 0
    for trial in range(2):
        waveform, mouth = make_voice(trial)
        other = np.zeros(FRAMES) if others == "still" else make_voice(100 + trial)[1]
        is_left = trial % 2 == 0
        images = torch.from_numpy(compose_video(*((mouth, other) if is_left else (other, mouth)), seed=trial))
        tracks = [track for track in link_tracks(detect_over_time(detector, images, [0])) if len(track) > FRAMES / 2]
        assert len(tracks) == 2
        scores = score_speakers(tracks, images, TIMES, waveform)
        chosen = tracks[int(np.argmax(scores))]
        right += (float(chosen.boxes[0, 0]) < 320) == is_left
    assert right == 2


def test_a_short_track_scores_below_a_still_face() -> None:
    brief = Track([0, 1], torch.ones(2, 4), torch.ones(2), torch.ones(2, 5, 2))
    black = torch.zeros(10, 20, 20, 3, dtype=torch.uint8)
    still = Track(list(range(10)), torch.ones(10, 4), torch.ones(10), torch.full((10, 5, 2), 9.0))
    assert score_speakers([brief, still], black, np.arange(10) / 10, np.ones(16_000, np.float32)) == [-1.0, 0.0]


def test_loudness_at_the_times_of_frames() -> None:
    waveform = np.concatenate([np.zeros(16_000), np.full(16_000, 0.5)]).astype(np.float32)
    assert compute_loudness(waveform, np.array([0.5, 1.5])).tolist() == [0.0, 0.5]
    assert compute_loudness(waveform, np.array([0.5])).tolist() == [0.0]
    assert smooth(np.array([0.0, 3.0, 0.0])).tolist() == [1.0, 1.0, 1.0]
    assert smooth(np.array([5.0])).tolist() == [5.0]


@pytest.mark.weights
def test_the_encoder_crops_the_speaker(tmp_path: Path) -> None:
    waveform, mouth = make_voice(0)
    still = np.zeros(FRAMES)
    file = tmp_path / "two.mp4"
    with av.open(str(file), "w") as container:
        video = container.add_stream("libx264", rate=25, width=640, height=240, pix_fmt="yuv420p")
        audio = container.add_stream("aac", rate=16_000, layout="mono")
        for image in np.repeat(compose_video(mouth, still, seed=3), 2, 0):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        for start in range(0, len(waveform) - 1024, 1024):
            frame = av.AudioFrame.from_ndarray(waveform[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, start
            container.mux(audio.encode(frame))
        container.mux(audio.encode())
    crops, notes = {}, {}
    for track in ("largest", "longest", "speaking"):
        settings = FaceConfig(encoder="face", backbone="cnn", num_frames=8, min_face_size=40, track=track)  # type: ignore[arg-type]
        crops[track], notes[track] = Face(settings, 7).find_faces(Utterance("t", 0, 0, clip=Clip(file)))
        assert crops[track].shape == (8, 48, 48, 3)
    speaker, silent = (draw_portrait(who, "wide", 0)[60:180, 100:220].mean((0, 1)) for who in pick_people(3))
    colour = crops["speaking"].mean((0, 1, 2))
    assert np.abs(colour - speaker).sum() < np.abs(colour - silent).sum()
    assert notes["largest"]["track"] == "largest" and len(notes["largest"]["times"]) == 8
    spoke = notes["speaking"]
    assert spoke["track"] == "speaking" and spoke["tracks"] == 2 and spoke["scores"][0] > spoke["scores"][1]
    assert len(spoke["times"]) == 8 and max(spoke["times"]) < spoke["frames"]
