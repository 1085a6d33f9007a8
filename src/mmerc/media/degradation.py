"""Degradations of a waveform that occur in real recordings: noise, rooms, band limits and codecs.

Each is a function from a waveform [S] at 16 kHz to a waveform [S] that is not delayed by more than 3 ms. `degrade` calls one
of `DEGRADATIONS` by its name; the others are also used to augment the training data.
"""

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import av
import numpy as np
import soxr
from jaxtyping import Float

from mmerc.media.audio import SAMPLE_RATE

Waveform = Float[np.ndarray, " S"]
NoiseKind = Literal["white", "pink", "babble"]
Codec = Literal["mp3", "opus", "mulaw"]

TELEPHONE_RATE = 8_000
TELEPHONE_BAND = (300.0, 3400.0)  # Hz
TELEPHONE_LEVEL_DB = -26.0
FILTER_ORDER = 6  # of each edge of a band: 36 dB per octave
CODECS: Mapping[Codec, tuple[str, str, int]] = {  # container, ffmpeg's encoder, sample rate
    "mp3": ("mp3", "libmp3lame", SAMPLE_RATE),
    "opus": ("ogg", "libopus", SAMPLE_RATE),
    "mulaw": ("wav", "pcm_mulaw", TELEPHONE_RATE),
}

# Octave bands of speech at normal vocal effort, in dB per Hz (ANSI S3.5-1997, standard speech spectrum level)
SPEECH_BANDS = (250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)  # Hz
SPEECH_LEVELS = (34.75, 34.27, 25.01, 17.32, 9.33, 1.13)
MIN_PINK_FREQUENCY = 20.0  # Hz: below it, the power of pink noise stays the same
MIN_SPEECH_FREQUENCY = 100.0  # Hz: a voice has nothing below
SYLLABLE_RATE = 4.0  # Hz: the fastest change of a talker's loudness
NUM_TALKERS = 6

ECHO_DELAY = 0.003  # seconds from the direct sound to the first reflection: a detour of one metre


def degrade(waveform: Waveform, name: str, rng: np.random.Generator) -> Float[np.ndarray, " S"]:
    """The waveform with the degradation of this name, one of `DEGRADATIONS`, in float32.

    If its peak is above 1, the result is scaled to a peak of 1, so that no clipping is added.

    >>> tone = np.sin(np.arange(16_000) / 10).astype(np.float32)
    >>> degrade(tone, "telephone", np.random.default_rng(0)).shape
    (16000,)

    Raises:
        KeyError: there is no degradation of this name.
    """
    degraded = DEGRADATIONS[name](waveform, rng)
    return (degraded / max(1.0, float(np.abs(degraded).max(initial=0)))).astype(np.float32)


def add_noise(
    waveform: Waveform, rng: np.random.Generator, *, kind: NoiseKind = "white", snr_db: float = 10.0
) -> Float[np.ndarray, " S"]:
    """Add generated noise. The ratio of the mean power of the complete waveform to that of the noise is `snr_db`, in dB."""
    noise = make_noise(len(waveform), kind, rng)
    return waveform + noise * (_compute_rms(waveform) / max(_compute_rms(noise), 1e-12) * 10 ** (-snr_db / 20))


def make_noise(length: int, kind: NoiseKind, rng: np.random.Generator) -> Float[np.ndarray, " {length}"]:
    """Noise [length]: white, pink (its power falls by 3 dB per octave), or babble.

    Babble is the sum of six talkers. Each is noise with the spectrum of speech, whose loudness changes up to four times per
    second, like syllables. It masks speech as a crowd does, without the words.
    """
    from scipy.fft import next_fast_len  # imported here, as below: an encoder that is not trained degrades nothing

    fast_length = next_fast_len(length, real=True)
    if kind == "white":
        return rng.standard_normal(length)
    if kind == "pink":
        return np.asarray(_shape_noise(rng.standard_normal(fast_length), _compute_pink_gain)[:length])
    talkers = _shape_noise(rng.standard_normal((NUM_TALKERS, fast_length)), _compute_speech_gain)  # [K, S]
    envelopes = _shape_noise(rng.standard_normal((NUM_TALKERS, fast_length)), lambda hertz: hertz <= SYLLABLE_RATE)
    return np.asarray((talkers * np.abs(envelopes)).sum(0)[:length])


def reverberate(
    waveform: Waveform, rng: np.random.Generator, *, t60: float = 0.5, direct_to_reverberant_db: float = 0.0
) -> Float[np.ndarray, " S"]:
    """Convolve with the impulse response of a random room; the level stays the same, what rings beyond the end is cut.

    The response is the direct sound, and from 3 ms on Gaussian noise whose energy falls by 60 dB in `t60` seconds (the model
    of Polack 1988 for a diffuse field). `direct_to_reverberant_db`: energy of the direct sound over that of the noise; 0 dB
    is the critical distance of the room.
    """
    from scipy.signal import oaconvolve

    wet = oaconvolve(waveform, make_room_response(t60, direct_to_reverberant_db, rng))[: len(waveform)]
    return np.asarray(wet * (_compute_rms(waveform) / max(_compute_rms(wet), 1e-12)))


