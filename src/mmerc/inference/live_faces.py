"""Which face the utterances of a live conversation take, where the camera shows several people.

It is the same question as in a recording, and the same answer: the sightings of all utterances so far say who is who, and whose
mouth moves with which speaker's voice. Earlier utterances keep the answer that they had.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmerc.corpora import LiveRecording, Utterance
from mmerc.encoders.face.encoder import Face
from mmerc.encoders.face.sightings import Sighting, find_sightings
from mmerc.encoders.face.tracks import SEARCH_INTERVAL
from mmerc.errors import MissingModality
from mmerc.inference.face_choice import choose_face
from mmerc.inference.faces import FPS, match_sightings
from mmerc.media import Frames
from mmerc.media.live_input import read_live_frames

MAX_IMAGES = 60  # of an utterance that are followed
MAX_UTTERANCES = 50  # whose sightings are kept


@dataclass(frozen=True)
class SeenUtterance:
    """Who was seen in an utterance."""

    speaker: str
    sightings: Sequence[Sighting]


class LiveFaces:
    """The faces of one conversation. It keeps positions, movements and colours of the faces, and no images.

    Until an image shows several faces, the encoder reads the largest face of each image, as in training.
    """

    def __init__(self, encoder: Face) -> None:
        self.encoder = encoder
        self.seen: tuple[SeenUtterance, ...] | None = None  # None: only one person was seen so far

    def assign(self, utterance: Utterance, *, keep: bool) -> Utterance:
        """The utterance with the face that it takes, if several people were seen. `keep`: it has ended, and later ones are compared with it."""
        live = utterance.live
        if live is None or not live.images:
            return utterance
        try:
            if self.seen is None and not any((face.num_faces or 0) > 1 for _, face in self.encoder.look(live)):
                return utterance
            sightings = self._find(live)
        except MissingModality:  # the encoder gives the reason
            return utterance
        if not sightings:  # no face is seen long enough to be followed
            return utterance
        seen = (*(self.seen or ()), SeenUtterance(utterance.speaker, sightings))[-MAX_UTTERANCES:]
        found = [replace(each, utterance=index) for index, one in enumerate(seen) for each in one.sightings]
        faces = match_sightings(found, [one.speaker for one in seen], frozenset(range(len(seen))))
        if keep:
            self.seen = seen
        return replace(utterance, face=choose_face(utterance, len(seen) - 1, faces))

    def _find(self, live: LiveRecording) -> list[Sighting]:
        config = self.encoder.config
        frames = read_live_frames(live, MAX_IMAGES, max_side=config.max_frame_side)
        frames = Frames(frames.images, frames.times + live.start)
        # As often in a second as in a recording, so that a face that moves is the same in two searches.
        interval = float(np.median(np.diff(frames.times))) if len(frames.times) > 1 else 0.0
        return find_sightings(
            self.encoder.detector,
            frames,
            live.samples,
            start=live.start,
            utterance=0,
            search_interval=int(np.clip(SEARCH_INTERVAL / FPS / max(interval, 1e-3), 1, SEARCH_INTERVAL)),
        )
