"""What the audio encoders share: a clip's samples, as 16-bit integers while they are stored."""

import random
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int16
from pydantic import Field
from torch import Tensor

from mmerc.corpora import Dialogue
from mmerc.encoders.audio.augmentation import altered
from mmerc.encoders.base import Batch, Encoder, EncoderConfig, Example, padded
from mmerc.errors import MissingModality
from mmerc.media import SAMPLE_RATE
from mmerc.media.audio import Channel
from mmerc.media.live_input import read_utterance_waveform
from mmerc.media.voice_activity import find_speech

FULL_SCALE = 32_768
MARGIN = SAMPLE_RATE // 10  # kept before the first and after the last speech, where consonants and breath are


class SpeechConfig(EncoderConfig):
    """Settings of the audio encoders. `speed`, `gain` and `noise`: how a voice is altered each time it is trained on (`augmentation.altered`)."""

    channel: Channel = Field("mean", description="how a clip's channels become one")
    longest: float = Field(30.0, description="seconds of an utterance that are heard")
    least_speech: float = Field(
        0.0,
        ge=0,
        description="seconds of speech below which the audio counts as missing, and what lies before the first and behind the last is left out; 0 takes all that is not silent",
    )
    speed: float = Field(0.0, ge=0, lt=0.5, description="largest change of speed, a share")
    gain: float = Field(0.0, ge=0, description="largest change of level, dB")
    noise: float = Field(0.0, ge=0, le=1, description="how often noise is added")


class SpeechEncoder(Encoder):
    """Base of the encoders that read a waveform."""

    config: SpeechConfig

    def prepare(self, dialogue: Dialogue, place: int) -> Int16[np.ndarray, " S"]:
        turn = dialogue.utterances[place]
        waveform = read_utterance_waveform(turn, channel=self.config.channel, max_seconds=self.config.longest)
        waveform = waveform - waveform.mean()  # a constant is no sound: cheap converters add one
        if self.config.least_speech:
            stretches = find_speech(waveform)
            if sum(end - start for start, end in stretches) < self.config.least_speech * SAMPLE_RATE:
                raise MissingModality(f"nobody speaks in {turn.clip.path.name if turn.clip is not None else turn.name}")
            waveform = waveform[max(0, stretches[0][0] - MARGIN) : stretches[-1][1] + MARGIN]
        return np.clip(np.round(waveform * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)

    def sample(self, length: int) -> Int16[np.ndarray, " S"]:
        return np.random.default_rng(0).integers(-9999, 9999, length * SAMPLE_RATE // 10, np.int16)

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        samples, mask = padded(self.waveforms(examples, rng))
        return {"waveform": samples, "samples": mask.sum(1)}

    def waveforms(self, examples: Sequence[Example], rng: random.Random | None) -> list[Float[np.ndarray, " _"]]:
        """Samples in [-1, 1], altered where they are trained on."""
        waves = [example.values.astype(np.float32) / FULL_SCALE for example in examples]
        if rng is None or not self.training:
            return waves
        settings = self.config
        return [altered(wave, rng, speed=settings.speed, gain=settings.gain, noise=settings.noise) for wave in waves]


def steps_mask(counts: Tensor, longest: int | Tensor) -> Bool[Tensor, "B T"]:
    """The mask of sequences with `counts` real steps each."""
    # While a network is traced for ONNX its sizes are tensors.
    return torch.arange(longest, device=counts.device)[None] < counts[:, None]  # type: ignore[arg-type]


def softmax_pooled(
    sequence: Float[Tensor, "B T d"], scores: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]
) -> Float[Tensor, "B d"]:
    """The mean of the real steps, weighted by the softmax of their scores."""
    weights = scores.masked_fill(~mask, float("-inf")).softmax(1)
    return (weights[..., None] * sequence).sum(1)


def attended_statistics(
    sequence: Float[Tensor, "B T d"], scores: Float[Tensor, "B T"], mask: Bool[Tensor, "B T"]
) -> Float[Tensor, "B e"]:
    """The mean of the real steps and their standard deviation around it, weighted by the softmax of their scores:
    e = 2 d (attentive statistics pooling, Okabe et al. 2018)."""
    mean = softmax_pooled(sequence, scores, mask)
    square = softmax_pooled(sequence.square(), scores, mask)
    return torch.cat([mean, (square - mean.square()).clamp(min=1e-6).sqrt()], 1)
