"""The face encoder: detector, crops, an embedding of each face, a GRU over time (article, 4.1.3).

`facenet` is the article's: InceptionResnetV1 on crops of 160x160, frozen unless `train_backbone`. `cnn` is a small
network trained with the rest, where its weights are not to be had or its time not to be spent.
"""

import random
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmerc.corpora import Clip, Dialogue
from mmerc.encoders import facenet
from mmerc.encoders.encoder import Batch, Classifier, Encoder, EncoderConfig, Encoding, Example, padded
from mmerc.encoders.face_tracks import cuts, faces_over_time, linked
from mmerc.encoders.facenet import InceptionResnetV1
from mmerc.encoders.mtcnn import FaceDetector
from mmerc.encoders.speaking import speaking_scores
from mmerc.errors import MissingModality, NoFace
from mmerc.media import Frames, read_frames, read_waveform
from mmerc.media.picture import read_picture
from mmerc.media.video import LARGEST_SIDE

Box = Float[Tensor, " 4"]
MOST_FRAMES = 240  # looked at in one utterance, however long: at 720p they take 660 MB


class FaceConfig(EncoderConfig):
    """`images`: frames looked at, evenly spaced. `largest_side`: pixels to which bigger frames are reduced.

    `smallest`: side in pixels of the smallest face looked for, after that reduction. `track`: whose face it is: in each
    frame the largest (the article), or through the clip the one seen longest, or the one that speaks; the last two look
    at `rate` frames a second.
    """

    backbone: Literal["facenet", "cnn"] = "facenet"
    weights: Literal["vggface2", "casia-webface"] = "vggface2"
    train_backbone: bool = False
    images: int = Field(50, ge=1, le=500)
    track: Literal["largest", "longest", "speaking"] = "largest"
    rate: float = Field(12.5, gt=0, le=60)
    largest_side: int = Field(LARGEST_SIDE, ge=64)
    smallest: int = Field(20, ge=12)
    side: int = Field(48, ge=16, description="pixels of a crop for the small network")
    channels: int = Field(24, ge=4, description="of the small network's first layer")
    hidden: int = Field(256, ge=4, description="of the GRU")
    dropout: float = Field(0.3, ge=0, lt=1)


