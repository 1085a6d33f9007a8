"""After training by gradients: fit the kernel classifier of an encoder to its training utterances."""

import random
from collections.abc import Iterator

import torch
from torch.nn import functional as F

from mmerc.encoders import Encoder
from mmerc.encoders.kernel_classifier import MAX_LANDMARKS, KernelClassifier, LabelledVectors
from mmerc.model.extraction import is_copy
from mmerc.progress import log
from mmerc.training.batches import Batches, get_inputs
from mmerc.training.emotion_loss import count_labels, find_known_labels
from mmerc.training.splits import CONTEXT
from mmerc.training.task import Task

COPY_WEIGHT = 0.4  # of an augmented copy: it costs accuracy on clean sound if it counts as much as the recording


def fit_kernel_classifier(task: Task, encoder: Encoder) -> None:
    """Give the encoder the kernel classifier of the task's training examples; nothing for an encoder without one.

    An encoder that uses references of the speaker sees each utterance with all of them and without any, so that it can do without.
    Every process of a run computes it for itself, from the same numbers. A killed run that continues finds the same ones.
    """
    if not encoder.fits_kernel:
        return
    encoder.eval()
    count = (1 + encoder.reads_dialogue) * sum(label != CONTEXT for label in task.train.labels)
    rng = random.Random(f"{task.seed}/{task.name}/landmarks")
    chosen = torch.tensor(sorted(rng.sample(range(count), min(count, MAX_LANDMARKS))))
    landmarks, start = [], 0
    for batch in read_vectors(task, encoder):
        end = start + len(batch.vectors)
        landmarks.append(batch.vectors[chosen[(chosen >= start) & (chosen < end)] - start])
        start = end
    has_label = find_known_labels(count_labels(task.train, task.num_classes))
    encoder.kernel = KernelClassifier.fit(read_vectors(task, encoder), torch.cat(landmarks), has_label)
    log.info("%s: classifier fitted to %d vectors, %d of them as landmarks", task.name, count, len(chosen))


@torch.inference_mode()
def read_vectors(task: Task, encoder: Encoder) -> Iterator[LabelledVectors]:
    """The vectors of the labelled training utterances, batch by batch, the same ones in the same order at every call."""
    batches = Batches(task.train, task.config.batch_size, seed=task.seed, epoch=None)
    for index in range(len(batches)):
        batch = batches[index]
        is_scored = batch["labels"] != CONTEXT
        targets = task.train_targets
        if targets is not None and targets.shares is not None:
            shares = targets.shares[batch["indices"]]
        else:
            shares = F.one_hot(batch["labels"].clamp(min=0), task.num_classes).float()
        keys = [task.train.keys[number] for number in batch["indices"].tolist()]
        weights = torch.tensor([COPY_WEIGHT if is_copy(key) else 1.0 for key in keys])
        inputs = get_inputs(batch)
        versions = [inputs]
        if encoder.reads_dialogue:
            versions.append(inputs | {"is_reference": torch.zeros_like(inputs["is_reference"])})
        for version in versions:
            vectors = encoder.compute_vectors(version)
            yield LabelledVectors(*(each[is_scored] for each in (vectors, shares, batch["corpora"], weights)))
