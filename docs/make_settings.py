"""Writes docs/settings.md from the settings themselves: `python docs/make_settings.py`. The tests hold the two against each other."""

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from mmerc.config import Section, StageConfig
from mmerc.encoders import ENCODERS, EncoderConfig
from mmerc.encoders.audio.base import SpeechConfig
from mmerc.encoders.audio.spectrogram import SpectrogramConfig
from mmerc.encoders.audio.speech_transformer import SpeechTransformerConfig
from mmerc.encoders.audio.wavernn import WaveRnnConfig
from mmerc.encoders.face.encoder import FaceConfig
from mmerc.encoders.signal import SignalConfig
from mmerc.encoders.text.bert import BertTextConfig
from mmerc.encoders.text.config import TextConfig
from mmerc.encoders.text.gpt import GptConfig
from mmerc.fusion import FusionConfig
from mmerc.training.run_config import RunConfig, TrainerConfig

PAGE = Path(__file__).with_name("settings.md")
SECTIONS = ("trainer", "modalities", "fusion")  # of a run: they have tables of their own
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
BEGINNING = """# Settings

Every setting of a run, with the default that holds where a preset or a file says nothing. `--set PATH=VALUE` sets one; PATH is
the section and the name, such as `text.history`, `fusion.d_model` or, at the top, `protocol`. What they are for is told in
[Training](training.md). This page is written by `docs/make_settings.py`.
"""
TABLES: list[tuple[str, type[Section]]] = [
    ("At the top", RunConfig),
    ("`trainer`", TrainerConfig),
    ("Every network: each modality, and `fusion`", StageConfig),
    ("Every modality", EncoderConfig),
    ("A text (`encoder` is `bert` or `gpt`)", TextConfig),
    ("What `bert` has otherwise", BertTextConfig),
    ("What `gpt` has otherwise", GptConfig),
    ("A voice (`encoder` is `spectrogram`, `wavernn` or `speech_transformer`)", SpeechConfig),
    ("What `spectrogram` has besides", SpectrogramConfig),
    ("What `wavernn` has besides", WaveRnnConfig),
    ("What `speech_transformer` has besides", SpeechTransformerConfig),
    ("A face (`encoder` is `face`)", FaceConfig),
    ("A signal (`encoder` is `signal`)", SignalConfig),
    ("`fusion`", FusionConfig),
]


def page() -> str:
    """The whole page."""
    assert {kind.Config for kind in ENCODERS.values()} <= {section for _, section in TABLES}
    return "\n".join([BEGINNING, *(line for title, section in TABLES for line in table(title, section))])


def table(title: str, section: type[Section]) -> list[str]:
    """The settings that the section adds to those it is a kind of, a line each."""
    own = {name: section.model_fields[name] for name in section.__annotations__ if name in section.model_fields}
    rows = [row(name, field) for name, field in own.items() if not (section is RunConfig and name in SECTIONS)]
    return [f"## {title}\n", "| setting | default | |", "|---|---|---|", *rows, ""]


def row(name: str, field: FieldInfo) -> str:
    """Raises AssertionError: the setting says nothing of itself."""
    assert field.description, f"{name} has no description"
    default = "to be given" if field.is_required() else written(field.default)
    return f"| `{name}` | {default} | {field.description}{allowed(field)} |"


def written(default: Any) -> str:
    """A value as YAML has it."""
    if default == "":
        return "none"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def allowed(field: FieldInfo) -> str:
    """The words that it may be, or the range of the number."""
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return f" ({', '.join(f'`{word}`' for word in get_args(kind))})"
    said = [
        f"{sign} {getattr(mark, name):g}"
        for mark in field.metadata
        for name, sign in SIGNS.items()
        if hasattr(mark, name)
    ]
    return f" ({', '.join(said)})" if said else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
