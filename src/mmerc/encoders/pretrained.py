"""Loading networks that others have trained, by hub name or folder, without running code or pickles of theirs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from mmerc.errors import WeightsError

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

REMEMBERED = 1024  # utterances
TYPOGRAPHY = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": " - ", "…": "..."}  # as keyboards write it
)
ATTENTION_DROPOUTS = ("attention_probs_dropout_prob", "attn_pdrop", "attention_dropout")


@contextmanager
def loading(what: str, name: str, instead: str) -> Iterator[None]:
    """Make one sentence of whatever goes wrong; `instead`: what to do about it.

    Raises:
        WeightsError: what is loaded within is neither here nor to be downloaded.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        raise WeightsError(
            f'the {what} network "{name}" cannot be loaded ({str(error).splitlines()[0]}): download it on a machine '
            f"with a network and {instead}."
        ) from error


def load_network(name: str, settings: Any, *, pretrained: bool) -> Any:
    """The network of these settings, with its weights or without; no code and no pickle of a stranger is ever run."""
    if pretrained:
        return AutoModel.from_pretrained(name, config=settings, trust_remote_code=False, use_safetensors=True)
    return AutoModel.from_config(settings, trust_remote_code=False)


def load_backbone(
    name: str, *, pretrained: bool, attention_dropout: float = 0.0
) -> tuple[nn.Module, PreTrainedTokenizerBase]:
    """A network and its tokenizer by hub name or folder.

    Raises:
        WeightsError: they are neither here nor to be downloaded.
    """
    with loading("text", name, "set text.backbone to its folder, or set text.backbone=scratch"):
        tokenizer: Any = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        settings = AutoConfig.from_pretrained(name, trust_remote_code=False)
        for key in ATTENTION_DROPOUTS:
            if hasattr(settings, key):
                setattr(settings, key, attention_dropout)
        return load_network(name, settings, pretrained=pretrained), tokenizer


def as_typed(text: str) -> str:
    """The text with a keyboard's marks for typographic ones, which the texts that networks are trained on are full of: a
    quarter of MELD's utterances hold ’, and to MiniLM "don’t" is another word than "don't".

    >>> as_typed("“Don’t”…")
    '"Don\\'t"...'
    """
    return text.translate(TYPOGRAPHY)


def plain_tokenizer(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], list[int]]:
    """Text `as_typed` to ids, without marks around it; what looks like a mark in somebody's text is only letters.

    Remembers: an utterance is read once as itself and again in every neighbour's history.
    """

    @lru_cache(maxsize=REMEMBERED)
    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(as_typed(text), add_special_tokens=False, split_special_tokens=True)
        return ids

    return tokenize
