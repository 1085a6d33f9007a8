"""Tensors: reading and writing safetensors files, and loading tensors into a network."""

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mmerc.errors import WeightsError

Tensors = dict[str, Tensor]


def read_tensors(file: Path) -> Tensors:
    """Read the tensors of a safetensors file.

    Raises:
        WeightsError: the file does not exist, or it is not a safetensors file (for example a pickle).
    """
    with explain_file_errors(file):
        return load_file(file)


def read_shapes(file: Path) -> dict[str, list[int]]:
    """Read the shapes of the tensors of a safetensors file, without the tensors.

    Raises:
        WeightsError: as in `read_tensors`.
    """
    with explain_file_errors(file), safe_open(file, "pt") as tensors:
        return {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118 (it is no mapping)


@contextmanager
def explain_file_errors(file: Path) -> Iterator[None]:
    """Turn the errors of safetensors into a `WeightsError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise WeightsError(f"{file} does not exist: check that the folder is complete.") from error
    except Exception as error:  # safetensors raises its own errors and OSError
        raise WeightsError(
            f"{file} is not a safetensors file ({error}): save the weights as safetensors; pickled weights are not loaded."
        ) from error


def write_tensors(file: Path, tensors: Mapping[str, Tensor], *, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file with the permissions of any other new file.

    safetensors alone makes a file that only its owner may read, whatever the umask says.
    """
    file.touch()
    mode = stat.S_IMODE(file.stat().st_mode)
    save_file({name: value.contiguous() for name, value in tensors.items()}, file, metadata)
    file.chmod(mode)


def fill(network: nn.Module, tensors: Tensors, where: str) -> None:
    """Load the tensors into the network. Names and shapes must agree exactly. `where`: the source, for the message.

    Raises:
        WeightsError: a tensor is missing, unexpected or of another shape. The message names the first one.
    """
    own = network.state_dict()
    for key in own:
        if key not in tensors:
            raise WeightsError(
                f"{where} lacks the tensor {key}, so it was made for another network: "
                "use weights made with the same configuration."
            )
        if own[key].shape != tensors[key].shape:
            raise WeightsError(
                f"{where}: {key} has shape {list(tensors[key].shape)}, the network needs {list(own[key].shape)}: "
                "use weights made with the same configuration."
            )
    extra = sorted(tensors.keys() - own.keys())
    if extra:
        raise WeightsError(
            f"{where} has the unknown tensor {extra[0]}, so it was made for another network: "
            "use weights made with the same configuration."
        )
    network.load_state_dict(tensors, strict=True)


def fill_where_shapes_match(network: nn.Module, tensors: Tensors) -> tuple[list[str], list[str]]:
    """Load the tensors whose name and shape agree with the network's.

    Returns:
        The names of the tensors that were loaded, and the names of the network's tensors that keep their values.
    """
    own = network.state_dict()
    matching = {key: value for key, value in tensors.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict(own | matching, strict=True)
    return sorted(matching), sorted(own.keys() - matching.keys())
