"""Clips made for the tests of this folder."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

QUICK = {
    "libx264": {"preset": "ultrafast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "threads": "1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}


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


def write_beep_and_flash(
    file: Path,
    video: str | None,
    audio: str | None,
    *,
    beep: tuple[float, float] = (2.0, 2.5),
    flash: tuple[float, float] = (3.0, 3.4),
    seconds: float = 5.0,
    sample_rate: int = 48_000,
    frame_rate: int = 25,
    interval: int = 10,
    keep_sound: Callable[[float], bool] = lambda time: True,
    keep_picture: Callable[[float], bool] = lambda time: True,
    options: dict[str, str] | None = None,
    muxer: str | None = None,
) -> Path:
    """A tone of 440 Hz and a white picture between known times, silence and black at all others.

    `video`, `audio`: ffmpeg's names of the encoders; `None` leaves the track out. `interval`: frames from one key frame to the
    next. `keep_sound`, `keep_picture`: which packets
    and frames are kept, by their time; the others leave a gap, the time stamps of the rest do not change.
    """
    with av.open(str(file), "w", format=muxer, options=options or {}) as container:
        packets: list[tuple[float, av.Packet]] = []
        tracks = []
        if video is not None:
            picture = container.add_stream(video, rate=frame_rate, options=QUICK.get(video, {}))
            picture.width, picture.height, picture.pix_fmt, picture.gop_size = 128, 96, "yuv420p", interval
            tracks.append(picture)
        if audio is not None:
            layout = "stereo" if audio == "vorbis" else "mono"  # ffmpeg's own encoder knows no other
            sound = container.add_stream(audio, rate=sample_rate, layout=layout, options={"strict": "experimental"})
            sound.bit_rate = 12_200 if audio == "libopencore_amrnb" else 64_000
            tracks.append(sound)
        for track in tracks:
            track.codec_context.open()
        if video is not None:
            for number in range(round(seconds * frame_rate)):
                time = number / frame_rate
                level = 235 if flash[0] - 1e-6 <= time < flash[1] - 1e-6 else 16
                if keep_picture(time):
                    frame = av.VideoFrame.from_ndarray(np.full((96, 128, 3), level, np.uint8), format="rgb24")
                    frame.pts, frame.time_base = number, Fraction(1, frame_rate)
                    packets += [(stamp(packet), packet) for packet in picture.encode(frame)]
            packets += [(stamp(packet), packet) for packet in picture.encode(None)]
        if audio is not None:
            times = np.arange(round(seconds * sample_rate)) / sample_rate
            wave = 0.5 * np.sin(2 * np.pi * 440 * times) * ((times >= beep[0]) & (times < beep[1]))
            for packet in encode_sound(sound, wave, sample_rate):
                if keep_sound(stamp(packet)):
                    packets.append((stamp(packet), packet))
        for _, packet in sorted(packets, key=lambda each: each[0]):
            container.mux(packet)
    return file


def stamp(packet: av.Packet) -> float:
    """Presentation time in seconds."""
    return float((packet.pts or 0) * packet.time_base)


def encode_sound(track: av.AudioStream, wave: np.ndarray, sample_rate: int) -> list[av.Packet]:
    """Packets of samples in [-1, 1], the same in each channel, in the form that the encoder wants."""
    form, layout = track.codec_context.format, track.codec_context.layout
    scale, kind = {"s16": (32_000, np.int16), "s32": (2_000_000_000, np.int32)}.get(
        form.name.rstrip("p"), (1, np.float32)
    )
    length = track.codec_context.frame_size or 1024
    packets = []
    for start in range(0, len(wave), length):
        values = np.repeat((wave[None, start : start + length] * scale).astype(kind), layout.nb_channels, 0)
        if not form.is_planar:
            values = np.ascontiguousarray(values.T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(values, format=form.name, layout=layout.name)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
        packets += track.encode(frame)
    return [*packets, *track.encode(None)]


def write_vbr_mp3(file: Path, wave: np.ndarray) -> Path:
    """Mono at 48 kHz with a variable bit rate and without the Xing header, which would give the duration."""
    with av.open(str(file), "w", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        quality = {"flags": "+qscale", "global_quality": str(5 * 118)}  # 5 of LAME's 0 to 9, in ffmpeg's FF_QP2LAMBDA
        track = container.add_stream("libmp3lame", rate=48_000, layout="mono", options=quality)
        track.codec_context.open()
        for packet in encode_sound(track, wave, 48_000):
            container.mux(packet)
    return file
