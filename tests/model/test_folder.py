import json
import pickle
import re
import shutil
from pathlib import Path

import pytest

from mmerc.errors import RunError, WeightsError
from mmerc.model.folder import FORMAT, load_encoder, load_fusion, load_model, name_model


def test_the_parts_come_back(small_run: Path) -> None:
    fusion = load_fusion(small_run / "model" / "fusion")
    widths = {name: load_encoder(small_run / "model" / "encoders" / name).width for name in ("audio", "face", "text")}
    assert fusion.widths == widths == {"audio": 16, "face": 16, "text": 32}


def test_a_pickle_is_not_loaded(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run / "model" / "fusion", tmp_path / "fusion")
    (tmp_path / "fusion" / "model.safetensors").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(WeightsError, match="is not a safetensors file .*pickled weights are not loaded"):
        load_fusion(tmp_path / "fusion")


def test_an_encoder_of_the_future(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run / "model" / "encoders" / "audio", tmp_path / "audio")
    settings = json.loads((tmp_path / "audio" / "config.json").read_text())
    (tmp_path / "audio" / "config.json").write_text(json.dumps(settings | {"encoder": "telepathy"}))
    with pytest.raises(RunError, match='an encoder "telepathy" that this mmerc does not know'):
        load_encoder(tmp_path / "audio")


def test_prediction_sets_come_from_the_dev_split_and_an_old_model_has_none(small_run: Path, tmp_path: Path) -> None:
    conformal = load_model(small_run / "model").conformal
    assert conformal is not None and {name: each.count for name, each in conformal.subsets.items()} == {"any": 8}
    model = copy_model(small_run, tmp_path)
    (model / "conformal.json").unlink()
    assert load_model(model).conformal is None


def copy_model(small_run: Path, folder: Path) -> Path:
    return Path(shutil.copytree(small_run / "model", folder / "model"))


def change_info(model: Path, **changes: object) -> None:
    file = model / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_model_has_a_name_from_its_corpus_and_its_tensors(small_run: Path, tmp_path: Path) -> None:
    name = load_model(small_run / "model").name
    assert re.fullmatch(r"meld-[0-9a-f]{8}", name)
    assert name_model(small_run, "MELD") == name == name_model(small_run / "model", "MELD")
    model = copy_model(small_run, tmp_path)
    file = model / "fusion" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert name_model(model, "MELD") != name


@pytest.mark.parametrize("found", [FORMAT + 1, FORMAT - 1, None])
def test_another_format_is_refused(small_run: Path, tmp_path: Path, found: int | None) -> None:
    model = copy_model(small_run, tmp_path)
    change_info(model, format=found)
    mend = "train it again" if found == FORMAT - 1 else "update mmerc"
    with pytest.raises(RunError, match=f"has format {found}, this mmerc reads {FORMAT}: {mend}"):
        load_model(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"calibrations": {"fused": {"temperature": 0}}},
        {"calibrations": {"fused": 3}},
        {"calibrations": {"fused": {"prior_weight": "a"}}},
        {"modalities": ["../text"]},
        {"labels": ["joy"]},
    ],
)
def test_a_damaged_folder_is_refused(small_run: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    model = copy_model(small_run, tmp_path)
    change_info(model, **changes)
    with pytest.raises(RunError, match="the folder is damaged"):
        load_model(model)


def test_a_folder_that_is_no_model(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a model folder: give the RUN/model"):
        load_model(tmp_path)
    with pytest.raises(RunError, match="its model is in the folder model inside it"):
        load_model(small_run)
    model = copy_model(small_run, tmp_path)
    shutil.rmtree(model / "encoders" / "audio")
    with pytest.raises(RunError, match="is .*audio a complete run or model folder"):
        load_model(model)
