"""Training one network, in either stage: Lightning does the work, the dev split selects, a kill loses no number.

At the end of every epoch one checkpoint is written and renamed; it holds the network, the optimiser, the best state
so far and the history. Everything random in a step is seeded from (seed, epoch, step), so an epoch that was cut off
is simply done again.
"""

import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from jaxtyping import Float
from lightning.pytorch.strategies import DDPStrategy
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from mmerc.config import StageConfig
from mmerc.corpora import Key
from mmerc.errors import RunError
from mmerc.files import replacing
from mmerc.fusion import Fusion
from mmerc.hardware import is_main_process
from mmerc.training import distributed
from mmerc.training.batches import CONTEXT, Batches, Examples, inputs_of
from mmerc.training.ema import WeightMean
from mmerc.training.epoch_metrics import Means
from mmerc.training.run_config import TrainerConfig

Forward = Callable[[dict[str, Tensor]], Any]
History = list[dict[str, float]]


@dataclass
class Task:
    """What is trained on what. `forward` gives an object with `logits` and, if it has any, `losses` and `metrics`."""

    name: str
    network: nn.Module
    forward: Forward
    config: StageConfig
    train: Examples
    dev: Examples
    classes: int
    seed: int


class Stage(L.LightningModule):
    """The task as Lightning sees it."""

    class_weights: Tensor
    adjustment: Tensor

    def __init__(self, task: Task, note: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self.task, self.network, self.note = task, task.network, note
        # What does not learn is where it came from: it is in no checkpoint, and no epoch waits for its being written.
        self.frozen = {name for name, value in task.network.named_parameters() if not value.requires_grad}
        self.strict_loading = False
        self.history: History = []
        self.best: dict[str, Tensor] = {}
        self.register_buffer("class_weights", class_weights(task), persistent=False)
        self.register_buffer("adjustment", task.config.logit_adjustment * log_frequencies(task), persistent=False)
        self.mean = WeightMean(task.network, task.config.averaging) if task.config.averaging else None
        self.means, self.dev_means = Means(), Means()
        self.answers: list[tuple[int, int, int]] = []
        self.began = time.monotonic()

    # ---- training -----------------------------------------------------------------------------------------------

    def train_dataloader(self) -> DataLoader[Any]:
        # Made anew for each epoch: whole dialogues fill another number of batches in each.
        return DataLoader(self._batches(self.task.train, self.current_epoch), batch_size=None)

    def on_train_epoch_start(self) -> None:
        self.means, self.began = Means(), time.monotonic()

    def training_step(self, batch: dict[str, Tensor], number: int) -> Tensor:
        # At every step, not once an epoch: whatever else draws in between (loaders do) is not the same after a resume.
        place = f"{self.task.seed}/{self.current_epoch}/{number}/{distributed.get_rank()}"
        torch.manual_seed(random.Random(place).getrandbits(31))
        if isinstance(self.network, Fusion):
            done = self.current_epoch + number / float(self.trainer.num_training_batches)
            self.network.trained = done / self.task.config.epochs
        out = self.task.forward(inputs_of(batch))
        losses = {"emotion": self._emotion_loss(out.logits, batch["labels"]), **getattr(out, "losses", {})}
        if self.task.config.consistency:
            again = self.task.forward(inputs_of(batch)).logits
            losses["emotion"] = (losses["emotion"] + self._emotion_loss(again, batch["labels"])) / 2
            losses["consistency"] = self.task.config.consistency * divergence(out.logits, again)
        total = torch.stack(list(losses.values())).sum()
        self.means.add({f"loss_{name}": (loss.detach(), 1) for name, loss in losses.items()})
        self.means.add({"loss": (total.detach(), 1), **getattr(out, "metrics", {})})
        if not torch.isfinite(total):
            raise RunError(
                f"{self.task.name}: the loss is not a number at epoch {self.current_epoch + 1}: "
                f"lower its learning_rate ({self.task.config.learning_rate})."
            )
        return total * batch["share"]

    def _emotion_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        asked = labels != CONTEXT
        logits, labels = logits[asked], labels[asked]
        # What a label's frequency explains, the logits need not: answers, without it, favour the rare (Menon et al. 2021).
        logits = logits + self.adjustment
        loss = F.cross_entropy(logits, labels, reduction="none", label_smoothing=self.task.config.label_smoothing)
        return (loss * self.class_weights[labels]).mean()

    def on_train_batch_end(self, *_: Any) -> None:
        if self.mean is not None:
            self.mean.update()

    # ---- selection ----------------------------------------------------------------------------------------------

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self._batches(self.task.dev, None), batch_size=None)

    def validation_step(self, batch: dict[str, Tensor], number: int) -> None:
        out = self.task.forward(inputs_of(batch))
        if not torch.isfinite(out.logits).all():
            raise RunError(
                f"{self.task.name}: its answers on dev are no numbers after epoch {self.current_epoch + 1}: "
                f"lower its learning_rate ({self.task.config.learning_rate})."
            )
        if batch["share"] > 0:
            rows = zip(batch["places"].tolist(), batch["labels"].tolist(), out.logits.argmax(1).tolist(), strict=True)
            self.answers += [row for row in rows if row[1] != CONTEXT]
            self.dev_means.add(getattr(out, "metrics", {}))

    def on_validation_epoch_start(self) -> None:
        if self.mean is not None:
            self.mean.swap()

    def on_validation_epoch_end(self) -> None:
        self._judge()
        if self.mean is not None:
            self.mean.swap()

    def _judge(self) -> None:
        answers = sorted(set(distributed.gathered(self.answers)))
        measured = self.dev_means.gathered().values("dev_")
        self.answers, self.dev_means = [], Means()
        labels, predicted = [row[1] for row in answers], [row[2] for row in answers]
        entry = {
            "epoch": self.current_epoch + 1,
            "seconds": round(time.monotonic() - self.began, 2),
            **self.means.values(),
            **measured,
            "dev_accuracy": sum(a == b for a, b in zip(labels, predicted, strict=True)) / max(len(labels), 1),
            "dev_f1_weighted": float(f1_score(labels, predicted, average="weighted", zero_division=0)),
        }
        if entry["dev_f1_weighted"] > best_score(self.history):
            state = self.network.state_dict()
            self.best = {name: value.detach().cpu().clone() for name, value in state.items() if name not in self.frozen}
        self.history.append(entry)
        if is_main_process():
            self.note({"stage": self.task.name, **entry})

    def on_train_epoch_end(self) -> None:
        if finished(self.history, self.task.config):
            self.trainer.should_stop = True

    # ---- the rest -----------------------------------------------------------------------------------------------

    def _batches(self, examples: Examples, epoch: int | None) -> Batches:
        return Batches(
            examples,
            self.task.config.batch_size,
            seed=self.task.seed,
            epoch=epoch,
            rank=distributed.get_rank(),
            world=distributed.world(),
        )

    def configure_optimizers(self) -> Any:
        config = self.task.config
        share = getattr(self.network, "rate_of", lambda name: 1.0)
        sorted_out: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, value in self.network.named_parameters():
            if value.requires_grad:
                sorted_out.setdefault((share(name), value.ndim > 1), []).append(value)
        # Biases and gains are not decayed: shrinking them regularises nothing.
        groups: list[dict[str, Any]] = [
            {"params": values, "lr": config.learning_rate * part, "weight_decay": config.weight_decay * is_matrix}
            for (part, is_matrix), values in sorted_out.items()
        ]
        optimizer: torch.optim.Optimizer
        if config.optimizer == "sgd":
            optimizer = torch.optim.SGD(groups, config.learning_rate, momentum=config.momentum)
        else:
            optimizer = torch.optim.AdamW(groups, config.learning_rate, fused=True)
        steps = sum(len(self._batches(self.task.train, epoch)) for epoch in range(config.epochs))
        schedule = LambdaLR(optimizer, lambda step: rate(step, steps, config))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        mean = None if self.mean is None else self.mean.state()
        checkpoint["mmerc"] = {"history": self.history, "best": self.best, "mean": mean}
        for name in self.frozen:
            checkpoint["state_dict"].pop(f"network.{name}", None)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history, self.best = checkpoint["mmerc"]["history"], checkpoint["mmerc"]["best"]
        if self.mean is not None:
            self.mean.load(checkpoint["mmerc"]["mean"])


