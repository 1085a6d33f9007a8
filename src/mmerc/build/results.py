"""What a built model was trained on and what its networks reach, for its card."""

from pathlib import Path
from typing import Any

from mmerc.build.plan import Plan
from mmerc.evaluation.run_metrics import METRICS
from mmerc.files import read_json


def list_training_corpora(plan: Plan) -> list[dict[str, Any]]:
    """For each corpus: the network that it trains, its name, and its utterances and speakers in training."""
    found = []
    for name, by_kind in plan.open().items():
        for corpus in by_kind.values():
            utterances = [each for each in corpus.utterances("train") if each.emotion is not None]
            speakers = {each.speaker for each in utterances if each.speaker}
            found.append(
                {"network": name, "corpus": corpus.name, "utterances": len(utterances), "speakers": len(speakers)}
            )
    return found


def score_networks(out: Path, plan: Plan) -> list[dict[str, Any]]:
    """The scores of each network on its own test split, or on the split that selected it where test has no labels."""
    found = []
    for name in plan.locations:
        metrics = read_json(out / name / METRICS)
        split = next((each for each in ("test", "dev", "held-out") if metrics.get(each, {}).get("labelled")), None)
        if split is not None:
            system = metrics[split]["systems"][name]
            found.append(
                {
                    "network": name,
                    "corpus": metrics[split]["corpus"],
                    "split": split,
                    "utterances": metrics[split]["scored"],
                    "f1_weighted": system["mean"]["f1_weighted"],
                    "balanced_accuracy": system["mean"]["balanced_accuracy"],
                    "calibration_error": system["calibration_error"][0],
                }
            )
    return found
