import numpy as np

from mmerc.corpora.synthetic.voice import SAMPLE_RATE, TONES, speak


def test_tones_differ_in_energy_and_stay_within_full_scale() -> None:
    energy = {}
    for tone in TONES:
        voices = [speak(tone, "Ada", 1.5, np.random.default_rng(seed)) for seed in range(6)]
        assert all(len(voice) == 1.5 * SAMPLE_RATE and np.abs(voice).max() <= 1 for voice in voices)
        energy[tone] = np.mean([np.square(voice).mean() for voice in voices])
    assert energy["bright"] > 2 * energy["rising"] > 2 * energy["slow"]