class SaveEachEpoch(L.Callback):
    """One file, replaced whole at the end of each epoch."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_train_epoch_end(self, trainer: L.Trainer, stage: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.file)  # takes part in the gathering; only the first process writes
            return
        with replacing(self.file) as temporary:
            trainer.save_checkpoint(temporary)


def fit(task: Task, machine: TrainerConfig, checkpoint: Path, note: Callable[[dict[str, Any]], None]) -> History:
    """Train the task's network, going on from `checkpoint` where there is one; it ends with its best dev state.

    Returns the history, an entry per epoch with losses, seconds and dev numbers.

    Raises:
        RunError: there is nothing to train or to select on, or the loss is not a number.
    """
    refuse_empty(task.name, task.train.keys, task.dev.keys)
    seed = random.Random(f"{task.seed}/{task.name}").getrandbits(31)
    torch.manual_seed(seed)
    task.network.train()  # a network from a hub arrives in evaluation mode, without dropout
    stage = Stage(task, note)
    state = _resumable(checkpoint)
    distributed.barrier()  # all have looked before one of them goes on to write
    if state is not None and finished(state["mmerc"]["history"], task.config):
        stage.on_load_checkpoint(state)
    else:
        trainer = L.Trainer(
            max_epochs=task.config.epochs,
            accelerator=machine.accelerator,
            devices=distributed.world() // distributed.nodes(),
            num_nodes=distributed.nodes(),
            strategy=DDPStrategy(find_unused_parameters=True) if distributed.world() > 1 else "auto",
            precision=machine.precision,
            gradient_clip_val=task.config.gradient_clip or None,
            callbacks=[SaveEachEpoch(checkpoint)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            reload_dataloaders_every_n_epochs=1,
        )
        trainer.fit(stage, ckpt_path=checkpoint if state is not None else None, weights_only=True)
    task.network.load_state_dict(stage.best, strict=not stage.frozen)
    task.network.cpu().eval()
    return stage.history


def refuse_empty(name: str, train: Collection[Key], dev: Collection[Key]) -> None:
    """Raises RunError: there is nothing to train or to select on."""
    for keys, split in ((train, "train"), (dev, "dev")):
        if not keys:
            raise RunError(
                f"{name}: not one labelled utterance of the {split} split has it: check `mmerc corpus check`, "
                "or leave it out with --modalities."
            )


def _resumable(checkpoint: Path) -> dict[str, Any] | None:
    if not checkpoint.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise RunError(
            f"{checkpoint} is damaged ({type(error).__name__}): delete it and run the same command again."
        ) from error
    return state


def best_score(history: History) -> float:
    return max((entry["dev_f1_weighted"] for entry in history), default=-1.0)


def finished(history: History, config: StageConfig) -> bool:
    """Whether all epochs are done, or the last `patience` of them brought nothing better."""
    scores = [entry["dev_f1_weighted"] for entry in history]
    if len(scores) >= config.epochs:
        return True
    return bool(scores) and len(scores) - 1 - scores.index(max(scores)) >= config.patience


def rate(step: int, steps: int, config: StageConfig) -> float:
    """The share of the learning rate at a step: up from 0 over the warm-up, then constant or linearly down to 0."""
    warm = max(1, int(config.warmup * steps))
    if config.warmup and step < warm:
        return (step + 1) / warm
    if config.schedule == "constant":
        return 1.0
    return max(0.0, (steps - step) / max(1, steps - (warm if config.warmup else 0)))


def divergence(first: Float[Tensor, "B C"], second: Float[Tensor, "B C"]) -> Float[Tensor, ""]:
    """The mean of both Kullback-Leibler divergences between two answers (R-Drop: Liang et al. 2021), in nats."""
    p, q = first.log_softmax(1), second.log_softmax(1)
    return ((p.exp() - q.exp()) * (p - q)).sum(1).mean() / 2


def asked_labels(task: Task) -> Tensor:
    return torch.tensor([label for label in task.train.labels if label != CONTEXT], dtype=torch.long)


def log_frequencies(task: Task) -> Tensor:
    """The logarithm of each label's share of the training utterances, an unseen label counting as seen once."""
    counts = torch.bincount(asked_labels(task), minlength=task.classes).clamp(min=1)
    return (counts / counts.sum()).log()


def class_weights(task: Task) -> Tensor:
    """Weights whose mean over the training utterances is 1: all 1, up to inverse frequency."""
    labels = asked_labels(task)
    counts = torch.bincount(labels, minlength=task.classes).clamp(min=1).float()
    weights = counts**-task.config.class_balance
    return weights * len(labels) / weights[labels].sum().clamp(min=1e-9) if len(labels) else weights
