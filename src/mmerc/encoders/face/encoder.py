"""The face encoder: face detection, an embedding of each face, a GRU over time (paper, 4.1.3).

Backbones, which compute the embeddings:

facenet       InceptionResnetV1, the paper's; crops of 160x160 pixels; frozen unless `train_backbone`
cnn           a small network that is trained together with the GRU, or loaded from a trained model and frozen
resnet        the same, wider
other names   a pre-trained image network of transformers, by hub name or folder; frozen unless `train_backbone`
"""

import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mmerc.config import Protocol
from mmerc.corpora import ChosenFace, Dialogue, LiveRecording, Utterance
from mmerc.encoders.base import Batch, Classifier, Encoder, EncoderConfig, Encoding, Example, pad_arrays
from mmerc.encoders.face import facenet
from mmerc.encoders.face.augmentation import augment_faces
from mmerc.encoders.face.backbone import build_backbone
from mmerc.encoders.face.camera import CameraFace, CameraSearch
from mmerc.encoders.face.config import OWN_BACKBONES, FaceConfig
from mmerc.encoders.face.detector import FaceDetector
from mmerc.encoders.face.expression import GreyNetwork
from mmerc.encoders.face.mtcnn import MTCNN
from mmerc.encoders.face.selection import (
    FaceBox,
    crop_face,
    find_tracks,
    resize_face,
    score_tracks,
    select_largest_faces,
    select_track,
)
from mmerc.encoders.face.vision import VisionNetwork
from mmerc.encoders.face.yunet import YuNet
from mmerc.errors import MissingModality, NoFace
from mmerc.hardware import autocast_bf16
from mmerc.media import Frames, read_frames, space_evenly
from mmerc.media.image import read_picture
from mmerc.media.live_input import read_live_frames, read_live_frames_at, read_utterance_waveform
from mmerc.media.video import read_frames_at
from mmerc.recurrent import run_gru

IMAGE_SIGNAL = "face"  # the signal of an utterance that is one image and has no clip
MAX_TRACK_FRAMES = 240  # frames that tracking reads of one utterance; at 720p they take 660 MB
CROPS_AT_ONCE = 16  # crops that a frozen backbone embeds at once
DETECTORS: dict[str, type[FaceDetector]] = {"mtcnn": MTCNN, "yunet": YuNet}

TRACK_FPS = 12.5  # frames per second that are searched for faces when a track is followed


