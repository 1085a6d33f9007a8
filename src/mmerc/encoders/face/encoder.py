"""The face encoder: detector, crops, an embedding of each face, a GRU over time (paper, 4.1.3).

`facenet` is the paper's: InceptionResnetV1 on crops of 160x160, frozen unless `train_backbone`. `cnn` is our small
network, trained with the rest, or frozen with the `weights` of a face encoder that was trained before. Any other name is
a picture network of transformers, by hub name or folder.
"""

import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmerc import weights
from mmerc.corpora import Dialogue, Utterance
from mmerc.encoders.base import Batch, Classifier, Encoder, EncoderConfig, Encoding, Example, padded
from mmerc.encoders.face import facenet
from mmerc.encoders.face.active_speaker import speaking_scores
from mmerc.encoders.face.expression import ExpressionNetwork, moved
from mmerc.encoders.face.facenet import InceptionResnetV1
from mmerc.encoders.face.mtcnn import FaceDetector
from mmerc.encoders.face.tracks import cuts, faces_over_time, linked
from mmerc.encoders.face.vision import VisionNetwork
from mmerc.errors import MissingModality, NoFace
from mmerc.media import Frames, read_frames
from mmerc.media.image import read_picture
from mmerc.media.live_input import read_live_frames, read_utterance_waveform
from mmerc.media.video import MAX_SIDE

Box = Float[Tensor, " 4"]
MOST_FRAMES = 240  # looked at in one utterance, however long: at 720p they take 660 MB


class FaceConfig(EncoderConfig):
    """Settings of the face encoder."""

    backbone: str = Field(
        "facenet", description="facenet, cnn, or the name or folder of a picture network of transformers"
    )
    weights: str = Field(
        "",
        description="for facenet vggface2 (where it is empty) or casia-webface; for cnn nothing, or the folder of a trained model whose face network is taken over",
    )
    train_backbone: bool = Field(
        False, description="train the pre-trained network, too, instead of storing what it says"
    )
    images: int = Field(50, ge=1, le=500, description="frames looked at, evenly spaced")
    track: Literal["largest", "longest", "speaking"] = Field(
        "largest",
        description="whose face: the largest in each frame (the paper), or through the clip that of the one seen longest, or of the one speaking",
    )
    rate: float = Field(12.5, gt=0, le=60, description="frames a second where a track is followed")
    large_first: bool = Field(
        False, description="where a frame shows a large face, small ones are not looked for (with track=largest)"
    )
    largest_side: int = Field(MAX_SIDE, ge=64, description="pixels to which bigger frames are reduced")
    smallest: int = Field(20, ge=12, description="pixels of the smallest face looked for, after that reduction")
    side: int = Field(48, ge=16, description="pixels of a crop for the small network")
    channels: int = Field(32, ge=8, description="of the small network's first layer")
    turn: float = Field(15.0, ge=0, le=180, description="degrees by which a picture is turned in training, at most")
    shift: float = Field(0.08, ge=0, le=0.5, description="share of the side by which it is moved, at most")
    zoom: float = Field(0.1, ge=0, lt=1, description="share by which it is zoomed, at most")
    hidden: int = Field(256, ge=4, description="of the GRU")
    dropout: float = Field(0.3, ge=0, lt=1, description="in the small network and before the classifier")


