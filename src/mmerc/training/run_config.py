"""The configuration of a run: the modalities, the fusion, the machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SerializeAsAny, field_validator

from mmerc.addresses import is_address
from mmerc.config import Protocol, Section, Settings, apply_overrides, read_settings, validate
from mmerc.config.load import MODALITIES
from mmerc.config.schema import check_modality_name
from mmerc.corpora import Corpus
from mmerc.encoders import EncoderConfig, check_encoder_config
from mmerc.errors import ConfigError, quote
from mmerc.fusion import FusionConfig, check_fusion_config
from mmerc.training.signals import add_signals
from mmerc.training.tracking import LoggerName


class TrainerConfig(Section):
    """The machine: where networks are trained, and in which precision."""

    devices: int = Field(
        1, ge=1, description="number of processes on this machine; a number that torchrun sets takes precedence"
    )
    accelerator: Literal["auto", "cpu", "gpu"] = Field(
        "auto", description="device that networks are trained on; auto uses a GPU if there is one"
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="precision of training on a GPU, as Lightning names it"
    )
    num_threads: int = Field(
        0,
        ge=0,
        description="CPU threads per process; 0 takes one per core, or what the CPU quota of the container allows",
    )
    logger: LoggerName = Field(
        "none",
        description="experiment tracker that gets the finished run, as Lightning names it; it writes local files in RUN/logs by default",
    )


class RunConfig(Section):
    """Everything that determines the numbers of a run."""

    protocol: Protocol = Field(
        "offline", description="offline also reads utterances after the current one; online reads earlier ones only"
    )
    calibration: Literal["none", "dev"] = Field(
        "none",
        description="none keeps the probabilities of the networks; dev fits a prior weight and a temperature on the dev split",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="first random seed of the run")
    pretrained: bool = Field(
        True, description="load public weights in every modality that does not set its own `pretrained`"
    )
    encoders: str | None = Field(
        None,
        description="a trained model whose encoders are taken as they are, so that stage 2 alone is trained: a folder, an address, or OWNER/NAME on the hub",
    )
    features: str | None = Field(
        None,
        description="the features of these encoders, which `mmerc extract` wrote: a folder or an address; without it they are computed",
    )
    trainer: TrainerConfig = TrainerConfig()
    modalities: dict[str, SerializeAsAny[EncoderConfig]] = Field(description="a section for each modality")
    fusion: FusionConfig = FusionConfig()

    @field_validator("encoders", "features")
    @classmethod
    def _make_absolute(cls, location: str | None) -> str | None:
        """The same from every working directory. What is no path may be a name on the hub."""
        if location is None or is_address(location) or not Path(location).expanduser().exists():
            return location
        return str(Path(location).expanduser().absolute())

    def to_settings(self) -> Settings:
        """The settings as config.yaml holds them; `check_config` gives the same configuration back."""
        return self.model_dump(mode="json")


def load_config(
    preset: str | None = None,
    file: Path | None = None,
    overrides: Sequence[str] = (),
    *,
    modalities: Sequence[str] | None = None,
    corpus: Corpus | None = None,
) -> RunConfig:
    """The configuration of a preset (default: compact) or of a YAML file.

    `overrides`: `KEY.PATH=VALUE`, such as `text.epochs=1`. `modalities`: the modalities to keep (default: all). `corpus`: with
    a preset, signals of this corpus become modalities (see `training.signals`).

    >>> sorted(load_config("paper").modalities)
    ['audio', 'face', 'text']

    Raises:
        ConfigError: a key or a value is wrong, or a modality is not configured.
    """
    settings = read_settings(preset, file)
    if corpus is not None and file is None:
        settings = add_signals(settings, corpus, modalities)
    return check_config(apply_overrides(settings, overrides), modalities=modalities)


def check_config(settings: Settings, *, modalities: Sequence[str] | None = None) -> RunConfig:
    """The checked configuration; `modalities` names those to keep.

    Raises:
        ConfigError: a key or a value is wrong, or one of `modalities` is not configured.
    """
    sections = settings.get(MODALITIES)
    if not isinstance(sections, dict) or not sections:
        raise ConfigError(
            f"the configuration has no {MODALITIES}: add a section such as {MODALITIES}.text with an encoder."
        )
    pretrained = settings.get("pretrained", True)
    checked: dict[str, EncoderConfig] = {}
    for name, section in sections.items():
        check_modality_name(name)
        if not isinstance(section, dict):
            raise ConfigError(f'"{MODALITIES}.{name}" is {quote(section)} and not a section: give it an encoder.')
        defaults: dict[str, Any] = {"pretrained": pretrained} if isinstance(pretrained, bool) else {}
        checked[name] = check_encoder_config(name, defaults | section)
    if modalities is not None:
        unknown = [name for name in modalities if name not in checked]
        if unknown or not modalities:
            raise ConfigError(f'the configuration has no modality "{", ".join(unknown)}": it has {", ".join(checked)}.')
        checked = {name: checked[name] for name in modalities}
    _suggest_section(settings, checked)
    config = validate(RunConfig, settings | {MODALITIES: checked}, "")
    check_fusion_config(config.fusion)
    return config


def _suggest_section(settings: Settings, modalities: dict[str, EncoderConfig]) -> None:
    """Raises ConfigError for a key at the top that belongs into a section, with the sections that have it."""
    sections: dict[str, type[Section]] = {name: type(section) for name, section in modalities.items()}
    sections |= {"fusion": FusionConfig, "trainer": TrainerConfig}
    for key in settings.keys() - RunConfig.model_fields.keys():
        found = [f"{name}.{key}" for name, section in sections.items() if key in section.model_fields]
        if found:
            raise ConfigError(f'"{key}" is not a setting of the whole run: did you mean {" or ".join(found)}?')
