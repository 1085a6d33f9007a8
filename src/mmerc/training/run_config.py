"""The whole configuration of a run: one section per modality, one for the fusion, one for the machine."""

import re
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializeAsAny
from torch import nn

from mmerc import config as configuration
from mmerc.config import Section, Settings
from mmerc.encoders import EncoderConfig, check_config
from mmerc.errors import ConfigError
from mmerc.fusion import FusionConfig

GENERAL = ("protocol", "decision", "seed", "pretrained", "trainer", "fusion")
# Names that others have: what a run's settings hold, rows of a table of systems, what a container of networks calls its own.
TAKEN = {*GENERAL, "corpus", "seeds", "precision", "majority", "fused", *dir(nn.ModuleDict()), *dir(nn.ParameterDict())}
MODALITY_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class TrainerConfig(Section):
    """The machine: where it computes, and how exactly."""

    devices: int = Field(1, ge=1, description="processes on this machine; under torchrun its numbers count instead")
    accelerator: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="where the networks compute; auto takes a GPU that is there"
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="32-true, or with a GPU mixed with bfloat16 or float16"
    )
    threads: int = Field(0, ge=0, description="processor threads a process; 0 leaves torch's own choice")


class RunConfig(Section):
    """Everything that decides a run's numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    protocol: Literal["offline", "online"] = Field(
        "offline", description="offline reads history, current utterance and reply; online nothing of the future"
    )
    decision: Literal["largest", "dev"] = Field(
        "largest",
        description="the largest probability names the emotion, or first what training.decision finds best on dev is made of them",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="the first seed of the run")
    trainer: TrainerConfig = TrainerConfig()
    modalities: dict[str, SerializeAsAny[EncoderConfig]]
    fusion: FusionConfig = FusionConfig()

    def settings(self) -> Settings:
        """The flat form that `check` reads and that `config.yaml` holds."""
        whole = self.model_dump(mode="json")
        return {**{key: whole[key] for key in GENERAL if key in whole}, **whole["modalities"]}


def misnamed(name: str) -> str:
    """Why no modality can be called so; nothing where one can.

    >>> misnamed("seed"), misnamed("pulse")
    ('"seed" cannot name a modality, for it has a meaning already: choose another name.', '')
    """
    if not MODALITY_NAME.fullmatch(name):
        return f'"{name}" cannot name a modality: use letters, digits, "_" and "-".'
    if name in TAKEN:
        return f'"{name}" cannot name a modality, for it has a meaning already: choose another name.'
    return ""


def check(settings: Settings, *, only: list[str] | None = None) -> RunConfig:
    """The checked configuration; every section with an `encoder` is a modality, `only` names those to keep.

    Raises:
        ConfigError: a key or value is wrong, or a modality in `only` is not configured.
    """
    settings = dict(settings)
    pretrained, protocol = settings.pop("pretrained", None), settings.get("protocol", "offline")
    modalities: dict[str, EncoderConfig] = {}
    for name in [key for key, value in settings.items() if isinstance(value, dict) and key not in GENERAL]:
        section: dict[str, Any] = dict(settings.pop(name))
        if "encoder" not in section:
            known = [*GENERAL, *modalities]
            raise ConfigError(
                f'"{name}" is neither a modality (it has no encoder) nor one of {", ".join(known)}: correct it.'
            )
        if misnamed(name):
            raise ConfigError(misnamed(name))
        if pretrained is not None:
            section["pretrained"] = pretrained
        modalities[name] = check_config(name, section)
    if only is not None:
        unknown = [name for name in only if name not in modalities]
        if unknown or not only:
            raise ConfigError(
                f'the configuration has no modality "{", ".join(unknown)}": it has {", ".join(modalities)}.'
            )
        modalities = {name: modalities[name] for name in only}
    if not modalities:
        raise ConfigError("the configuration has no modality: add a section with an encoder, such as text.")
    sections: dict[str, type[Section]] = {name: type(section) for name, section in modalities.items()}
    sections |= {"fusion": FusionConfig, "trainer": TrainerConfig}
    for key in settings.keys() - {*GENERAL}:
        places = [f"{name}.{key}" for name, section in sections.items() if key in section.model_fields]
        if places:
            raise ConfigError(f'"{key}" is not a setting of the whole run: did you mean {" or ".join(places)}?')
    fusion = settings.get("fusion") or {}
    if isinstance(fusion, dict):
        settings["fusion"] = fusion | {"protocol": protocol}
    return configuration.validate(RunConfig, settings | {"modalities": modalities}, "")
