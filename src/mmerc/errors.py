"""The errors that a user can cause. Each has a sentence on what is wrong, where, and how to fix it."""

import re
import reprlib

FILE = re.compile(r"\S*\.[A-Za-z]\w*\S*\s?")
MAX_CHARACTERS = 1200  # of a sentence
QUOTING = reprlib.Repr()
QUOTING.maxlevel, QUOTING.maxlist, QUOTING.maxdict, QUOTING.maxstring, QUOTING.maxother = 3, 8, 8, 120, 120
TIME = re.compile(r"\d+\.\d+")


class MmercError(Exception):
    """An error that the user can fix. The command line prints its sentence and exits with status 2.

    A sentence that quotes much of a file loses its middle.
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(shorten(sentence))


class ConfigError(MmercError):
    """A preset, configuration file, option or `--set` cannot be used."""


class CorpusError(MmercError):
    """A corpus cannot be read at all. A single bad row is a `Problem`, not an error."""


class WeightsError(MmercError):
    """Weights are absent or damaged, or their shapes are not those of the network."""


class DownloadError(MmercError):
    """A file cannot be downloaded, or is not the published one."""


class RunError(MmercError):
    """A run or model folder is absent or incomplete, or has another configuration."""


class MissingModality(MmercError):
    """An utterance lacks a modality. The pipeline records the reason and continues without it."""


class MediaError(MissingModality):
    """A clip gives no samples or no frames."""


class ClipNotFound(MediaError):
    """There is no file at the clip's path."""


class ClipUnreadable(MediaError):
    """The file is empty, truncated, or not audio or video."""


class NoAudio(MediaError):
    """The clip has no audio stream, or no usable sample in the time asked for."""


class NoAudioStream(NoAudio):
    """The clip has no audio stream."""


class NoVideo(MediaError):
    """The clip has no video stream, or no frame in the time asked for."""


class NoVideoStream(NoVideo):
    """The clip has no video stream."""


class NoFace(MissingModality):
    """The detector found no face in the frames that it read."""


def quote(value: object) -> str:
    """A value of a user's file as a sentence shows it: its first parts only, because YAML can write 10^9 of them in a few lines.

    >>> quote([1, "two", None]), quote([[[["deep"]]]]), quote(list(range(100)))
    ("[1, 'two', None]", '[[[[...]]]]', '[0, 1, 2, 3, 4, 5, 6, 7, ...]')
    """
    return QUOTING.repr(value)


def shorten(text: str, most: int = MAX_CHARACTERS) -> str:
    """The text with at most so many characters: its beginning and its end.

    >>> shorten("0123456789", 7)
    '01234…9'
    """
    tail = most // 4
    return text if len(text) <= most else f"{text[: most - tail - 1]}…{text[-tail:]}"


def get_first_line(error: Exception) -> str:
    """The first line of a library's error; the name of its class where it has no text.

    >>> get_first_line(ValueError("no such name\\nsee the manual")), get_first_line(ValueError())
    ('no such name', 'ValueError')
    """
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def remove_details(reason: str) -> str:
    """A reason without its file names and times, so that equal reasons at different places can be counted together.

    >>> remove_details("a/dia3_utt7.mp4 gives no frame between 12.50 and 15.00 s")
    'gives no frame between … and … s'
    """
    return TIME.sub("…", FILE.sub("", reason)).strip()
