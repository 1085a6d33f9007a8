"""The model folder: every network, the label set and a model card in one folder that runs on other people's recordings."""

import hashlib
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmerc import weights
from mmerc.config import Backend, Protocol, validate
from mmerc.config.saved import FusionInfo, ModelInfo, build_saved, check_info
from mmerc.config.schema import FUSED
from mmerc.corpora import Corpus, Key
from mmerc.emotions import Dimension, LabelSet
from mmerc.encoders import ENCODERS, Encoder
from mmerc.encoders.base import NUM_DIMENSIONS
from mmerc.errors import RunError
from mmerc.files import get_required, read_json, replace_atomically, write_json
from mmerc.fusion import Fusion, FusionConfig, build_fusion
from mmerc.model.calibration import Calibration
from mmerc.model.card import make_card
from mmerc.model.collation import FeatureRows
from mmerc.model.conformal import ConformalSets
from mmerc.model.dev_outputs import FOLDER as DEV_OUTPUTS
from mmerc.model.dev_outputs import write_dev_outputs
from mmerc.model.hub import find_model_folder
from mmerc.model.log_linear import LogLinear
from mmerc.model.model import EmotionModel

FORMAT = 6  # raised whenever an older mmerc cannot read what a newer one writes
CONFIG = "config.json"
DIMENSIONS = "dimensions"  # key in config.json of a model that predicts continuous dimensions
COMBINATION = "combination"  # key in config.json of a model that was combined
TENSORS = "model.safetensors"
HASHED = ("*.safetensors", CONFIG, "*.onnx")


def load_model(location: str | Path, *, backend: Backend = "torch") -> EmotionModel:
    """Read a model folder, or `OWNER/NAME` from the Hugging Face hub. See `Predictor.load`.

    Raises:
        RunError: the folder is no model, is incomplete, or was written by another version of mmerc.
        WeightsError: its tensors do not fit its configuration, or the hub does not have it.
    """
    folder = find_model_folder(location)
    info = read_info(folder)
    labels, prior, names = info["labels"], info["prior"], info["modalities"]
    encoders = {name: load_encoder(folder / "encoders" / name) for name in names}
    combination = read_combination(info, folder / CONFIG)
    fusion = load_fusion(folder / "fusion") if len(encoders) > 1 and combination is None else None
    counts = {name: len(labels) if combination is None else len(combination.parts[name].labels) for name in encoders}
    sizes = {name: encoder.num_classes - encoder.num_dimensions for name, encoder in encoders.items()}
    if sizes != counts or len(prior) != len(labels):
        raise RunError(f"{folder} has {len(labels)} labels, its networks have another number: the folder is damaged.")
    if backend == "onnx":
        from mmerc.model.onnx.runtime import use_onnx  # needs the extra onnx

        use_onnx(folder, encoders, fusion)
    system = FUSED if len(encoders) > 1 else next(iter(encoders))
    calibration = read_calibration(info, system, folder / CONFIG)
    return EmotionModel(
        LabelSet(tuple(labels), read_dimensions(info, folder / CONFIG)),
        encoders,
        fusion,
        prior,
        calibration,
        backend,
        info,
        ConformalSets.load(folder),
        combination=combination,
    )


def read_info(folder: Path) -> dict[str, Any]:
    """The content of a model folder's config.json, checked for its format.

    Raises:
        RunError: the folder is no model, is damaged, or was written by another version of mmerc.
    """
    if not (folder / CONFIG).is_file():
        inner = " (its model is in the folder model inside it)" if (folder / "model").is_dir() else ""
        raise RunError(f"{folder} is not a model folder{inner}: give the RUN/model that `mmerc train` wrote.")
    info = read_json(folder / CONFIG)
    found = info.get("format")
    if found != FORMAT:
        remedy = "train it again" if isinstance(found, int) and found < FORMAT else "update mmerc"
        raise RunError(f"{folder} has format {found}, this mmerc reads {FORMAT}: {remedy}.")
    check_info(info, ModelInfo, folder / CONFIG)
    return info


