"""Writers of transcripts in every dialect, for the tests: what a program of that name would write."""

import csv
import html
import io
import json
from collections.abc import Callable
from typing import Any

from mmerc.corpora.transcripts import Segment

Write = Callable[[list[Segment]], str]


def clock(seconds: float, point: str = ".") -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def ms(seconds: float) -> int:
    return round(seconds * 1000)


def split_words(each: Segment) -> list[tuple[str, float, float]]:
    """The words of an utterance, which share its time."""
    words = each.text.split()
    step = (each.end - each.start) / len(words)
    return [(word, each.start + i * step, each.start + (i + 1) * step) for i, word in enumerate(words)]


def write_srt(segments: list[Segment], point: str = ",", end: str = "\n", gap: str = "\n", numbers: bool = True) -> str:
    blocks = [
        f"{f'{i}{end}' if numbers else ''}{clock(each.start, point)} --> {clock(each.end, point)}{end}{each.speaker}: {each.text}{end}"
        for i, each in enumerate(segments, 1)
    ]
    return gap.replace("\n", end).join(blocks)


def write_webvtt(segments: list[Segment]) -> str:
    cues = (
        f"id-{i}\n{clock(each.start)} --> {clock(each.end)} align:start\n<v {html.escape(each.speaker)}>{html.escape(each.text)}</v>\n"
        for i, each in enumerate(segments)
    )
    return "WEBVTT\n\nNOTE\na comment\n\n" + "\n".join(cues)


def write_zoom(segments: list[Segment]) -> str:
    cues = (
        f"{i}\n{clock(each.start)} --> {clock(each.end)}\n{each.speaker}: {each.text}\n"
        for i, each in enumerate(segments, 1)
    )
    return "WEBVTT\n\n" + "\n".join(cues)


def write_sbv(segments: list[Segment]) -> str:
    return "\n".join(
        f"{clock(each.start)[1:]},{clock(each.end)[1:]}\n>> {each.speaker}: {each.text}\n" for each in segments
    )


def write_ass(segments: list[Segment]) -> str:
    rows = (
        f"Dialogue: 0,{clock(each.start)[1:-1]},{clock(each.end)[1:-1]},Default,{each.speaker},0,0,0,,{each.text}"
        for each in segments
    )
    return "[Script Info]\nScriptType: v4.00+\n\n[Events]\n" + "\n".join(rows) + "\n"


def write_ttml(segments: list[Segment]) -> str:
    names = sorted({each.speaker for each in segments})
    agents = "".join(
        f'<ttm:agent xml:id="a{i}"><ttm:name>{name}</ttm:name></ttm:agent>' for i, name in enumerate(names)
    )
    rows = "".join(
        f'<p begin="{clock(e.start)}" end="{clock(e.end)}" ttm:agent="a{names.index(e.speaker)}">{html.escape(e.text)}</p>'
        for e in segments
    )
    spaces = 'xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata"'
    return f'<?xml version="1.0"?>\n<tt {spaces}><head>{agents}</head><body><div>{rows}</div></body></tt>'


def write_table(segments: list[Segment], separator: str = ",", scale: float = 1.0, comma: bool = False) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(["start", "end", "speaker", "text"])
    for each in segments:
        times = [
            str(ms(t)) if scale != 1.0 else f"{t:.3f}".replace(".", "," if comma else ".")
            for t in (each.start, each.end)
        ]
        writer.writerow([*times, each.speaker, each.text])
    return out.getvalue()


def as_json(make: Callable[[list[Segment]], Any]) -> Write:
    return lambda segments: json.dumps(make(segments))


def rows(segments: list[Segment], text: str = "text", speaker: str = "speaker", scale: int = 1) -> list[dict[str, Any]]:
    def number(seconds: float) -> float:
        return ms(seconds) if scale == 1000 else seconds

    return [{"start": number(e.start), "end": number(e.end), text: e.text, speaker: e.speaker} for e in segments]


def words(segments: list[Segment], text: str, scale: int = 1) -> list[dict[str, Any]]:
    return [
        {
            "start": ms(a) if scale == 1000 else a,
            "end": ms(b) if scale == 1000 else b,
            text: word,
            "speaker": each.speaker,
        }
        for each in segments
        for word, a, b in split_words(each)
    ]


def make_google(segments: list[Segment]) -> Any:
    spoken = [
        {"startTime": f"{a:.3f}s", "endTime": f"{b:.3f}s", "word": word, "speakerLabel": each.speaker}
        for each in segments
        for word, a, b in split_words(each)
    ]
    plain = [{key: value for key, value in word.items() if key != "speakerLabel"} for word in spoken]
    return {"results": [{"alternatives": [{"transcript": "", "words": plain}]}, {"alternatives": [{"words": spoken}]}]}


