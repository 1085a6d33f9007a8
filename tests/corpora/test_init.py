from pathlib import Path

import pytest

from mmerc.corpora import open_corpus
from mmerc.errors import CorpusError


@pytest.mark.parametrize("location", ["meld", "melt:/x", "meld:", "/some/folder"])
def test_a_location_must_be_kind_and_path(location: str) -> None:
    with pytest.raises(CorpusError):
        open_corpus(location)


def test_an_absent_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="there is nothing at .*none.csv"):
        open_corpus(f"table:{tmp_path / 'none.csv'}")
