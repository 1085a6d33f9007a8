import pytest

from mmerc.config import validate
from mmerc.encoders.text.bert import BertTextConfig
from mmerc.encoders.text.config import TextConfig, has_learned_vocabulary
from mmerc.encoders.text.gpt import GptConfig
from mmerc.errors import ConfigError


@pytest.mark.parametrize(
    ("backbone", "pretrained", "expected"),
    [("scratch", True, True), ("openai-gpt", False, True), ("openai-gpt", True, False), ("gpt2", False, False)],
)
def test_which_backbones_learn_their_vocabulary(backbone: str, pretrained: bool, expected: bool) -> None:
    config = TextConfig(encoder="gpt", backbone=backbone, max_tokens=64, pretrained=pretrained)
    assert has_learned_vocabulary(config) is expected


def test_a_learned_vocabulary_fits_no_other_model() -> None:
    settings = {"encoder": "gpt", "backbone": "scratch", "warm_start": "model:some/folder"}
    with pytest.raises(ConfigError, match="does not fit another model: choose a backbone with its own vocabulary"):
        validate(GptConfig, settings, "text")
    assert validate(GptConfig, settings | {"warm_start": "goemotions:"}, "text").backbone == "scratch"


def test_a_bidirectional_network_has_no_language_model_loss() -> None:
    with pytest.raises(ConfigError, match='the setting "text.language_model_weight" is 1.0: input should be less'):
        validate(BertTextConfig, {"encoder": "bert", "language_model_weight": 1.0}, "text")
    assert GptConfig(encoder="gpt").language_model_weight == 1.0
