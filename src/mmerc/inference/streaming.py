"""A live conversation: each utterance is predicted as it ends, from itself and from earlier ones only."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
from torch import Tensor

from mmerc.corpora import Dialogue, Key, LiveRecording, Utterance
from mmerc.corpora.dialogue import clean_text
from mmerc.features import FeatureRow
from mmerc.fusion.layers.dialogue_context import get_speaker_number
from mmerc.inference.call_batcher import CallBatcher
from mmerc.inference.faces import find_face_encoder
from mmerc.inference.live_faces import LiveFaces, SeenUtterance
from mmerc.model.extraction import keep_window, prepare_row
from mmerc.model.inference import PastUtterance
from mmerc.model.model import EmotionModel, LiveContext
from mmerc.model.prediction import Prediction

MAX_REWIND = 4  # utterances that can be predicted again
MAX_PAST_UTTERANCES = 50  # utterances that are kept; no encoder reads further back, except those with `reads_dialogue`


@dataclass(frozen=True)
class LiveRequest:
    """The latest utterance of a conversation with its prepared inputs, and what a fusion reads of the earlier ones."""

    utterance: Utterance
    inputs: dict[str, FeatureRow]
    context: LiveContext
    explain: bool


@dataclass(frozen=True)
class _State:
    """What a conversation remembers at one moment."""

    past: tuple[Utterance, ...]
    past_vectors: tuple[PastUtterance, ...]
    speaker_numbers: dict[str, int]
    earlier: dict[str, Sequence[FeatureRow]]
    count: int
    seen: tuple[SeenUtterance, ...] | None


LiveBatcher = CallBatcher[LiveRequest, tuple[Prediction, Tensor | None]]


def predict_requests(model: EmotionModel, requests: Sequence[LiveRequest]) -> list[tuple[Prediction, Tensor | None]]:
    """The prediction for each request, and the fused vector where later utterances of its conversation read it."""
    keys: list[Key] = [("request", str(index), "") for index in range(len(requests))]  # utterances may share a key
    by_key = dict(zip(keys, requests, strict=True))
    inputs = {
        name: {key: replace(request.inputs[name], key=key) for key, request in by_key.items()}
        for name in model.encoders
    }
    predictions, vectors, live = model.predict_live(
        {key: request.utterance for key, request in by_key.items()},
        inputs,
        {key: request.context for key, request in by_key.items()},
        {
            key: request.utterance.live.memo
            for key, request in by_key.items()
            if request.utterance.live is not None and request.utterance.live.memo is not None
        },
    )
    found = dict(zip(keys, predictions, strict=True))
    explained = [key for key, request in by_key.items() if request.explain]
    if explained:
        wanted = [found[key] for key in explained]
        found |= dict(zip(explained, model.explain_live(explained, live, wanted), strict=True))
    return [(found[key], vectors.get(key)) for key in keys]


class Conversation:
    """A live conversation, made by `Predictor.stream`.

    Of the last utterances it keeps the words; for an encoder that reads the dialogue, what it prepared of them; and for a fusion
    that reads the dialogue, their fused vectors; and where several people are seen, the positions, movements and colours of their faces. It keeps no sound and no images. It may be used from several threads: utterances are predicted in the order in which they are pushed.
    """

    def __init__(
        self,
        model: EmotionModel,
        batcher: LiveBatcher,
        name: str,
        *,
        explain: bool,
        look_ahead: Callable[[LiveRecording], None] | None = None,
    ) -> None:
        self.name, self.explain = name, explain
        self._look_ahead = look_ahead or (lambda live: model.look_ahead([live]))
        self._model, self._batcher = model, batcher
        self._past: deque[Utterance] = deque(maxlen=MAX_PAST_UTTERANCES)
        self._past_vectors: deque[PastUtterance] = deque(maxlen=MAX_PAST_UTTERANCES)
        self._speaker_numbers: dict[str, int] = {}
        # Prepared inputs that later utterances are read with, by modality.
        self._earlier: dict[str, Sequence[FeatureRow]] = {
            name: () for name, encoder in model.encoders.items() if encoder.reads_dialogue
        }
        self._count = 0
        face_encoder = find_face_encoder(model.encoders)
        self._faces = None if face_encoder is None else LiveFaces(face_encoder)
        self._push_lock = Lock()
        self._before: deque[_State] = deque(maxlen=MAX_REWIND)  # the state before each of the last utterances

    def push(self, utterance: Utterance) -> Prediction:
        """The prediction for an utterance that has just ended.

        `speaker`, `text`, `clip`, `live`, `signals`, `start` and `end` of the utterance are used; it gets its number in the conversation.
        """
        with self._push_lock:
            state = self._get_state()
            latest = self._place(utterance)
            if self._faces is not None:
                latest = self._faces.assign(latest, keep=True)
            prediction = self._predict(Dialogue("live", self.name, (*self._past, latest)), explain=self.explain)
            self._past.append(replace(latest, face=None, clip=None, live=None, signals=_keep_vectors(latest.signals)))
            self._count += 1
            self._before.append(state)
            return prediction

    def look_ahead(self, live: LiveRecording) -> None:
        """Find and embed the faces in the images of an utterance that is going on, so that `peek` and `push` need not.

        It changes no prediction, and nobody has to call it. It may run beside the other methods. `live`: what `LiveSegmenter.peek_images` returns;
        without `memos` nothing can be kept. Where several people were seen it does nothing, because their faces are compared at the end.
        """
        if not live.memos or (self._faces is not None and self._faces.seen is not None):
            return
        self._look_ahead(live)

    def prepare(self, utterance: Utterance) -> None:
        """Encode an utterance that will probably end as it is now, so that `push` need not encode what has not changed.

        It changes no prediction, and nobody has to call it. Without the `memo` of its recording, which `LiveSegmenter` makes, nothing can be kept.
        """
        live = utterance.live
        if live is None or live.memo is None:
            return
        if (
            self._faces is not None and self._faces.seen is not None
        ):  # several people, whose faces are compared at the end
            utterance = replace(utterance, live=replace(live, images=(), times=(), memos=()))
        self._peek(utterance, explain=False)

    def peek(self, utterance: Utterance) -> Prediction:
        """The prediction for an utterance that has not ended yet, as `push` makes it. The conversation stays as it is."""
        return self._peek(utterance, explain=self.explain)

    def _peek(self, utterance: Utterance, *, explain: bool) -> Prediction:
        with self._push_lock:
            state = self._get_state()
            try:
                latest = self._place(utterance)
                if self._faces is not None:
                    latest = self._faces.assign(latest, keep=False)
                return self._predict(Dialogue("live", self.name, (*self._past, latest)), explain=explain)
            finally:
                self._set_state(state)

    def rewind(self, count: int) -> None:
        """Forget the last `count` utterances, so that they can be pushed again, with words that came late.

        Raises:
            ValueError: fewer utterances can be forgotten; at most the last four can.
        """
        with self._push_lock:
            if not 0 <= count <= len(self._before):
                raise ValueError(f"{count} utterances cannot be forgotten: give at most {len(self._before)}.")
            for _ in range(count):
                state = self._before.pop()
            if count:
                self._set_state(state)

    def _place(self, utterance: Utterance) -> Utterance:
        """The utterance as the next one of the conversation."""
        live = utterance.live
        if live is not None and live.images and not live.memos:
            live = replace(live, memos=tuple({} for _ in live.images))
        return clean_text(replace(utterance, live=live, split="live", dialogue=self.name, utterance=self._count))

    def _get_state(self) -> _State:
        return _State(
            tuple(self._past),
            tuple(self._past_vectors),
            dict(self._speaker_numbers),
            dict(self._earlier),
            self._count,
            None if self._faces is None else self._faces.seen,
        )

    def _set_state(self, state: _State) -> None:
        self._past = deque(state.past, MAX_PAST_UTTERANCES)
        self._past_vectors = deque(state.past_vectors, MAX_PAST_UTTERANCES)
        self._speaker_numbers, self._earlier = dict(state.speaker_numbers), dict(state.earlier)
        self._count = state.count
        if self._faces is not None:
            self._faces.seen = state.seen

    def _predict(self, dialogue: Dialogue, *, explain: bool) -> Prediction:
        index = len(dialogue) - 1
        latest = dialogue.utterances[index]
        inputs = {name: prepare_row(encoder, dialogue, index) for name, encoder in self._model.encoders.items()}
        # As in training, a speaker has a number only after an utterance of theirs could be read.
        can_be_read = any(row.values is not None for row in inputs.values())
        speaker = get_speaker_number(latest.speaker, self._speaker_numbers) if can_be_read else 0
        context = LiveContext(tuple(self._past_vectors), speaker, dict(self._earlier))
        prediction, vector = self._batcher(LiveRequest(latest, inputs, context, explain))
        for name, rows in self._earlier.items():
            if inputs[name].values is not None:
                self._earlier[name] = keep_window(self._model.encoders[name], (*rows, inputs[name]))
        if vector is not None:
            self._past_vectors.append(PastUtterance(vector, speaker))
        return prediction


def _keep_vectors(signals: Mapping[str, Any]) -> dict[str, Any]:
    """The signals of one vector, which an encoder may read again with later utterances; longer ones are not kept."""
    return {name: value for name, value in signals.items() if np.ndim(value) == 1}


def make_utterance(text: str | None = None, *, speaker: str = "", live: LiveRecording | None = None) -> Utterance:
    """Make an utterance for `Conversation.push` from its text and its live audio and images."""
    return Utterance("live", "", 0, speaker=speaker, text=text or None, live=live)
