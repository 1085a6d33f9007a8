"""Tokenizers: from text to token IDs, and a vocabulary learned from the corpus."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

CACHE_SIZE = 1024  # texts
TYPOGRAPHY = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": " - ", "…": "..."})


def normalize_typography(text: str) -> str:
    """Replace typographic quotes, dashes and ellipses by the ASCII characters that the backbones were trained on.

    A quarter of MELD's utterances contain ’. To MiniLM "don’t" and "don't" are different words.

    >>> normalize_typography("“Don’t”…")
    '"Don\\'t"...'
    """
    return text.translate(TYPOGRAPHY)


def make_tokenizer(tokenizer: PreTrainedTokenizerBase) -> Callable[[str], list[int]]:
    """Return a function from text to token IDs that adds no special tokens.

    A special token that is spelled out in the text, such as "[SEP]", is read as ordinary characters. The function has a
    cache, because each utterance is also part of the history of its neighbours.
    """

    @lru_cache(maxsize=CACHE_SIZE)
    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(
            normalize_typography(text), add_special_tokens=False, split_special_tokens=True
        )
        return ids

    return tokenize


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, special_tokens: Sequence[str], named_tokens: Mapping[str, str]
) -> PreTrainedTokenizerFast:
    """Learn a byte-level BPE vocabulary of at most `vocab_size` tokens. It can encode any text in any script.

    `special_tokens` get the first IDs. `named_tokens` are those among them that transformers knows by name, such as
    `pad_token`. The same texts give the same vocabulary in every process; a trained WordPiece vocabulary does not.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named_tokens)
