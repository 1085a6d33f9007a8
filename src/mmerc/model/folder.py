"""The deliverable: one folder with every network, the label set and a card, that runs on somebody else's video."""

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from mmerc import weights
from mmerc.config import validate
from mmerc.corpora import Corpus
from mmerc.emotions import LabelSet
from mmerc.encoders import ENCODERS, Encoder
from mmerc.errors import RunError
from mmerc.files import entry, read_json, replacing, write_json
from mmerc.fusion import Fusion, FusionConfig, build_fusion
from mmerc.model.calibration import Decision
from mmerc.training.run_config import RunConfig

FORMAT = 4  # raised whenever an older mmerc could not read what a newer one writes


def save_fusion(folder: Path, network: Fusion, widths: Mapping[str, int], config: FusionConfig, history: Any) -> None:
    with replacing(folder) as temporary:
        temporary.mkdir()
        settings = {
            "widths": dict(widths),
            "classes": network.classifier.out_features,
            "protocol": network.protocol,
            **config.model_dump(),
        }
        write_json(temporary / "config.json", settings)
        write_json(temporary / "history.json", history)
        save_file(network.state_dict(), temporary / "model.safetensors")


def load_fusion(folder: Path) -> Fusion:
    """What `save_fusion` wrote.

    Raises:
        RunError, WeightsError: the folder is incomplete, or its tensors do not fit its configuration.
    """
    settings = read_json(folder / "config.json")
    apart = ("widths", "classes", "protocol")
    widths, classes, protocol = (entry(settings, key, folder / "config.json") for key in apart)
    settings = {key: value for key, value in settings.items() if key not in apart}
    network = build_fusion(validate(FusionConfig, settings, "fusion"), widths, classes, protocol=protocol)
    weights.fill(network, weights.read_tensors(folder / "model.safetensors"), str(folder))
    return network.eval()


def decision_of(settings: Mapping[str, Any], name: str, where: Path) -> Decision:
    """What a model's `config.json` says of the answers of a modality, or of the fused ones.

    Raises:
        RunError: it is no share and temperature.
    """
    found = settings.get("decisions", {}).get(name, {})
    try:
        share, temperature = float(found.get("share", 0.0)), float(found.get("temperature", 1.0))
    except (AttributeError, TypeError, ValueError) as error:
        raise RunError(f"{where} has a decision that is no number: the folder is damaged.") from error
    if not (math.isfinite(share) and math.isfinite(temperature) and temperature > 0):
        raise RunError(f"{where} has the temperature {temperature} and share {share}: the folder is damaged.")
    return Decision(share, temperature)


def load_encoder(folder: Path) -> Encoder:
    """What `Encoder.save` wrote, whichever encoder it was."""
    name = read_json(folder / "config.json").get("encoder")
    if not isinstance(name, str) or name not in ENCODERS:
        raise RunError(f'{folder} was made by an encoder "{name}" that this mmerc does not know: update mmerc.')
    return ENCODERS[name].restore(folder)


def network_file(folder: Path, modality: str, kind: str, labels: LabelSet) -> tuple[Path, bool]:
    """Where the model in `folder` keeps its network of this `kind` of encoder, and whether its labels are `labels`.

    It is the one of the same modality, or else the only one of its kind.

    Raises:
        RunError: the folder is no model, or has no such network, or several.
    """
    if not (folder / "config.json").is_file():
        raise RunError(f"{folder} is not a model folder: give the RUN/model that `mmerc train` wrote.")
    found = {
        file.parent.name: file
        for file in sorted(folder.glob("encoders/*/model.safetensors"))
        if read_json(file.parent / "config.json").get("encoder") == kind
    }
    if modality not in found and len(found) != 1:
        there = f"several ({', '.join(found)}) and none of them is {modality}" if found else "none"
        raise RunError(f"{folder} cannot start {modality}: of networks {kind} it has {there}.")
    file = found.get(modality) or next(iter(found.values()))
    return file, entry(read_json(folder / "config.json"), "labels", folder) == list(labels.names)


def write_model(
    folder: Path,
    config: RunConfig,
    corpus: Corpus,
    encoders: Mapping[str, Encoder],
    fusion: Fusion | None,
    prior: list[float],
    decisions: Mapping[str, Decision],
    score: float,
) -> None:
    """Put the parts of a run together as `folder/model`; `score` is its dev f1_weighted."""
    with replacing(folder / "model") as temporary:
        for name in encoders:
            shutil.copytree(folder / "encoders" / name, temporary / "encoders" / name)
        if fusion is not None:
            shutil.copytree(folder / "fusion", temporary / "fusion")
        settings = {
            "format": FORMAT,
            "labels": list(corpus.labels.names),
            "protocol": config.protocol,
            "modalities": list(encoders),
            "prior": prior,
            "decisions": {name: vars(decision) for name, decision in decisions.items()},
            "corpus": corpus.name,
            "dev_f1_weighted": score,
        }
        write_json(temporary / "config.json", settings)
        (temporary / "README.md").write_text(card(settings, encoders), encoding="utf-8")


def card(settings: Mapping[str, Any], encoders: Mapping[str, Encoder]) -> str:
    """A model card: what it reads, what it was trained on, how good it was, and what it must not be used for."""
    parts = "\n".join(
        f"- {name}: {encoder.config.encoder}, {sum(p.numel() for p in encoder.parameters()) / 1e6:.1f} M parameters"
        for name, encoder in encoders.items()
    )
    reply = "the next utterance is read too" if settings["protocol"] == "offline" else "nothing of the future is read"
    return f"""---
library_name: mmerc
license: other
tags: [emotion-recognition, multimodal, conversation]
---
# Emotion recognition in conversation

Gives a probability to each of {", ".join(settings["labels"])} for every utterance of a conversation.
Any of its modalities may be missing in any utterance.

{parts}

Trained on {settings["corpus"]} ({settings["protocol"]} protocol: {reply}).
Dev f1_weighted: {100 * settings["dev_f1_weighted"]:.1f}. Choose by the dev split; report on the test split.

```python
from mmerc import Predictor

predictor = Predictor.load("this folder")
for row in predictor.predict_clip("clip.mp4"):
    print(row["emotion"], row["probabilities"], row["modalities"])
```

It reads what people show, not what they feel; it was trained on acted scenes of one corpus; it errs more on rare
emotions. Do not decide about a person by it. The rights in the training corpus apply to this model too.
"""
