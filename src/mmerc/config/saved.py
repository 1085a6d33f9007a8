"""What the files `config.json` of a model and of its networks may say. They may come from other people, or be damaged."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mmerc.config.schema import MODALITY_NAME, Protocol
from mmerc.errors import RunError, get_first_line

Network = TypeVar("Network")
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Name = Annotated[str, StringConstraints(pattern=rf"^{MODALITY_NAME.pattern}$")]


class Strict(BaseModel):
    """An object whose known members have these types. Other members are left to who reads them."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class ModelInfo(Strict):
    """Of a model folder; see `docs/architecture.md`."""

    name: str = ""
    labels: Annotated[list[Annotated[str, StringConstraints(min_length=1)]], Field(min_length=1)]
    modalities: Annotated[list[Name], Field(min_length=1)]
    prior: list[Share]
    protocol: Protocol | None = None
    calibrations: dict[str, dict[str, float]] = {}
    corpus: str = ""
    warning: str | None = ""


class NetworkInfo(Strict):
    """Of an encoder or a fusion, besides the settings of its kind."""

    num_classes: Count
    protocol: Protocol
    num_dimensions: Annotated[int, Field(ge=0, le=1000)] = 0


class FusionInfo(NetworkInfo):
    widths: Annotated[dict[Name, Count], Field(min_length=1)]


def check_info(info: Mapping[str, Any], schema: type[Strict], file: Path) -> None:
    """Check the content of a file. Raises RunError: a member is missing, of a wrong type, or out of range."""
    try:
        schema.model_validate(info)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        what = (
            f'no "{where}"'
            if first["type"] == "missing"
            else f'a wrong "{where}" ({first["msg"][:1].lower()}{first["msg"][1:]})'
        )
        raise RunError(f"{file} has {what[:300]}: the folder is damaged or was written by another program.") from error


def build_saved(build: Callable[[], Network], file: Path) -> Network:
    """The network that a file describes. Raises RunError: no such network can be built, for example because it is larger than the memory."""
    try:
        return build()
    except (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        raise RunError(
            f"{file} describes no network that can be built ({get_first_line(error)[:120]}): the folder is damaged."
        ) from error
