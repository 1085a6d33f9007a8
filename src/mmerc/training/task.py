"""What is trained, on what, and how: the input of `loop.fit`."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from mmerc.config import TrainingConfig
from mmerc.corpora import Corpus, Key
from mmerc.errors import RunError
from mmerc.training.batches import Examples
from mmerc.training.targets import Targets, make_targets

Forward = Callable[[dict[str, Tensor]], Any]


@dataclass
class Task:
    """What is trained, on what, and how.

    Attributes:
        name: of the network, in the log and in error messages.
        network: the network; `fit` changes its weights.
        forward: from the inputs of a batch to an object with `logits` [B, C]. It may also have `losses` (a dictionary of
            scalars that are added to the loss of the emotion) and `metrics` (a dictionary of pairs of sum and count).
        config: the settings of the training.
        train: the training examples.
        dev: the examples on which the checkpoint is selected.
        num_classes: number of emotions.
        seed: of all random numbers of the training.
        train_targets: votes and continuous dimensions of the training examples, where the corpus has some.
        dev_targets: those of the dev examples.
    """

    name: str
    network: nn.Module
    forward: Forward
    config: TrainingConfig
    train: Examples
    dev: Examples
    num_classes: int
    seed: int
    train_targets: Targets | None = None
    dev_targets: Targets | None = None


def make_task(
    name: str,
    network: nn.Module,
    forward: Forward,
    config: TrainingConfig,
    corpus: Corpus,
    train: Examples,
    dev: Examples,
    *,
    seed: int,
) -> Task:
    """The task of a network on examples of a corpus, with the votes and the continuous dimensions that it has."""
    targets = (make_targets(corpus, each.keys) for each in (train, dev))
    return Task(name, network, forward, config, train, dev, len(corpus.labels), seed, *targets)


def check_not_empty(name: str, train: Collection[Key], dev: Collection[Key]) -> None:
    """Check that both splits have a labelled utterance with the modality `name`. Raises RunError."""
    for keys, split in ((train, "train"), (dev, "dev")):
        if not keys:
            raise RunError(
                f"{name}: not one labelled utterance of the {split} split has it: run `mmerc corpus check`, "
                "or leave it out with --modalities."
            )
