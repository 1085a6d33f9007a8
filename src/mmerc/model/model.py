"""A trained model: encoders, fusion and calibration; dialogues in, a prediction for each utterance out."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from mmerc.config import Backend, Protocol
from mmerc.corpora import Dialogue, Key, LiveRecording, Utterance
from mmerc.emotions import LabelSet
from mmerc.encoders import Encoder
from mmerc.errors import RunError
from mmerc.features import FeatureRow
from mmerc.fusion import Fusion
from mmerc.fusion.layers.crossmodal import BlockedPairs
from mmerc.memo import Memo
from mmerc.model.calibration import Calibration, ProbabilitiesByKey
from mmerc.model.conformal import DEFAULT_COVERAGE, ConformalSets
from mmerc.model.explanation import Compute, Evidence, explain_predictions
from mmerc.model.extraction import UTTERANCES_IN_MEMORY, encode_latest, encode_rows, extract_dialogues, log_missing
from mmerc.model.inference import (
    NO_PAIRS,
    DimensionsByKey,
    FusedOutputs,
    PastUtterance,
    predict_fused,
    predict_latest,
    predict_unimodal,
    predict_unimodal_dimensions,
)
from mmerc.model.log_linear import LogLinear
from mmerc.model.prediction import Prediction, make_prediction

log = logging.getLogger("mmerc")
FeaturesByKey = Mapping[Key, FeatureRow]
NO_MEMOS: Mapping[Key, Memo] = {}


@dataclass(frozen=True)
class LiveContext:
    """What is known of a live utterance besides its own features."""

    past: tuple[PastUtterance, ...]  # oldest first
    speaker: int  # number in the conversation
    # Prepared inputs of earlier utterances, for each encoder that reads the dialogue.
    earlier: Mapping[str, Sequence[FeatureRow]]


@dataclass
class EmotionModel:
    """A trained model in memory. `load_model` reads one from a folder.

    `prior`: share of each label in training, which is the answer for an utterance without any modality. `info`: what the
    model folder says of the model: its name, protocol, corpus and scores. `conformal`: None for a model that was trained before
    mmerc had prediction sets; `coverage` is that of its sets. `combination`: in place of `fusion`, for networks that were trained
    apart.
    """

    labels: LabelSet
    encoders: dict[str, Encoder]
    fusion: Fusion | None
    prior: Sequence[float]
    calibration: Calibration = field(default_factory=Calibration)
    backend: Backend = "torch"
    info: Mapping[str, Any] = field(default_factory=dict)
    conformal: ConformalSets | None = None
    coverage: float = DEFAULT_COVERAGE
    combination: LogLinear | None = None

    @property
    def name(self) -> str:
        """The model's name, which every prediction carries; empty for a model that was never saved."""
        return str(self.info.get("name", ""))

    @property
    def trained_on(self) -> str:
        """The name of the corpus that it was trained on; empty for a model that was never saved."""
        return str(self.info.get("corpus", ""))

    @property
    def warning(self) -> str:
        """What makes the model unfit for use, such as an artificial corpus; empty for most models."""
        return str(self.info.get("warning", ""))

    def set_protocol(self, protocol: Protocol) -> None:
        """Read with this protocol from now on.

        Raises:
            RunError: a network was not trained for it.
        """
        for name, encoder in self.encoders.items():
            if protocol not in encoder.protocols:
                raise RunError(
                    f"{name} was trained for the {encoder.protocol} protocol: train a model with --set protocol={protocol}, or "
                    f"one for both with --set {name}.encoder=dialogue --set {name}.online_probability=0.5."
                )
        if self.fusion is not None and self.fusion.has_dialogue_context and self.fusion.protocol != protocol:
            raise RunError(
                f"the fusion reads the dialogue and was trained for the {self.fusion.protocol} protocol: train a model with "
                f"--set protocol={protocol}, or with --set fusion.dialogue_context=false."
            )
        for encoder in self.encoders.values():
            encoder.protocol = protocol

    def predict(
        self,
        dialogues: Iterable[Dialogue],
        *,
        explain: bool = False,
        on_progress: Callable[[], None] = lambda: None,
    ) -> Iterator[Prediction]:
        """A prediction for every utterance, in order. See `Predictor.predict`."""
        group: list[Dialogue] = []
        missing: dict[str, dict[Key, str]] = {name: {} for name in self.encoders}
        total = 0
        for dialogue in dialogues:
            group.append(dialogue)
            total += len(dialogue)
            if sum(map(len, group)) >= UTTERANCES_IN_MEMORY:
                yield from self._predict_group(group, missing, explain, on_progress)
                group = []
        if group:
            yield from self._predict_group(group, missing, explain, on_progress)
        for name, reasons in missing.items():
            log_missing(name, reasons.values(), total)
        if total and all(len(reasons) == total for reasons in missing.values()):
            log.warning("no utterance could be read: every prediction is the label prior of the training corpus")

    def _predict_group(
        self,
        group: Sequence[Dialogue],
        missing: dict[str, dict[Key, str]],
        explain: bool,
        on_progress: Callable[[], None],
    ) -> list[Prediction]:
        """The predictions of some dialogues; reasons of missing modalities are added to `missing`."""
        features = {name: extract_dialogues(encoder, group, on_progress) for name, encoder in self.encoders.items()}
        for name, rows in features.items():
            missing[name] |= {key: row.reason for key, row in rows.items() if row.reason is not None}
        predictions: list[Prediction] = []
        for dialogue in group:  # one dialogue at a time, so that none depends on another
            utterances = dialogue.utterances
            keys = [utterance.key for utterance in utterances]
            speakers = {utterance.key: utterance.speaker for utterance in utterances}

            def compute(
                rows: Mapping[str, FeaturesByKey],
                blocked: BlockedPairs,
                keys: Sequence[Key] = keys,
                speakers: Mapping[Key, str] = speakers,
            ) -> ProbabilitiesByKey:
                return self.compute_probabilities(keys, rows, speakers=speakers, blocked_pairs=blocked)[0]

            out = self.compute_probabilities(keys, features, speakers=speakers)
            made = self.make_predictions(utterances, keys, features, out.probabilities, out.dimensions)
            predictions += self.explain(keys, features, made, compute) if explain else made
        return predictions

    def look_ahead(self, lives: Sequence[LiveRecording]) -> list[None]:
        """Compute what live utterances that are going on will need at their ends (see `Encoder.look_ahead`). A result for each of them."""
        for encoder in self.encoders.values():
            encoder.look_ahead(lives)
        return [None] * len(lives)

    def predict_live(
        self,
        utterances: Mapping[Key, Utterance],
        inputs: Mapping[str, FeaturesByKey],
        context: Mapping[Key, LiveContext],
        memos: Mapping[Key, Memo] = NO_MEMOS,
    ) -> tuple[list[Prediction], dict[Key, Tensor], "LiveFeatures"]:
        """The predictions of the latest utterance of several conversations, computed together.

        `utterances`, `inputs` (prepared inputs of each modality) and `context` have the same keys, one per conversation. `memos` of some of them: an
        encoder that reads the utterance alone does not encode an input again that has not changed.
        Returns the predictions in order, the fused vectors that later utterances read, and the features for `explain_live`.
        """
        keys = list(utterances)
        features: dict[str, dict[Key, FeatureRow]] = {}
        for name, encoder in self.encoders.items():
            present = [row for row in inputs[name].values() if row.values is not None]
            if encoder.reads_dialogue:
                encoded = encode_latest(encoder, {row.key: (*context[row.key].earlier[name], row) for row in present})
            else:
                encoded = _encode_changed(encoder, present, memos)
            features[name] = {**inputs[name], **{row.key: row for row in encoded}}
        out = self.compute_probabilities(keys, features, context=context)
        predictions = self.make_predictions(
            list(utterances.values()), keys, features, out.probabilities, out.dimensions
        )
        return predictions, out.vectors, LiveFeatures(features, context)

    def explain_live(
        self, keys: Sequence[Key], live: "LiveFeatures", predictions: Sequence[Prediction]
    ) -> list[Prediction]:
        """The same predictions with `influence` and `attention`."""

        def compute(rows: Mapping[str, FeaturesByKey], blocked: BlockedPairs) -> ProbabilitiesByKey:
            return self.compute_probabilities(keys, rows, context=live.context, blocked_pairs=blocked)[0]

        return self.explain(keys, live.features, predictions, compute)

    def make_predictions(
        self,
        utterances: Sequence[Utterance],
        keys: Sequence[Key],
        features: Mapping[str, FeaturesByKey],
        probabilities: Mapping[Key, Sequence[float]],
        dimensions: DimensionsByKey,
    ) -> list[Prediction]:
        """A prediction for each utterance; the label prior and the means of the dimensions where no modality could be read."""
        predictions = []
        for utterance, key in zip(utterances, keys, strict=True):
            reasons = {name: rows[key].reason for name, rows in features.items()}
            present = [name for name, reason in reasons.items() if reason is None]
            missing = {name: reason for name, reason in reasons.items() if reason is not None}
            p = probabilities.get(key, self.prior)
            sets = self.conformal.select(p, present, self.coverage) if self.conformal else None
            predictions.append(
                make_prediction(
                    utterance,
                    self.labels,
                    p,
                    present,
                    missing=missing,
                    model=self.name,
                    trained_on=self.trained_on,
                    warning=self.warning,
                    conformal=sets,
                    dimensions=dimensions.get(key),
                )
            )
        return predictions

    def predict_nothing(self, utterances: Sequence[Utterance], reason: str) -> list[Prediction]:
        """The label prior for each utterance: no modality could be read, for one reason."""
        keys = [utterance.key for utterance in utterances]
        missing = {name: {key: FeatureRow(key, None, reason) for key in keys} for name in self.encoders}
        return self.make_predictions(utterances, keys, missing, {}, {})

    def compute_probabilities(
        self,
        keys: Sequence[Key],
        features: Mapping[str, FeaturesByKey],
        *,
        speakers: Mapping[Key, str] | None = None,
        context: Mapping[Key, LiveContext] | None = None,
        blocked_pairs: BlockedPairs = NO_PAIRS,
    ) -> FusedOutputs:
        """Calibrated probabilities of every key with a modality, dimensions, and, where the fusion reads the dialogue, fused vectors.

        Without `context` the keys are whole dialogues; with it, each is the latest utterance of a conversation.
        """
        if self.combination is not None:
            return FusedOutputs(self.calibration.apply(self.combination.predict(features, keys), self.prior), {}, {})
        if self.fusion is None:
            (rows,) = features.values()
            probabilities = self.calibration.apply(predict_unimodal(rows, keys), self.prior)
            return FusedOutputs(probabilities, {}, predict_unimodal_dimensions(rows, keys))
        probabilities, vectors, dimensions = predict_fused(
            self.fusion, features, keys, speakers or {}, blocked_pairs=blocked_pairs
        )
        if not self.fusion.has_dialogue_context:
            vectors = {}
        elif context is not None:
            past = {key: each.past for key, each in context.items()}
            latest = {key: PastUtterance(vector, context[key].speaker) for key, vector in vectors.items()}
            probabilities, dimensions = predict_latest(self.fusion, past, latest)
        return FusedOutputs(self.calibration.apply(probabilities, self.prior), vectors, dimensions)

    def explain(
        self,
        keys: Sequence[Key],
        features: Mapping[str, FeaturesByKey],
        predictions: Sequence[Prediction],
        compute: Compute,
    ) -> list[Prediction]:
        """The predictions with the influence of each modality and, in torch, of each crossmodal attention."""
        # A graph for onnxruntime has no switch for a pair.
        with_attention = self.backend == "torch" and self.fusion is not None and self.fusion.has_crossmodal_attention
        return explain_predictions(
            Evidence(keys, features, compute, dict(zip(self.labels.names, self.prior, strict=True))),
            predictions,
            with_attention=with_attention,
        )


def _encode_changed(encoder: Encoder, rows: Sequence[FeatureRow], memos: Mapping[Key, Memo]) -> list[FeatureRow]:
    """The features of prepared utterances; those that a memo has of the same input are not computed again."""
    known: dict[Key, FeatureRow] = {}
    for row in rows:
        assert row.values is not None
        found = memos[row.key].find(encoder, row.values, row.metadata) if row.key in memos else None
        if found is not None:
            known[row.key] = replace(found, key=row.key)
    new = [row for row in rows if row.key not in known]
    for row, encoded in zip(new, encode_rows(encoder, new), strict=True):
        known[row.key] = encoded
        if row.key in memos and row.values is not None:
            memos[row.key].keep(encoder, row.values, row.metadata, encoded)
    return [known[row.key] for row in rows]


@dataclass(frozen=True)
class LiveFeatures:
    """The features and the context from which `EmotionModel.predict_live` has predicted."""

    features: Mapping[str, FeaturesByKey]
    context: Mapping[Key, LiveContext]
