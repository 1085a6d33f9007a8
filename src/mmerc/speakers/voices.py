"""Known voices: a vector for each person of whom there is a sample, and which person a vector belongs to."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmerc.corpora import Clip
from mmerc.errors import CorpusError, MissingModality
from mmerc.media import SAMPLE_RATE, read_waveform
from mmerc.media.voice_activity import find_speech
from mmerc.speakers.voice_encoder import VoiceEncoder, normalize

MIN_SECONDS = 0.5  # of speech in a sample
SAME_VOICE = 0.65  # cosine above which a vector is of the person


def read_voices(folder: Path, encoder: VoiceEncoder) -> dict[str, Float[np.ndarray, " d"]]:
    """The vector of each person, from a folder with one recording per person. The stem of a file is the name.

    Raises:
        CorpusError: the folder does not exist or is empty, or a file has no speech that can be read.
    """
    if not folder.is_dir():
        raise CorpusError(f"there is no folder {folder} with voices: check the path.")
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    if not files:
        raise CorpusError(
            f"{folder} has no recordings of voices: put one file per person into it, named as the person."
        )
    voices: dict[str, np.ndarray] = {}
    for file in files:
        if file.stem in voices:
            raise CorpusError(f"{folder} has two files for {file.stem}: keep one of them.")
        voices[file.stem] = read_voice(file, encoder)
    return voices


def read_voice(file: Path, encoder: VoiceEncoder) -> Float[np.ndarray, " d"]:
    """The vector of the person who speaks in a recording, of which a minute is read. Raises CorpusError: nobody speaks."""
    try:
        waveform = read_waveform(Clip(file))
    except MissingModality as error:
        raise CorpusError(f"the voice {file} cannot be used ({error}): give a recording of this person.") from error
    speech = [waveform[start:end] for start, end in find_speech(waveform)]
    joined = np.concatenate(speech) if speech else waveform[:0]
    if len(joined) < MIN_SECONDS * SAMPLE_RATE:
        raise CorpusError(f"nobody speaks in the voice {file}: give some seconds of speech of this person alone.")
    (vectors,) = encoder.embed_stretches([joined])
    return np.asarray(vectors.mean(0))


def match_voices(vectors: Float[np.ndarray, "K d"], voices: Mapping[str, Float[np.ndarray, " d"]]) -> dict[int, str]:
    """The names of those vectors that belong to a known voice; each name is given once, the closest pair first."""
    pairs = [
        (float(normalize(vector) @ normalize(voice)), index, name)
        for index, vector in enumerate(vectors)
        for name, voice in voices.items()
    ]
    found: dict[int, str] = {}
    for similarity, index, name in sorted(pairs, reverse=True):
        if similarity >= SAME_VOICE and index not in found and name not in found.values():
            found[index] = name
    return found
