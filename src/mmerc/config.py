"""Configuration: a preset or a file, overrides from the command line, one clear sentence for each wrong key."""

import difflib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmerc.errors import ConfigError

PRESETS = ("paper", "compact", "smoke")
ENCODER = "encoder"  # what makes a section a modality
Settings = dict[str, Any]


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StageConfig(Section):
    """How one network is trained; shared by every encoder and by the fusion."""

    epochs: int = Field(10, ge=1, description="at most; the one with the best dev f1_weighted is kept")
    batch_size: int = Field(32, ge=1, description="over all processes together")
    optimizer: Literal["sgd", "adamw"] = Field("adamw", description="SGD with momentum, or AdamW")
    learning_rate: float = Field(1e-3, gt=0, description="the highest, after the warm-up")
    momentum: float = Field(0.9, ge=0, lt=1, description="SGD only")
    weight_decay: float = Field(0.01, ge=0, description="of matrices; biases and gains are not decayed")
    schedule: Literal["constant", "linear"] = Field(
        "linear", description="after the warm-up: the rate stays, or falls to 0 in a line"
    )
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps over which the rate rises from 0")
    gradient_clip: float = Field(1.0, ge=0, description="largest gradient norm; 0 switches it off")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target that goes to all emotions alike")
    class_balance: float = Field(0.0, ge=0, le=1, description="class weights: 0 none, 1 inverse frequency")
    logit_adjustment: float = Field(
        0.0, ge=0, le=1, description="share of each label's log frequency that the loss adds to its logit"
    )
    consistency: float = Field(
        0.0, ge=0, description="weight of the difference between two answers under dropout (R-Drop); doubles the time"
    )
    averaging: float = Field(
        0.0, ge=0, lt=1, description="decay of the running mean of weights that dev judges; 0: none"
    )
    patience: int = Field(5, ge=1, description="epochs without a better dev f1_weighted before training stops")


AnySection = TypeVar("AnySection", bound=BaseModel)


def load(preset: str | None, file: Path | None, overrides: list[str]) -> Settings:
    """The raw settings of a preset or of a YAML file, with `key.path=value` overrides applied.

    Raises:
        ConfigError: unknown preset, unreadable file, or an override that is not `key.path=value`.
    """
    if file is not None:
        settings = _parse(_read(file), str(file))
    else:
        name = preset or "compact"
        if name not in PRESETS:
            raise ConfigError(f'there is no preset "{name}": choose one of {", ".join(PRESETS)}.')
        text = (resources.files("mmerc.presets") / f"{name}.yaml").read_text(encoding="utf-8")
        settings = _parse(text, name)
    return overridden(settings, overrides)


def overridden(settings: Settings, overrides: Sequence[str]) -> Settings:
    """The settings with all overrides in them, in any order.

    Raises:
        ConfigError: one is not `key.path=value`.
    """
    # The choice of an encoder first: it decides what else there is to set.
    for override in sorted(overrides, key=lambda each: not each.partition("=")[0].strip().endswith(f".{ENCODER}")):
        apply(settings, override)
    return settings


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {file} cannot be read ({error}): give a YAML file in UTF-8.") from error


def _parse(text: str, where: str) -> Settings:
    try:
        settings = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{where} is not valid YAML ({' '.join(str(error).split())}): correct it.") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{where} does not hold a YAML mapping of keys to values: see the presets for examples.")
    odd = next((key for key in settings if not isinstance(key, str)), None)
    if odd is not None:
        raise ConfigError(
            f"{where} has the key {odd!r}, which is no text and cannot name a modality: quote or correct it."
        )
    return settings


def apply(settings: Settings, override: str) -> None:
    """Set one value in place.

    >>> settings = {"text": {"epochs": 4}}
    >>> apply(settings, "text.epochs=1"); settings
    {'text': {'epochs': 1}}
    >>> apply(settings, "text.warm_start="); settings["text"]["warm_start"]
    ''

    Another encoder starts from its own defaults: what stands there was said of the one before.

    >>> settings = {"audio": {"encoder": "spectrogram", "bands": 64}}
    >>> apply(settings, "audio.encoder=wavernn"); settings
    {'audio': {'encoder': 'wavernn'}}
    """
    path, equals, value = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f'"{override}" is not an override: write it as key.path=value, such as text.epochs=1.')
    place = settings
    for key in keys[:-1]:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise ConfigError(
                f'"{override}" reaches into "{key}", which is a value and not a section: shorten the path.'
            )
    try:
        given = yaml.safe_load(value) if value.strip() else ""
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f'the value in "{override}" is not valid YAML: put quotes around it.') from error
    if keys[1:] == [ENCODER] and place.get(ENCODER, given) != given:
        place.clear()
    place[keys[-1]] = given


def _section(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel]:
    """The part of a configuration at `path`, as far as there are parts on the way."""
    for name in path:
        field = model.model_fields.get(str(name))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            break
        model = field.annotation
    return model


def validate(model: type[AnySection], settings: Settings, where: str) -> AnySection:
    """`settings` as a checked section.

    Raises:
        ConfigError: the first wrong key or value, with the nearest right key as a suggestion.
    """
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (where, *first["loc"]) if part)
        if first["type"] == "extra_forbidden":
            known = list(_section(model, first["loc"][:-1]).model_fields)
            near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known here are {', '.join(known)}."
            raise ConfigError(f'"{key}" is not a setting: {hint}') from error
        if first["type"] == "missing":
            raise ConfigError(f'the setting "{key}" is missing: give it a value.') from error
        raise ConfigError(f'the setting "{key}" is {first.get("input")!r}: {first["msg"].lower()}.') from error
