import json
import os
import subprocess
import sys

import pytest

from mmerc.encoders.text.tokenizer import make_tokenizer, train_tokenizer

SPECIAL_TOKENS = ("<start>", "<pad>")


def test_any_text_can_be_encoded_and_decoded() -> None:
    tokenizer = train_tokenizer(["plain words"], 400, SPECIAL_TOKENS, {"pad_token": "<pad>"})
    for text in ("plain words", "日本語 😀", "שלום", "\u202e\x00"):
        assert tokenizer.decode(tokenizer.encode(text)).strip() == text.strip()
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == [0, 1]
    assert tokenizer.pad_token_id == 1


def test_the_vocabulary_is_the_same_in_every_process() -> None:
    code = (
        "from mmerc.encoders.text.tokenizer import train_tokenizer; import json;"
        "print(json.dumps(train_tokenizer([f'words {n} and others' for n in range(300)], 400, [], {}).get_vocab()))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    here = train_tokenizer([f"words {n} and others" for n in range(300)], 400, [], {}).get_vocab()
    assert json.loads(output.stdout) == here and len(here) <= 400


def test_special_tokens_in_a_text_are_ordinary_characters() -> None:
    tokenize = make_tokenizer(train_tokenizer(["plain words"], 400, SPECIAL_TOKENS, {}))
    assert not {0, 1} & set(tokenize("a <start> b <pad>"))


@pytest.mark.parametrize(
    ("typographic", "ascii"),
    [("“Don’t” – she’s… ‘gone’", "\"Don't\" - she's... 'gone'"), ("Mr—Geller", "Mr - Geller")],
)
def test_typographic_characters_give_the_same_tokens_as_ascii(typographic: str, ascii: str) -> None:
    tokenize = make_tokenizer(train_tokenizer([ascii], 400, SPECIAL_TOKENS, {}))
    assert tokenize(typographic) == tokenize(ascii)
