"""Degradations of a waveform: each has the property that its name promises, for clips of any length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmerc.media.degradation import (
    CODECS,
    DEGRADATIONS,
    Codec,
    NoiseKind,
    add_noise,
    degrade,
    limit_band,
    make_noise,
    make_room_response,
    pass_telephone,
    reverberate,
    transcode,
)

TIME = np.arange(32_000) / 16_000
# Five harmonics of a voice, in bursts.
VOICE = sum(0.1 / n * np.sin(2 * np.pi * 220 * n * TIME) for n in range(1, 6)) * (np.sin(2 * np.pi * 2 * TIME) > 0)
VOICE = np.asarray(VOICE, np.float32)


def make_rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def measure_power(waveform: np.ndarray, low: float, high: float) -> float:
    power = np.square(np.abs(np.fft.rfft(waveform)))
    hertz = np.fft.rfftfreq(len(waveform), 1 / 16_000)
    return float(power[(hertz >= low) & (hertz < high)].sum())


def measure_snr(clean: np.ndarray, noisy: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(clean**2, dtype=float) / np.sum((noisy - clean) ** 2, dtype=float)))


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_each_one_keeps_the_length_and_the_range_and_is_repeatable(name: str) -> None:
    degraded = degrade(VOICE, name, make_rng())
    assert degraded.shape == VOICE.shape and degraded.dtype == np.float32
    assert np.isfinite(degraded).all() and float(np.abs(degraded).max()) <= 1
    assert np.array_equal(degraded, degrade(VOICE, name, make_rng()))
    assert not np.array_equal(degraded, VOICE)


@settings(deadline=None)  # the first call imports libraries and opens codecs
@given(st.sampled_from(sorted(DEGRADATIONS)), st.integers(1, 400), st.sampled_from([0.0, 1e-4, 1.0]))
def test_the_shortest_and_the_quietest_clips_are_degraded_too(name: str, length: int, level: float) -> None:
    degraded = degrade(np.full(length, level, np.float32), name, make_rng())
    assert len(degraded) == length and np.isfinite(degraded).all() and float(np.abs(degraded).max()) <= 1


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError, match="hum"):
        degrade(VOICE, "hum", make_rng())


@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
@pytest.mark.parametrize("snr_db", [20, 0])
def test_noise_has_the_wanted_ratio(kind: NoiseKind, snr_db: int) -> None:
    assert measure_snr(VOICE, add_noise(VOICE, make_rng(), kind=kind, snr_db=snr_db)) == pytest.approx(snr_db, abs=0.01)
    assert measure_snr(VOICE, degrade(VOICE, "babble-noise-10dB", make_rng())) == pytest.approx(10, abs=0.01)


def test_each_noise_has_its_spectrum() -> None:
    white, pink, babble = (make_noise(160_000, kind, make_rng()) for kind in ("white", "pink", "babble"))  # type: ignore[arg-type]
    # From one octave to the next, the power doubles, stays the same, or falls by 17.32 - 9.33 - 3 dB.
    for noise, expected in ((white, 2.0), (pink, 1.0), (babble, 10 ** (-(17.32 - 9.33) / 10) * 2)):
        ratio = measure_power(noise, 2828, 5657) / measure_power(noise, 1414, 2828)
        assert ratio == pytest.approx(expected, rel=0.15)
    assert measure_power(babble, 0, 90) < 1e-2 * measure_power(babble, 100, 8000)


def test_babble_is_louder_at_some_times_and_white_noise_is_not() -> None:
    def measure_variation(noise: np.ndarray) -> float:
        levels = np.square(noise).reshape(-1, 1600).mean(1)  # of 0.1 s each
        return float(levels.std() / levels.mean())

    assert measure_variation(make_noise(160_000, "white", make_rng())) < 0.1
    assert measure_variation(make_noise(160_000, "babble", make_rng())) > 0.2


@pytest.mark.parametrize("t60", [0.2, 0.5, 1.0])
def test_a_room_decays_in_its_reverberation_time(t60: float) -> None:
    response = make_room_response(t60, 0.0, make_rng())
    remaining = 10 * np.log10(np.cumsum(np.square(response[1:])[::-1])[::-1])  # dB; Schroeder's backward integration
    remaining -= remaining[0]
    start, end = int(np.argmax(remaining < -5)), int(np.argmax(remaining < -25))
    assert (end - start) / 16_000 * 60 / 20 == pytest.approx(t60, rel=0.1)


def test_reverberation_fills_the_pauses_and_keeps_the_level() -> None:
    wet = reverberate(VOICE, make_rng(), t60=0.5)
    assert float(np.std(wet)) == pytest.approx(float(np.std(VOICE)), rel=0.01)
    pause = slice(4_100, 5_000)  # right after a burst
    assert np.abs(VOICE[pause]).max() == 0 and float(np.std(wet[pause])) > 0.1 * float(np.std(VOICE))
    assert make_room_response(0.5, 6.0, make_rng())[0] == 1
    tail = make_room_response(0.5, 6.0, make_rng())[1:]
    assert 10 * np.log10(1 / np.square(tail).sum()) == pytest.approx(6.0)


def test_a_telephone_passes_its_band_only() -> None:
    white = 0.1 * make_rng().standard_normal(64_000)
    heard = pass_telephone(white)
    inside = measure_power(heard, 400, 3200)
    assert inside == pytest.approx(measure_power(white, 400, 3200), rel=0.1)
    assert measure_power(heard, 0, 200) < 0.01 * inside and measure_power(heard, 4100, 8000) < 1e-4 * inside
    quiet = pass_telephone(1e-3 * white)  # the quantisation does not depend on the level
    assert np.allclose(1e3 * quiet, heard, atol=1e-3)


def test_the_steps_of_mu_law_are_heard() -> None:
    narrow = limit_band(make_rng().standard_normal(64_000) * 0.1, 500, 2000)
    assert 30 < measure_snr(narrow, transcode(narrow, "mulaw")) < 42  # 8 bits of mu-law: about 38 dB


@pytest.mark.parametrize("codec", CODECS)
def test_codecs_do_not_shift_the_sound(codec: Codec) -> None:
    click = np.zeros(8_000, np.float32)
    click[4_000:4_040] = np.hanning(40) * np.sin(np.arange(40) / 2)
    decoded = transcode(click, codec, None if codec == "mulaw" else 32_000)
    shift = int(np.correlate(np.pad(decoded, 400), click, "valid").argmax()) - 400
    assert decoded.shape == click.shape and abs(shift) <= 1


def test_a_lower_bit_rate_loses_more() -> None:
    noisy = add_noise(VOICE, make_rng(), kind="pink", snr_db=10)
    for codec, high, low in (("mp3", 64_000, 16_000), ("opus", 32_000, 6_000)):
        better, worse = (measure_snr(noisy, transcode(noisy, codec, rate)) for rate in (high, low))  # type: ignore[arg-type]
        assert better > worse + 2
