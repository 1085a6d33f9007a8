"""`mmerc combine`: one model from networks that were trained apart, on corpora of one modality each."""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.addresses import make_path
from mmerc.config import Protocol
from mmerc.corpora import open_corpus
from mmerc.corpora.joined import join_label_sets
from mmerc.emotions import MELD_PRIOR, SEVEN, LabelSet
from mmerc.encoders import Encoder
from mmerc.errors import ConfigError, RunError
from mmerc.files import get_required, replace_atomically, write_json
from mmerc.model.calibration import fit_temperature
from mmerc.model.card import make_combined_card
from mmerc.model.conformal import ANY, ConformalSets, list_subsets, name_subset
from mmerc.model.dev_outputs import FOLDER as DEV_OUTPUTS
from mmerc.model.dev_outputs import DevOutputs, read_dev_outputs
from mmerc.model.folder import COMBINATION, CONFIG, FORMAT, load_encoder, name_model, read_info
from mmerc.model.hub import find_model_folder
from mmerc.model.log_linear import LogLinear, Part, ScaledLikelihood
from mmerc.model.onnx.runtime import MANIFEST
from mmerc.model.tuning import read_tuning_set, tune

DRAWS = 2000  # pairings to which the temperature is fitted
TRANSFER = "transfer"  # key in config.json: how a network does on corpora that it was not trained on


@dataclass(frozen=True)
class Member:
    """A network that is to be combined: one modality of a model folder."""

    folder: Path
    modality: str
    info: Mapping[str, Any]
    dev: DevOutputs
    names: Mapping[str, str]  # of its labels: the name in the combination

    @property
    def weight(self) -> float:
        """The mean weight that its likelihoods deserve on corpora that it was not trained on; 1 where none was measured."""
        measured = self.info.get(TRANSFER, {}).get(self.modality, [])
        return float(np.mean([each["weight"] for each in measured])) if measured else 1.0

    def make_part(self) -> Part:
        """The network as a part of a combination. A label with a prior of 0 was never seen."""
        prior = self.info["prior"]
        labels = [
            self.names[name] if share > 0 else None for name, share in zip(self.info["labels"], prior, strict=True)
        ]
        likelihood = ScaledLikelihood.fit(self.dev.probabilities, self.dev.labels, prior)
        return Part(tuple(labels), likelihood, self.weight)


def combine(
    models: Sequence[str | Path], out: str | Path, *, prior: str = "uniform", tune_on: str | None = None
) -> dict[str, Any]:
    """Combine the networks of several models into the model folder `out`, and return the content of its config.json.

    Args:
        models: model folders, or names on the hub; `MODEL#text,audio` takes some of a model's modalities. The combined model
            needs none of them later.
        out: a folder that does not exist.
        prior: the probability of each label before anything is read: `uniform`, `meld` (the frequencies of MELD's training split)
            or the frequencies in a labelled corpus `KIND:PATH` or `KIND:PATH#SPLIT`.
        tune_on: a labelled corpus `KIND:PATH#SPLIT` with several modalities, to which the weights and the temperature are fitted.
            Default: the weight of a network is what was measured on corpora that it was not trained on, or 1; the temperature is
            fitted to its dev utterances, drawn together with those of the other networks that have the same label.

    Raises:
        ConfigError: a modality occurs twice, two models have no label in common, or the prior is not known.
        CorpusError: a corpus cannot be read.
        RunError: a folder is no model, is damaged, or is a combination itself; or `out` exists.
    """
    out = make_path(str(out))
    if out.exists():
        raise RunError(f"{out} exists already: choose another folder, or remove it.")
    members = read_members(models)
    parts = {member.modality: member.make_part() for member in members}
    labels = order_labels(parts.values())
    combination = LogLinear(labels.names, tuple(read_prior(prior, labels)), parts)
    # Weights below 1 were measured on foreign corpora, where dev utterances would ask for more confidence.
    if all(member.weight == 1 for member in members):
        evidence, drawn = draw_pairings(combination, members, DRAWS, np.random.default_rng(0))
        combination = replace(combination, temperature=fit_temperature(combination.pool(evidence, DRAWS), drawn))
    encoders = {member.modality: load_encoder(member.folder / "encoders" / member.modality) for member in members}
    tuned = None
    if tune_on is not None:
        combination, tuned = tune(combination, encoders, read_tuning_set(tune_on, labels))
    info = describe(members, encoders, combination, prior=prior, tuned=tuned)
    with replace_atomically(out) as temporary:
        for member in members:
            name = member.modality
            shutil.copytree(member.folder / "encoders" / name, temporary / "encoders" / name)
            (temporary / DEV_OUTPUTS).mkdir(exist_ok=True)
            file = f"{DEV_OUTPUTS}/{name}.safetensors"
            shutil.copyfile(member.folder / file, temporary / file)
        fit_sets(combination, members).save(temporary)
        info = {"format": FORMAT, "name": name_model(temporary, "combined", str(info)), **info}
        write_json(temporary / CONFIG, info)
        (temporary / "README.md").write_text(make_combined_card(info, encoders), encoding="utf-8")
    return info