class Face(Encoder):
    """Embeddings of one face for each frame, in the order of time, and a GRU over them."""

    Config = FaceConfig
    reads_recordings = True
    config: FaceConfig

    def __init__(
        self,
        config: EncoderConfig,
        num_classes: int,
        *,
        protocol: Protocol = "offline",
        skip_weights: bool = False,
    ) -> None:
        """`skip_weights`: do not load the detector's and the backbone's weights; `restore` fills them in."""
        assert isinstance(config, FaceConfig)
        super().__init__(config, num_classes, protocol=protocol)
        kind = DETECTORS[config.detector]
        self.detector = (kind if skip_weights else kind.pretrained)(min_face_size=config.min_face_size)
        self.detector.requires_grad_(False)
        self.backbone: nn.Module
        with torch.random.fork_rng(devices=[]):
            # The runs of all seeds share the stored embeddings, so a frozen backbone must not depend on the seed.
            torch.manual_seed(0)
            self.backbone, self.crop_size, embedding_size = build_backbone(config, skip_weights)
        is_own = config.backbone in OWN_BACKBONES
        self.is_frozen = not config.train_backbone and (not is_own or bool(config.backbone_weights))
        if self.is_frozen:
            self.backbone.requires_grad_(False)
        # torch's GRU applies the reset gate after the matrix of the hidden state: tanh(W x + r * (U h)). Eq. 4 of the paper
        # has tanh(W x + U (h * r)). Both forms are common (cuDNN; Cho et al. 2014). The paper's code uses torch's.
        self.gru = nn.GRU(embedding_size, config.hidden_size, batch_first=True)
        self.width = config.hidden_size
        self.emotion = Classifier(config.hidden_size, num_classes, dropout=config.dropout)
        self.train()  # sets the detector and a frozen backbone to evaluation mode

    def save(self, folder: Path) -> None:
        super().save(folder)
        if isinstance(self.backbone, VisionNetwork):
            self.backbone.save(folder / "backbone")

    @classmethod
    def _rebuild(
        cls, folder: Path, config: EncoderConfig, num_classes: int, *, protocol: Protocol = "offline"
    ) -> Encoder:
        assert isinstance(config, FaceConfig)
        if not (folder / "backbone").is_dir():
            return cls(config, num_classes, protocol=protocol, skip_weights=True)
        saved = config.model_copy(update={"backbone": str(folder / "backbone")})
        encoder = cls(saved, num_classes, protocol=protocol, skip_weights=True)
        encoder.config = config
        return encoder

    def train(self, mode: bool = True) -> "Face":
        super().train(mode)
        self.detector.eval()
        if self.is_frozen:
            self.backbone.eval()  # its batch normalisation must use the trained statistics
        return self

    def optimize_for_inference(self) -> None:
        if isinstance(self.backbone, GreyNetwork):
            self.backbone.fuse_normalization()

    def prepare(self, dialogue: Dialogue, index: int) -> np.ndarray:
        """The array of the utterance at `index`.

        Crops [T, S, S, 3] as bytes or, if the backbone is frozen, their embeddings [T, e] in float16. Of the camera's images, embeddings
        in float32 if the backbone is not frozen, because each is computed once, when its image comes.

        Raises:
            MissingModality: the utterance has no frames, or no frame shows a face.
        """
        return self.prepare_with_notes(dialogue, index)[0]

    def prepare_with_notes(self, dialogue: Dialogue, index: int) -> tuple[np.ndarray, dict[str, Any]]:
        """The array that `prepare` returns, and `find_faces`'s notes under the key `face`."""
        utterance = dialogue.utterances[index]
        image = utterance.signals.get(IMAGE_SIGNAL)
        notes: dict[str, Any] = {}
        if isinstance(image, bytes):
            crops = resize_face(read_picture(image).copy(), self.crop_size)[None]
        elif utterance.face is not None:
            crops, notes = self.read_chosen_face(utterance.face, utterance.live)
        elif utterance.live is not None and self.config.track == "largest":
            return self._prepare_camera(utterance.live)
        elif utterance.clip is not None or utterance.live is not None:
            crops, notes = self.find_faces(utterance)
        else:
            raise MissingModality("it has no clip")
        if not self.is_frozen:
            return crops, {"face": notes}
        return self._embed_crops(crops).half().numpy(), {"face": notes}

    def _prepare_camera(self, live: LiveRecording) -> tuple[np.ndarray, dict[str, Any]]:
        faces, notes = self._find_camera_faces(live)
        if not self.is_frozen and self.has_graph:
            return np.stack([face.crop for face in faces if face.crop is not None]), {"face": notes}
        embeddings = self._embed_camera_faces(faces)
        return (embeddings.half() if self.is_frozen else embeddings).numpy(), {"face": notes}

    def look_ahead(self, lives: Sequence[LiveRecording]) -> None:
        """Find and embed the faces in the images that would be read if the utterances ended now; the latest image is one of them."""
        if self.config.track != "largest":
            return
        faces = self._camera.search([live for live in lives if live.images])
        if self.is_frozen or not self.has_graph:
            self._embed_camera_faces([face for face in faces if face.crop is not None])

    def find_faces(self, utterance: Utterance) -> tuple[UInt8[np.ndarray, "T S S 3"], dict[str, Any]]:
        """The crops of the chosen face in the order of time, and notes on how it was chosen.

        The notes have `track` (the setting), `frames` (number of frames that were searched) and `times` (of the crops, in
        seconds from the start of the recording). With tracking they also have `tracks` (number of people) and `scores` (of all
        tracks, the chosen one first; see `selection.score_tracks`).

        Raises:
            NoFace: no frame shows a face.
            NoVideo, ClipNotFound, ClipUnreadable: the recording has no frames.
        """
        config = self.config
        is_tracked = config.track != "largest"
        if utterance.live is not None and not is_tracked:
            faces, found = self._find_camera_faces(utterance.live)
            return np.stack([face.crop for face in faces if face.crop is not None]), found
        frames = self._read_frames(utterance, is_tracked)
        notes: dict[str, Any] = {"track": config.track, "frames": len(frames.times)}
        boxes: list[FaceBox] = []
        if is_tracked:
            boxes, scores = self._follow_face(utterance, frames)
            notes |= {"tracks": len(scores), "scores": [round(score, 4) for score in scores]}
        else:
            images = torch.from_numpy(frames.images)
            boxes = select_largest_faces(self.detector, images, skip_small_faces=config.skip_small_faces)
        if not boxes:
            where = utterance.clip.path.name if utterance.clip is not None else "the camera"
            raise NoFace(f"{where} shows no face in any of {len(frames.times)} frames")
        notes["times"] = [round(float(frames.times[index]), 3) for index, _ in boxes]
        crops = [
            crop_face(frames.images[index], box, self.crop_size, is_square=config.square_crop) for index, box in boxes
        ]
        return np.stack(crops), notes

    @property
    def _camera(self) -> CameraSearch:
        config = self.config
        return CameraSearch(
            self.detector,
            memo_key=self,
            count=config.num_frames,
            max_side=config.max_frame_side,
            skip_small_faces=config.skip_small_faces,
            crop=lambda image, box: crop_face(image, box, self.crop_size, is_square=config.square_crop),
        )

    def look(self, live: LiveRecording) -> list[tuple[float, CameraFace]]:
        """The time and the largest face of each image that is read of a live utterance. Raises NoVideo: no image can be read."""
        return self._camera.find_faces(live)

    def _find_camera_faces(self, live: LiveRecording) -> tuple[list[CameraFace], dict[str, Any]]:
        """The faces of the images that show one, in the order of time, and notes. Raises NoVideo, NoFace."""
        looks = self.look(live)
        shown = [(time, face) for time, face in looks if face.crop is not None]
        if not shown:
            raise NoFace(f"the camera shows no face in any of {len(looks)} frames")
        times = [round(time, 3) for time, _ in shown]
        return [face for _, face in shown], {"track": "largest", "frames": len(looks), "times": times}

    def _embed_camera_faces(self, faces: Sequence[CameraFace]) -> Float[Tensor, "T e"]:
        """The embeddings of faces with a crop; each is computed once."""
        new = [(face, face.crop) for face in faces if face.embedding is None and face.crop is not None]
        if new:
            for (face, _), embedding in zip(new, self._embed_crops(np.stack([crop for _, crop in new])), strict=True):
                face.embedding = embedding
        return (
            torch.stack([face.embedding for face in faces if face.embedding is not None]) if faces else torch.zeros(0)
        )

    def read_chosen_face(
        self, face: ChosenFace, live: LiveRecording | None = None
    ) -> tuple[UInt8[np.ndarray, "T S S 3"], dict[str, Any]]:
        """The crops of a face whose boxes are known, at most `num_frames`, evenly spaced, and notes like those of `find_faces`.

        `live`: has the images if the face has no clip.

        Raises:
            NoFace: no face is to be read; the error has the reason.
            NoVideo, ClipNotFound, ClipUnreadable: the recording has no frames.
        """
        if not face.times:
            raise NoFace(face.reason)
        chosen = space_evenly(len(face.times), self.config.num_frames)
        times, boxes = np.asarray(face.times)[chosen], np.asarray(face.boxes)[chosen]  # [T], [T, 4]
        crops = face.crops
        if not all(time in crops for time in times.tolist()):
            if face.clip is not None:
                frames = read_frames_at(face.clip, times.tolist(), max_side=self.config.max_frame_side)
            else:
                assert live is not None
                times = times - live.start
                frames = read_live_frames_at(live, times.tolist(), max_side=self.config.max_frame_side)
            nearest = np.abs(frames.times[:, None] - times).argmin(1)  # [F]
            times, crops = frames.times, self.crop_faces(frames, boxes[nearest])
        notes = {"track": "recording", "frames": len(times), "times": [round(float(time), 3) for time in times]}
        return np.stack([crops[time] for time in times.tolist()]), notes

    def crop_faces(self, frames: Frames, boxes: Float[np.ndarray, "F 4"]) -> dict[float, UInt8[np.ndarray, "S S 3"]]:
        """The crops of a face by the times of their frames: at most `num_frames`, evenly spaced.

        `boxes`: shares of the frames' width and height.
        """
        height, width = frames.images.shape[1:3]
        pixels = torch.tensor(boxes.tolist()).reshape(-1, 4) * torch.tensor([width, height, width, height])
        return {
            float(frames.times[index]): crop_face(
                frames.images[index], pixels[index], self.crop_size, is_square=self.config.square_crop
            )
            for index in space_evenly(len(boxes), self.config.num_frames)
        }

    def _read_frames(self, utterance: Utterance, is_tracked: bool) -> Frames:
        count = MAX_TRACK_FRAMES if is_tracked else self.config.num_frames
        if utterance.live is not None:
            return read_live_frames(utterance.live, count, max_side=self.config.max_frame_side)
        assert utterance.clip is not None
        fps = TRACK_FPS if is_tracked else float("inf")
        return read_frames(utterance.clip, count, max_side=self.config.max_frame_side, rate=fps)

    def _follow_face(self, utterance: Utterance, frames: Frames) -> tuple[list[FaceBox], list[float]]:
        """The faces of the person who is seen longest or who speaks, and the scores of all people; [] if there are none."""
        tracks = find_tracks(self.detector, torch.from_numpy(frames.images))
        if not tracks:
            return [], []
        waveform, start = None, 0.0
        if self.config.track == "speaking" and len(tracks) > 1:
            start = utterance.clip.start if utterance.clip is not None else 0.0
            with suppress(MissingModality):  # without audio the longest track is chosen
                waveform = read_utterance_waveform(utterance)
        return select_track(tracks, score_tracks(tracks, frames, waveform, start=start), self.config.num_frames)

    @torch.inference_mode()
    def _embed_crops(self, crops: UInt8[np.ndarray, "N S S 3"]) -> Float[Tensor, "N e"]:
        return torch.cat([self._embed(part) for part in torch.split(torch.from_numpy(crops), CROPS_AT_ONCE)])

    def _embed(self, faces: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N e"]:
        read = self._run_backbone
        if self.backbone.training:
            with autocast_bf16(faces.device, enabled=self.config.bf16):
                return read(faces).float()
        if not self.config.test_time_flip:
            return read(faces)
        embeddings, mirrored = read(torch.cat([faces, faces.flip(2)])).chunk(2)
        return (embeddings + mirrored) / 2

    def _run_backbone(self, faces: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N e"]:
        if self.config.backbone == "facenet":
            embeddings: Tensor = self.backbone(facenet.normalize_pixels(faces))
        else:
            embeddings = self.backbone(faces)
        return embeddings

    def make_example_input(self, length: int) -> np.ndarray:
        """Random crops or, if the backbone is frozen, random embeddings of `length` frames."""
        rng = np.random.default_rng(0)
        if self.is_frozen:
            return rng.normal(0, 0.05, (length, self.gru.input_size)).astype(np.float16)
        return rng.integers(0, 255, (length, self.crop_size, self.crop_size, 3), np.uint8)

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        """`faces` [B, T, ...], crops or embeddings, and `mask` [B, T]. Crops are augmented in training if `rng` is given."""
        arrays = [example.values for example in examples]
        if rng is not None and self.training and not self.is_frozen:
            arrays = augment_faces(arrays, self.config, rng)
        faces, mask = pad_arrays(arrays)
        return {"faces": faces, "mask": mask}

    def forward(self, batch: Batch) -> Encoding:
        faces, mask = batch["faces"], batch["mask"]
        if faces.is_floating_point():
            embeddings = faces.float()  # [B, T, e]
        else:
            real = self._embed(faces[mask])  # [N, e], without the padding
            embeddings = real.new_zeros(*mask.shape, real.shape[-1])
            embeddings[mask] = real
        sequence, last = run_gru(self.gru, embeddings, mask.sum(1))  # [B, T, d], [1, B, d]
        return Encoding(sequence, mask, self.emotion(last[0]))
