from pathlib import Path

import pytest

from mmerc import weights
from mmerc.errors import WeightsError


def test_the_error_for_absent_weights_has_the_command(empty_cache: Path) -> None:
    with pytest.raises(WeightsError, match="run `mmerc weights fetch vggface2`, or put 20180402-114759-vggface2.pt"):
        weights.load("vggface2")


def test_what_was_fetched_is_not_fetched_again(empty_cache: Path) -> None:
    (empty_cache / "cache").mkdir()
    (empty_cache / "cache" / "vggface2.safetensors").write_bytes(b"")
    (empty_cache / "cache" / "mpnet").mkdir()
    assert weights.fetch("vggface2") == weights.find("vggface2") == empty_cache / "cache" / "vggface2.safetensors"
    assert weights.fetch("mpnet") == weights.find_folder("mpnet") == empty_cache / "cache" / "mpnet"
