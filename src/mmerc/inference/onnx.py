"""A model folder for onnxruntime: a graph for each encoder and for the fusion, whose answers are those of torch.

What comes before the networks (decoding, the detectors of faces and of speech, tokenizers, a frozen face network) stays as it is. The graphs
are traced: every size that may change is an axis with a name, and each graph is compared with torch on other sizes
than those it was traced with before it is kept.
"""

import hashlib
import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn

from mmerc.corpora import Dialogue
from mmerc.encoders import Encoder, Encoding, Example
from mmerc.errors import RunError
from mmerc.files import entry, read_json, replacing, write_json
from mmerc.fusion import Fused, Fusion

OPSET = 18
MANIFEST = "onnx.json"
TRACED, COMPARED = (20, 12), ((20, 12), (31,), (5, 9, 17))  # lengths of the samples of a batch
TOLERANCE = (
    1e-3  # largest difference of a logit from torch's that counts as the same graph; int8 is measured, not held to it
)


class _Named(nn.Module):
    """A network whose inputs are told apart by their order, as tracing wants it."""

    def __init__(self, network: nn.Module, call: Callable[..., tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.network, self.call = network, call

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        return self.call(*values)


def export_onnx(model: Path, folder: Path, *, int8: bool = False) -> dict[str, Any]:
    """Write `folder`: the model folder itself, a graph for each part of it, and the manifest `onnx.json`, which is returned.

    `int8`: weights of matrix products as 8-bit integers. The manifest says of each part how far its logits are from torch's at most,
    and how many times as fast it was on a batch of two, on this machine.

    Raises:
        RunError: a part cannot be traced, or its graph does not answer as torch does.
    """
    _runtime()
    from mmerc.inference.predictor import Predictor

    if folder.exists():
        raise RunError(f"{folder} exists already: choose another folder, or remove it.")
    predictor = Predictor.load(model)
    for name, encoder in predictor.encoders.items():
        if not encoder.traceable:
            kind = encoder.config.encoder
            raise RunError(f"{name}: a {kind} network cannot be traced: export a model with another encoder of it.")
    with replacing(folder) as temporary:
        shutil.copytree(model, temporary)
        parts: dict[str, Any] = {}
        for name, encoder in predictor.encoders.items():
            batches = [_inputs(encoder, lengths) for lengths in (TRACED, *COMPARED)]
            parts[name] = _part(
                temporary, name, encoder, list(batches[0]), ("sequence", "steps", "logits"), batches, int8
            )
        if predictor.fusion is not None:
            if predictor.fusion.config.embracement == "sample":
                raise RunError(
                    "a fusion that draws (fusion.embracement=sample) cannot be exported: train with expectation."
                )
            batches = [_fusion_inputs(predictor.fusion, lengths) for lengths in (TRACED, *COMPARED)]
            parts["fusion"] = _part(
                temporary, "fusion", predictor.fusion, list(batches[0]), ("logits", "embedding"), batches, int8
            )
        manifest = {"opset": OPSET, "int8": int8, "parts": parts}
        write_json(temporary / MANIFEST, manifest)
    return manifest


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
    """What the graphs' answers lose against torch's, in an exported folder: the largest difference of a probability, how
    often the emotion is the same, and, where there are labels, both scores (`f1_weighted`, a share)."""
    from mmerc.inference.predictor import Predictor

    rows = {backend: list(Predictor.load(folder, backend=backend).predict(dialogues)) for backend in ("torch", "onnx")}
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


class _Graph:
    def __init__(self, session: Any) -> None:
        self.session = session
        self.names = [put.name for put in session.get_inputs()]

    def run(self, inputs: Mapping[str, Tensor]) -> list[Tensor]:
        fed = {name: inputs[name].numpy() for name in self.names}
        return [torch.from_numpy(array) for array in self.session.run(None, fed)]


class _EncoderGraph(_Graph):
    def __call__(self, batch: dict[str, Tensor]) -> Encoding:
        sequence, mask, logits = self.run(batch)
        return Encoding(sequence, mask, logits)


class _FusionGraph(_Graph):
    def __call__(self, sequences: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Fused:
        logits, embedding = self.run(_as_long_as_the_longest(sequences, masks))
        return Fused(logits, embedding)


def _as_long_as_the_longest(sequences: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The graph has one number of steps for all modalities; what is filled up is masked."""
    longest = max(mask.shape[1] for mask in masks.values())
    filled: dict[str, Tensor] = {}
    for name, mask in masks.items():
        more = longest - mask.shape[1]
        filled[f"sequence_{name}"] = torch.nn.functional.pad(sequences[name].float(), (0, 0, 0, more))
        filled[f"mask_{name}"] = torch.nn.functional.pad(mask, (0, more))
    return filled


def _inputs(encoder: Encoder, lengths: Sequence[int]) -> dict[str, Tensor]:
    return encoder.collate([Example(("", str(place), ""), encoder.sample(n)) for place, n in enumerate(lengths)])


def _fusion_inputs(fusion: Fusion, lengths: Sequence[int]) -> dict[str, Tensor]:
    """Utterances of these lengths; each but the first lacks one modality."""
    dice = torch.Generator().manual_seed(len(lengths))
    inputs: dict[str, Tensor] = {}
    for number, (name, width) in enumerate(fusion.inputs.items()):
        mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        for row in range(1, len(lengths)):
            mask[row] &= row % len(fusion.inputs) != number
        inputs |= {f"sequence_{name}": torch.randn(*mask.shape, width, generator=dice), f"mask_{name}": mask}
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
    network: nn.Module,
    names: list[str],
    outputs: tuple[str, ...],
    batches: Sequence[dict[str, Tensor]],
    int8: bool,
) -> dict[str, Any]:
    """Trace, compare, and say how far from torch and how fast the graph is."""
    file = folder / f"{name}.onnx"
    call, place = _call(network, names), outputs.index("logits")
    traced = batches[0]
    steps = {"steps": "steps"} if isinstance(network, Fusion) else {}
    axes = {key: _axes(key, value, bool(steps)) for key, value in traced.items() if value.ndim}
    axes |= {"sequence": {0: "batch", 1: "length"}, "steps": {0: "batch", 1: "length"}} if not steps else {}
    axes |= {"logits": {0: "batch"}, "embedding": {0: "batch"}} if steps else {"logits": {0: "batch"}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the tracer warns of each size that it takes for fixed; they are compared below
        plain = _plain_attention(network)
        try:
            torch.onnx.export(
                _Named(network, call).eval(),
                tuple(traced.values()),
                str(file),
                dynamo=False,  # the newer exporter knows no packed sequences
                input_names=names,
                output_names=list(outputs),
                dynamic_axes=axes,
                opset_version=OPSET,
            )
        except Exception as error:
            raise RunError(
                f"{name}: its network cannot be traced ({type(error).__name__}: {str(error).splitlines()[0][:120]}): "
                "export a model without it."
            ) from error
        finally:
            plain()
    worst = _furthest(_Graph(_opened(file)), call, batches[1:], place)
    if not worst < TOLERANCE:
        raise RunError(f"{name}: its graph is {worst:.1e} from torch's answers: export a model without it.")
    if int8:
        _quantise(file)
        worst = _furthest(_Graph(_opened(file)), call, batches[1:], place)
    graph = _Graph(_opened(file))
    with torch.inference_mode():
        faster = _seconds(lambda: call(*traced.values())) / _seconds(lambda: graph.run(traced))
    return {
        "file": file.name,
        "inputs": {put.name: {"type": put.type, "shape": put.shape} for put in graph.session.get_inputs()},
        "outputs": {put.name: {"type": put.type, "shape": put.shape} for put in graph.session.get_outputs()},
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "largest_difference": worst,
        "times_as_fast": round(faster, 2),
    }


def _axes(name: str, value: Tensor, shared: bool) -> dict[int, str]:
    named = {0: "batch"}
    if value.ndim > 1:
        named[1] = "steps" if shared else f"{name}_length"
    return named


def _plain_attention(network: nn.Module) -> Callable[[], None]:
    """Attention in plain products while it is traced; gives what undoes it."""
    backbone: Any = getattr(network, "backbone", None)
    if not hasattr(backbone, "set_attn_implementation"):
        return lambda: None
    before = backbone.config._attn_implementation
    backbone.set_attn_implementation("eager")
    return lambda: backbone.set_attn_implementation(before)


def _furthest(
    graph: _Graph, call: Callable[..., tuple[Tensor, ...]], batches: Sequence[dict[str, Tensor]], place: int
) -> float:
    """The largest difference of a logit, or infinity where shapes differ or the graph does not run."""
    worst = 0.0
    for batch in batches:
        with torch.inference_mode():
            right = call(*batch.values())
        try:
            found = graph.run(batch)
        except Exception:  # onnxruntime's errors share no class
            return float("inf")
        if any(a.shape != b.shape for a, b in zip(found, right, strict=True)):
            return float("inf")
        worst = max(worst, float((found[place] - right[place]).abs().max()))
    return worst


def _quantise(file: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with replacing(file) as temporary:
        quantize_dynamic(
            file, temporary, op_types_to_quantize=["MatMul", "Gemm", "Gather"], weight_type=QuantType.QInt8
        )


def _seconds(run: Callable[[], Any]) -> float:
    """Of the fastest of several runs: the others had company."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def _session(folder: Path, parts: Mapping[str, Any], name: str) -> Any:
    file = folder / f"{name}.onnx"
    if name not in parts or not file.is_file():
        raise RunError(f"{folder} has no ONNX graph of {name}: export the model again.")
    return _opened(file)


def _opened(file: Path) -> Any:
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class
        raise RunError(
            f"{file} cannot be loaded ({str(error).splitlines()[0][:120]}): export the model again."
        ) from error


def _runtime() -> Any:
    try:
        import onnx  # noqa: F401  # torch's exporter needs it
        import onnxruntime
    except ImportError as error:
        raise RunError(f"ONNX needs its extra ({error}): pip install 'mmerc[onnx]'.") from error
    return onnxruntime
