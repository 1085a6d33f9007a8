"""How a network does on a corpus that it was not trained on, and the weight that its evidence deserves there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import f1_score, recall_score

from mmerc.corpora import Corpus, open_corpus
from mmerc.corpora.labels import index_labels
from mmerc.evaluation.report import write_report
from mmerc.files import read_json, write_json
from mmerc.model.combine import TRANSFER
from mmerc.model.dev_outputs import read_dev_outputs
from mmerc.model.extraction import extract_dialogues
from mmerc.model.folder import CONFIG, load_model
from mmerc.model.inference import predict_unimodal
from mmerc.model.log_linear import ScaledLikelihood, count_log_prior
from mmerc.progress import log
from mmerc.training.run import train
from mmerc.training.run_config import RunConfig

RESULT = "transfer.json"


def measure_transfer(name: str, trained_on: str, left_out: str, folder: Path, config: RunConfig) -> dict[str, Any]:
    """Train a network on some corpora in the run `folder`, and test it on all labelled utterances of another one.

    The result has `corpus`, `utterances`, `f1_weighted`, `balanced_accuracy` and `weight`. It is kept in the folder.
    """
    file = folder / RESULT
    if file.is_file():
        return read_json(file)
    corpus = open_corpus(left_out)
    log.info("%s: training without %s, to see how it does on a corpus that it does not know", name, corpus.name)
    train(open_corpus(trained_on), folder, config, on_finish=lambda trained: write_report(folder, trained))
    result = {"corpus": corpus.name, **measure_network(folder / "model", name, corpus)}
    write_json(file, result)
    return result


def measure_network(folder: Path, name: str, corpus: Corpus) -> dict[str, Any]:
    """Test a network of the model in `folder` on every labelled utterance of a corpus whose label it was trained on."""
    model = load_model(folder)
    dialogues = [dialogue for split in corpus.splits for dialogue in corpus.dialogues(split)]
    labels = {key: label for key, label in index_labels(dialogues, model.labels).items() if model.prior[label] > 0}
    found = predict_unimodal(extract_dialogues(model.encoders[name], dialogues), list(labels))
    dev = read_dev_outputs(folder, name, len(model.labels))
    likelihood = ScaledLikelihood.fit(dev.probabilities, dev.labels, model.prior)
    evidence = likelihood.apply(np.asarray(list(found.values())))
    truth = np.array([labels[key] for key in found])
    log_prior = count_log_prior(truth, evidence.shape[1])
    predicted = (evidence + log_prior).argmax(1)
    return {
        "utterances": len(truth),
        "f1_weighted": float(f1_score(truth, predicted, average="weighted", zero_division=0)),
        "balanced_accuracy": float(
            recall_score(truth, predicted, average="macro", zero_division=0, labels=np.unique(truth))
        ),
        "weight": fit_weight(evidence, truth),
    }


def fit_weight(evidence: Float[np.ndarray, "N C"], labels: Int[np.ndarray, " N"]) -> float:
    """The number between 0 and 1 by which the evidence has to be multiplied for the largest likelihood of the labels.

    It is 1 where the evidence holds as it is, and 0 where it says nothing.
    """
    log_prior = count_log_prior(labels, evidence.shape[1])

    def loss(weight: float) -> float:
        return float(-log_softmax(weight * evidence + log_prior, axis=1)[np.arange(len(labels)), labels].mean())

    return float(minimize_scalar(loss, bounds=(0, 1), method="bounded").x)


def store_transfer(model: Path, name: str, measured: Sequence[dict[str, Any]]) -> None:
    """Write what was measured into the config.json of a model, where `mmerc.combine` finds it."""
    if measured:
        info = read_json(model / CONFIG)
        write_json(model / CONFIG, info | {TRANSFER: {name: list(measured)}})
