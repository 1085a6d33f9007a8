"""The figures of the report, as PNG bytes."""

import io
from typing import Any

import matplotlib

matplotlib.use("Agg")  # without a window, also on a machine with a display

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from mmerc.emotions import LabelSet

# Labels are plain text. They get a blank in front, because matplotlib hides legend entries that begin with "_".
plt.rcParams["text.parse_math"] = False
# Beside the axes: the search for the best place inside takes seconds on a busy machine, and matplotlib warns about it.
LEGEND: dict[str, Any] = {"frameon": False, "bbox_to_anchor": (1, 1), "loc": "upper left"}
MIN_POINTS = 4  # of a t-SNE
MAX_POINTS = 3000  # of a t-SNE; more points take minutes and show nothing new


def plot_labels(statistics: dict[str, Any]) -> bytes:
    """The paper's Figure 1: utterances of each label in each split that has labels."""
    splits = {name: split["emotions"] for name, split in statistics["splits"].items() if split["emotions"]}
    figure, axes = plt.subplots(figsize=(8, 3.4))
    width = 0.8 / max(len(splits), 1)
    for number, (name, counts) in enumerate(splits.items()):
        positions = np.arange(len(counts)) + number * width
        bars = axes.bar(
            positions,
            list(counts.values()),
            width,
            label=f" {name}",
            color=_pick_colour(number),
        )
        axes.bar_label(bars, fontsize=7, padding=1)
    names = statistics["labels"]
    axes.set_xticks(np.arange(len(names)) + 0.4 - width / 2, names)
    axes.set_ylabel("utterances")
    axes.legend(**LEGEND)
    sns.despine(figure)
    return _to_png(figure)


def plot_confusions(matrix: list[list[int]], names: list[str]) -> bytes:
    """The paper's Figure 7: counts, coloured by the share of each row."""
    counts = np.asarray(matrix)
    share = counts / np.clip(counts.sum(1, keepdims=True), 1, None)
    figure, axes = plt.subplots(figsize=(5.6, 4.8))
    sns.heatmap(
        share, annot=counts, fmt="d", cmap="viridis", vmin=0, vmax=1, ax=axes, xticklabels=names, yticklabels=names,
        cbar_kws={"label": "share of the true emotion"},
    )  # fmt: skip
    axes.set_xlabel("predicted emotion")
    axes.set_ylabel("true emotion")
    axes.tick_params(axis="x", rotation=45)
    return _to_png(figure)


