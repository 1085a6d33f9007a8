"""Reading the pickles that this field passes around without running what a stranger may have put into them.

A pickle is a program. This reader lets it build numbers, strings, plain containers, NumPy arrays and torch tensors, and
refuses everything else by name before it is called.
"""

import io
import pickle
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmerc.errors import CorpusError

ENDINGS = {".pkl", ".pickle", ".p"}
TORCH_ENDINGS = {".pt", ".pth"}


def _tensor(data: bytes) -> Any:
    """In place of torch's own, which would unpickle the bytes without asking."""
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _latin(text: str, encoding: str) -> bytes:
    """Bytes as old protocols hold them; `_codecs.encode` itself would take any codec."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes written as {encoding}")
    return text.encode(encoding)


class _Dtype:
    """In place of NumPy's, which takes sizes, offsets and flags from a pickle unseen."""

    def __init__(self, name: str, *_: Any) -> None:
        self.real = np.dtype(name) if isinstance(name, str) else None
        if self.real is None or self.real.kind not in "biufcSUO":
            raise pickle.UnpicklingError(f"the array type {name!r}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if any(part is not None for part in state[2:5]):
            raise pickle.UnpicklingError("an array of records")
        self.real = self.plain.newbyteorder(state[1])

    @property
    def plain(self) -> np.dtype[Any]:
        assert self.real is not None
        return self.real


class _Array(np.ndarray):
    """An array that takes its type from a `_Dtype`."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        version, shape, dtype, *rest = state
        super().__setstate__((version, shape, dtype.plain, *rest))


def _empty(*_: Any) -> np.ndarray:
    return np.ndarray.__new__(_Array, (0,))


def _scalar(dtype: _Dtype, data: bytes | bytearray) -> Any:
    return np.frombuffer(data, dtype.plain)[0]


def _buffer(data: bytes | bytearray, dtype: _Dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    return np.frombuffer(data, dtype.plain).reshape(shape, order=order)  # type: ignore[call-overload]


_BUILTINS = {kind.__name__: kind for kind in (set, frozenset, list, dict, tuple, bytearray, complex, int, float, bool)}
_ARRAYS = {"_reconstruct": _empty, "scalar": _scalar}
ADMITTED: dict[str, dict[str, Any]] = {
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,  # Python 2
    "collections": {"OrderedDict": OrderedDict, "defaultdict": defaultdict},
    "_codecs": {"encode": _latin},
    "numpy": {"ndarray": _Array, "dtype": _Dtype},
    "numpy.core.multiarray": _ARRAYS,
    "numpy._core.multiarray": _ARRAYS,
    "numpy.core.numeric": {"_frombuffer": _buffer},
    "numpy._core.numeric": {"_frombuffer": _buffer},
    "torch._utils": {"_rebuild_tensor_v2": torch._utils._rebuild_tensor_v2},
    "torch.storage": {"_load_from_bytes": _tensor},
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = ADMITTED.get(module, {}).get(name)
        if found is None:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return found


def read_pickle(file: Path) -> Any:
    """What the file holds, tensors as they are; text of Python 2 as Latin-1.

    Raises:
        CorpusError: it names anything beside numbers, text, containers, arrays and tensors, or is damaged.
    """
    try:
        if file.suffix.lower() in TORCH_ENDINGS:
            return torch.load(file, map_location="cpu", weights_only=True)
        with file.open("rb") as stream:
            return _Reader(stream, encoding="latin1").load()
    except OSError as error:
        raise CorpusError(f"{file} cannot be read ({error.strerror}): check the path and its permissions.") from error
    except Exception as error:  # a damaged pickle fails in any way
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise CorpusError(
            f"{file} is no pickle of numbers, text and arrays alone (stopped at {reason}): it was not opened any further; "
            "save its arrays as NPZ."
        ) from error
