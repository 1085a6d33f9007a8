"""Stage 1: one encoder per modality. To add an encoder, add its class to `ENCODERS`."""

from typing import Any

from mmerc.config import Protocol, validate
from mmerc.emotions import LabelSet
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

__all__ = [
    "ENCODERS",
    "Batch",
    "Encoder",
    "EncoderConfig",
    "Encoding",
    "Example",
    "build_encoder",
    "check_encoder_config",
]

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


def build_encoder(config: EncoderConfig, labels: LabelSet, *, protocol: Protocol = "offline") -> Encoder:
    """The encoder that `config` names, with an output for each emotion and each continuous dimension of the labels."""
    encoder = ENCODERS[config.encoder](config, labels.num_outputs, protocol=protocol)
    encoder.num_dimensions = len(labels.dimensions)
    return encoder


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
    for key in settings:
        others = [other for other, encoder in ENCODERS.items() if key in encoder.Config.model_fields]
        if others and name not in others:
            raise ConfigError(
                f'"{modality}.{key}" is a setting of {" and ".join(others)}, and the encoder is {name}: leave it out, or set '
                f"{modality}.encoder and all its settings."
            )
    return validate(ENCODERS[name].Config, settings, modality)
