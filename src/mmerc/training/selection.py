"""Which epoch is the best one on dev, and when the training has ended."""

from mmerc.config import TrainingConfig

History = list[dict[str, float]]  # of each epoch: the losses, the seconds and the metrics on dev


def get_score(entry: dict[str, float]) -> float:
    """What selects the checkpoint: the dev weighted F1, or its mean with the dev CCC where there are continuous dimensions.

    >>> get_score({"dev_f1_weighted": 0.5}), get_score({"dev_f1_weighted": 0.5, "dev_ccc": 0.75})
    (0.5, 0.625)
    """
    f1 = entry["dev_f1_weighted"]
    return (f1 + entry["dev_ccc"]) / 2 if "dev_ccc" in entry else f1


def find_best_score(history: History) -> float:
    """Return the best score on dev; -1 before the first epoch."""
    return max(map(get_score, history), default=-1.0)


def is_finished(history: History, config: TrainingConfig) -> bool:
    """Whether all epochs are done, or the last `patience` epochs did not improve the score on dev (early stopping)."""
    scores = list(map(get_score, history))
    if len(scores) >= config.epochs:
        return True
    return bool(scores) and len(scores) - 1 - scores.index(max(scores)) >= config.patience