def make_room_response(
    t60: float, direct_to_reverberant_db: float, rng: np.random.Generator
) -> Float[np.ndarray, " R"]:
    """The impulse response that `reverberate` uses, R = t60 seconds; the direct sound is its first sample, 1."""
    times = np.arange(max(2, round(t60 * SAMPLE_RATE))) / SAMPLE_RATE
    tail: np.ndarray = (
        rng.standard_normal(len(times)) * 10 ** (-3 * times / t60) * (times >= min(ECHO_DELAY, times[-1]))
    )
    tail *= 10 ** (-direct_to_reverberant_db / 20) / np.sqrt(np.square(tail).sum())
    tail[0] = 1.0
    return np.asarray(tail)


def limit_band(waveform: Waveform, low: float, high: float) -> Float[np.ndarray, " S"]:
    """Keep the frequencies between `low` and `high` (Hz), with a Butterworth filter of 36 dB per octave."""
    from scipy.signal import butter, sosfilt

    sections = butter(FILTER_ORDER, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(sections, waveform))


def pass_telephone(waveform: Waveform) -> Float[np.ndarray, " S"]:
    """A call in the fixed network: 300 to 3400 Hz, then mu-law with 8 bits at 8 kHz (ITU-T G.711).

    Before mu-law, whose steps depend on the level, the mean level is set to -26 dB of full scale (ITU-T P.830).
    """
    narrow = limit_band(waveform, *TELEPHONE_BAND)
    gain = 10 ** (TELEPHONE_LEVEL_DB / 20) / max(_compute_rms(narrow), 1e-12)
    return transcode(narrow * gain, "mulaw") / gain


def transcode(
    waveform: Waveform, codec: Codec, bit_rate: int | None = None, *, effort: int | None = None
) -> Float[np.ndarray, " S"]:
    """Encode and decode in memory; the codec's delay is removed.

    `bit_rate`: bits per second; not for mu-law. `effort`: ffmpeg's `compression_level`, 0 to 10: how long the encoder searches;
    the default is the encoder's own. Samples beyond [-1, 1] are clipped.
    """
    container, encoder, rate = CODECS[codec]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(encoder, rate=rate, layout="mono")
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        if effort is not None:
            stream.options = {"compression_level": str(effort)}
        samples = _resample(waveform.clip(-1, 1).astype(np.float32), SAMPLE_RATE, rate)
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file.seek(0)
    to_float = av.AudioResampler(format="flt", layout="mono")
    with av.open(file, "r", format=container) as media:
        frames = [part for frame in media.decode(audio=0) for part in to_float.resample(frame)]
    if not frames:  # fewer samples than the codec's delay
        return np.zeros(len(waveform), np.float32)
    decoded = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return fit_length(_resample(decoded, frames[0].sample_rate, SAMPLE_RATE), len(waveform))


def fit_length(waveform: Float[np.ndarray, " _"], length: int) -> Float[np.ndarray, " {length}"]:
    """The first `length` samples; zeros at the end where there are fewer.

    >>> fit_length(np.array([1.0, 2.0]), 3).tolist()
    [1.0, 2.0, 0.0]
    """
    return np.pad(waveform[:length], (0, max(0, length - len(waveform))))


def _shape_noise(
    white: Float[np.ndarray, "*K S"], compute_gain: Callable[[np.ndarray], np.ndarray]
) -> Float[np.ndarray, "*K S"]:
    """Multiply the spectrum of white noise with the gain at each frequency (Hz)."""
    length = white.shape[-1]
    gain = compute_gain(np.fft.rfftfreq(length, 1 / SAMPLE_RATE))
    return np.asarray(np.fft.irfft(np.fft.rfft(white) * gain, n=length))


def _compute_pink_gain(hertz: np.ndarray) -> np.ndarray:
    return np.asarray(1 / np.sqrt(np.maximum(hertz, MIN_PINK_FREQUENCY)))


def _compute_speech_gain(hertz: np.ndarray) -> np.ndarray:
    levels = np.interp(np.log2(np.maximum(hertz, 1.0)), np.log2(SPEECH_BANDS), SPEECH_LEVELS)
    return np.asarray(10 ** (levels / 20) * (hertz >= MIN_SPEECH_FREQUENCY))


def _resample(waveform: Float[np.ndarray, " _"], rate: int, new_rate: int) -> Float[np.ndarray, " _"]:
    return waveform if rate == new_rate else np.asarray(soxr.resample(waveform, rate, new_rate))


def _compute_rms(waveform: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) if waveform.size else 0.0


Degradation = Callable[[np.ndarray, np.random.Generator], np.ndarray]
DEGRADATIONS: Mapping[str, Degradation] = {
    **{
        f"{kind}-noise-{snr_db}dB": partial(add_noise, kind=kind, snr_db=snr_db)
        for kind in ("white", "babble")
        for snr_db in (20, 10, 0)
    },
    "reverberation": partial(reverberate, t60=0.5),
    "telephone": lambda waveform, rng: pass_telephone(waveform),
    "mp3-32k": lambda waveform, rng: transcode(waveform, "mp3", 32_000),
    "opus-12k": lambda waveform, rng: transcode(waveform, "opus", 12_000),
}