def write_model(
    folder: Path,
    corpus: Corpus,
    encoders: Mapping[str, Encoder],
    fusion: Fusion | None,
    *,
    protocol: Protocol,
    prior: Sequence[float],
    calibrations: Mapping[str, Calibration],
    conformal: ConformalSets | None = None,
    dev_f1_weighted: float,
    features: Mapping[str, FeatureRows],
    dev_labels: Mapping[Key, int],
) -> None:
    """Write `folder/model` from the parts of a run in `folder`.

    `calibrations`: by modality, and the fusion's under `fused`. `conformal`: of the fusion, or of the only modality.
    `dev_f1_weighted`: weighted F1 on dev, a share. `features` and `dev_labels`: from which the dev outputs of each modality are
    taken.
    """
    info = {
        "format": FORMAT,
        "name": name_model(folder, corpus.name),
        "labels": list(corpus.labels.names),
        "protocol": protocol,
        "modalities": list(encoders),
        "prior": list(prior),
        "calibrations": {name: vars(calibration) for name, calibration in calibrations.items()},
        "corpus": corpus.name,
        "warning": corpus.warning,
        "dev_f1_weighted": dev_f1_weighted,
    }
    if corpus.labels.dimensions:
        info[DIMENSIONS] = [asdict(dimension) for dimension in corpus.labels.dimensions]
    with replace_atomically(folder / "model") as temporary:
        for name in encoders:
            shutil.copytree(folder / "encoders" / name, temporary / "encoders" / name)
        if fusion is not None:
            shutil.copytree(folder / "fusion", temporary / "fusion")
        write_dev_outputs(temporary / DEV_OUTPUTS, features, dev_labels)
        if conformal is not None:
            conformal.save(temporary)
        write_json(temporary / CONFIG, info)
        (temporary / "README.md").write_text(make_card(info, encoders), encoding="utf-8")


