"""Reading the configuration: a preset or a YAML file, and overrides from the command line."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import yaml

from mmerc.config.schema import Settings
from mmerc.errors import ConfigError

PRESETS = ("paper", "compact", "smoke")
ENCODER = "encoder"  # the setting that names the kind of network of a modality


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
        text = (resources.files("mmerc.config.presets") / f"{name}.yaml").read_text(encoding="utf-8")
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

    >>> settings = {"audio": {"encoder": "spectrogram", "n_mels": 64}}
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
