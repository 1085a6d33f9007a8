"""One model folder: conversations and clips in, an emotion for each utterance out."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from mmerc.corpora import Clip, Dialogue, Key, Utterance
from mmerc.corpora.dialogue import replace_surrogates
from mmerc.emotions import LabelSet
from mmerc.encoders import Encoder
from mmerc.errors import ClipNotFound, RunError
from mmerc.features import Row
from mmerc.files import entry, read_json
from mmerc.fusion import Fusion
from mmerc.fusion.layers.dialogue_context import speaker_number
from mmerc.inference.call_batcher import Together
from mmerc.inference.recording import read_recording
from mmerc.inference.streaming import REMEMBERED, Conversation
from mmerc.model.calibration import FUSED, Decision
from mmerc.model.folder import FORMAT, decision_of, load_encoder, load_fusion
from mmerc.model.hub import model_folder
from mmerc.model.inference import Said, answers_after, fused_answers, own_answers, prediction_row
from mmerc.training.extraction import encoded, log_missing, prepared
from mmerc.training.run_config import MODALITY_NAME

log = logging.getLogger("mmerc")
AT_ONCE = 64  # utterances whose features are held in memory together
BATCH = 32
Answer = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """An utterance of a conversation, its prepared inputs, and those before it as a fusion reads them."""

    turn: Utterance
    inputs: dict[str, Row]
    explain: bool
    before: tuple[Said, ...]  # oldest first
    speaker: int  # number in the conversation


class Predictor:
    """A trained model. Build it with `load`."""

    def __init__(
        self,
        *,
        labels: LabelSet,
        encoders: dict[str, Encoder],
        fusion: Fusion | None,
        prior: Sequence[float],
        decision: Decision | None = None,
        backend: Literal["torch", "onnx"] = "torch",
    ) -> None:
        self.decision = decision or Decision()
        self.backend = backend
        self._together = Together(self._answers_live, most=BATCH)
        self.labels, self.encoders, self.fusion, self.prior = labels, encoders, fusion, list(prior)

    @classmethod
    def load(cls, place: str | Path, *, backend: Literal["torch", "onnx"] = "torch") -> "Predictor":
        """Read the folder that `mmerc train` leaves at `RUN/model`, or that `mmerc export` has written; `OWNER/NAME` is
        such a folder on the Hugging Face hub (`hub.model_folder`).

        `backend="onnx"` lets onnxruntime compute what `mmerc export` has written there; the answers are the same.

        Raises:
            RunError: the folder is no model, is incomplete, or was made by a newer mmerc.
            WeightsError: its tensors do not fit its configuration, or the hub does not give it.
        """
        folder = model_folder(place)
        if not (folder / "config.json").is_file():
            inner = " (its model lies in the folder model inside it)" if (folder / "model").is_dir() else ""
            raise RunError(f"{folder} is not a model folder{inner}: give the RUN/model that `mmerc train` wrote.")
        settings = read_json(folder / "config.json")
        labels, prior, modalities = (
            entry(settings, key, folder / "config.json") for key in ("labels", "prior", "modalities")
        )
        found = settings.get("format")
        if found != FORMAT:
            mend = "train it again" if isinstance(found, int) and found < FORMAT else "update mmerc"
            raise RunError(f"{folder} has format {found}, this mmerc reads {FORMAT}: {mend}.")
        if not all(isinstance(name, str) and MODALITY_NAME.fullmatch(name) for name in modalities):
            raise RunError(f"{folder} names a modality that is no name: it is damaged.")
        encoders = {name: load_encoder(folder / "encoders" / name) for name in modalities}
        fusion = load_fusion(folder / "fusion") if len(encoders) > 1 else None
        if any(encoder.classes != len(labels) for encoder in encoders.values()) or len(prior) != len(labels):
            raise RunError(f"{folder} names {len(labels)} labels, its networks have another number: it is damaged.")
        if backend == "onnx":
            from mmerc.model.onnx.runtime import use_onnx  # needs the extra onnx

            use_onnx(folder, encoders, fusion)
        answering = FUSED if fusion is not None else next(iter(encoders))
        decision = decision_of(settings, answering, folder / "config.json")
        return cls(
            labels=LabelSet(tuple(labels)),
            encoders=encoders,
            fusion=fusion,
            prior=prior,
            decision=decision,
            backend=backend,
        )

    def predict(
        self, dialogues: Iterable[Dialogue], *, explain: bool = False, watch: Callable[[], None] = lambda: None
    ) -> Iterator[Answer]:
        """A row for every utterance, in order.

        `watch` is called after each modality of each utterance that has been read; what it raises ends the work.

        An utterance that has no modality at all gets the label prior and an empty `modalities`. What was missing, and
        why, is summed up in the log at the end. With `explain` a row says under `influence` what each of its modalities
        adds to the probability of its emotion: that probability less what it would be without the modality; and, where the
        fusion has crossmodal attention, under `attention` the same for each "source->target" by which one asks another.
        """
        group: list[Dialogue] = []
        missing: dict[str, dict[Key, str]] = {name: {} for name in self.encoders}
        total = 0
        for dialogue in dialogues:
            group.append(dialogue)
            total += len(dialogue)
            if sum(map(len, group)) >= AT_ONCE:
                yield from self._answers(group, missing, explain=explain, watch=watch)
                group = []
        if group:
            yield from self._answers(group, missing, explain=explain, watch=watch)
        for name, reasons in missing.items():
            log_missing(name, reasons, total)
        if total and all(len(reasons) == total for reasons in missing.values()):
            log.warning("nothing could be read in any utterance: every row says what is frequent in training")

    def predict_clip(self, path: str | Path, *, text: str | None = None, speaker: str = "") -> list[Answer]:
        """The row of one clip that is one utterance; `text` is what is said in it, if that is known.

        A clip that cannot be read gives the label prior and an empty `modalities`.
        """
        turn = Utterance(
            "input", replace_surrogates(Path(path).stem), 0, speaker=speaker, text=text, clip=Clip(Path(path))
        )
        return list(self.predict([Dialogue("input", turn.dialogue, (turn,))]))

    def predict_recording(
        self, path: str | Path, transcript: str | Path | None = None, *, explain: bool = False
    ) -> list[Answer]:
        """The rows of a recording of any length, one conversation, as `mmerc predict` gives them: its utterances are the lines of
        the transcript (SRT, WebVTT, CSV, JSON), or without one what somebody says between two pauses.

        Raises:
            ClipNotFound: there is no file.
            CorpusError: the transcript cannot be used.
        """
        if not Path(path).is_file():
            raise ClipNotFound(f"there is no file {path}: check the path.")
        dialogue, problems = read_recording(Path(path), None if transcript is None else Path(transcript))
        for problem in problems:
            log.warning("%s: %s", problem.where, problem.what)
        return list(self.predict([dialogue], explain=explain))

    def stream(self, name: str = "live", *, explain: bool = False) -> Conversation:
        """A conversation to which utterances are pushed as they end.

        Nothing of the future is read, whichever protocol the model was trained for; a model of the `online` protocol has
        been trained for it. With `explain` each answer has `influence`, as in `predict`. Answers of many conversations,
        asked for from many threads, are computed together.

        >>> predictor = Predictor.load("RUN/model")  # doctest: +SKIP
        >>> conversation = predictor.stream()  # doctest: +SKIP
        >>> conversation.push(spoken("You came back!", speaker="Ann"))["emotion"]  # doctest: +SKIP
        'surprise'
        """
        heard: dict[str, int] = {}
        return Conversation(partial(self._answer_last, explain, deque(maxlen=REMEMBERED), heard), name)

    def _answer_last(self, explain: bool, before: deque[Said], heard: dict[str, int], dialogue: Dialogue) -> Answer:
        """`before`: the conversation up to here as a fusion reads it, to which this utterance is added; `heard`: its
        speakers' numbers."""
        place = len(dialogue) - 1
        turn = dialogue.utterances[place]
        inputs = {name: prepared(encoder, dialogue, place) for name, encoder in self.encoders.items()}
        # As in training: who has said nothing that can be read has no number yet.
        read = any(row.values is not None for row in inputs.values())
        asked = Asked(turn, inputs, explain, tuple(before), speaker_number(turn.speaker, heard) if read else 0)
        answer, vector = self._together(asked)
        if vector is not None:
            before.append(Said(vector, asked.speaker))
        return answer

    def _answers_live(self, asked: Sequence[Asked]) -> list[tuple[Answer, Tensor | None]]:
        """The answers to utterances of different conversations, and their fused vectors where those are of use to the next."""
        keys: list[Key] = [("asked", str(place), "") for place in range(len(asked))]  # theirs need not be unique
        rows: dict[str, dict[Key, Row]] = {}
        for name, encoder in self.encoders.items():
            own = {key: replace(each.inputs[name], key=key) for key, each in zip(keys, asked, strict=True)}
            there = [row for row in own.values() if row.values is not None]
            rows[name] = own | {row.key: row for row in (encoded(encoder, there) if there else ())}
        conversations = dict(zip(keys, asked, strict=True))
        probabilities, vectors = self._decided(keys, rows, conversations)
        answers = []
        for key, each in zip(keys, asked, strict=True):
            answer = self._answer(each.turn, key, rows, probabilities)
            answer["missing"] = {name: rows[name][key].reason for name in rows if name not in answer["modalities"]}
            answers.append(answer)
        wanted = [place for place, each in enumerate(asked) if each.explain]
        self._explain([keys[place] for place in wanted], rows, [answers[place] for place in wanted], conversations)
        return [(answer, vectors.get(key)) for key, answer in zip(keys, answers, strict=True)]

    def _answers(
        self,
        group: Sequence[Dialogue],
        missing: dict[str, dict[Key, str]],
        *,
        explain: bool,
        watch: Callable[[], None],
    ) -> list[Answer]:
        """The rows of some dialogues; why a modality is missing is added to `missing`."""
        turns = [turn for dialogue in group for turn in dialogue.utterances]
        rows = {name: self.features(encoder, group, watch) for name, encoder in self.encoders.items()}
        for name, found in rows.items():
            missing[name] |= {key: row.reason for key, row in found.items() if row.reason is not None}
        probabilities: dict[Key, list[float]] = {}
        for dialogue in group:  # one at a time, so that none depends on another
            probabilities |= self._decided([turn.key for turn in dialogue.utterances], rows)[0]
        answers = [self._answer(turn, turn.key, rows, probabilities) for turn in turns]
        if explain:
            self._explain([turn.key for turn in turns], rows, answers)
        return answers

    def _answer(
        self,
        turn: Utterance,
        key: Key,
        rows: Mapping[str, Mapping[Key, Row]],
        probabilities: Mapping[Key, Sequence[float]],
    ) -> Answer:
        """The utterance's row; the label prior where no modality of it could be read."""
        there = [name for name, found in rows.items() if found[key].values is not None]
        return prediction_row(turn, self.labels, probabilities.get(key, self.prior), there)

    def _decided(
        self,
        keys: Sequence[Key],
        rows: Mapping[str, Mapping[Key, Row]],
        conversations: Mapping[Key, Asked] | None = None,
        blocked_pairs: frozenset[tuple[str, str]] = frozenset(),
    ) -> tuple[dict[Key, list[float]], dict[Key, Tensor]]:
        """The probabilities of every utterance that has one of these modalities, and, where the fusion reads the dialogue,
        the fused vectors. `conversations`: what was said before each; without it the keys are whole dialogues."""
        if self.fusion is None:
            return self.decision.applied(own_answers(next(iter(rows.values())), keys), self.prior), {}
        answers, vectors = fused_answers(self.fusion, rows, keys, blocked_pairs)
        if not self.fusion.has_dialogue_context:
            vectors = {}
        elif conversations is not None:
            before = {key: each.before for key, each in conversations.items()}
            latest = {key: Said(vector, conversations[key].speaker) for key, vector in vectors.items()}
            answers = answers_after(self.fusion, before, latest)
        return self.decision.applied(answers, self.prior), vectors

    def _explain(
        self,
        keys: Sequence[Key],
        rows: Mapping[str, Mapping[Key, Row]],
        answers: list[Answer],
        conversations: Mapping[Key, Asked] | None = None,
    ) -> None:
        """Add to each key's answer what it would have lost without each of its modalities, and without each attention."""
        for answer in answers:
            answer["influence"] = {}
        for name, found in rows.items():
            gone: dict[Key, Row] = {key: Row(key, None, "left out") for key in found}
            self._note_loss("influence", name, {name}, keys, {**rows, name: gone}, answers, conversations)
        if self.fusion is None or not self.fusion.has_crossmodal_attention or self.backend == "onnx":
            return  # no attention between modalities, or in a graph in which none can be shut
        for answer in answers:
            answer["attention"] = {}
        for source, target in permutations(rows, 2):
            blocked = frozenset({(source, target)})
            self._note_loss(
                "attention", f"{source}->{target}", {source, target}, keys, rows, answers, conversations, blocked
            )

    def _note_loss(
        self,
        kind: str,
        name: str,
        needed: set[str],
        keys: Sequence[Key],
        rows: Mapping[str, Mapping[Key, Row]],
        answers: list[Answer],
        conversations: Mapping[Key, Asked] | None,
        blocked_pairs: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        """Under `kind` and `name`: the probability of each answer's emotion less what these rows give now, where the
        utterance has the modalities that are `needed`."""
        without, _ = self._decided(keys, rows, conversations, blocked_pairs)
        for key, answer in zip(keys, answers, strict=True):
            if needed <= set(answer["modalities"]):
                rest = without.get(key, self.prior)[self.labels.index(answer["emotion"])]
                answer[kind][name] = round(answer["probabilities"][answer["emotion"]] - rest, 6)

    @staticmethod
    def features(
        encoder: Encoder, group: Sequence[Dialogue], watch: Callable[[], None] = lambda: None
    ) -> dict[Key, Row]:
        """One modality's features of every utterance, or why it has none.

        No batch holds utterances of two dialogues: in bfloat16 an answer depends a little on what it is computed with,
        and no dialogue's answers shall depend on another's.
        """
        rows: dict[Key, Row] = {}
        for dialogue in group:
            for first in range(0, len(dialogue), AT_ONCE):  # crops and samples of a whole film are not held at once
                some = []
                for place in range(len(dialogue))[first : first + AT_ONCE]:
                    some.append(prepared(encoder, dialogue, place))
                    watch()
                rows |= {row.key: row for row in some}
                there = [(len(row.values), row) for row in some if row.values is not None]
                there.sort(key=lambda one: one[0])
                for start in range(0, len(there), BATCH):
                    batch = [row for _, row in there[start : start + BATCH]]
                    rows |= {row.key: row for row in encoded(encoder, batch)}
        return rows
