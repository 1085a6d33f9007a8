"""Computing the networks of a model with onnxruntime: a graph for each encoder and for the fusion (see `export`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmerc.encoders import Encoder, Encoding
from mmerc.errors import RunError, get_first_line
from mmerc.files import get_required, read_json
from mmerc.fusion import Fusion, FusionOutput

MANIFEST = "onnx.json"


def use_onnx(folder: Path, encoders: Mapping[str, Encoder], fusion: Fusion | None) -> None:
    """Replace the networks' `forward` by the graphs in the folder.

    Raises:
        RunError: the folder has no manifest or lacks a graph, a graph is damaged, or onnxruntime is not installed.
    """
    if not (folder / MANIFEST).is_file():
        raise RunError(f"{folder} has no ONNX graphs: write them with `mmerc export MODEL --onnx DIR` and give DIR.")
    parts = get_required(read_json(folder / MANIFEST), "parts", folder / MANIFEST)
    for name, encoder in encoders.items():
        encoder.forward = _EncoderGraph(_open_part(folder, parts, name))  # type: ignore[method-assign]
        encoder.has_graph = True
    if fusion is not None:
        fusion.forward = _FusionGraph(_open_part(folder, parts, "fusion"))  # type: ignore[method-assign, assignment]


@contextmanager
def in_float32(*networks: Encoder | Fusion | None) -> Iterator[None]:
    """A context in which the networks compute in float32, also where they would use bfloat16."""
    present: list[Any] = [network for network in networks if network is not None]
    configs = [network.config for network in present]
    for network, config in zip(present, configs, strict=True):
        if hasattr(config, "bf16"):
            network.config = config.model_copy(update={"bf16": False})
    try:
        yield
    finally:
        for network, config in zip(present, configs, strict=True):
            network.config = config


class Graph:
    """A session of onnxruntime that takes and gives tensors by name."""

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
        self, sequences: Mapping[str, Tensor], masks: Mapping[str, Tensor], dialogues: Tensor | None = None
    ) -> FusionOutput:
        inputs = {f"sequence_{name}": sequence.float() for name, sequence in sequences.items()}
        logits, embedding = self.run(inputs | {f"mask_{name}": mask for name, mask in masks.items()})
        return FusionOutput(logits, embedding)


def _open_part(folder: Path, parts: Mapping[str, Any], name: str) -> Any:
    file = folder / f"{name}.onnx"
    if name not in parts or not file.is_file():
        raise RunError(f"{folder} has no ONNX graph of {name}: export the model again.")
    return open_session(file)


def open_session(file: Path) -> Any:
    """A session for the graph in `file`. Raises RunError: it cannot be loaded."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # see `mmerc.threads`
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class
        raise RunError(f"{file} cannot be loaded ({get_first_line(error)[:120]}): export the model again.") from error


def import_onnxruntime() -> Any:
    """The module onnxruntime. Raises RunError: the extra onnx is not installed."""
    try:
        import onnx  # noqa: F401  # torch's exporter needs it
        import onnxruntime
    except ImportError as error:
        raise RunError(f"ONNX needs its extra ({error}): pip install 'mmerc[onnx]'.") from error
    return onnxruntime
