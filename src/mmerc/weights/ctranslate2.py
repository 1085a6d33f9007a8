"""Reading a `model.bin` of CTranslate2, the format of faster-whisper's networks. It has tensors and no code.

Everything in it is little-endian. A string is a uint16 length, which counts a closing zero byte, and the bytes. The file has: uint32
version; the name of the network's kind, a string; uint32 revision of the kind; uint32 number of variables; for each variable a string,
uint8 rank, uint32 for each dimension, uint8 type, uint32 number of bytes, and the data; uint32 number of aliases; for each alias two
strings, its own name and that of a variable. Source: `ModelSpec._serialize` in `ctranslate2/specs/model_spec.py` of CTranslate2 4.
"""

import math
import struct
from pathlib import Path
from typing import BinaryIO

import torch

from mmerc.errors import WeightsError
from mmerc.weights.tensors import Tensors

VERSION = 6
DTYPES = (torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16)  # the index is the type


def read_ctranslate2(file: Path, kind: str) -> Tensors:
    """The variables and the aliases of a network of this kind, such as `WhisperSpec`, with their names in the file.

    No number in the file makes the reader use more memory than the file has bytes.

    Raises:
        WeightsError: the file cannot be opened, has another version or kind, or is damaged.
    """
    try:
        with file.open("rb") as stream:
            return _Reader(stream, file.stat().st_size).read_network(kind)
    except OSError as error:
        raise WeightsError(f"{file} cannot be read ({error.strerror}): check that the folder is complete.") from error
    except ValueError as error:
        raise WeightsError(
            f"{file} is not a network of CTranslate2 that mmerc can read ({error}): fetch or copy it again."
        ) from error


class _Reader:
    """A stream with a known number of bytes. Its methods raise ValueError if the content is damaged."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream, self.remaining = stream, size

    def read_network(self, kind: str) -> Tensors:
        version = self.read_number("I")
        if version != VERSION:
            raise ValueError(f"its version is {version} and not {VERSION}")
        if (found := self.read_string()) != kind:
            raise ValueError(f'it is a "{found[:40]}" and not a "{kind}"')
        self.read_number("I")  # the revision adds variables; the conversion refuses those that it does not know
        tensors: Tensors = {}
        for _ in range(self.read_number("I")):
            name = self.read_name(tensors)
            tensors[name] = self.read_tensor(name)
        for _ in range(self.read_number("I")):
            alias, name = self.read_name(tensors), self.read_string()
            if name not in tensors:
                raise ValueError(f'the alias "{alias[:80]}" is of an unknown variable')
            tensors[alias] = tensors[name]
        if self.remaining:
            raise ValueError(f"{self.remaining} bytes follow its end")
        return tensors

    def read_name(self, tensors: Tensors) -> str:
        name = self.read_string()
        if name in tensors:
            raise ValueError(f'"{name[:80]}" occurs twice')
        return name

    def read_tensor(self, name: str) -> torch.Tensor:
        shape = [self.read_number("I") for _ in range(self.read_number("B"))]
        number = self.read_number("B")
        if number >= len(DTYPES):
            raise ValueError(f'"{name[:80]}" has the unknown type {number}')
        size, dtype = self.read_number("I"), DTYPES[number]
        if size != math.prod(shape) * dtype.itemsize:
            raise ValueError(f'the shape and the size of "{name[:80]}" do not agree')
        data = self.read_bytes(size)
        return torch.frombuffer(data, dtype=dtype).reshape(shape) if size else torch.empty(shape, dtype=dtype)

    def read_string(self) -> str:
        data = self.read_bytes(self.read_number("H"))
        if not data.endswith(b"\0"):
            raise ValueError("a name has no end")
        return data[:-1].decode("utf-8")  # UnicodeDecodeError is a ValueError

    def read_number(self, code: str) -> int:
        return int(struct.unpack(f"<{code}", self.read_bytes(struct.calcsize(f"<{code}")))[0])

    def read_bytes(self, size: int) -> bytearray:
        """`size` bytes, in an array of their own, which a tensor may use as its memory."""
        self.remaining -= size
        if self.remaining < 0:
            raise ValueError("it ends too early")
        data = bytearray(size)
        if self.stream.readinto(data) != size:  # type: ignore[attr-defined]
            raise ValueError("it ends too early")
        return data
