import pytest
import yaml

from mmerc import config
from mmerc.errors import ConfigError
from mmerc.training.run_config import check


def test_the_flat_form_comes_back_the_same() -> None:
    checked = check(config.load("compact", None, ["seed=3"]), only=["audio", "text"])
    assert list(checked.modalities) == ["audio", "text"]
    again = check(yaml.safe_load(yaml.safe_dump(checked.settings())))
    assert again == checked


def test_general_keys_reach_the_modalities_they_concern() -> None:
    checked = check(config.load("paper", None, ["pretrained=false", "protocol=online"]))
    assert [section.pretrained for section in checked.modalities.values()] == [False] * 3
    assert checked.modalities["text"].protocol == "online"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("text.epoch=3", 'did you mean "epochs"'),
        ("texts.epochs=3", '"texts" is neither a modality'),
        ("text.encoder=bart", 'text.encoder is "bart": choose one of gpt, bert'),
        ("fusion.width=5", "must be divisible"),
        ("seed=one", "\"seed\" is 'one'"),
        ("seed=99999999999999999999", '"seed" is 99999999999999999999'),
        ("trainer.devices=0", '"trainer.devices" is 0'),
        ("nonsense=1", '"nonsense" is not a setting'),
        (
            "epochs=3",
            '"epochs" is not a setting of the whole run: did you mean text.epochs or audio.epochs or face.epochs or',
        ),
        ("threads=2", "did you mean trainer.threads?"),
    ],
)
def test_wrong_settings_are_one_sentence(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(config.load("compact", None, [override]))
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["values", "type", "training", "get", "fused", "majority", "corpus", "seeds", "precision", "a b", "1st"]
)
def test_names_that_a_modality_cannot_have(name: str) -> None:
    with pytest.raises(ConfigError, match=f'"{name}" cannot name a modality'):
        check({name: {"encoder": "bert"}})


def test_an_unknown_modality_is_named() -> None:
    with pytest.raises(ConfigError, match='no modality "smell": it has text, audio, face'):
        check(config.load("compact", None, []), only=["text", "smell"])


def test_a_modality_of_ones_own_is_a_section_with_an_encoder() -> None:
    checked = check({"text": {"encoder": "bert"}, "second-voice": {"encoder": "spectrogram", "conv_channels": 16}})
    assert list(checked.modalities) == ["text", "second-voice"]
