"""One model folder: conversations and clips in, an emotion for each utterance out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmerc.corpora import Clip, Dialogue, Key, Utterance
from mmerc.emotions import LabelSet
from mmerc.encoders import Encoder, Example
from mmerc.errors import RunError
from mmerc.features import Row
from mmerc.files import entry, read_json
from mmerc.fusion import Fusion
from mmerc.training.decision import FUSED, Decision
from mmerc.training.extraction import encoded, log_missing, prepared
from mmerc.training.model_folder import FORMAT, decision_of, load_encoder, load_fusion
from mmerc.training.predictions import fused_answers, own_answers, prediction_row
from mmerc.training.settings import MODALITY_NAME

AT_ONCE = 64  # utterances whose features are held in memory together
BATCH = 32
Answer = dict[str, Any]


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
    ) -> None:
        self.decision = decision or Decision()
        self.labels, self.encoders, self.fusion, self.prior = labels, encoders, fusion, list(prior)

    @classmethod
    def load(cls, folder: str | Path) -> "Predictor":
        """Read the folder that `mmerc train` leaves at `RUN/model`.

        Raises:
            RunError: the folder is no model, is incomplete, or was made by a newer mmerc.
            WeightsError: its tensors do not fit its configuration.
        """
        folder = Path(folder)
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
        answering = FUSED if fusion is not None else next(iter(encoders))
        decision = decision_of(settings, answering, folder / "config.json")
        return cls(labels=LabelSet(tuple(labels)), encoders=encoders, fusion=fusion, prior=prior, decision=decision)

    def predict(self, dialogues: Iterable[Dialogue], *, explain: bool = False) -> Iterator[Answer]:
        """A row for every utterance, in order.

        An utterance that has no modality at all gets the label prior and an empty `modalities`. What was missing, and
        why, is summed up in the log at the end. With `explain` a row says under `influence` what each of its modalities
        adds to the probability of its emotion: that probability less what it would be without the modality.
        """
        group: list[Dialogue] = []
        missing: dict[str, dict[Key, str]] = {name: {} for name in self.encoders}
        total = 0
        for dialogue in dialogues:
            group.append(dialogue)
            total += len(dialogue)
            if sum(map(len, group)) >= AT_ONCE:
                yield from self._answers(group, missing, explain=explain)
                group = []
        if group:
            yield from self._answers(group, missing, explain=explain)
        for name, reasons in missing.items():
            log_missing(name, reasons, total)

    def predict_clip(self, path: str | Path, *, text: str | None = None, speaker: str = "") -> list[Answer]:
        """The row of one clip that is one utterance; `text` is what is said in it, if that is known.

        A clip that cannot be read gives the label prior and an empty `modalities`.
        """
        turn = Utterance("input", Path(path).stem, 0, speaker=speaker, text=text, clip=Clip(Path(path)))
        return list(self.predict([Dialogue("input", turn.dialogue, (turn,))]))

    def _answers(self, group: Sequence[Dialogue], missing: dict[str, dict[Key, str]], *, explain: bool) -> list[Answer]:
        """The rows of some dialogues; why a modality is missing is added to `missing`."""
        turns = [turn for dialogue in group for turn in dialogue.utterances]
        rows = {name: self.features(encoder, group) for name, encoder in self.encoders.items()}
        for name, found in rows.items():
            missing[name] |= {key: row.reason for key, row in found.items() if row.reason is not None}
        probabilities = self._decided(group, rows)
        answers = [
            prediction_row(
                turn,
                self.labels,
                probabilities.get(turn.key, self.prior),
                [name for name in rows if rows[name][turn.key].values is not None],
            )
            for turn in turns
        ]
        if explain:
            self._explain(group, rows, answers)
        return answers

    def _decided(self, group: Sequence[Dialogue], rows: Mapping[str, Mapping[Key, Row]]) -> dict[Key, list[float]]:
        """The probabilities of every utterance that has one of these modalities."""
        if self.fusion is None:
            keys = [turn.key for dialogue in group for turn in dialogue.utterances]
            return self.decision.applied(own_answers(next(iter(rows.values())), keys), self.prior)
        probabilities: dict[Key, list[float]] = {}
        for dialogue in group:
            probabilities |= fused_answers(self.fusion, rows, [turn.key for turn in dialogue.utterances])[0]
        return self.decision.applied(probabilities, self.prior)

    def _explain(self, group: Sequence[Dialogue], rows: Mapping[str, Mapping[Key, Row]], answers: list[Answer]) -> None:
        """Add to each answer what it would have lost without each of its modalities."""
        keys = [turn.key for dialogue in group for turn in dialogue.utterances]
        for answer in answers:
            answer["influence"] = {}
        for name, found in rows.items():
            gone: dict[Key, Row] = {key: Row(key, None, "left out") for key in found}
            without = self._decided(group, {**rows, name: gone})
            for key, answer in zip(keys, answers, strict=True):
                if name in answer["modalities"]:
                    place = self.labels.index(answer["emotion"])
                    rest = without.get(key, self.prior)[place]
                    answer["influence"][name] = round(answer["probabilities"][answer["emotion"]] - rest, 6)

    @staticmethod
    def features(encoder: Encoder, group: Sequence[Dialogue]) -> dict[Key, Row]:
        """One modality's features of every utterance, or why it has none.

        No batch holds utterances of two dialogues: in bfloat16 an answer depends a little on what it is computed with,
        and no dialogue's answers shall depend on another's.
        """
        rows: dict[Key, Row] = {}
        for dialogue in group:
            for first in range(0, len(dialogue), AT_ONCE):  # crops and samples of a whole film are not held at once
                some = [prepared(encoder, dialogue, place) for place in range(len(dialogue))[first : first + AT_ONCE]]
                rows |= {row.key: row for row in some}
                examples = [Example(row.key, row.values) for row in some if row.values is not None]
                examples.sort(key=lambda example: len(example.values))
                for start in range(0, len(examples), BATCH):
                    rows |= {row.key: row for row in encoded(encoder, examples[start : start + BATCH])}
        return rows
