"""Where weights are kept on this machine: the cache, and the mirror of the user."""

import os
from pathlib import Path


def get_cache_folder() -> Path:
    """The folder of the fetched weights: `MMERC_CACHE`, or `~/.cache/mmerc`."""
    return Path(os.environ.get("MMERC_CACHE") or Path.home() / ".cache" / "mmerc")


def get_mirror_folder() -> Path | None:
    """The folder `MMERC_WEIGHTS` with weights that were downloaded by other means; None if it is not set."""
    mirror = os.environ.get("MMERC_WEIGHTS")
    return Path(mirror) if mirror else None
