import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmerc.errors import WeightsError
from mmerc.weights.onnx_file import read_onnx


def write_varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def write_field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return write_varint(number << 3) + write_varint(value)
    return write_varint(number << 3 | 2) + write_varint(len(value)) + value


def write_tensor(name: str, shape: list[int], data: bytes, data_type: int = 1) -> bytes:
    sides = b"".join(write_field(1, side) for side in shape)
    return write_field(5, sides + write_field(2, data_type) + write_field(8, name.encode()) + write_field(9, data))


def write_model(*tensors: bytes) -> bytes:
    """A model with a version, a producer and a graph, which has a name and the tensors."""
    graph = write_field(2, b"torch-jit-export") + b"".join(tensors)
    return write_field(1, 6) + write_field(2, b"pytorch") + write_field(7, graph)


def test_tensors_in_float32_are_read_by_name(tmp_path: Path) -> None:
    floats = struct.pack("<200f", *range(200))
    scalar, shape = struct.pack("<f", 1.5), struct.pack("<2q", 2, -1)
    model = write_model(
        write_tensor("a.weight", [2, 100], floats), write_tensor("s", [2], shape, 7), write_tensor("b", [], scalar)
    )
    (tmp_path / "a.onnx").write_bytes(model)
    tensors = read_onnx(tmp_path / "a.onnx")
    assert set(tensors) == {"a.weight", "b"}  # shapes are integers, and no weights
    assert tensors["a.weight"].shape == (2, 100) and tensors["a.weight"][1, 99] == 199
    assert tensors["b"].item() == 1.5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (write_model(write_tensor("a", [2], struct.pack("<f", 1))), 'the shape and the size of "a" do not agree'),
        (write_model(write_tensor("a", [1 << 60], b"")), "do not agree"),
        (write_model(write_tensor("a", [1], bytes(4)))[:-1], "it ends too early"),
        (b"\x80" * 40, "a number has no end"),
        (b"\x0f", "a field has the unknown type 7"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match=f"is not an ONNX file that mmerc can read .*{reason}"):
        read_onnx(tmp_path / "a.onnx")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        read_onnx(tmp_path / "none.onnx")


@given(content=st.binary(max_size=60), cut=st.integers(0, 80))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, cut: int) -> None:
    file = tmp_path_factory.mktemp("onnx") / "a.onnx"
    for damaged in (content, write_model(write_tensor("a", [2], bytes(8)))[:cut], write_model(content)):
        file.write_bytes(damaged)
        try:
            assert all(tensor.numel() for tensor in read_onnx(file).values())
        except WeightsError as error:
            assert "ONNX" in str(error)