def make_aws(segments: list[Segment]) -> Any:
    items: list[dict[str, Any]] = []
    labels = []
    for each in segments:
        spoken = [(f"{a:.3f}", f"{b:.3f}", word) for word, a, b in split_words(each)]
        items += [
            {"start_time": a, "end_time": b, "alternatives": [{"content": word}], "type": "pronunciation"}
            for a, b, word in spoken
        ]
        labels.append(
            {
                "speaker_label": each.speaker,
                "items": [{"start_time": a, "speaker_label": each.speaker} for a, _, _ in spoken],
            }
        )
    return {"results": {"items": items, "speaker_labels": {"segments": labels}}}


def make_aws_segments(segments: list[Segment]) -> Any:
    found = [
        {"start_time": f"{e.start:.3f}", "end_time": f"{e.end:.3f}", "transcript": e.text, "speaker_label": e.speaker}
        for e in segments
    ]
    return {"results": {"items": [], "audio_segments": found}}


def make_rev(segments: list[Segment]) -> Any:
    monologues = []
    for each in segments:
        elements: list[dict[str, Any]] = []
        for word, start, end in split_words(each):
            elements += [{"type": "punct", "value": " "}] if elements else []
            elements.append({"type": "text", "value": word, "ts": start, "end_ts": end})
        monologues.append({"speaker": each.speaker, "elements": elements})
    return {"monologues": monologues}


def make_whisper_cpp(segments: list[Segment]) -> Any:
    return {
        "transcription": [
            {"offsets": {"from": ms(e.start), "to": ms(e.end)}, "text": f" {e.text}", "speaker": e.speaker}
            for e in segments
        ]
    }


def make_chunks(segments: list[Segment]) -> Any:
    return {"chunks": [{"timestamp": [e.start, e.end], "text": f" {e.text}", "speaker": e.speaker} for e in segments]}


def make_youtube(segments: list[Segment]) -> Any:
    return [
        {"text": f"{e.speaker}: {e.text}", "start": e.start, "duration": round(e.end - e.start, 3)} for e in segments
    ]


WRITERS: dict[str, tuple[str, Write]] = {
    "SRT": (".srt", write_srt),
    "SRT with points": (".srt", lambda segments: write_srt(segments, point=".")),
    "SRT with colons": (".srt", lambda segments: write_srt(segments, point=":")),
    "SRT with CR": (".srt", lambda segments: write_srt(segments, end="\r")),
    "SRT with CR LF": (".srt", lambda segments: write_srt(segments, end="\r\n")),
    "SRT with CR CR LF": (".srt", lambda segments: write_srt(segments, end="\r\r\n")),
    "SRT without numbers": (".srt", lambda segments: write_srt(segments, numbers=False)),
    "SRT without empty lines": (".srt", lambda segments: write_srt(segments, gap="")),
    "SRT without both": (".srt", lambda segments: write_srt(segments, gap="", numbers=False)),
    "WebVTT": (".vtt", write_webvtt),
    "WebVTT as SRT": (".srt", write_webvtt),
    "Zoom": (".vtt", write_zoom),
    "SBV": (".sbv", write_sbv),
    "SubStation": (".ass", write_ass),
    "TTML": (".ttml", write_ttml),
    "CSV": (".csv", write_table),
    "CSV with semicolons": (".csv", lambda segments: write_table(segments, ";", comma=True)),
    "TSV": (".tsv", lambda segments: write_table(segments, "\t")),
    "CSV in milliseconds": (".csv", lambda segments: write_table(segments, scale=1000)),
    "TSV in milliseconds": (".tsv", lambda segments: write_table(segments, "\t", scale=1000)),
    "Whisper": (".json", as_json(lambda segments: {"segments": rows(segments)})),
    "list": (".json", as_json(rows)),
    "OpenAI": (".json", as_json(lambda segments: {"words": words(segments, "word")})),
    "whisper.cpp": (".json", as_json(make_whisper_cpp)),
    "transformers": (".json", as_json(make_chunks)),
    "youtube-transcript-api": (".json", as_json(make_youtube)),
    "AssemblyAI": (".json", as_json(lambda segments: {"utterances": rows(segments, scale=1000)})),
    "AssemblyAI words": (".json", as_json(lambda segments: {"words": words(segments, "text", scale=1000)})),
    "Deepgram": (".json", as_json(lambda segments: {"results": {"utterances": rows(segments, "transcript")}})),
    "Deepgram words": (
        ".json",
        as_json(lambda segments: {"results": {"channels": [{"alternatives": [{"words": words(segments, "word")}]}]}}),
    ),
    "Google": (".json", as_json(make_google)),
    "AWS": (".json", as_json(make_aws)),
    "AWS segments": (".json", as_json(make_aws_segments)),
    "Rev": (".json", as_json(make_rev)),
}
