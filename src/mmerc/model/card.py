"""The model card: what a model reads, what it was trained on, how well it did, and what it must not be used for."""

from collections.abc import Mapping
from typing import Any

from mmerc.encoders import Encoder

PROTOCOLS = {
    "offline": "later utterances are read too",
    "online": "nothing after the utterance is read",
}


def make_card(info: Mapping[str, Any], encoders: Mapping[str, Encoder]) -> str:
    """The text of README.md in a model folder. `info` is the content of its config.json."""
    parts = "\n".join(
        f"- {name}: {encoder.config.encoder}, {sum(p.numel() for p in encoder.parameters()) / 1e6:.1f} M parameters"
        for name, encoder in encoders.items()
    )
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

{parts}

Trained on {info["corpus"]} ({info["protocol"]} protocol: {PROTOCOLS[info["protocol"]]}).
Dev weighted F1: {100 * info["dev_f1_weighted"]:.1f}. The dev split selected the checkpoint; report results on the test split.

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
