"""Reading the weights in an ONNX file. The graph is not read, and nothing in it is run.

ONNX is a message of Protocol Buffers: a sequence of fields, each with a number and a type in a varint. Of its model, field 7 is the
graph; of the graph, field 5 is a tensor; of a tensor, field 1 is a side, 2 the type (1: float32), 8 the name, 9 the data, little-endian.
Source: `onnx/onnx.proto` of ONNX 1.17. The package onnx would read them too, but is not needed for anything else in a prediction.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import torch

from mmerc.errors import WeightsError
from mmerc.weights.tensors import Tensors

GRAPH, TENSOR, DIMENSION, DATA_TYPE, NAME, RAW_DATA = 7, 5, 1, 2, 8, 9  # numbers of fields
FLOAT32 = 1
VARINT, BYTES = 0, 2  # types of fields
FIXED_SIZES = {1: 8, 5: 4}  # bytes of the other types


def read_onnx(file: Path) -> Tensors:
    """The tensors in float32 of a network in an ONNX file. Tensors of other types, such as shapes, are left out.

    Raises:
        WeightsError: the file cannot be opened, or is damaged.
    """
    tensors: Tensors = {}
    try:
        for number, graph in _read_fields(file.read_bytes()):
            if number == GRAPH and isinstance(graph, bytes):
                messages = [value for number, value in _read_fields(graph) if number == TENSOR]
                tensors |= dict(_read_tensor(value) for value in messages if _has_type(value, FLOAT32))
    except OSError as error:
        raise WeightsError(f"{file} cannot be read ({error.strerror}): check the path.") from error
    except ValueError as error:  # UnicodeDecodeError is one
        raise WeightsError(f"{file} is not an ONNX file that mmerc can read ({error}): fetch it again.") from error
    return tensors


def _has_type(message: int | bytes, data_type: int) -> bool:
    return isinstance(message, bytes) and (DATA_TYPE, data_type) in _read_fields(message)


def _read_tensor(message: int | bytes) -> tuple[str, torch.Tensor]:
    assert isinstance(message, bytes)
    fields = list(_read_fields(message))
    shape = [value for number, value in fields if number == DIMENSION and isinstance(value, int)]
    by_number = {number: value for number, value in fields if isinstance(value, bytes)}
    name, data = by_number.get(NAME, b"").decode("utf-8"), by_number.get(RAW_DATA, b"")
    if len(data) != math.prod(shape) * torch.float32.itemsize or not data:
        raise ValueError(f'the shape and the size of "{name[:80]}" do not agree')
    return name, torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(shape)


def _read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The number and the value of each field."""
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, position = _read_varint(message, position)
            yield number, value
            continue
        if kind == BYTES:
            size, position = _read_varint(message, position)
        elif kind in FIXED_SIZES:
            size = FIXED_SIZES[kind]
        else:
            raise ValueError(f"a field has the unknown type {kind}")
        if position + size > len(message):
            raise ValueError("it ends too early")
        yield number, message[position : position + size]
        position += size


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    """A number of at most 64 bits, seven bits a byte, and the position after it."""
    value = 0
    for index, byte in enumerate(message[position : position + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a number has no end")
