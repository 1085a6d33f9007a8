import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Clip, Dialogue, Utterance, open_corpus
from mmerc.encoders.base import Example
from mmerc.encoders.face.boxes import overlaps
from mmerc.encoders.face.encoder import Face, FaceConfig
from mmerc.errors import NoFace
from tests.media.clips import write_video

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def face() -> Face:
    torch.manual_seed(0)
    return Face(FaceConfig(encoder="face", backbone="cnn", images=4, smallest=32, hidden=8, channels=8), 7).eval()  # type: ignore[return-value]


def test_real_clips_give_crops_or_a_reason(face: Face, small_corpus: Path) -> None:
    shapes, reasons = [], []
    for dialogue in open_corpus(f"meld:{small_corpus}").dialogues("train"):
        for place, turn in enumerate(dialogue.utterances):
            if turn.clip:
                try:
                    shapes.append(face.prepare(dialogue, place).shape)
                except NoFace as missing:
                    reasons.append(str(missing))
    assert set(shapes) == {(4, 48, 48, 3)} and len(shapes) >= 9
    assert all("shows no face in any of 4 frames" in reason for reason in reasons)


def test_a_film_without_a_face(face: Face, tmp_path: Path) -> None:
    clip = Clip(write_video(tmp_path / "grey.mp4"))
    with pytest.raises(NoFace, match="shows no face in any of 4 frames"):
        face.prepare(Dialogue("t", 0, (Utterance("t", 0, 0, clip=clip),)), 0)


def test_the_largest_face_is_taken(face: Face) -> None:
    from skimage import data
    from skimage.transform import resize

    portrait = data.astronaut()[:300, 60:400]
    dark = (resize(portrait, (150, 170)) * 100).astype(np.uint8)
    picture = np.zeros((300, 520, 3), np.uint8)
    picture[:150, :170], picture[:, 180:] = dark, portrait
    empty = np.zeros_like(picture)
    ((place, box),) = face.largest(torch.from_numpy(np.stack([empty, picture])))
    ((_, expected),) = face.largest(torch.from_numpy(portrait[None].copy()))
    ((_, other),) = face.largest(torch.from_numpy(dark[None]))
    assert place == 1 and float(other[2] - other[0]) < 0.6 * float(expected[2] - expected[0])
    assert (box - torch.tensor([180, 0, 180, 0])).tolist() == pytest.approx(expected.tolist(), abs=4)


@torch.no_grad()
def test_the_classifier_reads_the_last_real_image(face: Face) -> None:
    rng = np.random.default_rng(0)
    short, long = (rng.integers(0, 255, (count, 48, 48, 3), np.uint8) for count in (2, 5))
    rows = [Example(("t", "0", "0"), short), Example(("t", "0", "1"), long)]
    together, alone = face(face.collate(rows)), face(face.collate(rows[:1]))
    assert together.mask.sum(1).tolist() == [2, 5]
    assert torch.allclose(together.logits[0], alone.logits[0], atol=1e-6)
    assert torch.allclose(face.emotion(together.sequence[0, 1]), together.logits[0], atol=1e-6)


def test_the_articles_backbone_is_frozen_and_its_embeddings_are_what_is_kept(small_corpus: Path) -> None:
    torch.manual_seed(0)
    paper = Face(FaceConfig(encoder="face", images=2, smallest=48, hidden=8, pretrained=False), 7)
    assert not paper.backbone.training and not any(value.requires_grad for value in paper.backbone.parameters())
    dialogue = open_corpus(f"meld:{small_corpus}").dialogues("train")[0]
    place = next(n for n, turn in enumerate(dialogue.utterances) if turn.clip)
    stored = paper.prepare(dialogue, place)
    assert stored.shape == (2, 512) and stored.dtype == np.float16
    assert np.linalg.norm(stored.astype(float), axis=1) == pytest.approx(1, abs=1e-2)


def test_restored_without_the_public_weights(face: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    face.save(tmp_path)
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "empty"))
    restored = Face.restore(tmp_path)
    batch = face.collate([Example(("t", "0", "0"), np.full((2, 48, 48, 3), 90, np.uint8))])
    assert torch.equal(restored(batch).logits, face(batch).logits)


@pytest.mark.realdata
def test_large_faces_first_finds_the_same_largest_face(face: Face, real_data: Path) -> None:
    from mmerc.media import read_frames

    for name in ("facenet_video.mp4", "pyfeat_face_noface.mov"):
        images = torch.from_numpy(read_frames(Clip(real_data / "clips" / name), 6, max_side=640).images)
        usual = face.largest(images)
        quick = Face.largest(_large_first(face), images)
        assert [place for place, _ in quick] == [place for place, _ in usual]
        for (_, box), (_, other) in zip(quick, usual, strict=True):
            assert float(overlaps(box[None], other[None])) > 0.85


def _large_first(face: Face) -> Face:
    quick = copy.copy(face)
    quick.config = face.config.model_copy(update={"large_first": True})
    return quick
