"""The base of the audio encoders: from a clip to samples, and from samples to a batch of waveforms."""

import random
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int16
from pydantic import Field

from mmerc.corpora import Dialogue
from mmerc.encoders.base import Batch, Encoder, EncoderConfig, Example, pad_arrays
from mmerc.errors import MissingModality
from mmerc.media import SAMPLE_RATE
from mmerc.media.audio import Channel
from mmerc.media.live_input import read_utterance_waveform
from mmerc.media.voice_activity import find_speech
from mmerc.memo import recall

INT16_SCALE = 32_768
SPEECH_MARGIN = SAMPLE_RATE // 10  # samples kept before and after the speech, for quiet consonants and breath


class SpeechConfig(EncoderConfig):
    """Settings of every audio encoder."""

    channel: Channel = Field(
        "mean",
        description="channels that are read: the mean of all, or the front centre, where films keep their dialogue",
    )
    max_seconds: float = Field(30.0, gt=0, description="seconds of an utterance that are read; the rest is left out")
    min_speech_seconds: float = Field(
        0.0,
        ge=0,
        description="minimum seconds of speech; an utterance with less has no audio. If this is above 0, the parts before and after "
        "the speech are also removed; 0 switches the speech detector off",
    )
    max_speed_change: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        description="largest random change of speed in training, as a fraction: 0.1 is 0.9 to 1.1 times as fast",
    )
    augmentation_probability: float = Field(
        0.0,
        ge=0,
        le=1,
        description="probability of each of these changes of a waveform in training, independently: reverberation, noise, band "
        "limit, clipping, codec. Above 0 it needs the extra `augmentation`",
    )


class SpeechEncoder(Encoder):
    """Base of the encoders that read a waveform at 16 kHz."""

    reads_recordings = True
    config: SpeechConfig

    def adapt(self, dialogues: Sequence[Dialogue]) -> None:
        """Load the augmentation, so that a missing library is reported before the training.

        Raises:
            ConfigError: `augmentation_probability` is above 0 and audiomentations is not installed.
        """
        if self.config.augmentation_probability:
            from mmerc.encoders.audio.augmentation import load_transforms

            load_transforms()

    def prepare(self, dialogue: Dialogue, index: int) -> Int16[np.ndarray, " S"]:
        """The samples of the utterance at `index`, as integers: the form in which they are stored.

        Raises:
            MissingModality: the utterance has no audio, only silence, or less speech than `min_speech_seconds`.
        """
        utterance = dialogue.utterances[index]
        waveform = read_utterance_waveform(utterance, channel=self.config.channel, max_seconds=self.config.max_seconds)
        waveform = waveform - waveform.mean()  # cheap converters add a constant offset
        if self.config.min_speech_seconds:
            memo = None if utterance.live is None else utterance.live.memo
            segments = recall(memo, (self, "speech"), waveform, lambda: find_speech(waveform))
            if sum(end - start for start, end in segments) < self.config.min_speech_seconds * SAMPLE_RATE:
                where = utterance.clip.path.name if utterance.clip is not None else "the microphone"
                raise MissingModality(f"{where} has less than {self.config.min_speech_seconds} s of speech")
            waveform = waveform[max(0, segments[0][0] - SPEECH_MARGIN) : segments[-1][1] + SPEECH_MARGIN]
        samples: np.ndarray = np.clip(np.round(waveform * INT16_SCALE), -INT16_SCALE, INT16_SCALE - 1)
        return samples.astype(np.int16)

    def make_example_input(self, length: int) -> Int16[np.ndarray, " S"]:
        """Random samples of `length` tenths of a second."""
        return np.random.default_rng(0).integers(-9999, 9999, length * SAMPLE_RATE // 10, np.int16)

    def collate(self, examples: Sequence[Example], rng: random.Random | None = None) -> Batch:
        """`waveform` [B, S] in [-1, 1] with zeros at the end, and `samples` [B], the number of real samples."""
        waveform, mask = pad_arrays(self.read_waveforms(examples, rng))
        return {"waveform": waveform, "samples": mask.sum(1)}

    def read_waveforms(self, examples: Sequence[Example], rng: random.Random | None) -> list[Float[np.ndarray, " _"]]:
        """The samples of each example in [-1, 1], augmented if the encoder is in training mode and `rng` is given."""
        waveforms = [example.values.astype(np.float32) / INT16_SCALE for example in examples]
        if rng is None or not self.training:
            return waveforms
        return [self.augment(waveform, rng) for waveform in waveforms]

    def augment(self, waveform: Float[np.ndarray, " S"], rng: random.Random) -> Float[np.ndarray, " s"]:
        """The waveform with the random changes that the settings name."""
        # Imported here: its libraries take time, and prediction does not need them.
        from mmerc.encoders.audio.augmentation import augment

        config = self.config
        return augment(
            waveform, rng, max_speed_change=config.max_speed_change, probability=config.augmentation_probability
        )
