"""Published corpora: a catalogue with sources and licences, and how to fetch them into a folder that the readers read.

`MMERC_CORPORA` is a mirror: a folder with the published files as KIND/FILE. It is looked at first, and the hash decides.
"""

from mmerc.corpora.download.catalogue import CATALOGUE, PublishedCorpus, get_entry
from mmerc.corpora.download.fetch import fetch_corpus, find_corpora, is_fetched, require_source

__all__ = [
    "CATALOGUE", "PublishedCorpus", "fetch_corpus", "find_corpora", "get_entry", "is_fetched", "require_source",
]  # fmt: skip
