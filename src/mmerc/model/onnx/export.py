"""Writing a model folder for onnxruntime: a graph for each encoder and for the fusion, whose answers are those of torch.

What comes before the networks (decoding, the detectors of faces and of speech, tokenizers, a frozen face network) stays
as it is. The graphs are traced: every size that may change is an axis with a name, and each graph is compared with torch
on other sizes than those it was traced with before it is kept.
"""

import hashlib
import logging
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmerc.encoders import Encoder, Example
from mmerc.errors import RunError
from mmerc.files import replacing, write_json
from mmerc.fusion import Fusion
from mmerc.model.hub import model_folder
from mmerc.model.onnx.runtime import MANIFEST, Graph, in_float32, opened, runtime

OPSET = 18
LENGTHS = ((20, 12), (31,), (5, 9, 17))  # of the samples of each batch; the first is traced, all are compared
OUT = "_out"  # behind the name of an output that an input has, too
LONGER = 7  # steps
TOLERANCE = 1e-3  # of a logit, from torch's, in the same graph; 8 bits are measured, not held to it


class _Named(nn.Module):
    """A network whose inputs are told apart by their order, as tracing wants it."""

    def __init__(self, network: nn.Module, call: Callable[..., tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.network, self.call = network, call

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        return self.call(*values)


def export_onnx(model: str | Path, folder: Path, *, int8: bool = False) -> dict[str, Any]:
    """Write `folder`: the model folder itself, a graph for each part of it, and the manifest `onnx.json`, which is returned.

    `int8`: weights of matrix products as 8-bit integers. The manifest says of each part how far its logits are from torch's
    (float32) at most, and how many times as fast as torch it was on a batch of two, on this machine: as torch computes here,
    which may be in bfloat16, and in float32.

    Raises:
        RunError: a part cannot be traced, or its graph does not answer as torch does.
    """
    runtime()
    from mmerc.inference.predictor import Predictor

    if folder.exists():
        raise RunError(f"{folder} exists already: choose another folder, or remove it.")
    source = model_folder(model)
    predictor = Predictor.load(source)
    for name, encoder in predictor.encoders.items():
        if not encoder.traceable:
            kind = encoder.config.encoder
            raise RunError(f"{name}: a {kind} network cannot be traced: export a model with another encoder of it.")
    with replacing(folder) as temporary:
        shutil.copytree(source, temporary)
        parts: dict[str, Any] = {}
        for name, encoder in predictor.encoders.items():
            batches = [_inputs(encoder, lengths) for lengths in LENGTHS]
            parts[name] = _part(temporary, name, encoder, ("sequence", "steps", "logits"), batches, int8)
        if predictor.fusion is not None:
            if predictor.fusion.config.embracement == "sample":
                raise RunError(
                    "a fusion that draws (fusion.embracement=sample) cannot be exported: train with expectation."
                )
            if predictor.fusion.config.reads_dialogue:
                raise RunError(
                    "a fusion that reads the dialogue (fusion.context, ctnet) cannot be exported: train without it."
                )
            batches = [_fusion_inputs(predictor.fusion, lengths) for lengths in LENGTHS]
            parts["fusion"] = _part(temporary, "fusion", predictor.fusion, ("logits", "embedding"), batches, int8)
        manifest = {"opset": OPSET, "int8": int8, "parts": parts}
        write_json(temporary / MANIFEST, manifest)
    return manifest


def _inputs(encoder: Encoder, lengths: Sequence[int]) -> dict[str, Tensor]:
    return encoder.collate([Example(("", str(place), ""), encoder.example_input(n)) for place, n in enumerate(lengths)])


def _fusion_inputs(fusion: Fusion, lengths: Sequence[int]) -> dict[str, Tensor]:
    """Utterances of these lengths, each modality some steps longer than the one before; each but the first lacks one."""
    rng = torch.Generator().manual_seed(len(lengths))
    inputs: dict[str, Tensor] = {}
    for number, (name, width) in enumerate(fusion.inputs.items()):
        longer = torch.tensor(lengths) + LONGER * number
        mask = torch.arange(int(longer.max()))[None] < longer[:, None]
        for row in range(1, len(lengths)):
            mask[row] &= row % len(fusion.inputs) != number
        inputs |= {f"sequence_{name}": torch.randn(*mask.shape, width, generator=rng), f"mask_{name}": mask}
    return inputs


def _call(network: nn.Module, names: Sequence[str]) -> Callable[..., tuple[Tensor, ...]]:
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


def _part(
    folder: Path,
    name: str,
    network: Encoder | Fusion,
    outputs: Sequence[str],
    batches: Sequence[dict[str, Tensor]],
    int8: bool,
) -> dict[str, Any]:
    """Trace, compare, and say how far from torch and how fast the graph is."""
    file, traced = folder / f"{name}.onnx", batches[0]
    call, place = _call(network, list(traced)), outputs.index("logits")
    outputs = [f"{each}{OUT}" if each in traced else each for each in outputs]  # in a graph every name is another
    with _plainly(network):
        _trace(file, name, network, call, traced, outputs)
        graph = Graph(opened(file))
        worst = _furthest(name, graph, call, batches, place)
        if not worst < TOLERANCE:
            raise RunError(f"{name}: its graph is {worst:.1e} from torch's answers: export a model without it.")
        if int8:
            _quantise(file)
            graph = Graph(opened(file))
            worst = _furthest(name, graph, call, batches, place)
    with torch.inference_mode():
        own, took = _seconds(lambda: call(*traced.values())), _seconds(lambda: graph.run(traced))
        with in_float32(network):
            exact = _seconds(lambda: call(*traced.values()))
    return {
        "file": file.name,
        "inputs": {put.name: {"type": put.type, "shape": put.shape} for put in graph.session.get_inputs()},
        "outputs": {put.name: {"type": put.type, "shape": put.shape} for put in graph.session.get_outputs()},
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "largest_difference": worst,
        "times_as_fast": round(own / took, 2),
        "times_as_fast_as_float32": round(exact / took, 2),
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
        warnings.simplefilter("ignore")  # the tracer's, of each size that it takes for fixed: they are compared
        try:
            torch.onnx.export(
                _Named(network, call).eval(),
                tuple(batch.values()),
                str(file),
                dynamo=False,  # the newer exporter knows no packed sequences
                input_names=list(batch),
                output_names=list(outputs),
                dynamic_axes=_axes(batch, outputs),
                opset_version=OPSET,
            )
        except Exception as error:
            raise RunError(
                f"{name}: its network cannot be traced ({type(error).__name__}: {str(error).splitlines()[0][:120]}): "
                "export a model without it."
            ) from error


def _axes(batch: dict[str, Tensor], outputs: Sequence[str]) -> dict[str, dict[int, str]]:
    """The names of the sizes that may change. A mask is as long as its sequence."""
    axes: dict[str, dict[int, str]] = {}
    for name, value in batch.items():
        named = {0: "batch", 1: f"{name.removeprefix('sequence_').removeprefix('mask_')}_length"}
        axes[name] = {axis: named[axis] for axis in range(min(value.ndim, 2))}
    sequences = ("sequence", "steps")
    return axes | {
        name: {0: "batch", 1: "length"} if name.removesuffix(OUT) in sequences else {0: "batch"} for name in outputs
    }


@contextmanager
def _plainly(network: Encoder | Fusion) -> Iterator[None]:
    """In float32, and attention in plain products: what can be traced, and is the same on every machine."""
    backbone: Any = getattr(network, "backbone", None)
    attention = backbone.config._attn_implementation if hasattr(backbone, "set_attn_implementation") else None
    fast = torch.backends.mha.get_fastpath_enabled()
    with in_float32(network):
        torch.backends.mha.set_fastpath_enabled(False)  # one call that no graph knows
        if attention is not None:
            backbone.set_attn_implementation("eager")
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            if attention is not None:
                backbone.set_attn_implementation(attention)


def _furthest(
    name: str, graph: Graph, call: Callable[..., tuple[Tensor, ...]], batches: Sequence[dict[str, Tensor]], place: int
) -> float:
    """The largest difference of a logit, or infinity where shapes differ.

    Raises:
        RunError: the graph does not run.
    """
    worst = 0.0
    for batch in batches:
        with torch.inference_mode():
            right = call(*batch.values())
        try:
            found = graph.run(batch)
        except Exception as error:  # onnxruntime's share no class
            reason = f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
            raise RunError(f"{name}: its graph does not run ({reason}): export a model without it.") from error
        if any(a.shape != b.shape for a, b in zip(found, right, strict=True)):
            return float("inf")
        worst = max(worst, float((found[place] - right[place]).abs().max()))
    return worst


def _quantise(file: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it advises a step that changes nothing in graphs as these
    try:
        with replacing(file) as temporary:
            quantize_dynamic(
                file, temporary, op_types_to_quantize=["MatMul", "Gemm", "Gather"], weight_type=QuantType.QInt8
            )
    finally:
        logging.disable(before)


def _seconds(run: Callable[[], Any]) -> float:
    """Of the fastest of several runs: the others had company."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)
