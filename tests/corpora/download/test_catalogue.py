import re
from pathlib import Path

import pytest

from mmerc.corpora import READERS
from mmerc.corpora.download import CATALOGUE, get_entry
from mmerc.errors import CorpusError

LENGTHS = {"sha256": 64, "sha1": 40, "md5": 32}


def test_every_entry_says_what_a_user_must_know() -> None:
    assert CATALOGUE.keys() <= READERS.keys()
    for entry in CATALOGUE.values():
        assert entry.content and entry.licence and entry.citation and entry.source.startswith("http")
        assert entry.has_address or entry.hint.startswith("It has no public address: ")
        assert bool(entry.files) == bool(entry.utterances) and (entry.size or not entry.has_address)


def test_hashes_and_addresses_are_complete() -> None:
    files = [file for entry in CATALOGUE.values() for file in entry.files]
    assert len(files) == 12
    for file in files:
        assert file.url is None or re.fullmatch(r"https?://[\w.]+/\S+", file.url)
        algorithm, _, digest = (file.checksum or "md5:" + "0" * 32).partition(":")
        assert re.fullmatch(rf"[0-9a-f]{{{LENGTHS[algorithm]}}}", digest)


def test_an_unknown_name_is_one_sentence() -> None:
    with pytest.raises(
        CorpusError, match='"mosei" is not in the catalogue of corpora: choose from meld, goemotions, ravdess'
    ):
        get_entry("mosei")


def test_the_manual_has_every_corpus_with_its_licence() -> None:
    page = (Path(__file__).parents[3] / "docs" / "corpora.md").read_text(encoding="utf-8")
    table = page[page.index("## Fetching a corpus") :].partition("\n\n- ")[0]
    for kind, entry in CATALOGUE.items():
        assert f"`{kind}`" in table and entry.licence in table
