"""Clips made for the tests of this folder."""

from pathlib import Path

import av
import numpy as np


def write_video(
    file: Path, *, frames: int = 12, size: tuple[int, int] = (64, 48), rate: int = 12, audio: bool = True
) -> Path:
    """Frame number n has brightness 20 n; the tone has 440 Hz."""
    width, height = size
    with av.open(str(file), "w") as container:
        picture = container.add_stream("mpeg4", rate=rate)
        picture.width, picture.height, picture.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("aac", rate=16_000, layout="mono") if audio else None
        for number in range(frames):
            image = np.full((height, width, 3), min(20 * number, 255), np.uint8)
            container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode(None))
        if sound is not None:
            tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000 * frames // rate) / 16_000)
            frame = av.AudioFrame.from_ndarray(tone[None].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16_000
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return file


def write_wav(file: Path, channels: np.ndarray, *, rate: int = 16_000, layout: str = "mono") -> Path:
    """`channels` [C, N] as 32-bit float."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(channels.T.reshape(1, -1), np.float32), format="flt", layout=layout
        )
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file
