import shutil
from pathlib import Path

import pytest

from mmerc import Predictor
from mmerc.errors import RunError
from mmerc.model import load_model
from mmerc.model.onnx.runtime import in_float32


def test_a_model_without_graphs(small_model: Path) -> None:
    with pytest.raises(RunError, match="has no ONNX graphs: write them with `mmerc export"):
        Predictor.load(small_model, backend="onnx")


@pytest.mark.parametrize(("content", "sentence"), [(None, "has no ONNX graph of text"), (b"x", "cannot be loaded")])
def test_a_missing_or_damaged_graph(exported: Path, tmp_path: Path, content: bytes | None, sentence: str) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "onnx"))
    (folder / "text.onnx").unlink()
    if content is not None:
        (folder / "text.onnx").write_bytes(content)
    with pytest.raises(RunError, match=sentence):
        Predictor.load(folder, backend="onnx")


def test_networks_compute_in_float32_within_the_context(small_model: Path) -> None:
    fusion = load_model(small_model).fusion
    assert fusion is not None and fusion.config.bf16
    with in_float32(fusion, None):
        assert not fusion.config.bf16
    assert fusion.config.bf16
