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

The model predicts what people express, not what they feel. It knows the situations of its training corpus only, and it is
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
{USE}"""


def _make_head(info: Mapping[str, Any]) -> str:
    return f"""---
library_name: mmerc
license: other
tags: [emotion-recognition, multimodal, conversation]
---
# {info["name"]}: emotion recognition in conversation

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
