import pytest

from mmerc.encoders import ENCODERS, check_encoder_config
from mmerc.encoders.signal import SignalConfig
from mmerc.errors import ConfigError


def test_settings_are_checked_by_the_encoder_that_they_name() -> None:
    checked = check_encoder_config("pulse", {"encoder": "signal", "signal": "pulse", "noise_std": 0.5})
    assert isinstance(checked, SignalConfig) and checked.noise_std == 0.5


def test_errors_contain_the_name_of_the_section() -> None:
    with pytest.raises(ConfigError, match='"pulse.noise" is not a setting: did you mean "noise_std"?'):
        check_encoder_config("pulse", {"encoder": "signal", "signal": "pulse", "noise": 0.5})
    with pytest.raises(ConfigError, match='pulse.encoder is "heart": choose one of gpt, bert'):
        check_encoder_config("pulse", {"encoder": "heart"})


@pytest.mark.parametrize("name", ENCODERS)
def test_the_protocol_is_no_setting_of_an_encoder(name: str) -> None:
    assert "protocol" not in ENCODERS[name].Config.model_fields


def test_a_setting_of_another_encoder_names_that_encoder() -> None:
    expected = r'"text.history" is a setting of gpt and bert, and the encoder is dialogue: leave it out'
    with pytest.raises(ConfigError, match=expected):
        check_encoder_config("text", {"encoder": "dialogue", "history": 3})
