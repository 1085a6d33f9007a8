"""What the audio encoders share: a clip's samples, as 16-bit integers while they are stored."""

import random
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int16
from torch import Tensor

from mmerc.corpora import Dialogue
from mmerc.encoders.encoder import Batch, Encoder, EncoderConfig, Example, padded
from mmerc.errors import MissingModality
from mmerc.media import read_waveform
from mmerc.media.audio import Channel

FULL_SCALE = 32_768


class SpeechConfig(EncoderConfig):
    """`channel`: how a clip's channels become one. `longest`: seconds of an utterance that are heard."""

    channel: Channel = "mean"
    longest: float = 30.0


class SpeechEncoder(Encoder):
    """Base of the encoders that read a waveform."""

    config: SpeechConfig

    def prepare(self, dialogue: Dialogue, place: int) -> Int16[np.ndarray, " S"]:
        clip = dialogue.utterances[place].clip
        if clip is None:
            raise MissingModality("it has no clip")
        waveform = read_waveform(clip, channel=self.config.channel, longest=self.config.longest)
        return np.clip(np.round(waveform * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)

    def collate(self, examples: Sequence[Example], dice: random.Random | None = None) -> Batch:
        samples, mask = padded([example.values for example in examples])
        return {"waveform": samples.float() / FULL_SCALE, "samples": mask.sum(1)}


def steps_mask(counts: Tensor, longest: int) -> Bool[Tensor, "B T"]:
    """The mask of sequences with `counts` real steps each."""
    return torch.arange(longest, device=counts.device)[None] < counts[:, None]


def softmax_pooled(
    sequence: Float[Tensor, "B T d"], scores: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]
) -> Float[Tensor, "B d"]:
    """The mean of the real steps, weighted by the softmax of their scores."""
    weights = scores.masked_fill(~mask, float("-inf")).softmax(1)
    return (weights[..., None] * sequence).sum(1)