def name_model(folder: Path, corpus: str, settings: str = "") -> str:
    """A name such as `meld-3f9a01bc`: the corpus, and a hash of `settings` and all tensors of the encoders and the fusion in `folder`."""
    digest = hashlib.sha256(settings.encode())
    for file in [*sorted(folder.glob(f"encoders/*/{TENSORS}")), folder / "fusion" / TENSORS]:
        if file.is_file():
            digest.update(file.parent.name.encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    slug = re.sub(r"[^a-z0-9]+", "-", corpus.lower()).strip("-") or "model"
    return f"{slug}-{digest.hexdigest()[:8]}"


def hash_model(folder: Path) -> str:
    """SHA-256 over the tensors, graphs and configurations of a model folder, with their names; empty where there is none."""
    files = sorted({file for pattern in HASHED for file in folder.rglob(pattern)})
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(folder).as_posix().encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest() if files else ""


def save_fusion(folder: Path, network: Fusion, history: Sequence[Mapping[str, float]]) -> None:
    """Write a trained fusion and the history of its training."""
    settings = {
        "widths": dict(network.widths),
        "num_classes": network.classifier.out_features,
        "protocol": network.protocol,
        **network.config.model_dump(),
    }
    if network.num_dimensions:
        settings[NUM_DIMENSIONS] = network.num_dimensions
    with replace_atomically(folder) as temporary:
        temporary.mkdir()
        write_json(temporary / CONFIG, settings)
        write_json(temporary / "history.json", history)
        weights.write_tensors(temporary / TENSORS, network.state_dict())


def load_fusion(folder: Path) -> Fusion:
    """Read what `save_fusion` wrote.

    Raises:
        RunError, WeightsError: the folder is incomplete, or its tensors do not fit its configuration.
    """
    settings = read_json(folder / CONFIG)
    check_info(settings, FusionInfo, folder / CONFIG)
    widths, num_classes, protocol = settings["widths"], settings["num_classes"], settings["protocol"]
    num_dimensions = settings.get(NUM_DIMENSIONS, 0)
    others = ("widths", "num_classes", "protocol", NUM_DIMENSIONS)
    settings = {key: value for key, value in settings.items() if key not in others}
    config = validate(FusionConfig, settings, "fusion")
    network = build_saved(
        lambda: build_fusion(config, widths, num_classes, num_dimensions=num_dimensions, protocol=protocol),
        folder / CONFIG,
    )
    weights.fill(network, weights.read_tensors(folder / TENSORS), str(folder))
    return network.eval()


def read_calibration(info: Mapping[str, Any], system: str, where: Path) -> Calibration:
    """The calibration of a modality, or of `fused`, in a model's config.json; the default where it has none.

    Raises:
        RunError: its values are no numbers, or out of range.
    """
    found = info.get("calibrations", {}).get(system, {})
    try:
        weight, temperature = float(found.get("prior_weight", 0.0)), float(found.get("temperature", 1.0))
    except (AttributeError, TypeError, ValueError) as error:
        raise RunError(f"{where} has a calibration that is no number: the folder is damaged.") from error
    if not (math.isfinite(weight) and math.isfinite(temperature) and temperature > 0):
        raise RunError(f"{where} has temperature {temperature} and prior_weight {weight}: the folder is damaged.")
    return Calibration(weight, temperature)


def read_dimensions(info: Mapping[str, Any], where: Path) -> tuple[Dimension, ...]:
    """The continuous dimensions in a model's config.json; none for most models, and for those that were combined.

    Raises:
        RunError: they are damaged.
    """
    try:
        found = tuple(Dimension(**each) for each in info.get(DIMENSIONS, ()))
        is_sound = all(
            isinstance(each.name, str)
            and all(math.isfinite(value) for value in (each.mean, each.deviation, each.low, each.high))
            and each.deviation > 0
            for each in found
        )
    except TypeError:
        is_sound = False
    if not is_sound:
        raise RunError(f"{where} has dimensions that cannot be read: the folder is damaged.")
    return found


def read_combination(info: Mapping[str, Any], where: Path) -> LogLinear | None:
    """The combination in the config.json of a model that `mmerc combine` made; None in that of another model.

    Raises:
        RunError: it is damaged, or does not have the modalities of the model.
    """
    if COMBINATION not in info:
        return None
    try:
        combination = LogLinear.from_dict(info[COMBINATION], info["labels"], info["prior"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{where} has a combination that cannot be read ({error}): combine the models again.") from error
    if set(combination.parts) != set(info["modalities"]):
        raise RunError(f"{where} combines other modalities than the model has: combine the models again.")
    return combination


def load_encoder(folder: Path) -> Encoder:
    """Read what `Encoder.save` wrote, whichever encoder it was.

    Raises:
        RunError, WeightsError: the folder is incomplete, its encoder is unknown, or its tensors do not fit.
    """
    name = read_json(folder / CONFIG).get("encoder")
    if not isinstance(name, str) or name not in ENCODERS:
        raise RunError(f'{folder} was made by an encoder "{name}" that this mmerc does not know: update mmerc.')
    return ENCODERS[name].restore(folder)


def find_encoder_tensors(folder: Path, modality: str, kind: str, labels: LabelSet) -> tuple[Path, bool]:
    """The tensors of a model's network of this `kind` of encoder, and whether the model has these `labels`.

    The network of the same modality is taken, else the only one of its kind.

    Raises:
        RunError: the folder is no model, or has no such network, or several.
    """
    info = read_info(folder)
    found = {
        file.parent.name: file
        for file in sorted(folder.glob(f"encoders/*/{TENSORS}"))
        if read_json(file.parent / CONFIG).get("encoder") == kind
    }
    if modality not in found and len(found) != 1:
        known = f"several ({', '.join(found)}), none of them named {modality}" if found else "none"
        raise RunError(f"{folder} cannot initialise {modality}: of networks of the kind {kind} it has {known}.")
    file = found.get(modality) or next(iter(found.values()))
    dimensions = tuple(each.name for each in read_dimensions(info, folder / CONFIG))
    is_same = get_required(info, "labels", folder / CONFIG) == list(labels.names)
    return file, is_same and dimensions == tuple(each.name for each in labels.dimensions)