def read_members(models: Sequence[str | Path]) -> list[Member]:
    """The networks of the models, in their order. Raises as `combine`."""
    chosen: list[tuple[Path, str, dict[str, Any]]] = []
    for model in models:
        location, _, names = str(model).partition("#")
        folder = find_model_folder(location)
        info = read_info(folder)
        own = get_required(info, "modalities", folder / CONFIG)
        if COMBINATION in info:
            raise RunError(f"{folder} is a combination already: give the models that it was made of.")
        if (folder / MANIFEST).is_file():
            raise RunError(f"{folder} is an export for onnxruntime: give the model that it was exported from.")
        for name in [each.strip() for each in names.split(",")] if names else own:
            if name not in own:
                raise ConfigError(f"{folder} has no modality {name}: it has {', '.join(own)}.")
            twice = next((folder for folder, other, _ in chosen if other == name), None)
            if twice is not None:
                raise ConfigError(
                    f"{twice} and {folder} both have {name}: name the modalities to take, such as {folder}#{own[0]}."
                )
            chosen.append((folder, name, info))
    renamed = join_label_sets(
        [LabelSet(tuple(get_required(info, "labels", each / CONFIG))) for each, _, info in chosen]
    )
    members = [
        Member(folder, name, info, read_dev_outputs(folder, name, len(info["labels"])), names)
        for (folder, name, info), names in zip(chosen, renamed, strict=True)
    ]
    for member in members[1:]:
        if not set(member.names.values()) & set(members[0].names.values()):
            raise ConfigError(
                f"{members[0].folder} and {member.folder} have no label in common ({', '.join(members[0].names)}; "
                f"{', '.join(member.names)}): combine models that predict the same emotions."
            )
    return members


def order_labels(parts: Iterable[Part]) -> LabelSet:
    """The labels that at least one network has seen: MELD's in their order, then the others in the order of the parts."""
    seen = dict.fromkeys(label for part in parts for label in part.labels if label is not None)
    return LabelSet(
        (*(name for name in SEVEN.names if name in seen), *(name for name in seen if name not in SEVEN.names))
    )


def read_prior(prior: str, labels: LabelSet) -> list[float]:
    """The probability of each label: `uniform`, `meld`, or the frequencies in a labelled corpus. Raises as `combine`."""
    if prior == "uniform":
        return [1 / len(labels)] * len(labels)
    if prior == "meld":
        counts: Mapping[str, float] = MELD_PRIOR
    elif ":" in prior:
        location, _, split = prior.partition("#")
        corpus = open_corpus(location)
        splits = [split] if split else list(corpus.splits)
        found = Counter(each.emotion for name in splits for each in corpus.utterances(name) if each.emotion is not None)
        counts = {labels.normalise(name): found[name] for name in found if name in labels}
    else:
        raise ConfigError(f'--prior "{prior}" is not known: write uniform, meld, or a labelled corpus KIND:PATH#SPLIT.')
    shares = [float(counts.get(name, 0)) for name in labels.names]
    lacking = [name for name, share in zip(labels.names, shares, strict=True) if share == 0]
    if lacking:
        raise ConfigError(
            f"the prior {prior} has no {', '.join(lacking)}, which the models predict: choose another prior, such as uniform."
        )
    return [share / sum(shares) for share in shares]


def draw_pairings(
    combination: LogLinear, members: Sequence[Member], count: int, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Dev utterances of the networks, drawn together: the evidence of each modality [N, C], and the labels [N].

    A label is drawn by the prior, then for each modality one of its dev utterances with that label. Given the label they are
    independent, as the combination takes them to be. A network that has no such utterance is missing.
    """
    labels = rng.choice(len(combination.labels), size=count, p=combination.prior)
    evidence = {}
    for member in members:
        scores = combination.compute_evidence(member.modality, member.dev.probabilities)
        own = combination.parts[member.modality].labels
        joint = np.array(
            [combination.labels.index(own[label] or "") if own[label] else -1 for label in member.dev.labels]
        )
        drawn = np.zeros((count, len(combination.labels)))
        for label in range(len(combination.labels)):
            rows, candidates = np.flatnonzero(labels == label), np.flatnonzero(joint == label)
            if len(candidates):
                drawn[rows] = scores[rng.choice(candidates, size=len(rows))]
        evidence[member.modality] = drawn
    return evidence, labels


def fit_sets(combination: LogLinear, members: Sequence[Member]) -> ConformalSets:
    """The prediction sets of each subset of the modalities, from drawn pairings.

    Their coverage holds for people and recordings as in the dev utterances of the networks.
    """
    evidence, labels = draw_pairings(combination, members, DRAWS, np.random.default_rng(1))
    rows = {
        name_subset(subset): (combination.pool({name: evidence[name] for name in subset}, len(labels)), labels)
        for subset in list_subsets(evidence)
    }
    sets = ConformalSets.fit({ANY: rows[name_subset(evidence)], **rows})
    assert sets is not None
    return sets


def describe(
    members: Sequence[Member],
    encoders: Mapping[str, Encoder],
    combination: LogLinear,
    *,
    prior: str,
    tuned: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What config.json says of the combined model, without its format and name."""
    protocol: Protocol = "online" if all(each.protocol == "online" for each in encoders.values()) else "offline"
    origins = {
        member.modality: {
            "model": member.info.get("name", ""),
            "corpus": member.info.get("corpus", ""),
            "weight": combination.parts[member.modality].weight,
            TRANSFER: member.info.get(TRANSFER, {}).get(member.modality, []),
        }
        for member in members
    }
    return {
        "labels": list(combination.labels),
        "protocol": protocol,
        "modalities": [member.modality for member in members],
        "prior": list(combination.prior),
        "prior_name": prior,
        "corpus": ", ".join(f"{name}: {origin['corpus']}" for name, origin in origins.items()),
        "warning": " ".join(dict.fromkeys(filter(None, (member.info.get("warning", "") for member in members)))),
        "origins": origins,
        "tuned": tuned,
        COMBINATION: combination.to_dict(),
    }
