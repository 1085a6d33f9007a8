from pathlib import Path

import pytest
import torch
from torch import nn

from mmerc import weights
from mmerc.errors import WeightsError
from mmerc.weights import Weights


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parent of an empty cache and an empty mirror."""
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MMERC_WEIGHTS", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return tmp_path


def test_the_error_for_absent_weights_has_the_command(empty_cache: Path) -> None:
    with pytest.raises(WeightsError, match="run `mmerc weights fetch vggface2`, or put 20180402-114759-vggface2.pt"):
        weights.load("vggface2")


def test_a_mirror_is_converted_into_the_cache(empty_cache: Path) -> None:
    torch.save(
        {"last_linear.weight": torch.arange(6.0).reshape(2, 3)}, empty_cache / "mirror" / "20180402-114759-vggface2.pt"
    )
    assert weights.load("vggface2")["last_linear.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (empty_cache / "cache" / "vggface2.safetensors").is_file()


def test_a_pickle_with_code_is_refused(empty_cache: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, ("raise SystemExit('ran')",))

    torch.save({"a": Evil()}, empty_cache / "mirror" / "20180402-114759-vggface2.pt")
    with pytest.raises(WeightsError, match="not a PyTorch checkpoint of tensors"):
        weights.fetch("vggface2")


def test_a_damaged_wheel_is_refused(empty_cache: Path) -> None:
    (empty_cache / "mirror" / "facenet_pytorch-2.5.3-py3-none-any.whl").write_bytes(b"PK rubbish")
    with pytest.raises(WeightsError, match="damaged or not the published file"):
        weights.fetch("mtcnn")


def test_a_failed_download_explains_the_mirror(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = Weights("here", "nothing", "http://127.0.0.1:9/none.pt", "none.pt", "MIT", 1)
    monkeypatch.setitem(weights.CATALOGUE, "here", unreachable)
    with pytest.raises(WeightsError, match="set MMERC_WEIGHTS to that folder"):
        weights.fetch("here")


def test_fill_names_the_first_tensor_that_does_not_match() -> None:
    network = nn.Linear(3, 2)
    with pytest.raises(WeightsError, match="file lacks the tensor bias"):
        weights.fill(network, {"weight": torch.zeros(2, 3)}, "file")
    with pytest.raises(WeightsError, match=r"weight has shape \[3, 2\], the network needs \[2, 3\]"):
        weights.fill(network, {"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, "file")
    with pytest.raises(WeightsError, match="unknown tensor gain"):
        weights.fill(network, {**network.state_dict(), "gain": torch.zeros(1)}, "file")


def test_fill_where_shapes_match_keeps_the_other_tensors() -> None:
    network = nn.Linear(3, 2)
    loaded, kept = weights.fill_where_shapes_match(network, {"weight": torch.ones(2, 3), "bias": torch.ones(5)})
    assert (loaded, kept) == (["weight"], ["bias"])
    assert network.weight.tolist() == [[1, 1, 1], [1, 1, 1]]