class Face(Encoder):
    """The largest face of each frame, embedded, in the order of time."""

    Config = FaceConfig
    config: FaceConfig

    def __init__(self, config: EncoderConfig, classes: int, *, blank: bool = False) -> None:
        """`blank`: the detector's and the backbone's weights will be filled in from a model folder."""
        assert isinstance(config, FaceConfig)
        super().__init__(config, classes)
        self.detector = (
            FaceDetector(smallest=config.smallest) if blank else FaceDetector.pretrained(smallest=config.smallest)
        )
        self.detector.requires_grad_(False)
        self.backbone: nn.Module
        with torch.random.fork_rng(devices=[]):
            # The same for every seed of a run: they share the embeddings that a frozen backbone has given.
            torch.manual_seed(0)
            self.backbone, self.side, inputs = self._network(blank)
        self.frozen = not config.train_backbone and (config.backbone != "cnn" or bool(config.weights))
        if self.frozen:
            self.backbone.requires_grad_(False)
        # torch's GRU applies the reset gate after the hidden state's matrix, tanh(W x + r * (U h)), where Eq. 4 has
        # tanh(W x + U (h * r)). Both are in use (Cho et al. 2014 against cuDNN); torch's is the paper's own code.
        self.gru = nn.GRU(inputs, config.hidden, batch_first=True)
        self.width = config.hidden
        self.emotion = Classifier(config.hidden, classes, dropout=config.dropout)
        self.train()  # a new module is in training mode throughout; ours keeps detector and frozen backbone out of it

    def _network(self, blank: bool) -> tuple[nn.Module, int, int]:
        """What reads each face, the side of the pictures it reads, and the width of its answer."""
        config = self.config
        if config.backbone == "facenet":
            plain = blank or not config.pretrained
            identity = InceptionResnetV1() if plain else InceptionResnetV1.pretrained(config.weights or "vggface2")
            return identity, facenet.SIDE, facenet.WIDTH
        if config.backbone == "cnn":
            cnn = ExpressionNetwork(config.channels, config.dropout)
            if config.weights and not blank:
                take_over(cnn, Path(config.weights))
            return cnn, config.side, cnn.width
        vision = VisionNetwork(config.backbone, pretrained=config.pretrained and not blank)
        return vision, vision.side, vision.width

    def save(self, folder: Path) -> None:
        super().save(folder)
        if isinstance(self.backbone, VisionNetwork):
            self.backbone.save(folder / "backbone")

    @classmethod
    def _rebuild(cls, folder: Path, config: EncoderConfig, classes: int) -> Encoder:
        assert isinstance(config, FaceConfig)
        if not (folder / "backbone").is_dir():
            return cls(config, classes, blank=True)
        encoder = cls(config.model_copy(update={"backbone": str(folder / "backbone")}), classes, blank=True)
        encoder.config = config
        return encoder

    def train(self, mode: bool = True) -> "Face":
        super().train(mode)
        self.detector.eval()
        if self.frozen:
            self.backbone.eval()  # its batch statistics are part of its weights
        return self

    def prepare(self, dialogue: Dialogue, place: int) -> np.ndarray:
        """Crops [T, S, S, 3] as bytes, or, where the backbone is frozen, their embeddings [T, 512] in float16."""
        return self.prepare_noted(dialogue, place)[0]

    def prepare_noted(self, dialogue: Dialogue, place: int) -> tuple[np.ndarray, dict[str, Any]]:
        """What `prepare` gives, and under `face` how the face was chosen (`found`)."""
        turn = dialogue.utterances[place]
        picture = turn.signals.get("face")
        notes: dict[str, Any] = {}
        if isinstance(picture, bytes):
            crops = self._sized(torch.from_numpy(read_picture(picture).copy()))[None].numpy()
        elif turn.clip is not None or turn.live is not None:
            crops, notes = self.found(turn)
        else:
            raise MissingModality("it has no clip")
        if not self.frozen:
            return crops, {"face": notes}
        with torch.inference_mode():
            parts = [self._embedded(part) for part in torch.from_numpy(crops).split(16)]
        return torch.cat(parts).half().numpy(), {"face": notes}

    def found(self, turn: Utterance) -> tuple[UInt8[np.ndarray, "T S S 3"], dict[str, Any]]:
        """The face that is wanted in the utterance's frames, as square pictures in the order of time, and how it was found.

        The notes: `track`, how it was chosen; `times`, seconds from the clip's start, of the frames that show it, of `frames`
        in all; and, where faces are followed, how many `tracks` there were and their `scores`, the chosen one's first
        (how its mouth goes with the voice, or, where that was not asked, the number of frames that show it).

        Raises:
            NoFace: no frame shows one.
        """
        largest = self.config.track == "largest"
        count = self.config.images if largest else MOST_FRAMES
        frames = self._frames(turn, count, float("inf") if largest else self.config.rate)
        images = torch.from_numpy(frames.images)
        boxes, scores = (self.largest(images), []) if largest else self._followed(turn, frames)
        if not boxes:
            where = turn.clip.path.name if turn.clip is not None else "the camera"
            raise NoFace(f"{where} shows no face in any of {len(frames.times)} frames")
        notes: dict[str, Any] = {
            "track": self.config.track,
            "frames": len(frames.times),
            "times": [round(float(frames.times[place]), 3) for place, _ in boxes],
        }
        if not largest:
            notes |= {"tracks": len(scores), "scores": [round(score, 4) for score in scores]}
        return np.stack([self._cut(frames.images[place], box) for place, box in boxes]), notes

    def _frames(self, turn: Utterance, count: int, rate: float) -> Frames:
        if turn.live is not None:
            return read_live_frames(turn.live, count, max_side=self.config.largest_side)
        assert turn.clip is not None
        return read_frames(turn.clip, count, max_side=self.config.largest_side, rate=rate)

    def largest(self, images: UInt8[Tensor, "F H W 3"]) -> list[tuple[int, Box]]:
        """The largest face of each frame that has one: the frame's place and the box."""
        found = []
        search = self.detector.large_first if self.config.large_first else self.detector
        for place, faces in enumerate(search(images)):
            if len(faces):
                sizes = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1)
                found.append((place, faces.boxes[int(sizes.argmax())]))
        return found

    def _followed(self, turn: Utterance, frames: Frames) -> tuple[list[tuple[int, Box]], list[float]]:
        """One person's face at as many of the frames as are wanted, and every person's score, that one's first."""
        images = torch.from_numpy(frames.images)
        shots = cuts(images)
        tracks = linked(faces_over_time(self.detector, images, shots), shots)
        if not tracks:
            return [], []
        scores = [float(len(track)) for track in tracks]
        if self.config.track == "speaking" and len(tracks) > 1:
            with suppress(MissingModality):  # without a sound, the one that is seen longest
                start = turn.clip.start if turn.clip is not None else 0.0
                scores = speaking_scores(tracks, images, frames.times, read_utterance_waveform(turn), start=start)
        order = sorted(range(len(tracks)), key=lambda number: (scores[number], len(tracks[number])), reverse=True)
        chosen = tracks[order[0]]
        places = np.unique(np.linspace(0, len(chosen) - 1, self.config.images).round().astype(int))
        return [(chosen.frames[place], chosen.boxes[place]) for place in places], [scores[number] for number in order]

    def _cut(self, image: UInt8[np.ndarray, "H W 3"], box: Box) -> UInt8[np.ndarray, "S S 3"]:
        height, width = image.shape[:2]
        left, top = min(max(int(box[0]), 0), width - 1), min(max(int(box[1]), 0), height - 1)
        right, bottom = max(min(int(box[2]), width), left + 1), max(min(int(box[3]), height), top + 1)
        return self._sized(torch.from_numpy(image[top:bottom, left:right])).numpy()

    def _embedded(self, faces: UInt8[Tensor, "N S S 3"]) -> Float[Tensor, "N e"]:
        embedded: Tensor = self.backbone(facenet.normalised(faces) if self.config.backbone == "facenet" else faces)
        return embedded

    def _sized(self, cut: UInt8[Tensor, "H W 3"]) -> UInt8[Tensor, "S S 3"]:
        whole = cut.permute(2, 0, 1)[None].float()
        return F.interpolate(whole, (self.side, self.side), mode="area").byte()[0].permute(1, 2, 0)

    def sample(self, length: int) -> np.ndarray:
        rng = np.random.default_rng(0)
        if self.frozen:
            return rng.normal(0, 0.05, (length, self.gru.input_size)).astype(np.float16)
        return rng.integers(0, 255, (length, self.side, self.side, 3), np.uint8)

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        arrays = [example.values for example in examples]
        if rng is not None and self.training and not self.frozen:
            turn, shift, zoom = self.config.turn, self.config.shift, self.config.zoom
            arrays = [moved(torch.tensor(array), rng, turn=turn, shift=shift, zoom=zoom).numpy() for array in arrays]
        faces, mask = padded(arrays)
        return {"faces": faces, "mask": mask}

    def forward(self, batch: Batch) -> Encoding:
        faces, mask = batch["faces"], batch["mask"]
        if self.frozen:
            embedded = faces.float()  # [B, T, 512]
        else:
            real = self._embedded(faces[mask])  # [N, e]: padding is not looked at
            embedded = real.new_zeros(*mask.shape, real.shape[-1])
            embedded[mask] = real
        packed = pack_padded_sequence(embedded, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        outputs, last = self.gru(packed)  # last: [1, B, d], the hidden state of each one's last real image
        sequence, _ = pad_packed_sequence(outputs, batch_first=True, total_length=mask.shape[1])
        return Encoding(sequence, mask, self.emotion(last[0]))


def take_over(network: nn.Module, folder: Path) -> None:
    """Fill a face network with that of the trained model in a folder, whatever emotions the model tells apart.

    Raises:
        WeightsError: there is no such model, or its face network is another one.
    """
    tensors = weights.read_tensors(folder / "encoders" / "face" / "model.safetensors")
    start = "backbone."
    own = {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
    weights.fill(network, own, str(folder))
