"""For each speech recogniser: where its JSON has the list of rows, and how to read one row."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from mmerc.corpora.transcripts.fields import DURATION, END, SPEAKER, START, TEXT, find_field

MS = 0.001


class JsonRow(NamedTuple):
    """What one row of JSON says, as it stands there. `group`: words of different groups are in different utterances."""

    start: Any
    end: Any
    text: Any
    speaker: Any = None
    duration: Any = None
    group: int = 0
    scale: float = 1.0  # the field's own unit, in that of the dialect


@dataclass(frozen=True)
class Dialect:
    """`find` gives the part of the content that holds the rows, or `None` where the content is of another dialect.

    scale: seconds in the unit of the times. has_words: the rows are single words; may_have_words: on demand. is_display: the times say how long a line is
    shown, so that the next line ends it.
    """

    name: str
    find: Callable[[Any], Any]
    read: Callable[[Any], Iterator[JsonRow]]
    scale: float = 1.0
    has_words: bool = False
    may_have_words: bool = False
    is_display: bool = False


def dig(value: Any, *keys: str | int) -> Any:
    """The value under a path of keys and indices; `None` where the path ends before.

    >>> dig({"a": [{"b": 1}]}, "a", 0, "b"), dig([], 0)
    (1, None)
    """
    for key in keys:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and -len(value) <= key < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _has_list(*path: str | int, of: str = "") -> Callable[[Any], Any]:
    """Finds a list under a path; with `of`, one whose first row has that field."""

    def find(content: Any) -> Any:
        rows = dig(content, *path)
        return rows if isinstance(rows, list) and rows and (not of or dig(rows, 0, of) is not None) else None

    return find


@lru_cache(maxsize=256)
def _find_columns(keys: tuple[str, ...]) -> tuple[tuple[str, float] | None, ...]:
    row = dict.fromkeys(keys)
    return tuple(find_field(row, names) for names in (START, END, DURATION, TEXT, SPEAKER))


def _read_rows(rows: Any) -> Iterator[JsonRow]:
    """Rows with a start, an end or a duration, a text and perhaps a speaker, by whatever names."""
    for row in rows:
        if not isinstance(row, dict):
            yield JsonRow(None, None, None)
            continue
        columns = _find_columns(tuple(map(str, row)))
        start, end, duration, text, speaker = (row.get(column[0]) if column else None for column in columns)
        if speaker is None and isinstance(row.get("words"), list):  # WhisperX
            voices = Counter(
                str(word["speaker"]) for word in row["words"] if isinstance(word, dict) and "speaker" in word
            )
            speaker = voices.most_common(1)[0][0] if voices else None
        scale = next((column[1] for column in columns[:3] if column and column[1] != 1.0), 1.0)
        yield JsonRow(start, end, text, speaker, duration, scale=scale)


def _read_whisper_cpp(rows: Any) -> Iterator[JsonRow]:
    for row in rows:
        times = dig(row, "offsets") or dig(row, "timestamps")
        yield JsonRow(dig(times, "from"), dig(times, "to"), dig(row, "text"), dig(row, "speaker"))


def _read_chunks(rows: Any) -> Iterator[JsonRow]:
    for row in rows:
        times = dig(row, "timestamp")
        yield JsonRow(dig(times, 0), dig(times, 1), dig(row, "text"), dig(row, "speaker"))


def _read_youtube_events(rows: Any) -> Iterator[JsonRow]:
    for row in rows:
        parts = dig(row, "segs")
        text = "".join(str(dig(part, "utf8") or "") for part in parts) if isinstance(parts, list) else ""
        if text.strip():
            yield JsonRow(dig(row, "tStartMs"), None, text, duration=dig(row, "dDurationMs"))


def _read_deepgram(channels: Any) -> Iterator[JsonRow]:
    for number, channel in enumerate(channels):
        best = dig(channel, "alternatives", 0)
        words = dig(best, "words") or []
        for word in words if isinstance(words, list) else []:
            speaker = dig(word, "speaker")
            speaker = number if speaker is None and len(channels) > 1 else speaker
            text = dig(word, "punctuated_word") or dig(word, "word")
            yield JsonRow(dig(word, "start"), dig(word, "end"), text, speaker, group=number)


def _read_deepgram_paragraphs(channels: Any) -> Iterator[JsonRow]:
    for number, channel in enumerate(channels):
        paragraphs = dig(channel, "alternatives", 0, "paragraphs", "paragraphs")
        for paragraph in paragraphs if isinstance(paragraphs, list) else []:
            speaker = dig(paragraph, "speaker")
            speaker = number if speaker is None and len(channels) > 1 else speaker
            sentences = dig(paragraph, "sentences")
            for sentence in sentences if isinstance(sentences, list) else []:
                yield JsonRow(dig(sentence, "start"), dig(sentence, "end"), dig(sentence, "text"), speaker)


def _find_deepgram_paragraphs(content: Any) -> Any:
    channels = dig(content, "results", "channels")
    has_paragraphs = dig(channels, 0, "alternatives", 0, "paragraphs", "paragraphs")
    return channels if isinstance(has_paragraphs, list) and has_paragraphs else None


def _find_google(content: Any) -> Any:
    for path in (("results",), ("response", "results"), ()):
        results = dig(content, *path)
        if isinstance(results, list) and any(isinstance(dig(result, "alternatives", 0), dict) for result in results):
            first = next(dig(result, "alternatives", 0) for result in results if dig(result, "alternatives", 0))
            if "words" in first or "transcript" in first:
                return results
    return None


def _get_first(row: Any, *keys: str) -> Any:
    return next((row[key] for key in keys if isinstance(row, dict) and row.get(key) is not None), None)


def _read_google(results: Any) -> Iterator[JsonRow]:
    """With speakers, the last result repeats all words; without, each result is an utterance. A time of zero is left out."""
    words = [dig(result, "alternatives", 0, "words") or [] for result in results]
    words = [each if isinstance(each, list) else [] for each in words]
    has_speakers = [any(map(_find_google_speaker, each)) for each in words]
    if has_speakers[-1] and not any(has_speakers[:-1]):
        words = words[-1:]
        results = results[-1:]
    end: Any = 0
    for number, (result, spoken) in enumerate(zip(results, words, strict=True)):
        for word in spoken:
            start = _get_first(word, "startTime", "startOffset", "start_time", "start_offset")
            stop = _get_first(word, "endTime", "endOffset", "end_time", "end_offset")
            speaker = _find_google_speaker(word)
            text = dig(word, "word")
            yield JsonRow(0 if start is None else start, stop, text, speaker, group=0 if speaker else number)
        start, end = end, _get_first(result, "resultEndTime", "resultEndOffset", "result_end_time") or end
        if not spoken and dig(result, "alternatives", 0, "transcript"):
            yield JsonRow(start, end, dig(result, "alternatives", 0, "transcript"), group=number)


def _find_google_speaker(word: Any) -> Any:
    return _get_first(word, "speakerLabel", "speaker_label", "speakerTag", "speaker_tag") or None


def _read_aws_segments(results: Any) -> Iterator[JsonRow]:
    speakers = _find_aws_speakers(results)
    for row in results["audio_segments"]:
        speaker = dig(row, "speaker_label") or speakers.get(str(dig(row, "start_time")))
        yield JsonRow(dig(row, "start_time"), dig(row, "end_time"), dig(row, "transcript"), speaker)


def _read_aws_items(results: Any) -> Iterator[JsonRow]:
    speakers = _find_aws_speakers(results)
    for item in results["items"]:
        start = dig(item, "start_time")
        speaker = dig(item, "speaker_label") or speakers.get(str(start))
        yield JsonRow(start, dig(item, "end_time"), dig(item, "alternatives", 0, "content"), speaker)


def _find_aws_speakers(results: Any) -> dict[str, Any]:
    """Speakers by the start of what they say."""
    speakers: dict[str, Any] = {}
    segments = dig(results, "speaker_labels", "segments")
    for segment in segments if isinstance(segments, list) else []:
        speakers.setdefault(str(dig(segment, "start_time")), dig(segment, "speaker_label"))
        items = dig(segment, "items")
        for item in items if isinstance(items, list) else []:
            speakers[str(dig(item, "start_time"))] = dig(item, "speaker_label") or dig(segment, "speaker_label")
    return speakers


def _find_aws(key: str) -> Callable[[Any], Any]:
    return lambda content: dig(content, "results") if _has_list("results", key)(content) else None


def _read_rev(content: Any) -> Iterator[JsonRow]:
    """Elements of a monologue are words and what stands between them, spaces included."""
    names = {}
    for speaker in dig(content, "speakers") or []:
        names[str(dig(speaker, "id"))] = dig(speaker, "name")
    for number, monologue in enumerate(content["monologues"]):
        speaker = dig(monologue, "speaker")
        speaker = names.get(str(speaker)) or speaker
        text, start, end = "", None, None
        elements = dig(monologue, "elements")
        for element in elements if isinstance(elements, list) else []:
            value = str(dig(element, "value") or "")
            if dig(element, "type") == "text":
                start = dig(element, "ts") if start is None else start
                end = dig(element, "end_ts") if dig(element, "end_ts") is not None else end
            if value.strip():
                text += value.strip()
            if value != value.rstrip() or (value and not value.strip()):
                if text:
                    yield JsonRow(start, end, text, speaker, group=number)
                text, start, end = "", None, None
        if text:
            yield JsonRow(start, end, text, speaker, group=number)


def _find_rows(content: Any, depth: int = 3) -> Any:
    """The first list of rows with a start and a text, at most three keys deep."""
    if isinstance(content, list):
        rows = [row for row in content[:20] if isinstance(row, dict)]
        is_rows = any(columns[0] and columns[3] for columns in (_find_columns(tuple(map(str, row))) for row in rows))
        return content if is_rows else (_find_rows(content[0], depth - 1) if len(content) == 1 and depth else None)
    if isinstance(content, dict) and depth:
        return next((rows for value in content.values() if (rows := _find_rows(value, depth - 1)) is not None), None)
    return None


DIALECTS = (
    Dialect("whisper.cpp", _has_list("transcription"), _read_whisper_cpp, MS, may_have_words=True),
    Dialect("transformers", _has_list("chunks", of="timestamp"), _read_chunks, may_have_words=True),
    Dialect("transformers", _has_list(of="timestamp"), _read_chunks, may_have_words=True),
    Dialect("Rev", lambda content: content if _has_list("monologues")(content) else None, _read_rev, has_words=True),
    Dialect("AWS Transcribe", _find_aws("audio_segments"), _read_aws_segments),
    Dialect("AWS Transcribe", _find_aws("items"), _read_aws_items, has_words=True),
    Dialect("Deepgram", _has_list("results", "utterances"), _read_rows),
    Dialect("Deepgram", _find_deepgram_paragraphs, _read_deepgram_paragraphs),
    Dialect("Deepgram", _has_list("results", "channels"), _read_deepgram, has_words=True),
    Dialect("Google", _find_google, _read_google, has_words=True),
    Dialect("AssemblyAI", _has_list("utterances", of="start"), _read_rows, MS),
    Dialect("Whisper", _has_list("segments", of="start"), _read_rows),
    Dialect("ElevenLabs", _has_list("words", of="type"), _read_rows, has_words=True),
    Dialect("AssemblyAI", _has_list("words", of="text"), _read_rows, MS, has_words=True),
    Dialect("OpenAI", _has_list("words", of="start"), _read_rows, has_words=True),
    Dialect("YouTube", _has_list("events", of="tStartMs"), _read_youtube_events, MS, is_display=True),
    Dialect("youtube-transcript-api", _has_list("snippets", of="duration"), _read_rows, is_display=True),
    Dialect("youtube-transcript-api", _has_list(of="duration"), _read_rows, is_display=True),
    Dialect("rows", _find_rows, _read_rows),
)
