import re

import pytest

from mmerc import weights
from mmerc.errors import WeightsError
from mmerc.weights import CATALOGUE, Network


def test_a_name_that_is_not_in_the_catalogue() -> None:
    with pytest.raises(
        WeightsError,
        match='there are no weights with the name "mtcn": choose one of mtcnn, yunet, voice-encoder, speaker-segmentation, mpnet',
    ):
        weights.find("mtcn")


def test_a_network_has_a_hash_a_revision_and_its_weights_among_its_files() -> None:
    entries = [entry for entry in CATALOGUE.values() if isinstance(entry, Network)]
    assert entries
    for entry in entries:
        assert re.fullmatch("[0-9a-f]{64}", entry.sha256) and re.fullmatch("[0-9a-f]{40}", entry.revision)
        assert entry.weights_file in entry.files and entry.wheels