def plot_embedding(vectors: Float[np.ndarray, "N c"], emotions: list[str], labels: LabelSet, *, seed: int = 0) -> bytes:
    """The paper's Figure 8: t-SNE of the fused vectors, coloured by emotion."""
    vectors, names = np.asarray(vectors, np.float32), np.asarray(emotions)
    if len(vectors) > MAX_POINTS:
        drawn = np.random.default_rng(seed).choice(len(vectors), MAX_POINTS, replace=False)
        vectors, names = vectors[drawn], names[drawn]
    perplexity = min(30.0, max(2.0, (len(vectors) - 1) / 3))
    points = TSNE(perplexity=perplexity, init="random", random_state=seed).fit_transform(vectors)
    figure, axes = plt.subplots(figsize=(6, 5))
    for name, colour in labels.colours().items():
        mine = points[names == name]
        axes.scatter(mine[:, 0], mine[:, 1], s=9, color=colour, label=f" {name} ({len(mine)})", alpha=0.8, linewidths=0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.legend(fontsize=8, markerscale=2, **LEGEND)
    sns.despine(figure, left=True, bottom=True)
    return _to_png(figure)


def plot_selective(systems: dict[str, Any]) -> bytes:
    """Accuracy of each system over the share of utterances that it answers, the most confident first."""
    figure, axes = plt.subplots(figsize=(6, 3.4))
    for number, (name, system) in enumerate(systems.items()):
        found = system["selective"]["accuracy"]
        accuracy = [100 * value for value in found.values()]
        axes.plot([100 * float(share) for share in found], accuracy, label=f" {name}", color=_pick_colour(number))
    axes.set_xlabel("utterances that are answered, the most confident first (%)")
    axes.set_ylabel("accuracy (%)")
    axes.legend(**LEGEND)
    sns.despine(figure)
    return _to_png(figure)


def plot_reliability(systems: dict[str, Any]) -> bytes:
    """Accuracy of each system over its confidence, in bins; the area of a point is the share of utterances in its bin."""
    figure, axes = plt.subplots(figsize=(6, 4.2))
    axes.plot([0, 100], [0, 100], color="0.6", linewidth=0.8, linestyle="--")
    for number, (name, system) in enumerate(systems.items()):
        bins, colour = system["reliability"], _pick_colour(number)
        total = sum(each["count"] for each in bins)
        confidence, accuracy = ([100 * each[key] for each in bins] for key in ("confidence", "accuracy"))
        axes.plot(confidence, accuracy, color=colour, linewidth=1, label=f" {name}")
        axes.scatter(
            confidence, accuracy, s=[4 + 300 * each["count"] / total for each in bins], color=colour, alpha=0.6
        )
    axes.set_xlabel("confidence (%)")
    axes.set_ylabel("accuracy (%)")
    axes.legend(**LEGEND)
    sns.despine(figure)
    return _to_png(figure)


def plot_learning_curves(histories: dict[str, list[dict[str, float]]]) -> bytes:
    """Weighted F1 on dev of each network after each epoch."""
    figure, axes = plt.subplots(figsize=(6, 3.2))
    for number, (name, history) in enumerate(histories.items()):
        colour = _pick_colour(number)
        axes.plot(
            [row["epoch"] for row in history],
            [100 * row["dev_f1_weighted"] for row in history],
            label=name,
            color=colour,
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel("dev weighted F1 (%)")
    axes.legend(**LEGEND)
    sns.despine(figure)
    return _to_png(figure)


def plot_robustness(found: dict[str, Any]) -> bytes:
    """Weighted F1 of every fusion over the share of missing modalities, and of the first one over the noise on each modality."""
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(5.4, 6.6), layout="constrained", sharey=True)
    for number, (name, measured) in enumerate(found.items()):
        _plot_curve(upper, measured["rates"], name, number)
    upper.set_xlabel("share of modalities missing")
    chosen = next(iter(found.values()))
    for number, (name, levels) in enumerate(chosen["noise"].items()):
        _plot_curve(lower, {"0": chosen["rates"]["0.0"], **levels}, name, number)
    lower.set_xlabel("noise (standard deviations of the features)")
    for axes in (upper, lower):
        axes.set_ylabel("weighted F1 (%)")
        axes.legend(fontsize=7, **LEGEND)
    sns.despine(figure)
    return _to_png(figure)


def plot_signal_robustness(found: dict[str, Any]) -> bytes:
    """Weighted F1 of each modality that reads the sound, and of every fusion, under each degradation of the sound."""
    systems = {**found["modalities"], **found["fusions"]}
    names = list(next(iter(systems.values())))
    figure, axes = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
    width = 0.8 / len(systems)
    for number, (system, measured) in enumerate(systems.items()):
        mean, std = (
            np.asarray([100 * measured[name][key]["f1_weighted"] for name in names]) for key in ("mean", "std")
        )
        positions = np.arange(len(names)) + (number - (len(systems) - 1) / 2) * width
        colour = _pick_colour(number)
        axes.bar(positions, mean, width, yerr=std, color=colour, label=f" {system}", error_kw={"linewidth": 0.8})
        axes.axhline(mean[0], color=colour, linewidth=0.8, linestyle="--", zorder=0)  # names begin with the clean sound
    axes.set_xticks(np.arange(len(names)), names, rotation=40, ha="right", fontsize=8)
    axes.set_ylabel("weighted F1 (%)")
    axes.legend(frameon=False, fontsize=7)
    sns.despine(figure)
    return _to_png(figure)


def _pick_colour(number: int) -> tuple[float, float, float]:
    palette = sns.color_palette("colorblind")
    colour: tuple[float, float, float] = palette[number % len(palette)]
    return colour


def _plot_curve(axes: Axes, measured: dict[str, Any], label: str, number: int) -> None:
    levels = [float(level) for level in measured]
    mean = np.asarray([100 * each["mean"]["f1_weighted"] for each in measured.values()])
    std = np.asarray([100 * each["std"]["f1_weighted"] for each in measured.values()])
    colour = _pick_colour(number)
    axes.plot(levels, mean, marker="o", markersize=3, color=colour, label=label)
    axes.fill_between(levels, mean - std, mean + std, color=colour, alpha=0.2, linewidth=0)


def _to_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    return buffer.getvalue()
