"""Write docs/settings.md from the descriptions of the settings: `python docs/make_settings.py`. A test compares the two.

The encoders are those of `mmerc.encoders.ENCODERS`, so that a new one needs no change here.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from mmerc.config import Section, TrainingConfig
from mmerc.encoders import ENCODERS, EncoderConfig
from mmerc.fusion import FUSIONS, FusionConfig
from mmerc.training.run_config import RunConfig, TrainerConfig

PAGE = Path(__file__).with_name("settings.md")
SECTIONS = ("trainer", "modalities", "fusion")  # settings of the run that are sections with a table of their own
NAMES: dict[tuple[type[Section], str], Iterable[str]] = {
    (EncoderConfig, "encoder"): ENCODERS,
    (FusionConfig, "name"): FUSIONS,
}  # settings that name a registered class
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
INTRODUCTION = """# Settings

This page lists every setting of a run. The default applies if the preset or the configuration file does not set a value.
`--set PATH=VALUE` sets one, for example `--set text.history=3`, `--set fusion.d_model=64` or `--set protocol=online`.
`text.history` is short for `modalities.text.history`. [Training](training.md) says how to use the settings.

`python docs/make_settings.py` writes this page from the source code.
"""


def make_page() -> str:
    """The text of the page."""
    tables: list[tuple[str, type[Section]]] = [
        ("The run", RunConfig),
        ("`trainer`", TrainerConfig),
        ("Every network: each modality and `fusion`", TrainingConfig),
        ("Every modality", EncoderConfig),
        *((_title(config), config) for config in list_encoder_configs()),
        ("`fusion`", FusionConfig),
    ]
    lines = [INTRODUCTION]
    for title, section in tables:
        lines += make_table(title, section)
    return "\n".join(lines)


def list_encoder_configs() -> list[type[EncoderConfig]]:
    """The classes of settings that encoders add to `EncoderConfig`. A class that several encoders share comes first."""
    found: dict[type[EncoderConfig], None] = {}
    for encoder in ENCODERS.values():
        shared_first = reversed(encoder.Config.__mro__)
        found |= {kind: None for kind in shared_first if issubclass(kind, EncoderConfig) and kind is not EncoderConfig}
    return sorted(found, key=lambda kind: list(found).index(_shared_by(kind)))


def _shared_by(kind: type[EncoderConfig]) -> type[EncoderConfig]:
    """The class next to `EncoderConfig` that `kind` inherits from, or `kind` itself."""
    return [each for each in kind.__mro__ if issubclass(each, EncoderConfig) and each is not EncoderConfig][-1]


def _title(config: type[EncoderConfig]) -> str:
    names = [f"`{name}`" for name, encoder in ENCODERS.items() if issubclass(encoder.Config, config)]
    if len(names) == 1:
        return f"Encoder {names[0]}"
    return f"Encoders {', '.join(names[:-1])} and {names[-1]}"


def make_table(title: str, section: type[Section]) -> list[str]:
    """The lines of a section: its own settings, without those that it inherits."""
    own = {name: section.model_fields[name] for name in section.__annotations__ if name in section.model_fields}
    rows = [
        make_row(section, name, field) for name, field in own.items() if not (section is RunConfig and name in SECTIONS)
    ]
    return [f"## {title}\n", "| setting | default | meaning |", "|---|---|---|", *rows, ""]


def make_row(section: type[Section], name: str, field: FieldInfo) -> str:
    """The line of a setting. Raises AssertionError if the setting has no description."""
    assert field.description, f"{name} has no description"
    default = "required" if field.is_required() else format_default(field.default)
    choices = list_choices(section, name, field)
    return f"| `{name}` | {default} | {field.description}{f' ({choices})' if choices else ''} |"


def format_default(default: Any) -> str:
    """The value as YAML writes it."""
    if default == "":
        return "empty"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def list_choices(section: type[Section], name: str, field: FieldInfo) -> str:
    """The words that the value may be, or the range of the number; empty if there is neither."""
    kind: Any = field.annotation
    words = get_args(kind) if get_origin(kind) is Literal else NAMES.get((section, name), ())
    if words:
        return ", ".join(f"`{word}`" for word in words)
    bounds = [
        f"{sign} {getattr(mark, bound):,g}" if getattr(mark, bound) < 1e6 else f"{sign} {getattr(mark, bound):,}"
        for mark in field.metadata
        for bound, sign in BOUNDS.items()
        if hasattr(mark, bound)
    ]
    return ", ".join(bounds)


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
