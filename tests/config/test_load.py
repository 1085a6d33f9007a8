from pathlib import Path

import pytest

from mmerc import config
from mmerc.config import StageConfig
from mmerc.errors import ConfigError


def test_overrides_reach_into_sections_and_keep_yaml_types() -> None:
    settings = config.load("compact", None, ["text.epochs=1", "fusion.dropout=0.5", "text.backbone=some/name"])
    assert settings["text"]["epochs"] == 1
    assert settings["fusion"]["dropout"] == 0.5
    assert settings["text"]["backbone"] == "some/name"


@pytest.mark.parametrize("preset", config.PRESETS)
def test_every_preset_is_valid(preset: str) -> None:
    from mmerc.training.run_config import check

    checked = check(config.load(preset, None, []))
    assert set(checked.modalities) == {"text", "audio", "face"}


def test_wrong_key_suggests_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r'"text.epoch" is not a setting: did you mean "epochs"\?'):
        config.validate(StageConfig, {"epoch": 3}, "text")


@pytest.mark.parametrize(
    ("override", "key", "near"),
    [
        ("fusion.poling=mean", "fusion.poling", "pooling"),
        ("trainer.thread=1", "trainer.thread", "threads"),
        ("sed=1", "sed", "seed"),
    ],
)
def test_a_wrong_key_inside_a_section_suggests_one_of_that_section(override: str, key: str, near: str) -> None:
    from mmerc.training.run_config import check

    with pytest.raises(ConfigError, match=rf'"{key}" is not a setting: did you mean "{near}"\?'):
        check(config.load("compact", None, [override]))


def test_wrong_value_says_which_and_why() -> None:
    with pytest.raises(ConfigError, match=r'"text.epochs" is 0: .*greater than or equal to 1'):
        config.validate(StageConfig, {"epochs": 0}, "text")


@pytest.mark.parametrize("override", ["text.epochs", "=3", "text..epochs=3", "text.epochs.more=3"])
def test_malformed_override(override: str) -> None:
    with pytest.raises(ConfigError, match="override|reaches into"):
        config.load("compact", None, [override])


def test_unreadable_file_and_unknown_preset(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(None, tmp_path / "absent.yaml", [])
    with pytest.raises(ConfigError, match="choose one of paper, compact, smoke"):
        config.load("papers", None, [])
    (tmp_path / "list.yaml").write_text("- a\n- b\n")
    with pytest.raises(ConfigError, match="mapping"):
        config.load(None, tmp_path / "list.yaml", [])


def test_another_encoder_starts_from_its_own_defaults_whatever_the_order() -> None:
    from mmerc.training.run_config import check

    settings = config.load("compact", None, ["audio.epochs=3", "audio.encoder=wavernn"])
    assert settings["audio"] == {"encoder": "wavernn", "epochs": 3}
    assert check(settings).modalities["audio"].encoder == "wavernn"
    assert config.load("compact", None, ["text.encoder=bert"])["text"]["history"] == 5  # the same one
    assert check(config.load("compact", None, ["text.encoder=gpt"])).modalities["text"].backbone == "openai-gpt"
    with pytest.raises(ConfigError, match=r'the setting "audio.backbone" is missing: give it a value\.'):
        check(config.load("compact", None, ["audio.encoder=speech_transformer"]))
