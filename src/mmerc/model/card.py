"""The model card: what a model reads, what it was trained on, how well it did, and what it must not be used for."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmerc.encoders import Encoder

PROTOCOLS = {
    "offline": "later utterances are read too",
    "online": "nothing after the utterance is read",
}

USE = """
```python
from mmerc import Predictor

predictor = Predictor.load("this folder")
prediction = predictor.predict_clip("clip.mp4")
print(prediction.emotion, prediction.confidence, prediction.modalities)
```

The model predicts what people express, not what they feel. It knows the situations of its training corpus only: with other
people, languages and recordings its probabilities may be wrong, and its prediction sets may hold the true emotion less often than they say. It is
less accurate for rare emotions. Do not base a decision about a person on these predictions. The rights in the training corpus apply to this
model too.
"""


def make_card(info: Mapping[str, Any], encoders: Mapping[str, Encoder]) -> str:
    """The text of README.md in a model folder. `info` is the content of its config.json."""
    return f"""{_make_head(info)}
{_list_networks(encoders)}

Trained on {info["corpus"]} ({info["protocol"]} protocol: {PROTOCOLS[info["protocol"]]}).
Dev weighted F1: {100 * info["dev_f1_weighted"]:.1f}. The dev split selected the checkpoint; report results on the test split.
{USE}"""


def make_combined_card(info: Mapping[str, Any], encoders: Mapping[str, Encoder]) -> str:
    """The card of a model that `mmerc combine` made."""
    origins = "\n".join(
        f"| {name} | {origin['model']} | {origin['corpus']} | {origin['weight']:.2f} | {_list_transfer(origin['transfer'])} |"
        for name, origin in info["origins"].items()
    )
    prior = ", ".join(f"{label} {100 * p:.0f} %" for label, p in zip(info["labels"], info["prior"], strict=True))
    tuned = (
        f"The weights and the temperature are tuned to {info['tuned']['corpus']} ({info['tuned']['utterances']} utterances)."
        if info["tuned"] and info["tuned"]["kept"]
        else "Nothing is tuned to utterances in which the modalities occur together."
    )
    return f"""{_make_head(info)}
{_list_networks(encoders)}

The networks were trained apart, each on its own corpus. Their evidence is weighted and added, as if the modalities were
independent given the emotion. {tuned}

| modality | model | trained on | weight | weighted F1 on corpora that it was not trained on |
|---|---|---|---|---|
{origins}

Before anything is read, the model expects: {prior} (prior: {info["prior_name"]}).
{_list_results(info)}{USE}"""


def _list_results(info: Mapping[str, Any]) -> str:
    """The corpora and scores of a model that `mmerc build` made; empty for another one."""
    if "networks" not in info:
        return ""
    corpora = "\n".join(
        f"| {each['network']} | {each['corpus']} | {each['utterances']} | {each['speakers'] or 'not known'} |"
        for each in info["corpora"]
    )
    networks = "\n".join(
        f"| {each['network']} | {each['corpus']} {each['split']} | {each['utterances']} | {100 * each['f1_weighted']:.1f} | "
        f"{100 * each['balanced_accuracy']:.1f} | {100 * each['calibration_error']:.1f} |"
        for each in info["networks"]
    )
    return f"""
| network | trained on | utterances | speakers |
|---|---|---|---|
{corpora}

| network | scored on | utterances | weighted F1 | UAR | calibration error |
|---|---|---|---|---|---|
{networks}

A dev or held-out split also selected the checkpoint and the calibration, so its scores are too good.
{_list_pairings(info["pairings"])}"""


def _list_pairings(found: Mapping[str, Any] | None) -> str:
    """A table of the pairings; empty where there is one modality."""
    if found is None:
        return ""
    rows = "\n".join(
        f"| {name} | {_format(each['f1_weighted'])} | {_format(each['balanced_accuracy'])} | {_format(each['calibration_error'])} |"
        for name, each in found["subsets"].items()
    )
    return f"""
Utterances of the corpora, paired by their emotion ({found["draws"]} draws of {found["count"]}, mean ± standard deviation). This is
the best case: in a real recording the modalities depend on each other.

| modalities | weighted F1 | UAR | calibration error |
|---|---|---|---|
{rows}
"""


def _format(value: Mapping[str, float]) -> str:
    return f"{100 * value['mean']:.1f} ± {100 * value['std']:.1f}"


def _make_head(info: Mapping[str, Any]) -> str:
    warning = f"\n**{info['warning']}**\n" if info.get("warning") else ""
    return f"""---
library_name: mmerc
license: other
tags: [emotion-recognition, multimodal, conversation]
---
# {info["name"]}: emotion recognition in conversation
{warning}
Gives the probability of each of {", ".join(info["labels"])} for every utterance of a conversation.
Any of its modalities may be missing in any utterance.
"""


def _list_networks(encoders: Mapping[str, Encoder]) -> str:
    return "\n".join(
        f"- {name}: {encoder.config.encoder}, {sum(p.numel() for p in encoder.parameters()) / 1e6:.1f} M parameters"
        for name, encoder in encoders.items()
    )


def _list_transfer(measured: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{100 * each['f1_weighted']:.1f} on {each['corpus']}" for each in measured) or "not measured"
