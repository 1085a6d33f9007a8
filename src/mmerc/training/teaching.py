"""Softer targets: what networks that never saw an utterance's label say of it.

Labels of emotion are one annotators' majority; a network that learns them by heart learns their noise. Here each half
of the training dialogues is answered by a network trained on the other half, and the network proper learns from label
and answer together (distillation, Hinton et al. 2015; cross-fitted, so that no teacher repeats what it was told).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mmerc.training.batches import EncoderExamples, arranged
from mmerc.training.settings import TrainerConfig
from mmerc.training.stage import Task, fit, log_frequencies

BATCH = 64


def halves(examples: EncoderExamples) -> tuple[list[int], list[int]]:
    """Places of the examples in every other dialogue, and of the rest."""
    order = {dialogue: number for number, dialogue in enumerate(dict.fromkeys(key[:2] for key in examples.keys))}
    parts: tuple[list[int], list[int]] = ([], [])
    for place, key in enumerate(examples.keys):
        parts[order[key[:2]] % 2].append(place)
    return parts


def part_of(examples: EncoderExamples, places: Sequence[int]) -> EncoderExamples:
    return replace(
        examples, keys=[examples.keys[place] for place in places], labels=[examples.labels[place] for place in places]
    )


def cross_fitted(
    task: Task, machine: TrainerConfig, checkpoint: Path, note: Callable[[dict[str, Any]], None]
) -> Float[Tensor, "N C"]:
    """Probabilities of every training example from a network that was trained, like the task's, on the other half.

    The task's network is left as it was found. Each teacher has a checkpoint beside `checkpoint` and goes on from it.
    """
    examples = task.train
    assert isinstance(examples, EncoderExamples)
    start = {name: value.detach().clone() for name, value in task.network.state_dict().items()}
    answers = torch.zeros(len(examples.keys), task.classes)
    parts = halves(examples)
    for number, (mine, others) in enumerate((parts, parts[::-1])):
        task.network.load_state_dict(start)
        teacher = replace(task, name=f"{task.name}, teacher {number + 1}", train=part_of(examples, mine))
        fit(teacher, machine, checkpoint.with_suffix(f".teacher-{number + 1}.checkpoint"), note)
        answers[others] = said(teacher, part_of(examples, others))
    task.network.load_state_dict(start)
    return answers


@torch.inference_mode()
def said(task: Task, examples: EncoderExamples) -> Float[Tensor, "N C"]:
    """Probabilities of some examples, on the scale of the training loss."""
    answers = torch.zeros(len(examples.keys), task.classes)
    adjustment = task.config.logit_adjustment * log_frequencies(task)
    for places in arranged(examples.lengths, BATCH, None):
        answers[places] = (task.forward(examples.collate(places, None)).logits + adjustment).softmax(1)
    return answers
