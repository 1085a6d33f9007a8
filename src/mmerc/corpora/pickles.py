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
from numpy._core import multiarray, numeric

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


_BUILTINS = {kind.__name__: kind for kind in (set, frozenset, list, dict, tuple, bytearray, complex, int, float, bool)}
_ARRAYS = {"_reconstruct": multiarray._reconstruct, "scalar": multiarray.scalar}
_FROM_BUFFER = {"_frombuffer": vars(numeric)["_frombuffer"]}
ADMITTED: dict[str, dict[str, Any]] = {
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,  # Python 2
    "collections": {"OrderedDict": OrderedDict, "defaultdict": defaultdict},
    "_codecs": {"encode": _latin},
    "numpy": {"ndarray": np.ndarray, "dtype": np.dtype},
    "numpy.core.multiarray": _ARRAYS,
    "numpy._core.multiarray": _ARRAYS,
    "numpy.core.numeric": _FROM_BUFFER,
    "numpy._core.numeric": _FROM_BUFFER,
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
