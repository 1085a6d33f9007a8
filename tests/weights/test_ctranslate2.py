"""The reader of CTranslate2's format: what it reads, and that damage of any kind is an error of one sentence."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmerc.errors import WeightsError
from mmerc.weights.ctranslate2 import DTYPES, read_ctranslate2
from mmerc.weights.tensors import Tensors
from tests.weights.ctranslate2_files import pack_network, pack_string

VARIABLES: Tensors = {
    "a/weight": torch.tensor([[1.5, -2.0, 0.0], [4.0, 5.0, 6.0]], dtype=torch.float16),
    "a/heads": torch.tensor(8, dtype=torch.int16),
    "a/empty": torch.zeros(0, 3),
}
CONTENT = pack_network(VARIABLES, {"b/weight": "a/weight"})


def read(folder: Path, content: bytes) -> Tensors:
    file = folder / "model.bin"
    file.write_bytes(content)
    return read_ctranslate2(file, "WhisperSpec")


def test_variables_and_aliases_have_their_names_types_and_shapes(tmp_path: Path) -> None:
    found = read(tmp_path, CONTENT)
    assert list(found) == ["a/weight", "a/heads", "a/empty", "b/weight"]
    assert found["a/weight"].tolist() == [[1.5, -2.0, 0.0], [4.0, 5.0, 6.0]] == found["b/weight"].tolist()
    assert found["a/weight"].dtype == torch.float16 and int(found["a/heads"]) == 8 and found["a/empty"].shape == (0, 3)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "ends too early"),
        (b"PK\x03\x04 an archive", "its version is 67324752 and not 6"),
        (pack_network({}, version=5), "its version is 5 and not 6"),
        (pack_network({}, kind="TransformerSpec"), 'it is a "TransformerSpec" and not a "WhisperSpec"'),
        (CONTENT[:-3], "ends too early"),
        (CONTENT + b"more", "4 bytes follow its end"),
        (pack_network(VARIABLES, {"a/weight": "a/heads"}), '"a/weight" occurs twice'),
        (pack_network(VARIABLES, {"b": "absent"}), 'the alias "b" is of an unknown variable'),
        (CONTENT.replace(pack_string("a/heads"), pack_string("a/weigh")[:-1] + b"t"), "a name has no end"),
        (CONTENT.replace(b"a/heads", b"a/\xffeads"), "can't decode"),
        (pack_network({"x": torch.zeros(2)}).replace(b"\x01\x02\0\0\0\0", b"\x01\x02\0\0\0\x09"), "unknown type 9"),
    ],
)  # fmt: skip
def test_what_is_no_network(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(WeightsError, match=r"model.bin is not a network of CTranslate2") as error:
        read(tmp_path, content)
    assert sentence in str(error.value)


def test_absurd_sizes_are_refused_before_memory_is_used(tmp_path: Path) -> None:
    small = pack_network({"x": torch.zeros(2)})
    for shape, size in ((b"\xff\xff\xff\xff", b"\x08\0\0\0"), (b"\xff\xff\xff\x3f", b"\xfc\xff\xff\xff")):
        changed = small.replace(b"\x02\0\0\0\0\x08\0\0\0", shape + b"\0" + size)
        assert changed != small
        with pytest.raises(WeightsError, match=r"the shape and the size|ends too early"):
            read(tmp_path, changed)


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"model.bin cannot be read \(No such file"):
        read_ctranslate2(tmp_path / "model.bin", "WhisperSpec")


@given(
    shapes=st.dictionaries(st.text(max_size=12), st.tuples(st.lists(st.integers(0, 4), max_size=3), st.sampled_from(DTYPES)), max_size=5)
)  # fmt: skip
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, shapes: dict[str, tuple[list[int], torch.dtype]]
) -> None:
    variables = {name: torch.ones(shape, dtype=dtype) for name, (shape, dtype) in shapes.items()}
    found = read(tmp_path_factory.mktemp("round"), pack_network(variables))
    assert found.keys() == variables.keys()
    assert all(
        torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in variables.items()
    )


@given(
    edits=st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.binary(max_size=5), st.integers(0, 9)), max_size=4)
)
def test_any_damage_is_read_or_is_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, bytes, int]]
) -> None:
    content = CONTENT
    for start, new, removed in edits:
        content = content[:start] + new + content[start + removed :]
    try:
        found = read(tmp_path_factory.mktemp("damage"), content)
    except WeightsError as error:
        assert "\n" not in str(error) and str(error).endswith(".")
    else:
        assert sum(tensor.nbytes for tensor in found.values()) <= 10 * len(content)
