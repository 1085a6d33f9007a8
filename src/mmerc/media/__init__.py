"""Media: a clip in, samples and frames on one clock out."""

from mmerc.media.audio import SAMPLE_RATE, read_waveform
from mmerc.media.inspection import MediaInfo, TrackInfo, inspect_media
from mmerc.media.video import Frames, read_frames, space_evenly

__all__ = [
    "SAMPLE_RATE",
    "Frames",
    "MediaInfo",
    "TrackInfo",
    "inspect_media",
    "read_frames",
    "read_waveform",
    "space_evenly",
]
