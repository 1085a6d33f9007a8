"""A predictor without networks: the service can be tested without a training.

Its predictions depend on the text alone; a question is uncertain between two labels. A clip or the sound of a live utterance counts as audio, a picture as face.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from threading import Lock

from mmerc.corpora import Dialogue, LiveRecording, Utterance
from mmerc.emotions import SEVEN, LabelSet
from mmerc.inference import Conversation, Predictor
from mmerc.model import EmotionModel
from mmerc.model.conformal import ANY, ConformalSets, ScoreQuantiles
from mmerc.model.prediction import Prediction, make_prediction

MODALITIES = ("text", "audio", "face")
SETS = ConformalSets({ANY: ScoreQuantiles(9, (0.6,) * 9)})  # a label with a probability of 0.4 is in the set
INFO = {"name": "stub", "corpus": "nothing", "warning": "This is a stub."}


class StubPredictor(Predictor):
    """Predicts without a model. `before`: called before each prediction, to wait or to fail."""

    def __init__(self, before: Callable[[], None] = lambda: None, labels: LabelSet = SEVEN) -> None:
        self.before = before
        self.model = EmotionModel(labels, {}, None, [1 / len(labels)] * len(labels), info=INFO, conformal=SETS)

    @property
    def modalities(self) -> tuple[str, ...]:
        return MODALITIES

    def predict(
        self,
        dialogues: Iterable[Dialogue],
        *,
        explain: bool = False,
        on_progress: Callable[[], None] = lambda: None,
    ) -> Iterator[Prediction]:
        for dialogue in dialogues:
            for utterance in dialogue.utterances:
                for _ in MODALITIES:
                    on_progress()
                yield self.predict_one(utterance, explain)

    def stream(self, name: str = "live", *, explain: bool = False) -> Conversation:
        return StubConversation(self, name, explain=explain)

    def predict_one(self, utterance: Utterance, explain: bool) -> Prediction:
        self.before()
        live, has_clip = utterance.live, utterance.clip is not None
        is_present = {
            "text": bool(utterance.text),
            "audio": has_clip or (live is not None and len(live.samples) > 0),
            "face": has_clip or (live is not None and len(live.images) > 0),
        }
        modalities = [name for name in MODALITIES if is_present[name]]
        missing = {name: f"there is no {name}" for name in MODALITIES if name not in modalities}
        probabilities = self.compute(utterance.text or "")
        prediction = make_prediction(
            utterance,
            self.labels,
            probabilities,
            modalities,
            missing=missing,
            model=self.model.name,
            trained_on=self.model.trained_on,
            warning=self.model.warning,
            conformal=SETS.select(probabilities, modalities, 0.9),
        )
        if not explain:
            return prediction
        influence = {name: 0.2 - 0.15 * index for index, name in enumerate(modalities)}
        attention = {f"{a}->{b}": 0.03 for a in modalities for b in modalities if a != b}
        return prediction.model_copy(update={"influence": influence, "attention": attention})

    def compute(self, text: str) -> Sequence[float]:
        """Probabilities that the text alone decides; 0.5 for one label, or 0.4 for each of two in a question."""
        count = len(self.labels)
        best = zlib.crc32(text.encode()) % count
        if text.endswith("?"):
            return [0.4 if index in (best, (best + 1) % count) else 0.2 / (count - 2) for index in range(count)]
        return [0.5 if index == best else 0.5 / (count - 1) for index in range(count)]


class StubConversation(Conversation):
    def __init__(self, predictor: StubPredictor, name: str, *, explain: bool) -> None:
        self.predictor, self.name, self.explain = predictor, name, explain
        self.count, self.lock = 0, Lock()
        self.looked: list[int] = []  # numbers of images

    def prepare(self, utterance: Utterance) -> None:
        """There is nothing to prepare."""

    def look_ahead(self, live: LiveRecording) -> None:
        self.looked.append(len(live.images))

    def push(self, utterance: Utterance) -> Prediction:
        with self.lock:
            latest = replace(utterance, split="live", dialogue=self.name, utterance=self.count)
            prediction = self.predictor.predict_one(latest, self.explain)
            self.count += 1
            return prediction

    def peek(self, utterance: Utterance) -> Prediction:
        with self.lock:
            return self.predictor.predict_one(
                replace(utterance, split="live", dialogue=self.name, utterance=self.count), self.explain
            )

    def rewind(self, count: int) -> None:
        with self.lock:
            self.count -= count
