import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from mmerc.corpora import Clip, Dialogue, Utterance, open_corpus
from mmerc.encoders.base import Example
from mmerc.encoders.face.boxes import compute_iou
from mmerc.encoders.face.config import FaceConfig
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.encoders.face.selection import select_largest_faces
from mmerc.encoders.face.yunet import YuNet
from mmerc.errors import MissingModality, NoFace
from tests.media.clips import write_video

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def face() -> Face:
    torch.manual_seed(0)
    config = FaceConfig(encoder="face", backbone="cnn", num_frames=4, min_face_size=32, hidden_size=8, conv_channels=8)
    return Face(config, 7, protocol="online").eval()  # type: ignore[return-value]


def make_dialogue(**fields: object) -> Dialogue:
    return Dialogue("t", 0, (Utterance("t", 0, 0, **fields),))  # type: ignore[arg-type]


def test_real_clips_give_crops_or_a_reason(face: Face, small_corpus: Path) -> None:
    shapes, reasons = [], []
    for dialogue in open_corpus(f"meld:{small_corpus}").dialogues("train"):
        for index, utterance in enumerate(dialogue.utterances):
            if utterance.clip:
                try:
                    shapes.append(face.prepare(dialogue, index).shape)
                except NoFace as missing:
                    reasons.append(str(missing))
    assert set(shapes) == {(4, 48, 48, 3)} and len(shapes) >= 9
    assert all("shows no face in any of 4 frames" in reason for reason in reasons)


def test_a_video_without_a_face_lacks_the_modality(face: Face, tmp_path: Path) -> None:
    clip = Clip(write_video(tmp_path / "grey.mp4"))
    with pytest.raises(NoFace, match=r"^grey\.mp4 shows no face in any of 4 frames$"):
        face.prepare(make_dialogue(clip=clip), 0)


def test_an_utterance_without_a_clip_lacks_the_modality(face: Face) -> None:
    with pytest.raises(MissingModality, match="^it has no clip$"):
        face.prepare(make_dialogue(), 0)


def test_a_single_image_is_one_crop(face: Face) -> None:
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (30, 60), (10, 200, 30)).save(file, "PNG")
    crops, notes = face.prepare_with_notes(make_dialogue(signals={"face": file.getvalue()}), 0)
    assert crops.shape == (1, 48, 48, 3) and crops[0, 20, 20].tolist() == [10, 200, 30]
    assert notes == {"face": {}}


@torch.no_grad()
def test_the_classifier_reads_the_last_real_frame(face: Face) -> None:
    rng = np.random.default_rng(0)
    short, long = (rng.integers(0, 255, (count, 48, 48, 3), np.uint8) for count in (2, 5))
    examples = [Example(("t", "0", "0"), short), Example(("t", "0", "1"), long)]
    together, alone = face(face.collate(examples)), face(face.collate(examples[:1]))
    assert together.mask.sum(1).tolist() == [2, 5]
    assert torch.allclose(together.logits[0], alone.logits[0], atol=1e-6)
    assert torch.allclose(face.emotion(together.sequence[0, 1]), together.logits[0], atol=1e-6)


def test_the_papers_backbone_is_frozen_and_its_embeddings_are_stored(small_corpus: Path) -> None:
    torch.manual_seed(0)
    config = FaceConfig(encoder="face", num_frames=2, min_face_size=48, hidden_size=8, pretrained=False)
    paper = Face(config, 7)
    assert not paper.backbone.training and not any(value.requires_grad for value in paper.backbone.parameters())
    dialogue = open_corpus(f"meld:{small_corpus}").dialogues("train")[0]
    index = next(index for index, utterance in enumerate(dialogue.utterances) if utterance.clip)
    stored = paper.prepare(dialogue, index)
    assert stored.shape == (2, 512) and stored.dtype == np.float16
    assert np.linalg.norm(stored.astype(float), axis=1) == pytest.approx(1, abs=1e-2)


def test_a_saved_encoder_is_restored_without_the_public_weights(
    face: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face.save(tmp_path)
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "empty"))
    restored = Face.restore(tmp_path)
    batch = face.collate([Example(("t", "0", "0"), np.full((2, 48, 48, 3), 90, np.uint8))])
    assert torch.equal(restored(batch).logits, face(batch).logits)


def test_the_detector_is_chosen_by_name_and_saved(tmp_path: Path) -> None:
    config = FaceConfig(encoder="face", backbone="cnn", detector="yunet", hidden_size=8, conv_channels=8)
    face = Face(config, 7, skip_weights=True)
    assert isinstance(face.detector, YuNet)
    face.save(tmp_path)
    restored = Face.restore(tmp_path)
    assert isinstance(restored, Face) and isinstance(restored.detector, YuNet)
    assert torch.equal(restored.detector.network.model0.conv1.weight, face.detector.network.model0.conv1.weight)


def test_a_model_from_before_the_choice_has_mtcnn(face: Face, tmp_path: Path) -> None:
    face.save(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    del saved["detector"]
    (tmp_path / "config.json").write_text(json.dumps(saved))
    restored = Face.restore(tmp_path)
    assert isinstance(restored, Face) and isinstance(restored.detector, MTCNN)


@torch.no_grad()
def test_a_mirror_image_has_the_same_result_with_test_time_flip() -> None:
    torch.manual_seed(0)
    settings = {"backbone": "resnet", "conv_channels": 8, "hidden_size": 8, "test_time_flip": True}
    network = Face(FaceConfig(encoder="face", **settings), 7).eval()  # type: ignore[arg-type]
    crops = np.random.default_rng(0).integers(0, 255, (2, 48, 48, 3), np.uint8)
    batch, mirrored = (network.collate([Example(("t", "0", "0"), array)]) for array in (crops, crops[:, :, ::-1]))
    assert torch.allclose(network(batch).logits, network(mirrored).logits, atol=1e-6)
    assert not torch.allclose(network._run_backbone(batch["faces"][0]), network._embed(batch["faces"][0]))
    network.train()
    assert network.collate([Example(("t", "0", "0"), crops)], random.Random(0))["faces"].shape == (1, 2, 48, 48, 3)


def test_the_protocol_is_kept(face: Face) -> None:
    assert face.protocol == "online"


@pytest.mark.realdata
def test_skipping_small_faces_finds_the_same_largest_face(face: Face, real_data: Path) -> None:
    from mmerc.media import read_frames

    for name in ("facenet_video.mp4", "pyfeat_face_noface.mov"):
        images = torch.from_numpy(read_frames(Clip(real_data / "clips" / name), 6, max_side=640).images)
        full = select_largest_faces(face.detector, images)
        quick = select_largest_faces(face.detector, images, skip_small_faces=True)
        assert [index for index, _ in quick] == [index for index, _ in full]
        for (_, box), (_, other) in zip(quick, full, strict=True):
            assert float(compute_iou(box[None], other[None])) > 0.85
