import pytest
import yaml

from mmerc import load_config
from mmerc.errors import ConfigError
from mmerc.training.run_config import check_config


def test_the_settings_of_a_configuration_give_it_back() -> None:
    config = load_config("compact", overrides=["seed=3"], modalities=["audio", "text"])
    assert list(config.modalities) == ["audio", "text"] and config.seed == 3
    assert check_config(yaml.safe_load(yaml.safe_dump(config.to_settings()))) == config


def test_pretrained_holds_for_every_modality_that_does_not_say_otherwise() -> None:
    config = load_config("paper", overrides=["pretrained=false"])
    assert [section.pretrained for section in config.modalities.values()] == [False] * 3
    config = load_config("paper", overrides=["pretrained=false", "text.pretrained=true"])
    assert [config.modalities[name].pretrained for name in ("text", "audio", "face")] == [True, False, False]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("text.epoch=3", 'did you mean "epochs"'),
        ("texts.epochs=3", "texts has no encoder: choose one of"),
        ("text.encoder=bart", 'text.encoder is "bart": choose one of gpt, bert'),
        ("text.protocol=online", '"text.protocol" is not a setting'),
        ("fusion.protocol=online", '"fusion.protocol" is not a setting'),
        ("fusion.d_model=5", "must be divisible"),
        ("fusion.name=multi", 'did you mean "mult"'),
        ("seed=one", "\"seed\" is 'one'"),
        ("seed=99999999999999999999", '"seed" is 99999999999999999999'),
        ("trainer.devices=0", '"trainer.devices" is 0'),
        ("nonsense=1", '"nonsense" is not a setting'),
        (
            "epochs=3",
            '"epochs" is not a setting of the whole run: did you mean text.epochs or audio.epochs or face.epochs or',
        ),
        ("num_threads=2", "did you mean trainer.num_threads?"),
        ("modalities=3", "the configuration has no modalities"),
        ("modalities.text=3", '"modalities.text" is 3 and not a section'),
    ],
)
def test_a_wrong_setting_is_one_sentence(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config("compact", overrides=[override])
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["fused", "majority", "a b", "1st", "a.b", ""])
def test_names_that_a_modality_cannot_have(name: str) -> None:
    with pytest.raises(ConfigError, match=f'"{name}" cannot name a modality'):
        check_config({"modalities": {name: {"encoder": "bert"}}})


@pytest.mark.parametrize("name", ["values", "type", "training", "keys", "fusion", "trainer", "seed", "corpus"])
def test_names_that_a_modality_may_have(name: str) -> None:
    config = check_config({"modalities": {name: {"encoder": "bert"}}})
    assert list(config.modalities) == [name]


def test_an_unknown_modality_is_named() -> None:
    with pytest.raises(ConfigError, match='no modality "smell": it has text, audio, face'):
        load_config("compact", modalities=["text", "smell"])


def test_a_further_modality_is_a_section_with_an_encoder() -> None:
    config = load_config("compact", overrides=["second-voice.encoder=spectrogram", "second-voice.conv_channels=16"])
    assert list(config.modalities) == ["text", "audio", "face", "second-voice"]
