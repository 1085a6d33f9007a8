"""From a folder of public corpora to one model for text, voice and face: `mmerc build`."""

from mmerc.build.build import build

__all__ = ["build"]
