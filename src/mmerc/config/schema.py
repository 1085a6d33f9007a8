"""Sections of the configuration: what they share, the settings of every trained network, and the check of their values."""

import difflib
import re
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmerc.errors import ConfigError, quote

Settings = dict[str, Any]
Backend = Literal["torch", "onnx"]  # what computes the networks of a trained model
Protocol = Literal["offline", "online"]  # read what follows an utterance, or only what precedes it
FaceChoice = Literal["auto", "recording", "utterance"]  # where the face of a speaker is looked for
MODALITY_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
FUSED, MAJORITY = "fused", "majority"  # systems in tables: the fusion, and the most frequent label of training
SYSTEMS = (FUSED, MAJORITY)  # no modality can have such a name


class Section(BaseModel):
    """A section of the configuration: unknown keys are refused, values cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TrainingConfig(Section):
    """How one network is trained: settings that every encoder and the fusion share."""

    epochs: int = Field(
        10, ge=1, description="largest number of epochs; the checkpoint with the best dev weighted F1 is kept"
    )
    batch_size: int = Field(32, ge=1, description="utterances in a batch, over all processes together")
    optimizer: Literal["sgd", "adamw"] = Field("adamw", description="SGD with momentum, or AdamW")
    learning_rate: float = Field(1e-3, gt=0, description="highest learning rate, reached at the end of the warm-up")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD; AdamW does not use it")
    weight_decay: float = Field(
        0.01, ge=0, description="weight decay of matrices; biases and normalisation weights have none"
    )
    lr_schedule: Literal["constant", "linear", "cosine"] = Field(
        "linear",
        description="after the warm-up, the learning rate stays constant, or decays to 0 linearly or as half a cosine wave",
    )
    warmup_ratio: float = Field(
        0.1, ge=0, lt=1, description="share of all steps in which the learning rate rises linearly from 0"
    )
    gradient_clip_val: float = Field(1.0, ge=0, description="largest norm of the gradient; 0 switches clipping off")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target probability that is spread evenly over all emotions"
    )
    logit_adjustment: float = Field(
        0.0,
        ge=0,
        le=1,
        description="strength of logit adjustment (Menon et al. 2021): training adds this times the log label frequency to each logit; 0 switches it off",
    )
    rdrop_weight: float = Field(
        0.0,
        ge=0,
        description="weight of R-Drop (Liang et al. 2021), half of the paper's alpha: each training batch is read twice with different dropout, "
        "and the two predictions should agree; above 0, training takes twice the time; a warm start is without it",
    )
    ema_decay: float = Field(
        0.0, ge=0, lt=1, description="decay of the exponential moving average (EMA) of the weights; 0 switches it off"
    )
    patience: int = Field(
        5, ge=1, description="epochs without a better dev weighted F1 after which training stops early"
    )


AnySection = TypeVar("AnySection", bound=BaseModel)


def _section(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel]:
    """The section class at `path`, or the last section before the path leaves the sections."""
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
        if first["type"] == "value_error":  # of our own validators, whose message says what is wrong and how to fix it
            raise ConfigError(str(first["ctx"]["error"])) from error
        raise ConfigError(f'the setting "{key}" is {quote(first.get("input"))}: {first["msg"].lower()}.') from error


def check_modality_name(name: object) -> None:
    """Raises ConfigError: a modality cannot have this name."""
    if not isinstance(name, str) or not MODALITY_NAME.fullmatch(name):
        raise ConfigError(f'"{name}" cannot name a modality: use letters, digits, "_" and "-", a letter first.')
    if name in SYSTEMS:
        raise ConfigError(f'"{name}" cannot name a modality: tables have a system of this name. Choose another name.')
