"""Training of one network, in stage 1 or 2, with Lightning: dev selects the checkpoint, and a killed run can be resumed.

At the end of each epoch one checkpoint file is replaced. It has the network, the optimizer, the best state so far and the
history. All random numbers of a step are seeded from (seed, epoch, step), so that a resumed run repeats the interrupted epoch
and ends with the same numbers.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.strategies import DDPStrategy
from sklearn.metrics import f1_score
from torch import Tensor
from torch.utils.data import DataLoader

from mmerc.errors import RunError
from mmerc.files import replace_atomically
from mmerc.hardware import get_rank, is_main_process, release_memory
from mmerc.outputs import split_outputs
from mmerc.training import distributed
from mmerc.training.batches import Batches, Examples, get_inputs
from mmerc.training.ema import WeightEMA
from mmerc.training.emotion_loss import EmotionLoss
from mmerc.training.epoch_metrics import EpochMetrics
from mmerc.training.optimizer import make_optimizer
from mmerc.training.run_config import TrainerConfig
from mmerc.training.selection import History, find_best_score, get_score, is_finished
from mmerc.training.splits import CONTEXT
from mmerc.training.targets import Rating, compute_dimension_loss, count_dimensions, list_rated, measure_concordance
from mmerc.training.task import Task, check_not_empty

LogEvent = Callable[[dict[str, Any]], None]


class TrainingModule(L.LightningModule):
    """A task as a Lightning module. `log_event` receives the metrics of each epoch."""

    def __init__(self, task: Task, log_event: LogEvent) -> None:
        super().__init__()
        self.task, self.network, self.log_event = task, task.network, log_event
        # Frozen parameters do not change, so no checkpoint has them, which makes it faster to write.
        self.frozen = {name for name, value in task.network.named_parameters() if not value.requires_grad}
        self.strict_loading = False
        self.history: History = []
        self.best: dict[str, Tensor] = {}
        self.emotion_loss = EmotionLoss(task.train, task.num_classes, task.config)
        self.ema = WeightEMA(task.network, task.config.ema_decay) if task.config.ema_decay else None
        self.train_metrics, self.dev_metrics = EpochMetrics(), EpochMetrics()
        self.dev_rows: list[tuple[int, int, int]] = []  # index, label, predicted label
        self.dev_values: list[Rating] = []
        self.epoch_start = time.monotonic()

    # ---- training -----------------------------------------------------------------------------------------------

    def train_dataloader(self) -> DataLoader[Any]:
        # A new one for each epoch: complete dialogues fill a different number of batches in each epoch.
        return DataLoader(self._make_batches(self.task.train, self.current_epoch), batch_size=None)

    def on_train_epoch_start(self) -> None:
        self.train_metrics, self.epoch_start = EpochMetrics(), time.monotonic()

    def training_step(self, batch: dict[str, Tensor], step: int) -> Tensor:
        # Seeded at every step and not once per epoch: loaders also draw numbers, and not the same ones after a resume.
        text = f"{self.task.seed}/{self.current_epoch}/{step}/{get_rank()}"
        torch.manual_seed(random.Random(text).getrandbits(31))
        out = self.task.forward(get_inputs(batch))
        losses = self._compute_losses(out, batch)
        if self.task.config.rdrop_weight:
            losses = self._add_second_reading(out, losses, batch)
        total = torch.stack(list(losses.values())).sum()
        share = float(batch["share"])
        self.train_metrics.add({f"loss_{name}": (share * loss.detach(), share) for name, loss in losses.items()})
        self.train_metrics.add({"loss": (share * total.detach(), share)})
        if share > 0:
            self.train_metrics.add(getattr(out, "metrics", {}))
        if not torch.isfinite(total):
            raise RunError(
                f"{self.task.name}: the loss is not finite at epoch {self.current_epoch + 1}: "
                f"lower its learning_rate ({self.task.config.learning_rate})."
            )
        return total * batch["share"]

    def _compute_losses(self, out: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The losses of a reading of the batch, and those that the network itself gives."""
        targets, indices = self.task.train_targets, batch["indices"].cpu()
        logits, values = split_outputs(out.logits, count_dimensions(targets))
        shares = None if targets is None or targets.shares is None else targets.shares[indices].to(logits.device)
        losses = {"emotion": self.emotion_loss(logits, batch["labels"], batch["corpora"], shares)}
        if targets is not None and targets.names:
            losses["dimensions"] = compute_dimension_loss(values, targets.dimensions[indices].to(values.device))
        return losses | getattr(out, "losses", {})

    def _add_second_reading(self, out: Any, losses: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The mean losses of two readings of a batch with different dropout, and how much their emotions differ (R-Drop)."""
        again = self.task.forward(get_inputs(batch))
        count = count_dimensions(self.task.train_targets)
        first, second = (split_outputs(each.logits, count)[0] for each in (out, again))
        disagreement = self.emotion_loss.compute_disagreement(first, second, batch["labels"], batch["corpora"])
        # One reading may lack a loss: the fusion has distillation only where it draws modality dropout.
        nothing, more = torch.zeros_like(disagreement), self._compute_losses(again, batch)
        means = {name: (losses.get(name, nothing) + more.get(name, nothing)) / 2 for name in losses | more}
        return means | {"disagreement": self.task.config.rdrop_weight * disagreement}

    def on_train_batch_end(self, *_: Any) -> None:
        if self.ema is not None:
            self.ema.update()

    # ---- selection ----------------------------------------------------------------------------------------------

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self._make_batches(self.task.dev, None), batch_size=None)

    def validation_step(self, batch: dict[str, Tensor], step: int) -> None:
        out = self.task.forward(get_inputs(batch))
        if not torch.isfinite(out.logits).all():
            raise RunError(
                f"{self.task.name}: the logits on dev are not finite after epoch {self.current_epoch + 1}: "
                f"lower its learning_rate ({self.task.config.learning_rate})."
            )
        if batch["share"] > 0:
            targets, indices = self.task.dev_targets, batch["indices"].tolist()
            logits, values = split_outputs(out.logits, count_dimensions(targets))
            rows = zip(indices, batch["labels"].tolist(), logits.argmax(1).tolist(), strict=True)
            self.dev_rows += [row for row in rows if row[1] != CONTEXT]
            if targets is not None:
                self.dev_values += list_rated(indices, targets.dimensions[indices], values)
            self.dev_metrics.add(getattr(out, "metrics", {}))

    def on_validation_epoch_start(self) -> None:
        if self.ema is not None:
            self.ema.swap()

    def on_validation_epoch_end(self) -> None:
        self._finish_epoch()
        if self.ema is not None:
            self.ema.swap()

    def _finish_epoch(self) -> None:
        """Compute the metrics of the epoch, keep the network's state if it is the best on dev, and log."""
        rows = sorted(set(distributed.gather(self.dev_rows)))
        dev_metrics = self.dev_metrics.gather().compute("dev_")
        concordance = measure_concordance(self.task.dev_targets, set(distributed.gather(self.dev_values)))
        self.dev_rows, self.dev_values, self.dev_metrics = [], [], EpochMetrics()
        labels, predicted = [row[1] for row in rows], [row[2] for row in rows]
        entry = {
            "epoch": self.current_epoch + 1,
            "seconds": round(time.monotonic() - self.epoch_start, 2),
            **self.train_metrics.gather().compute(),
            **dev_metrics,
            "dev_accuracy": sum(a == b for a, b in zip(labels, predicted, strict=True)) / max(len(labels), 1),
            "dev_f1_weighted": float(f1_score(labels, predicted, average="weighted", zero_division=0)),
            **concordance,
        }
        if get_score(entry) > find_best_score(self.history):
            state = self.network.state_dict()
            self.best = {name: value.detach().cpu().clone() for name, value in state.items() if name not in self.frozen}
        self.history.append(entry)
        if is_main_process():
            self.log_event({"stage": self.task.name, **entry})

    def on_train_epoch_end(self) -> None:
        if is_finished(self.history, self.task.config):
            self.trainer.should_stop = True

    # ---- the rest -----------------------------------------------------------------------------------------------

    def _make_batches(self, examples: Examples, epoch: int | None) -> Batches:
        return Batches(
            examples,
            self.task.config.batch_size,
            seed=self.task.seed,
            epoch=epoch,
            rank=get_rank(),
            world=distributed.get_world_size(),
        )

    def configure_optimizers(self) -> Any:
        return make_optimizer(self.network, self.task.config, self._count_steps())

    def _count_steps(self) -> int:
        """The steps of all epochs together."""
        epochs = range(self.task.config.epochs)
        if set(self.task.train.counts) <= {1}:  # the same number in each epoch
            return len(epochs) * len(self._make_batches(self.task.train, 0))
        return sum(len(self._make_batches(self.task.train, epoch)) for epoch in epochs)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        ema = None if self.ema is None else self.ema.state()
        checkpoint["mmerc"] = {"history": self.history, "best": self.best, "ema": ema}
        for name in self.frozen:
            checkpoint["state_dict"].pop(f"network.{name}", None)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history, self.best = checkpoint["mmerc"]["history"], checkpoint["mmerc"]["best"]
        if self.ema is not None:
            self.ema.load(checkpoint["mmerc"]["ema"])


class EpochCheckpoint(L.Callback):
    """Replaces one checkpoint file at the end of each epoch."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            trainer.save_checkpoint(self.file)  # a collective operation; only the first process writes
            return
        with replace_atomically(self.file) as temporary:
            trainer.save_checkpoint(temporary)


def fit(task: Task, machine: TrainerConfig, checkpoint: Path, log_event: LogEvent) -> History:
    """Train the task's network, resuming from the file `checkpoint` if it exists; leave the network in its best dev state.

    Returns the history: for each epoch the losses, the seconds and the metrics on dev.

    Raises:
        RunError: a split has no example, the loss is not finite, or the checkpoint is damaged.
    """
    history = _fit(task, machine, checkpoint, log_event)
    task.network.cpu().eval().zero_grad()
    release_memory()  # not before `_fit` has returned: the trainer holds the optimizer's state and two copies of the weights
    return history


def _fit(task: Task, machine: TrainerConfig, checkpoint: Path, log_event: LogEvent) -> History:
    check_not_empty(task.name, task.train.keys, task.dev.keys)
    seed = random.Random(f"{task.seed}/{task.name}").getrandbits(31)
    torch.manual_seed(seed)
    task.network.train()  # pre-trained networks arrive in evaluation mode, without dropout
    module = TrainingModule(task, log_event)
    state = _read_checkpoint(checkpoint)
    distributed.barrier()  # every process has read the file before any process writes it
    if state is not None and is_finished(state["mmerc"]["history"], task.config):
        module.on_load_checkpoint(state)
    else:
        trainer = L.Trainer(
            max_epochs=task.config.epochs,
            accelerator=machine.accelerator,
            devices=distributed.get_world_size() // distributed.count_nodes(),
            num_nodes=distributed.count_nodes(),
            strategy=DDPStrategy(find_unused_parameters=True) if distributed.get_world_size() > 1 else "auto",
            precision=machine.precision,
            gradient_clip_val=task.config.gradient_clip_val or None,
            callbacks=[EpochCheckpoint(checkpoint)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            reload_dataloaders_every_n_epochs=1,
        )
        trainer.fit(module, ckpt_path=checkpoint if state is not None else None, weights_only=True)
    task.network.load_state_dict(module.best, strict=not module.frozen)
    return module.history


def _read_checkpoint(checkpoint: Path) -> dict[str, Any] | None:
    """Read the file `checkpoint`; None if it does not exist."""
    if not checkpoint.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds of exceptions for a damaged file
        raise RunError(
            f"{checkpoint} is damaged ({type(error).__name__}): delete it and run the same command again."
        ) from error
    return state