class SmallCnn(nn.Module):
    """Four convolutions that halve the picture each time: [N, 3, S, S] -> [N, width]."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        widths = (3, channels, 2 * channels, 4 * channels, 4 * channels)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
                for a, b in pairwise(widths)
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.width = widths[-1] * 4

    def forward(self, faces: Float[Tensor, "N 3 S S"]) -> Float[Tensor, "N d"]:
        # Four quarters instead of one mean: where in the face something happens is what an expression is.
        return self.dropout(F.adaptive_avg_pool2d(self.layers(faces), 2).flatten(1))


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
        if config.backbone == "cnn":
            self.backbone, inputs = (cnn := SmallCnn(config.channels, config.dropout)), cnn.width
        else:
            plain = blank or not config.pretrained
            with torch.random.fork_rng(devices=[]):
                # The same for every seed of a run: they share the embeddings that a frozen backbone has given.
                torch.manual_seed(0)
                self.backbone = InceptionResnetV1() if plain else InceptionResnetV1.pretrained(config.weights)
            inputs = facenet.WIDTH
        self.frozen = config.backbone == "facenet" and not config.train_backbone
        if self.frozen:
            self.backbone.requires_grad_(False)
        # torch's GRU applies the reset gate after the hidden state's matrix, tanh(W x + r * (U h)), where Eq. 4 has
        # tanh(W x + U (h * r)). Both are in use (Cho et al. 2014 against cuDNN); torch's is the article's own code.
        self.gru = nn.GRU(inputs, config.hidden, batch_first=True)
        self.width = config.hidden
        self.emotion = Classifier(config.hidden, classes, dropout=config.dropout)
        self.train()  # a new module is in training mode throughout; ours keeps detector and frozen backbone out of it

    @classmethod
    def _rebuild(cls, folder: object, config: EncoderConfig, classes: int) -> Encoder:
        return cls(config, classes, blank=True)

    def train(self, mode: bool = True) -> "Face":
        super().train(mode)
        self.detector.eval()
        if self.frozen:
            self.backbone.eval()  # its batch statistics are part of its weights
        return self

    def prepare(self, dialogue: Dialogue, place: int) -> np.ndarray:
        """Crops [T, S, S, 3] as bytes, or, where the backbone is frozen, their embeddings [T, 512] in float16."""
        turn = dialogue.utterances[place]
        picture = turn.signals.get("face")
        if isinstance(picture, bytes):
            crops = self._sized(torch.from_numpy(read_picture(picture).copy()))[None].numpy()
        elif turn.clip is not None:
            crops = self.crops(turn.clip)
        else:
            raise MissingModality("it has no clip")
        if not self.frozen:
            return crops
        with torch.inference_mode():
            parts = [self.backbone(facenet.normalised(part)) for part in torch.from_numpy(crops).split(16)]
        return torch.cat(parts).half().numpy()

    def crops(self, clip: Clip) -> UInt8[np.ndarray, "T S S 3"]:
        """The face that is wanted in the clip's frames, as square pictures in the order of time.

        Raises:
            NoFace: no frame shows one.
        """
        if self.config.track == "largest":
            frames = read_frames(clip, self.config.images, largest_side=self.config.largest_side)
            boxes = self.largest(torch.from_numpy(frames.images))
        else:
            most = self.config.largest_side
            frames = read_frames(clip, MOST_FRAMES, largest_side=most, rate=self.config.rate)
            boxes = self._followed(clip, frames)
        if not boxes:
            raise NoFace(f"{clip.path.name} shows no face in any of {len(frames.times)} frames")
        return np.stack([self._cut(frames.images[place], box) for place, box in boxes])

    def largest(self, images: UInt8[Tensor, "F H W 3"]) -> list[tuple[int, Box]]:
        """The largest face of each frame that has one: the frame's place and the box."""
        found = []
        for place, faces in enumerate(self.detector(images)):
            if len(faces):
                sizes = (faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1)
                found.append((place, faces.boxes[int(sizes.argmax())]))
        return found

    def _followed(self, clip: Clip, frames: Frames) -> list[tuple[int, Box]]:
        """One person's face at as many of the frames as are wanted."""
        images = torch.from_numpy(frames.images)
        shots = cuts(images)
        tracks = linked(faces_over_time(self.detector, images, shots), shots)
        if not tracks:
            return []
        scores = [float(len(track)) for track in tracks]
        if self.config.track == "speaking" and len(tracks) > 1:
            with suppress(MissingModality):  # without a sound, the one that is seen longest
                scores = speaking_scores(tracks, images, frames.times, read_waveform(clip), start=clip.start)
        chosen = tracks[max(range(len(tracks)), key=lambda number: (scores[number], len(tracks[number])))]
        places = np.unique(np.linspace(0, len(chosen) - 1, self.config.images).round().astype(int))
        return [(chosen.frames[place], chosen.boxes[place]) for place in places]

    def _cut(self, image: UInt8[np.ndarray, "H W 3"], box: Box) -> UInt8[np.ndarray, "S S 3"]:
        height, width = image.shape[:2]
        left, top = min(max(int(box[0]), 0), width - 1), min(max(int(box[1]), 0), height - 1)
        right, bottom = max(min(int(box[2]), width), left + 1), max(min(int(box[3]), height), top + 1)
        return self._sized(torch.from_numpy(image[top:bottom, left:right])).numpy()

    @property
    def _side(self) -> int:
        return facenet.SIDE if self.config.backbone == "facenet" else self.config.side

    def _sized(self, cut: UInt8[Tensor, "H W 3"]) -> UInt8[Tensor, "S S 3"]:
        whole = cut.permute(2, 0, 1)[None].float()
        return F.interpolate(whole, (self._side, self._side), mode="area").byte()[0].permute(1, 2, 0)

    def collate(self, examples: Sequence[Example], dice: random.Random | None = None) -> Batch:
        arrays = [example.values for example in examples]
        if dice is not None and self.training and not self.frozen:
            arrays = [array[:, :, ::-1] if dice.random() < 0.5 else array for array in arrays]  # mirrored
        faces, mask = padded(arrays)
        return {"faces": faces, "mask": mask}

    def forward(self, batch: Batch) -> Encoding:
        faces, mask = batch["faces"], batch["mask"]
        if self.frozen:
            embedded = faces.float()  # [B, T, 512]
        else:
            real = self.backbone(facenet.normalised(faces[mask]))  # [N, e]: padding is not looked at
            embedded = real.new_zeros(*mask.shape, real.shape[-1])
            embedded[mask] = real
        packed = pack_padded_sequence(embedded, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        outputs, last = self.gru(packed)  # last: [1, B, d], the hidden state of each one's last real image
        sequence, _ = pad_packed_sequence(outputs, batch_first=True, total_length=mask.shape[1])
        return Encoding(sequence, mask, self.emotion(last[0]))
