"""Exporting a model for onnxruntime: a graph for each encoder and for the fusion, with the outputs of torch.

Decoding, detection of faces and speech, tokenizers and a frozen face network run before the graphs and are not exported. The
graphs are traced. Every size that may change is a named axis, and each graph is compared with torch on other sizes than it
was traced with.
"""

import hashlib
import logging
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmerc.encoders import Encoder, Example
from mmerc.errors import RunError, get_first_line
from mmerc.files import replace_atomically, write_json
from mmerc.fusion import Fusion
from mmerc.model.folder import load_model
from mmerc.model.hub import find_model_folder
from mmerc.model.onnx.runtime import MANIFEST, Graph, import_onnxruntime, in_float32, open_session

OPSET = 18
LENGTHS = ((20, 12), (31,), (5, 9, 17))  # of the examples of each batch; the first batch is traced, all are compared
OUT = "_out"  # suffix of an output that has the name of an input
LONGER = 7  # steps by which each modality of a fusion's example is longer than the one before
FIGURES = ("largest_difference", "times_as_fast", "times_as_fast_as_float32")  # of a part, in its summary
TOLERANCE = 1e-3  # largest difference of a logit from torch in float32; for 8 bits it is reported and not enforced


class _Positional(nn.Module):
    """A network that takes its inputs by position, as tracing requires."""

    def __init__(self, network: nn.Module, call: Callable[..., tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.network, self.call = network, call

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        return self.call(*values)


def export_onnx(model: str | Path, folder: Path, *, int8: bool = False) -> dict[str, Any]:
    """Write a copy of the model folder with a graph for each part and the manifest `onnx.json`, and return the manifest.

    `int8`: quantise the weights of matrix products to 8-bit integers. For each part the manifest has the largest difference
    of a logit from torch in float32, and the speed relative to torch on a batch of two on this machine: to torch as it
    computes here, which may be in bfloat16, and to torch in float32.

    Raises:
        RunError: a part cannot be traced, or its graph gives other outputs than torch.
    """
    import_onnxruntime()
    if folder.exists():
        raise RunError(f"{folder} exists already: choose another folder, or remove it.")
    source = find_model_folder(model)
    loaded = load_model(source)
    for name, encoder in loaded.encoders.items():
        if not encoder.is_traceable:
            kind = encoder.config.encoder
            raise RunError(
                f"{name}: an encoder of the kind {kind} cannot be exported: train {name} with another encoder."
            )
    if loaded.fusion is not None:
        _check_fusion(loaded.fusion)
    with replace_atomically(folder) as temporary:
        shutil.copytree(source, temporary)
        parts: dict[str, Any] = {}
        for name, encoder in loaded.encoders.items():
            batches = [_inputs(encoder, lengths) for lengths in LENGTHS]
            parts[name] = _export_part(temporary, name, encoder, ("sequence", "steps", "logits"), batches, int8)
        if loaded.fusion is not None:
            batches = [_fusion_inputs(loaded.fusion, lengths) for lengths in LENGTHS]
            parts["fusion"] = _export_part(temporary, "fusion", loaded.fusion, ("logits", "embedding"), batches, int8)
        manifest = {"opset": OPSET, "int8": int8, "parts": parts}
        write_json(temporary / MANIFEST, manifest)
    return manifest


def _check_fusion(fusion: Fusion) -> None:
    """Raises RunError: the fusion cannot be exported."""
    name = fusion.config.name
    if not fusion.is_traceable:
        raise RunError(f"the fusion {name} cannot be exported: train with another fusion.name.")
    if fusion.has_dialogue_context:
        raise RunError("a fusion that reads the dialogue cannot be exported: train with fusion.dialogue_context=false.")
    if fusion.config.embracement == "sample":
        raise RunError("fusion.embracement=sample is random and cannot be exported: train with expectation.")


def summarise_export(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The measurements of a manifest, without the shapes and hashes of the graphs."""
    parts = {name: {key: part[key] for key in FIGURES} for name, part in manifest["parts"].items()}
    return {"int8": manifest["int8"], "parts": parts}


def _inputs(encoder: Encoder, lengths: Sequence[int]) -> dict[str, Tensor]:
    """A batch of examples of these lengths, two in a dialogue."""
    values = [encoder.make_example_input(length) for length in lengths]
    return encoder.collate([Example(("", str(index // 2), str(index)), row) for index, row in enumerate(values)])


def _fusion_inputs(fusion: Fusion, lengths: Sequence[int]) -> dict[str, Tensor]:
    """Random utterances of these lengths, each modality longer than the one before; each utterance but the first lacks one."""
    rng = torch.Generator().manual_seed(len(lengths))
    inputs: dict[str, Tensor] = {}
    for number, (name, width) in enumerate(fusion.widths.items()):
        steps = torch.tensor(lengths) + LONGER * number
        mask = torch.arange(int(steps.max()))[None] < steps[:, None]
        for row in range(1, len(lengths)):
            mask[row] &= row % len(fusion.widths) != number
        inputs |= {f"sequence_{name}": torch.randn(*mask.shape, width, generator=rng), f"mask_{name}": mask}
    return inputs


def _make_call(network: nn.Module, names: Sequence[str]) -> Callable[..., tuple[Tensor, ...]]:
    def encoder(*values: Tensor) -> tuple[Tensor, ...]:
        out = network(dict(zip(names, values, strict=True)))
        return out.sequence, out.mask, out.logits

    def fusion(*values: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip(names, values, strict=True))
        by_kind = [
            {name.removeprefix(kind): value for name, value in named.items() if name.startswith(kind)}
            for kind in ("sequence_", "mask_")
        ]
        out = network(*by_kind)
        return out.logits, out.embedding

    return fusion if isinstance(network, Fusion) else encoder


def _export_part(
    folder: Path,
    name: str,
    network: Encoder | Fusion,
    outputs: Sequence[str],
    batches: Sequence[dict[str, Tensor]],
    int8: bool,
) -> dict[str, Any]:
    """Trace a network, compare the graph with torch, and measure it."""
    file, traced = folder / f"{name}.onnx", batches[0]
    call, index = _make_call(network, list(traced)), outputs.index("logits")
    outputs = [f"{each}{OUT}" if each in traced else each for each in outputs]  # names of a graph are unique
    with _make_traceable(network):
        _trace(file, name, network, call, traced, outputs)
        graph = Graph(open_session(file))
        worst = _largest_difference(name, graph, call, batches, index)
        if not worst < TOLERANCE:
            raise RunError(
                f"{name}: a logit of its graph differs by {worst:.1e} from torch: export a model without {name}."
            )
        if int8:
            _quantise(file)
            graph = Graph(open_session(file))
            worst = _largest_difference(name, graph, call, batches, index)
    with torch.inference_mode():
        in_onnx = _time(lambda: graph.run(traced))
        with in_float32(network):
            in_float = _time(lambda: call(*traced.values()))
        if isinstance(network, Encoder):
            network.optimize_for_inference()  # as a predictor computes
        in_torch = _time(lambda: call(*traced.values()))
    return {
        "file": file.name,
        "inputs": {tensor.name: {"type": tensor.type, "shape": tensor.shape} for tensor in graph.session.get_inputs()},
        "outputs": {
            tensor.name: {"type": tensor.type, "shape": tensor.shape} for tensor in graph.session.get_outputs()
        },
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "largest_difference": worst,
        "times_as_fast": round(in_torch / in_onnx, 2),
        "times_as_fast_as_float32": round(in_float / in_onnx, 2),
    }


def _trace(
    file: Path,
    name: str,
    network: nn.Module,
    call: Callable[..., tuple[Tensor, ...]],
    batch: dict[str, Tensor],
    outputs: Sequence[str],
) -> None:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that the tracer takes as fixed; other sizes are compared below
        try:
            torch.onnx.export(
                _Positional(network, call).eval(),
                tuple(batch.values()),
                str(file),
                dynamo=False,  # the newer exporter does not support packed sequences
                input_names=list(batch),
                output_names=list(outputs),
                dynamic_axes=_axes(batch, outputs),
                opset_version=OPSET,
            )
        except Exception as error:
            raise RunError(
                f"{name}: its network cannot be traced ({type(error).__name__}: {get_first_line(error)[:120]}): "
                f"export a model without {name}."
            ) from error


def _axes(batch: dict[str, Tensor], outputs: Sequence[str]) -> dict[str, dict[int, str]]:
    """The names of the sizes that may change. A mask is as long as its sequence.

    The first size is the number of utterances, or of dialogues where the encoder reads these.
    """
    axes: dict[str, dict[int, str]] = {}
    for name, value in batch.items():
        is_dialogue = value.ndim > 0 and len(value) != len(LENGTHS[0])
        named = {
            0: "dialogues" if is_dialogue else "batch",
            1: f"{name.removeprefix('sequence_').removeprefix('mask_')}_length",
        }
        axes[name] = {axis: named[axis] for axis in range(min(value.ndim, 2))}
    sequences = ("sequence", "steps")
    return axes | {
        name: {0: "batch", 1: "length"} if name.removesuffix(OUT) in sequences else {0: "batch"} for name in outputs
    }


@contextmanager
def _make_traceable(network: Encoder | Fusion) -> Iterator[None]:
    """A context in which the network can be traced: in float32, with attention in plain matrix products."""
    backbone: Any = getattr(network, "backbone", None)
    attention = backbone.config._attn_implementation if hasattr(backbone, "set_attn_implementation") else None
    fast = torch.backends.mha.get_fastpath_enabled()
    with in_float32(network):
        torch.backends.mha.set_fastpath_enabled(False)  # the fast path has no ONNX operator
        if attention is not None:
            backbone.set_attn_implementation("eager")
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            if attention is not None:
                backbone.set_attn_implementation(attention)


def _largest_difference(
    name: str, graph: Graph, call: Callable[..., tuple[Tensor, ...]], batches: Sequence[dict[str, Tensor]], index: int
) -> float:
    """The largest difference of a logit, or infinity where shapes differ.

    Raises:
        RunError: the graph does not run.
    """
    worst = 0.0
    for batch in batches:
        with torch.inference_mode():
            expected = call(*batch.values())
        try:
            found = graph.run(batch)
        except Exception as error:  # onnxruntime's errors share no class
            reason = f"{type(error).__name__}: {get_first_line(error)[:120]}"
            raise RunError(f"{name}: its graph does not run ({reason}): export a model without {name}.") from error
        if any(a.shape != b.shape for a, b in zip(found, expected, strict=True)):
            return float("inf")
        worst = max(worst, float((found[index] - expected[index]).abs().max()))
    return worst


def _quantise(file: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it recommends a preprocessing step that does not change such graphs
    try:
        with replace_atomically(file) as temporary:
            quantize_dynamic(
                file, temporary, op_types_to_quantize=["MatMul", "Gemm", "Gather"], weight_type=QuantType.QInt8
            )
    finally:
        logging.disable(before)


def _time(run: Callable[[], Any]) -> float:
    """Seconds of the fastest of five runs; other processes slow the rest."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
