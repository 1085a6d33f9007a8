from pathlib import Path

import pytest
import torch
from torch import nn

from mmerc import weights
from mmerc.errors import WeightsError
from mmerc.weights import Weights


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and an empty mirror."""
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MMERC_WEIGHTS", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return tmp_path


def test_absent_weights_say_how_to_get_them(elsewhere: Path) -> None:
    with pytest.raises(WeightsError, match="run `mmerc weights fetch vggface2`, or put 20180402-114759-vggface2.pt"):
        weights.load("vggface2")


def test_a_mirror_is_converted_into_the_cache(elsewhere: Path) -> None:
    torch.save(
        {"last_linear.weight": torch.arange(6.0).reshape(2, 3)}, elsewhere / "mirror" / "20180402-114759-vggface2.pt"
    )
    assert weights.load("vggface2")["last_linear.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (elsewhere / "cache" / "vggface2.safetensors").is_file()


def test_a_pickle_with_code_is_refused(elsewhere: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, ("raise SystemExit('ran')",))

    torch.save({"a": Evil()}, elsewhere / "mirror" / "20180402-114759-vggface2.pt")
    with pytest.raises(WeightsError, match="not a PyTorch checkpoint of tensors"):
        weights.fetch("vggface2")


def test_a_damaged_wheel_is_refused(elsewhere: Path) -> None:
    (elsewhere / "mirror" / "facenet_pytorch-2.5.3-py3-none-any.whl").write_bytes(b"PK rubbish")
    with pytest.raises(WeightsError, match="damaged or not the published file"):
        weights.fetch("mtcnn")


def test_an_unreachable_publisher_gives_the_way_round(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = Weights("here", "nothing", "http://127.0.0.1:9/none.pt", "none.pt", "MIT", 1)
    monkeypatch.setitem(weights.CATALOGUE, "here", unreachable)
    with pytest.raises(WeightsError, match="set MMERC_WEIGHTS to that folder"):
        weights.fetch("here")


def test_fill_names_the_first_tensor_that_does_not_fit() -> None:
    network = nn.Linear(3, 2)
    with pytest.raises(WeightsError, match="file lacks the tensor bias"):
        weights.fill(network, {"weight": torch.zeros(2, 3)}, "file")
    with pytest.raises(WeightsError, match=r"weight has shape \[3, 2\], the network needs \[2, 3\]"):
        weights.fill(network, {"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, "file")
    with pytest.raises(WeightsError, match="holds gain"):
        weights.fill(network, {**network.state_dict(), "gain": torch.zeros(1)}, "file")


def test_fill_matching_takes_what_fits() -> None:
    network = nn.Linear(3, 2)
    taken, left = weights.fill_matching(network, {"weight": torch.ones(2, 3), "bias": torch.ones(5)})
    assert (taken, left) == (["weight"], ["bias"])
    assert network.weight.tolist() == [[1, 1, 1], [1, 1, 1]]
