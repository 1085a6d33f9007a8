"""Stage 1: one encoder per modality. To add an encoder, add its class to `ENCODERS`."""

from typing import Any

from mmerc.config import validate
from mmerc.encoders.audio.pretrained import PretrainedSpeech
from mmerc.encoders.audio.spectrogram import Spectrogram
from mmerc.encoders.audio.wavernn import WaveRnnEncoder
from mmerc.encoders.base import Batch, Encoder, EncoderConfig, Encoding, Example
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.signal import Signal
from mmerc.encoders.text.bert import Bert
from mmerc.encoders.text.dialogue import DialogueText
from mmerc.encoders.text.gpt import Gpt
from mmerc.errors import ConfigError

__all__ = ["ENCODERS", "Batch", "Encoder", "EncoderConfig", "Encoding", "Example", "check_encoder_config"]

ENCODERS: dict[str, type[Encoder]] = {
    "gpt": Gpt,
    "bert": Bert,
    "dialogue": DialogueText,
    "wavernn": WaveRnnEncoder,
    "spectrogram": Spectrogram,
    "pretrained": PretrainedSpeech,
    "face": Face,
    "signal": Signal,
}


def check_encoder_config(modality: str, settings: dict[str, Any]) -> EncoderConfig:
    """Check the settings of one modality against the encoder that they name.

    Raises:
        ConfigError: the encoder is unknown, or a setting has a wrong name or value.
    """
    name = settings.get("encoder")
    if name is None:
        raise ConfigError(f"modalities.{modality} has no encoder: choose one of {', '.join(ENCODERS)}.")
    if not isinstance(name, str) or name not in ENCODERS:
        raise ConfigError(f'modalities.{modality}.encoder is "{name}": choose one of {", ".join(ENCODERS)}.')
    return validate(ENCODERS[name].Config, settings, modality)
