"""A model folder whose networks onnxruntime computes: a graph for each encoder and for the fusion (`onnx_export`)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from sklearn.metrics import f1_score
from torch import Tensor

from mmerc.corpora import Dialogue
from mmerc.encoders import Encoder, Encoding
from mmerc.errors import RunError
from mmerc.files import entry, read_json
from mmerc.fusion import Fusion, FusionOutput

MANIFEST = "onnx.json"


def use_onnx(folder: Path, encoders: Mapping[str, Encoder], fusion: Fusion | None) -> None:
    """Let the graphs in the folder compute what the networks' `forward` would.

    Raises:
        RunError: there is no manifest, or it lacks a part, or a graph is damaged; or onnxruntime is not installed.
    """
    if not (folder / MANIFEST).is_file():
        raise RunError(f"{folder} holds no ONNX graphs: write them with `mmerc export MODEL --onnx DIR` and give DIR.")
    parts = entry(read_json(folder / MANIFEST), "parts", folder / MANIFEST)
    for name, encoder in encoders.items():
        encoder.forward = _EncoderGraph(_session(folder, parts, name))  # type: ignore[method-assign]
    if fusion is not None:
        fusion.forward = _FusionGraph(_session(folder, parts, "fusion"))  # type: ignore[method-assign]


def loss_of(folder: Path, dialogues: Sequence[Dialogue]) -> dict[str, Any]:
    """What the graphs' answers lose against torch's (float32), in an exported folder: the largest difference of a probability, how
    often the emotion is the same, and, where there are labels, both scores (`f1_weighted`, a share)."""
    from mmerc.inference.predictor import Predictor

    rows = {}
    for backend in ("torch", "onnx"):
        predictor = Predictor.load(folder, backend=backend)
        with in_float32(*predictor.encoders.values(), predictor.fusion):
            rows[backend] = list(predictor.predict(dialogues))
    pairs = list(zip(rows["torch"], rows["onnx"], strict=True))
    found: dict[str, Any] = {
        "utterances": len(pairs),
        "largest_difference_of_a_probability": max(
            (abs(p - b["probabilities"][label]) for a, b in pairs for label, p in a["probabilities"].items()),
            default=0.0,
        ),
        "same_emotion": sum(a["emotion"] == b["emotion"] for a, b in pairs) / max(1, len(pairs)),
    }
    labels = [turn.emotion for dialogue in dialogues for turn in dialogue.utterances]
    known = [place for place, label in enumerate(labels) if label is not None]
    for backend, answers in rows.items() if known else ():
        said = [answers[place]["emotion"] for place in known]
        score = f1_score([labels[place] for place in known], said, average="weighted", zero_division=0)
        found[f"f1_weighted_{backend}"] = round(float(score), 4)
    return found


@contextmanager
def in_float32(*networks: Encoder | Fusion | None) -> Iterator[None]:
    """Within, they compute alike on every machine, also where bfloat16 would be faster."""
    there: list[Any] = [network for network in networks if network is not None]
    configs = [network.config for network in there]
    for network, config in zip(there, configs, strict=True):
        if hasattr(config, "bf16"):
            network.config = config.model_copy(update={"bf16": False})
    try:
        yield
    finally:
        for network, config in zip(there, configs, strict=True):
            network.config = config


class Graph:
    def __init__(self, session: Any) -> None:
        self.session = session
        self.names = [put.name for put in session.get_inputs()]

    def run(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        fed = {name: inputs[name].numpy() for name in self.names}
        return [torch.from_numpy(array) for array in self.session.run(None, fed)]


class _EncoderGraph(Graph):
    def __call__(self, batch: dict[str, Tensor]) -> Encoding:
        sequence, mask, logits = self.run(batch)
        return Encoding(sequence, mask, logits)


class _FusionGraph(Graph):
    def __call__(
        self,
        sequences: Mapping[str, Tensor],
        masks: Mapping[str, Tensor],
        dialogues: Tensor | None = None,
        *,
        blocked_pairs: frozenset[tuple[str, str]] = frozenset(),
    ) -> FusionOutput:
        if blocked_pairs:
            raise ValueError("a graph cannot block attention between modalities: use the torch backend.")
        given = {f"sequence_{name}": sequence.float() for name, sequence in sequences.items()}
        logits, embedding = self.run(given | {f"mask_{name}": mask for name, mask in masks.items()})
        return FusionOutput(logits, embedding)


def _session(folder: Path, parts: Mapping[str, Any], name: str) -> Any:
    file = folder / f"{name}.onnx"
    if name not in parts or not file.is_file():
        raise RunError(f"{folder} has no ONNX graph of {name}: export the model again.")
    return opened(file)


def opened(file: Path) -> Any:
    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class
        raise RunError(
            f"{file} cannot be loaded ({str(error).splitlines()[0][:120]}): export the model again."
        ) from error


def runtime() -> Any:
    try:
        import onnx  # noqa: F401  # torch's exporter needs it
        import onnxruntime
    except ImportError as error:
        raise RunError(f"ONNX needs its extra ({error}): pip install 'mmerc[onnx]'.") from error
    return onnxruntime
