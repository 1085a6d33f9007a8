"""Pickles of features, read without running the code that they may contain.

A pickle is a program. This reader lets it build numbers, strings, plain containers, NumPy arrays and torch tensors. It refuses
everything else by name before it is called.
"""

import io
import pickle
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from mmerc.corpora.paths import explain_unreadable, refuse_lfs_pointer
from mmerc.errors import CorpusError

ENDINGS = {".pkl", ".pickle", ".p"}
TORCH_ENDINGS = {".pt", ".pth"}


def _load_tensor(data: bytes) -> Any:
    """In place of torch's function, which would unpickle the bytes without a check."""
    import torch

    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _rebuild_tensor(*parts: Any) -> Any:
    import torch  # imported here: few packs hold tensors

    return torch._utils._rebuild_tensor_v2(*parts)  # type: ignore[no-untyped-call]


def _encode_latin1(text: str, encoding: str) -> bytes:
    """Bytes as old protocols store them. `_codecs.encode` itself would accept any codec."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes written as {encoding}")
    return text.encode(encoding)


class _Dtype:
    """In place of NumPy's dtype, which takes sizes, offsets and flags from a pickle without a check."""

    def __init__(self, name: str, *_: Any) -> None:
        dtype = np.dtype(name) if isinstance(name, str) else None
        if dtype is None or dtype.kind not in "biufcSUO":
            raise pickle.UnpicklingError(f"the array type {name!r}")
        self.dtype: np.dtype[Any] = dtype

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if any(part is not None for part in state[2:5]):
            raise pickle.UnpicklingError("an array of records")
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that takes its type from a `_Dtype`."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        version, shape, dtype, *rest = state
        super().__setstate__((version, shape, dtype.dtype, *rest))


def _make_array(*_: Any) -> np.ndarray:
    return np.ndarray.__new__(_Array, (0,))


def _make_scalar(dtype: _Dtype, data: bytes | bytearray) -> Any:
    return np.frombuffer(data, dtype.dtype)[0]


def _read_buffer(data: bytes | bytearray, dtype: _Dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    array: np.ndarray = np.frombuffer(data, dtype.dtype).reshape(shape, order=order)  # type: ignore[call-overload]
    return array


_BUILTINS = {kind.__name__: kind for kind in (set, frozenset, list, dict, tuple, bytearray, complex, int, float, bool)}
_ARRAYS = {"_reconstruct": _make_array, "scalar": _make_scalar}
ALLOWED_CLASSES: dict[str, dict[str, Any]] = {
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,  # Python 2
    "collections": {"OrderedDict": OrderedDict, "defaultdict": defaultdict},
    "_codecs": {"encode": _encode_latin1},
    "numpy": {"ndarray": _Array, "dtype": _Dtype},
    "numpy.core.multiarray": _ARRAYS,
    "numpy._core.multiarray": _ARRAYS,
    "numpy.core.numeric": {"_frombuffer": _read_buffer},
    "numpy._core.numeric": {"_frombuffer": _read_buffer},
    "torch._utils": {"_rebuild_tensor_v2": _rebuild_tensor},
    "torch.storage": {"_load_from_bytes": _load_tensor},
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = ALLOWED_CLASSES.get(module, {}).get(name)
        if found is None:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return found


def read_pickle(file: Path) -> Any:
    """The content of a pickle or torch file. Tensors stay tensors; text of Python 2 is read as Latin-1.

    Raises:
        CorpusError: it contains anything but numbers, text, containers, arrays and tensors, or it is damaged.
    """
    try:
        if file.suffix.lower() in TORCH_ENDINGS:
            import torch

            return torch.load(file, map_location="cpu", weights_only=True)
        with file.open("rb") as stream:
            return _Reader(stream, encoding="latin1").load()
    except OSError as error:
        raise CorpusError(explain_unreadable(file, error)) from error
    except Exception as error:  # a damaged pickle can raise anything
        refuse_lfs_pointer(file)
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise CorpusError(
            f"{file} is not a pickle of only numbers, text and arrays (stopped at {reason}), and nothing in it was run: "
            "save its arrays as NPZ."
        ) from error
