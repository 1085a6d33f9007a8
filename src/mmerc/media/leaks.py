"""Recordings that occur in two splits of a corpus, also in another format: by the course of their sound, and by their pictures."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from mmerc.corpora import Corpus, Key, Utterance
from mmerc.corpora.leaks import Leak, find_annotation_leaks, find_equal, list_split_pairs, make_leak
from mmerc.errors import MissingModality
from mmerc.media.audio import SAMPLE_RATE, read_waveform
from mmerc.media.video import read_frames

BANDS, SEGMENTS = 12, 24  # of the sound of an utterance
EDGES = np.geomspace(100, 7500, BANDS + 1)  # Hz
# Cosine of two fingerprints of one recording: 0.995 as MP3 or Opus; two takes of a person reach 0.984.
MIN_SIMILARITY = 0.99
MAX_LENGTH_DIFFERENCE = 0.02  # of one recording in two formats
FRAMES, SIDE = 3, 64
GRID = 8  # a picture becomes 8 x 8 differences of neighbours
MAX_BITS = 6  # of 192 that differ, between two encodings of the same three pictures
CHUNK = 512
Fingerprint = Float[np.ndarray, " d"]


@dataclass(frozen=True)
class Recording:
    """`duration` in seconds; a fingerprint is None where the clip has no such track."""

    duration: float = 0.0
    audio: Fingerprint | None = None
    frames: Fingerprint | None = None


def find_leaks(corpus: Corpus, on_progress: Callable[[int], None] = lambda done: None) -> list[Leak]:
    """All leaks between the splits of a corpus: of its annotations (`corpora.leaks`), clips and signals.

    `on_progress` is called with the number of clips that are read.
    """
    utterances = [each for split in corpus.splits for each in corpus.utterances(split) if each.clip]
    recordings: dict[Key, Recording] = {}
    with ThreadPoolExecutor() as pool:
        for done, (each, recording) in enumerate(zip(utterances, pool.map(_read, utterances), strict=True), 1):
            recordings[each.key] = recording
            on_progress(done)
    leaks = find_annotation_leaks(corpus)
    for first, second in list_split_pairs(corpus):
        leaks.append(find_equal(corpus, first, second, "signal", _hash_signals))
        for kind in ("audio", "frames"):
            leaks.append(_find_same(corpus, first, second, kind, recordings))
    return [leak for leak in leaks if leak.count]


def _hash_signals(utterance: Utterance) -> str:
    """A hash of the signals and pictures in memory; empty where there are none."""
    digest, found = hashlib.sha256(), False
    for name, value in sorted(utterance.signals.items()):
        if isinstance(value, (bytes, np.ndarray)):
            digest.update(name.encode() + (value if isinstance(value, bytes) else value.tobytes()))
            found = True
    return digest.hexdigest() if found else ""


def _read(utterance: Utterance) -> Recording:
    assert utterance.clip is not None
    duration, audio, frames = 0.0, None, None
    with suppress(MissingModality, OSError):
        samples = read_waveform(utterance.clip)
        duration, audio = len(samples) / SAMPLE_RATE, describe_sound(samples)
    with suppress(MissingModality, OSError):
        frames = describe_pictures(read_frames(utterance.clip, FRAMES, max_side=SIDE).images)
    return Recording(duration, audio, frames)


def describe_sound(samples: Float[np.ndarray, " S"]) -> Fingerprint:
    """The energy of 12 bands in 24 equal parts of an utterance, in decibels, of unit length without its mean: [288].

    It does not depend on the loudness, and little on the encoding.
    """
    size = max(512, len(samples) // SEGMENTS)
    padded = np.pad(samples, (0, max(0, size * SEGMENTS - len(samples))))[: size * SEGMENTS]
    power = np.abs(np.fft.rfft(padded.reshape(SEGMENTS, size), axis=1)) ** 2  # [24, F]
    bounds = np.searchsorted(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), EDGES)
    energy = np.stack([power[:, low : max(high, low + 1)].sum(1) for low, high in pairwise(bounds)])
    values = np.log(energy + 1e-6 * energy.max() + 1e-12).ravel()
    values -= values.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-12), np.float32)


def describe_pictures(images: np.ndarray) -> Fingerprint:
    """Whether each of 8 x 8 cells of a picture is brighter than its neighbour (dHash), as -1 and 1, for three pictures: [192]."""
    images = images[np.linspace(0, len(images) - 1, FRAMES).round().astype(int)].mean(3)  # [3, H, W]
    rows = np.linspace(0, images.shape[1] - 1, GRID).round().astype(int)
    columns = np.linspace(0, images.shape[2] - 1, GRID + 1).round().astype(int)
    cells = images[:, rows][:, :, columns]  # [3, 8, 9]
    return np.where(cells[..., 1:] > cells[..., :-1], 1.0, -1.0).astype(np.float32).ravel()


def _find_same(corpus: Corpus, first: str, second: str, kind: str, recordings: Mapping[Key, Recording]) -> Leak:
    """The utterances of the second split whose sound, or whose pictures, are those of one of the first."""
    sides = []
    for split in (first, second):
        utterances = [
            each
            for each in corpus.utterances(split)
            if each.key in recordings and getattr(recordings[each.key], kind) is not None
        ]
        vectors = np.asarray([getattr(recordings[each.key], kind) for each in utterances], np.float32)
        sides.append((utterances, vectors, np.asarray([recordings[each.key].duration for each in utterances])))
    (known, known_vectors, known_lengths), (tested, vectors, lengths) = sides
    threshold = MIN_SIMILARITY if kind == "audio" else FRAMES * GRID * GRID - 2 * MAX_BITS
    pairs = []
    for begin in range(0, len(tested) if known else 0, CHUNK):
        similarity = vectors[begin : begin + CHUNK] @ known_vectors.T  # [N, M]
        own = lengths[begin : begin + CHUNK, None]
        is_close = abs(own - known_lengths) <= MAX_LENGTH_DIFFERENCE * np.maximum(own, known_lengths)
        similarity[~is_close] = -np.inf
        best = similarity.argmax(1)
        for row, column in enumerate(best):
            if similarity[row, column] >= threshold:
                pairs.append((known[column], tested[begin + row]))
    return make_leak(kind, first, second, pairs, len(tested))
