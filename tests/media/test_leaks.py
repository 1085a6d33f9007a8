from pathlib import Path

import numpy as np

from mmerc.corpora import Clip, Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.media.degradation import degrade
from mmerc.media.leaks import MAX_BITS, MIN_SIMILARITY, describe_pictures, describe_sound, find_leaks
from tests.media.clips import write_wav


def make_voice(seed: int, seconds: float = 1.0) -> np.ndarray:
    """Noise whose loudness changes, other for each seed."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.uniform(0.05, 1, 20), int(800 * seconds))
    return (0.3 * loudness * rng.normal(0, 0.3, len(loudness))).astype(np.float32)


def test_sound_is_known_again_louder_and_encoded_but_not_another_one() -> None:
    voice = make_voice(0)
    own = describe_sound(voice)
    assert own @ describe_sound(0.25 * voice) > MIN_SIMILARITY
    assert own @ describe_sound(degrade(voice, "mp3-32k", np.random.default_rng(0))) > MIN_SIMILARITY
    assert own @ describe_sound(make_voice(1)) < MIN_SIMILARITY


def test_pictures_are_known_again_darker_but_not_others() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (3, 48, 64, 3), dtype=np.uint8)
    own = describe_pictures(images)
    limit = len(own) - 2 * MAX_BITS
    assert own @ describe_pictures(images // 2) >= limit - 12  # equal neighbours after rounding
    assert own @ describe_pictures(rng.integers(0, 255, (1, 48, 64, 3), dtype=np.uint8)) < limit


def test_a_recording_in_two_splits_is_found(tmp_path: Path) -> None:
    for name, voice in (("a", make_voice(0)), ("b", 0.5 * make_voice(0)), ("c", make_voice(2))):
        write_wav(tmp_path / f"{name}.wav", voice[None])
    dialogues = {
        split: (
            Dialogue(split, 0, tuple(Utterance(split, 0, name, clip=Clip(tmp_path / f"{name}.wav")) for name in names)),
        )
        for split, names in (("train", "a"), ("test", "bc"))
    }
    done: list[int] = []
    (leak,) = find_leaks(Corpus("made", SEVEN, dialogues), done.append)
    assert (leak.kind, leak.count, leak.total) == ("audio", 1, 2) and done == [1, 2, 3]
    assert leak.examples == ("train dialogue 0 utterance a = test dialogue 0 utterance b",)


def test_equal_pictures_in_memory_are_found() -> None:
    dialogues = {
        split: (Dialogue(split, 0, (Utterance(split, 0, 0, signals={"face": b"png"}),)),) for split in ("train", "test")
    }
    (leak,) = find_leaks(Corpus("made", SEVEN, dialogues))
    assert (leak.kind, leak.count) == ("signal", 1)
