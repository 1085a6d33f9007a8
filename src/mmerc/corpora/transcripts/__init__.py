"""Transcripts: what is said when in a recording, in the formats that subtitles and speech recognisers write."""

from mmerc.corpora.transcripts.cue import Segment
from mmerc.corpora.transcripts.reader import ENDINGS, open_transcript, parse_transcript, read_transcript

__all__ = ["ENDINGS", "Segment", "open_transcript", "parse_transcript", "read_transcript"]
