"""Reading the settings: a preset or a YAML file, what it extends, and overrides from the command line."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import yaml

from mmerc.config.schema import Settings
from mmerc.errors import ConfigError, quote

PRESETS = ("compact", "base", "paper", "demo", "smoke")
DEFAULT_PRESET = "compact"
MODALITIES = "modalities"  # the section that holds a section for each modality
SECTIONS = (MODALITIES, "fusion", "trainer")
ENCODER = "encoder"  # the setting that names the kind of network of a modality
EXTENDS = "extends"  # the key that names the settings from which a preset or a file starts


def read_settings(preset: str | None, file: Path | None) -> Settings:
    """The unchecked settings of a preset (default: compact) or of a YAML file, with those that it extends.

    `extends: NAME` at the top of a file names a preset, or another YAML file by its path from this one.

    Raises:
        ConfigError: the preset is unknown, a file cannot be read, or files extend each other in a circle.
    """
    return _read_extended(file.resolve() if file else preset or DEFAULT_PRESET, ())


def merge_settings(base: Settings, changes: Settings) -> Settings:
    """The settings of `base` with those of `changes`, section by section.

    A modality with another encoder takes nothing from `base`, because those settings belong to another network.

    >>> base = {"seed": 1, "modalities": {"text": {"encoder": "bert", "epochs": 4}, "face": {"epochs": 9}}}
    >>> merge_settings(base, {"seed": 2, "modalities": {"text": {"encoder": "gpt"}, "face": {"dropout": 0.1}}})
    {'seed': 2, 'modalities': {'text': {'encoder': 'gpt'}, 'face': {'epochs': 9, 'dropout': 0.1}}}
    """
    merged = dict(base)
    for key, value in changes.items():
        old = base.get(key)
        if (
            isinstance(old, dict)
            and isinstance(value, dict)
            and value.get(ENCODER, old.get(ENCODER)) == old.get(ENCODER)
        ):
            value = merge_settings(old, value)
        merged[key] = value
    return merged


def apply_overrides(settings: Settings, overrides: Sequence[str]) -> Settings:
    """The settings with all overrides applied in place, in any order.

    Raises:
        ConfigError: an override is not `KEY.PATH=VALUE`.
    """
    # The encoder comes first, because another encoder clears its section.
    for override in sorted(overrides, key=lambda each: not each.partition("=")[0].strip().endswith(f".{ENCODER}")):
        apply_override(settings, override)
    return settings


def apply_override(settings: Settings, override: str) -> None:
    """Set one value in place. `text.epochs=1` is short for `modalities.text.epochs=1`.

    >>> settings = {"modalities": {"text": {"epochs": 4}}}
    >>> apply_override(settings, "text.epochs=1"); settings
    {'modalities': {'text': {'epochs': 1}}}
    >>> apply_override(settings, "seed=3"); settings["seed"]
    3

    An empty value is the empty string. A modality that gets another encoder starts from the defaults of that encoder.

    >>> settings = {"modalities": {"audio": {"encoder": "spectrogram", "n_mels": 64}}}
    >>> apply_override(settings, "audio.encoder=wavernn"); settings
    {'modalities': {'audio': {'encoder': 'wavernn'}}}

    Raises:
        ConfigError: the override is not `KEY.PATH=VALUE`, its path leads through a value, or its value is not valid YAML.
    """
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f'"{override}" is not an override: write it as KEY.PATH=VALUE, such as text.epochs=1.')
    if len(keys) > 1 and keys[0] not in SECTIONS:
        keys.insert(0, MODALITIES)
    section = settings
    for key in keys[:-1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            raise ConfigError(
                f'"{override}" leads through "{key}", which is a value and not a section: shorten the path.'
            )
    try:
        value = yaml.safe_load(text) if text.strip() else ""
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f'the value in "{override}" is not valid YAML: put it in quotes.') from error
    if keys[0] == MODALITIES and keys[2:] == [ENCODER] and section.get(ENCODER, value) != value:
        section.clear()
    section[keys[-1]] = value


def _read_extended(source: Path | str, extending: tuple[Path | str, ...]) -> Settings:
    """`source`: a file, or the name of a preset. `extending`: the sources that lead to it, the first one first."""
    if source in extending:
        circle = " extends ".join(map(str, (*extending[extending.index(source) :], source)))
        raise ConfigError(f"{circle}: remove one of these lines `{EXTENDS}`.")
    settings = _read_preset(source) if isinstance(source, str) else _parse(_read(source), str(source))
    if EXTENDS not in settings:
        return settings
    base = settings.pop(EXTENDS)
    if not isinstance(base, str) or not base:
        raise ConfigError(f'"{EXTENDS}" in {source} is {quote(base)}: give the name of a preset or of a YAML file.')
    if base not in PRESETS and isinstance(source, Path):
        found = (source.parent / base).resolve()
        if not found.is_file():
            raise ConfigError(
                f'{source} extends "{base}", which is neither a preset ({", ".join(PRESETS)}) nor a file: correct the name.'
            )
        return merge_settings(_read_extended(found, (*extending, source)), settings)
    return merge_settings(_read_extended(base, (*extending, source)), settings)


def _read_preset(name: str) -> Settings:
    if name not in PRESETS:
        raise ConfigError(f'there is no preset "{name}": choose one of {", ".join(PRESETS)}.')
    return _parse((resources.files("mmerc.config.presets") / f"{name}.yaml").read_text(encoding="utf-8"), name)


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
    wrong = next((key for key in settings if not isinstance(key, str)), None)
    if wrong is not None:
        raise ConfigError(f"{where} has the key {quote(wrong)}, which is not text: quote or correct it.")
    return settings
