import pytest
import torch

from mmerc import load_config
from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.errors import ConfigError, WeightsError
from mmerc.training.encoder import create_encoder, name_section

UTTERANCES = tuple(Utterance("train", 0, n, "AB"[n % 2], f"some words {n}", emotion="joy") for n in range(4))
CORPUS = Corpus("c", SEVEN, {"train": (Dialogue("train", 0, UTTERANCES),)})


def test_an_encoder_starts_from_its_seed_and_knows_the_protocol() -> None:
    config = load_config("smoke", overrides=["protocol=online"], modalities=["text"])
    one, same, other = (create_encoder("text", config, CORPUS, seed) for seed in (3, 3, 4))
    assert one.protocol == "online"
    pairs = list(zip(one.state_dict().values(), same.state_dict().values(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("kind", [ConfigError, WeightsError])
def test_an_error_gets_the_name_of_its_section(kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"^words: max_tokens is too large$"), name_section("words"):
        raise kind("max_tokens is too large")
