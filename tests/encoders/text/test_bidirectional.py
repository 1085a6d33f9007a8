import pytest

from mmerc.encoders.text.bidirectional import SPECIAL_TOKENS, create_scratch_network, get_special_token_ids
from mmerc.encoders.text.config import TextConfig
from mmerc.encoders.text.dialogue import DialogueText
from mmerc.encoders.text.gpt import Gpt
from mmerc.errors import WeightsError


def test_the_marks_of_a_tokenizer() -> None:
    tokenizer = DialogueText.train_tokenizer(["some words"], 300)
    assert get_special_token_ids(tokenizer) == (
        list(SPECIAL_TOKENS).index("cls_token"),
        list(SPECIAL_TOKENS).index("sep_token"),
    )
    with pytest.raises(WeightsError, match=r"has no \[CLS\] and \[SEP\]: set encoder to gpt"):
        get_special_token_ids(Gpt.train_tokenizer(["some words"], 300))


def test_a_scratch_network_has_the_configured_size() -> None:
    network = create_scratch_network(
        TextConfig(encoder="bert", backbone="scratch", max_tokens=64, scratch_hidden_size=32, scratch_num_layers=3)
    )
    settings = network.config
    assert (settings.hidden_size, settings.num_hidden_layers, settings.max_position_embeddings) == (32, 3, 64)
