"""Media: a clip in, samples and frames out."""

from mmerc.media.audio import SAMPLE_RATE, read_waveform
from mmerc.media.video import Frames, read_frames

__all__ = ["SAMPLE_RATE", "Frames", "read_frames", "read_waveform"]
