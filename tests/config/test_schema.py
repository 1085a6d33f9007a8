import pytest

from mmerc import load_config
from mmerc.config import TrainingConfig, validate
from mmerc.config.schema import check_modality_name
from mmerc.errors import ConfigError


def test_a_wrong_key_suggests_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r'"text.epoch" is not a setting: did you mean "epochs"\?'):
        validate(TrainingConfig, {"epoch": 3}, "text")


@pytest.mark.parametrize(
    ("override", "key", "near"),
    [
        ("fusion.null_token=true", "fusion.null_token", "null_tokens"),
        ("trainer.num_thread=1", "trainer.num_thread", "num_threads"),
        ("sed=1", "sed", "seed"),
    ],
)
def test_a_wrong_key_inside_a_section_suggests_one_of_that_section(override: str, key: str, near: str) -> None:
    with pytest.raises(ConfigError, match=rf'"{key}" is not a setting: did you mean "{near}"\?'):
        load_config("compact", overrides=[override])


def test_a_wrong_value_says_which_and_why() -> None:
    with pytest.raises(ConfigError, match=r'"text.epochs" is 0: .*greater than or equal to 1'):
        validate(TrainingConfig, {"epochs": 0}, "text")


def test_a_missing_value_is_named() -> None:
    with pytest.raises(ConfigError, match='"pulse.signal" is missing'):
        load_config("compact", overrides=["pulse.encoder=signal"])


def test_values_cannot_change_after_loading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        validate(TrainingConfig, {}, "").epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", ["text", "second-voice", "a_1", "keys"])
def test_valid_names_of_modalities(name: str) -> None:
    check_modality_name(name)
    with pytest.raises(ConfigError):
        check_modality_name(f"{name}!")
