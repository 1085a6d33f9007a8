"""Transcripts: what is said when in a recording, in the formats that subtitles and speech recognisers write."""

from mmerc.corpora.transcripts.annotations import read_annotations
from mmerc.corpora.transcripts.cue import Annotation, Segment
from mmerc.corpora.transcripts.reader import ENDINGS, open_transcript, parse_transcript, read_transcript

__all__ = [
    "ENDINGS",
    "Annotation",
    "Segment",
    "open_transcript",
    "parse_transcript",
    "read_annotations",
    "read_transcript",
]
