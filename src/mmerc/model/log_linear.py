"""A combination of networks that were trained apart, without joint data: log-linear pooling of their likelihoods.

Given the label, the words, the voice and the face are taken as independent. Then

    log p(label | all) = log prior(label) + sum over the modalities of weight * log p(modality | label) + constant

and a missing modality drops out of the sum. A network gives log p(label | modality); less the log of its own training
prior this is log p(modality | label), up to a constant (scaled likelihood; Bourlard and Morgan 1994).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mmerc.corpora import Key
from mmerc.model.calibration import MIN_PRIOR, MIN_PROBABILITY, ProbabilitiesByKey
from mmerc.model.collation import FeatureRows
from mmerc.model.inference import predict_unimodal

Scores = Float[np.ndarray, "N C"]


def logsumexp(scores: Scores) -> Float[np.ndarray, "N 1"]:
    """The logarithm of the sum of the exponentials of each row.

    >>> logsumexp(np.log([[1.0, 2.0, 5.0]])).round(6).tolist() == [[round(float(np.log(8.0)), 6)]]
    True
    """
    largest = scores.max(axis=1, keepdims=True)
    return np.asarray(largest + np.log(np.exp(scores - largest).sum(axis=1, keepdims=True)))


def log_softmax(scores: Scores) -> Scores:
    """The logarithm of the probabilities of each row of scores."""
    return np.asarray(scores - logsumexp(scores))


def take_log(prior: Sequence[float] | Float[np.ndarray, " C"]) -> Float[np.ndarray, " C"]:
    """The logarithm of each probability of a prior, which is at least `MIN_PRIOR`."""
    return np.asarray(np.log(np.maximum(prior, MIN_PRIOR)))


def count_log_prior(labels: Int[np.ndarray, " N"], num_classes: int) -> Float[np.ndarray, " C"]:
    """The logarithm of the share of each label."""
    return take_log(np.bincount(labels, minlength=num_classes) / len(labels))


@dataclass(frozen=True)
class ScaledLikelihood:
    """What turns the probabilities of a network into log-likelihoods: log(p) / temperature - log_prior."""

    temperature: float
    log_prior: tuple[float, ...]  # of each of the network's c labels

    @classmethod
    def fit(
        cls, probabilities: Float[np.ndarray, "N c"], labels: Int[np.ndarray, " N"], prior: Sequence[float]
    ) -> "ScaledLikelihood":
        """Fit temperature and prior to dev utterances by maximum likelihood.

        The prior starts at `prior`, the label frequencies of training, and moves as far as the dev utterances ask for: a loss
        with logit adjustment learns a flatter prior. A Gaussian penalty with a standard deviation of 1 keeps it near the start
        where a label is rare on dev.
        """
        from scipy.optimize import minimize  # imported here: applying a combination needs no library

        start, dev_prior = take_log(prior), count_log_prior(labels, len(prior))
        log_p = np.log(np.maximum(probabilities, MIN_PROBABILITY))
        rows = np.arange(len(labels))

        def loss(values: Float[np.ndarray, " k"]) -> float:
            scores = log_p / np.exp(values[0]) - (start + values[1:]) + dev_prior
            return float(-log_softmax(scores)[rows, labels].sum() + (values**2).sum() / 2)

        found = minimize(loss, np.zeros(1 + len(prior)), method="L-BFGS-B").x
        return cls(float(np.exp(found[0])), tuple((start + found[1:]).tolist()))

    def apply(self, probabilities: Float[np.ndarray, "N c"]) -> Float[np.ndarray, "N c"]:
        """The log-likelihood of each label, up to a constant for each utterance.

        >>> ScaledLikelihood(1.0, (np.log(0.8), np.log(0.2))).apply(np.array([[0.8, 0.2]])).round(3).tolist()
        [[0.0, 0.0]]
        """
        log_p = np.log(np.maximum(probabilities, MIN_PROBABILITY))
        return np.asarray(log_p / self.temperature - np.asarray(self.log_prior))


@dataclass(frozen=True)
class Part:
    """One network of a combination.

    `labels`: the name of each of its labels in the combination; None for a label that it has never seen. `weight`: how much its
    likelihoods count; 1 if they hold as they are.
    """

    labels: tuple[str | None, ...]
    likelihood: ScaledLikelihood
    weight: float = 1.0


@dataclass(frozen=True)
class LogLinear:
    """A combination of the networks of several modalities.

    `labels`: the C labels; `prior`: the probability of each of them before anything is read; `parts`: the network of each
    modality; `temperature`: divides the sum.
    """

    labels: tuple[str, ...]
    prior: tuple[float, ...]
    parts: Mapping[str, Part]
    temperature: float = 1.0

    def predict(self, features: Mapping[str, FeatureRows], keys: Sequence[Key]) -> ProbabilitiesByKey:
        """The probabilities of every key that has at least one modality, from the logits of the networks."""
        found = {name: predict_unimodal(features[name], keys) for name in self.parts}
        present = [key for key in keys if any(key in each for each in found.values())]
        evidence = {name: self.collect_evidence(name, by_key, present) for name, by_key in found.items()}
        return dict(zip(present, self.pool(evidence, len(present)).tolist(), strict=True))

    def collect_evidence(self, name: str, found: Mapping[Key, Sequence[float]], keys: Sequence[Key]) -> Scores:
        """The evidence of a modality for each key, from the probabilities that its network gives; 0 where the modality is missing."""
        evidence = np.zeros((len(keys), len(self.labels)))
        has_modality = np.array([key in found for key in keys], bool)
        if has_modality.any():
            rows = np.asarray([found[key] for key in keys if key in found])
            evidence[has_modality] = self.compute_evidence(name, rows)
        return evidence

    def compute_evidence(self, name: str, probabilities: Float[np.ndarray, "N c"]) -> Scores:
        """The log-likelihood of each of the C labels under the network of a modality, without its weight.

        Of a label that the network does not know it says nothing: the likelihood is the mean of those of its own labels, so that
        the odds of that label against them stay as the other networks and the prior have them.
        """
        part = self.parts[name]
        known = [(own, self.labels.index(label)) for own, label in enumerate(part.labels) if label is not None]
        own, joint = (list(each) for each in zip(*known, strict=True))
        values = part.likelihood.apply(probabilities)[:, own]
        log_prior = take_log(self.prior)[joint]
        scores = np.repeat(logsumexp(values + log_softmax(log_prior[None])), len(self.labels), axis=1)
        scores[:, joint] = values
        return scores

    def pool(self, evidence: Mapping[str, Scores], count: int) -> Float[np.ndarray, "N C"]:
        """The probabilities of `count` utterances; the evidence of a modality that is missing is 0 for every label.

        >>> part = Part(("joy", "anger"), ScaledLikelihood(1.0, (0.0, 0.0)), weight=0.5)
        >>> pooled = LogLinear(("joy", "anger"), (0.5, 0.5), {"text": part}).pool({"text": np.log([[0.8, 0.2]])}, 1)
        >>> pooled.round(3).tolist()
        [[0.667, 0.333]]
        """
        scores = np.tile(take_log(self.prior), (count, 1))  # [N, C]
        for name, values in evidence.items():
            scores += self.parts[name].weight * values
        return np.asarray(np.exp(log_softmax(scores / self.temperature)))

    def to_dict(self) -> dict[str, Any]:
        """The combination as a model's config.json holds it."""
        return {
            "temperature": self.temperature,
            "parts": {
                name: {"labels": part.labels, "weight": part.weight, **vars(part.likelihood)}
                for name, part in self.parts.items()
            },
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any], labels: Sequence[str], prior: Sequence[float]) -> "LogLinear":
        """What `to_dict` gave, with the labels and the prior of the model.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: the values are incomplete, no numbers, or out of range.
        """
        parts = {}
        for name, part in found["parts"].items():
            own = tuple(part["labels"])
            likelihood = ScaledLikelihood(float(part["temperature"]), tuple(map(float, part["log_prior"])))
            numbers = [likelihood.temperature, *likelihood.log_prior, float(part["weight"])]
            if not np.isfinite(numbers).all() or likelihood.temperature <= 0 or len(own) != len(likelihood.log_prior):
                raise ValueError(f"the part {name} has impossible values")
            if not {label for label in own if label is not None} <= set(labels) or all(label is None for label in own):
                raise ValueError(f"the part {name} has other labels")
            parts[name] = Part(own, likelihood, float(part["weight"]))
        temperature = float(found["temperature"])
        if not (np.isfinite(temperature) and temperature > 0):
            raise ValueError(f"temperature is {temperature}")
        return cls(tuple(labels), tuple(map(float, prior)), parts, temperature)
