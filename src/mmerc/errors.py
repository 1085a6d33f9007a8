"""Every failure that a user can cause is one of these: one sentence that says what, where, and what to do."""

import re

FILE = re.compile(r"\S*\.[A-Za-z]\w*\S*\s?")
TIME = re.compile(r"\d+\.\d+")


class MmercError(Exception):
    """Something the user can mend. The command line prints the sentence and exits with 2."""


class ConfigError(MmercError):
    """A preset, a configuration file or a `--set` that cannot be used."""


class CorpusError(MmercError):
    """A corpus that cannot be read as a whole (a single bad row is a `Problem`, never an error)."""


class WeightsError(MmercError):
    """Weights that are absent, damaged, or of another shape than the network."""


class RunError(MmercError):
    """A run or model folder that is absent, incomplete, or of another configuration."""


class MissingModality(MmercError):
    """One utterance lacks one modality. The pipeline records the reason and goes on."""


class MediaError(MissingModality):
    """A clip that gives no samples or no frames."""


class ClipNotFound(MediaError):
    """There is no file at the clip's path."""


class ClipUnreadable(MediaError):
    """The file is empty, truncated, or not a medium at all."""


class NoAudio(MediaError):
    """The clip has no audio stream, or not a single usable sample in the time asked for."""


class NoVideo(MediaError):
    """The clip has no video stream, or not a single frame in the time asked for."""


class NoFace(MissingModality):
    """The detector found no face in any of the frames it looked at."""


def kind_of(reason: str) -> str:
    """A sentence without the file and the times it names: what is wrong in two places in the same way is the same text.

    >>> kind_of("a/dia3_utt7.mp4 gives no frame between 12.50 and 15.00 s")
    'gives no frame between … and … s'
    """
    return TIME.sub("…", FILE.sub("", reason)).strip()
