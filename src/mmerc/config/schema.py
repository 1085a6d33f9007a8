"""What a section of the configuration is, the settings that every trained network has, and one clear sentence for each wrong key."""

import difflib
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmerc.errors import ConfigError

Settings = dict[str, Any]
Protocol = Literal["offline", "online"]


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
