import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mmerc import load_config, open_corpus, train
from mmerc.emotions import SEVEN
from mmerc.errors import ConfigError, RunError
from mmerc.model.folder import find_encoder_tensors
from mmerc.training.run_config import check_config


def read_log(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_warm_start_on_another_corpus(tmp_path: Path) -> None:
    (tmp_path / "go").mkdir()
    (tmp_path / "go" / "labels.txt").write_text("anger\ndisgust\nfear\njoy\nneutral\nsadness\nsurprise")
    for split in ("train", "dev"):
        (tmp_path / "go" / f"{split}.tsv").write_text("".join(f"some words {n}\t{n % 7}\tid{n}\n" for n in range(14)))
    rows = "".join(f"{n},0,A,words {n},{'joy' if n % 2 else 'fear'},{'train' if n < 8 else 'dev'}\n" for n in range(12))
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,emotion,split\n" + rows)

    def stages(run: str, warm_start: str, seeds: int = 1) -> list[str]:
        overrides = [f"text.warm_start={warm_start}", "text.epochs=1", "text.rdrop_weight=1"]
        overrides += ["text.warm_start_batch_size=3"]
        config = load_config("smoke", overrides=overrides, modalities=["text"])
        train(open_corpus(f"table:{tmp_path / 't.csv'}"), tmp_path / run, config, seeds=seeds)
        assert not list((tmp_path / run).rglob("*.checkpoint")) and not (tmp_path / run / "warm").exists()
        return [entry["stage"] for entry in read_log(tmp_path / run)]

    assert stages("asked", f"goemotions:{tmp_path / 'go'}") == ["text on GoEmotions", "text"]
    assert ["loss_disagreement" in entry for entry in read_log(tmp_path / "asked")] == [False, True]
    assert stages("once", f"goemotions:{tmp_path / 'go'}", seeds=2) == ["text on GoEmotions", "text", "text"]
    assert stages("absent", "'goemotions:'") == ["text"]
    (tmp_path / "go").rename(tmp_path / "goemotions")
    assert stages("beside", "'goemotions:'") == ["text on GoEmotions", "text"]
    (tmp_path / "goemotions" / "labels.txt").unlink()
    assert stages("broken", "'goemotions:'") == ["text"]


def sensors(folder: Path, names: str, labels: str) -> str:
    """A pack with a signal of each name, a vector of three an utterance."""
    rng = np.random.default_rng(len(labels))
    folder.mkdir()
    lines = [f"{n},0,A,,{labels.split()[n % 2]},{'train' if n < 8 else 'dev'}" for n in range(12)]
    (folder / "utterances.csv").write_text("\n".join(["dialogue,utterance,speaker,text,emotion,split", *lines]) + "\n")
    for name in names.split():
        np.savez(folder / f"{name}.npz", **{f"{n}/0": rng.normal(0, 1, 3) for n in range(12)})
    return f"pack:{folder}"


def test_a_warm_start_from_a_trained_model(tmp_path: Path) -> None:

    def trained(place: str, run: str, names: str, start: str = "", seeds: int = 1) -> dict[str, torch.Tensor]:
        stage = {
            "encoder": "signal",
            "hidden_size": 4,
            "epochs": 1,
            "learning_rate": 1e-12,
        }  # it ends with what it starts from
        settings = {name: {**stage, "signal": name, "warm_start": start} for name in names.split()}
        config = check_config({"modalities": settings, "seed": len(run), "trainer": {"num_threads": 1}})
        train(open_corpus(place), tmp_path / run, config, seeds=seeds)
        last = tmp_path / run / (f"seed-{seeds - 1}" if seeds > 1 else "") / "model" / "encoders" / names.split()[-1]
        return load_file(last / "model.safetensors")

    def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
        return {
            name
            for name in one
            if one[name].shape == other[name].shape and torch.allclose(one[name], other[name], atol=1e-5)
        }

    first = trained(sensors(tmp_path / "a", "skin pulse", "joy fear"), "first", "skin pulse")
    start = f"model:{tmp_path / 'first' / 'model'}"
    again = trained(sensors(tmp_path / "b", "pulse", "joy fear"), "the second", "pulse", start, seeds=2)
    assert same(first, again) == set(first)  # the one of its own name, for the second seed, too
    other = trained(sensors(tmp_path / "c", "pulse", "high low"), "another", "pulse", start)
    assert same(first, other) == {name for name in first if not name.startswith("emotion.")}
    assert not (tmp_path / "another" / "warm").exists()
    with pytest.raises(RunError, match="not a model folder"):
        trained(f"pack:{tmp_path / 'b'}", "nothing", "pulse", f"model:{tmp_path}")
    with pytest.raises(RunError, match="of networks of the kind spectrogram it has none"):
        find_encoder_tensors(tmp_path / "first" / "model", "audio", "spectrogram", SEVEN)
    with pytest.raises(RunError, match=r"several \(pulse, skin\), none of them named heart"):
        find_encoder_tensors(tmp_path / "first" / "model", "heart", "signal", SEVEN)


def test_a_learned_vocabulary_is_handed_to_no_other_model() -> None:

    with pytest.raises(ConfigError, match="a vocabulary that is learned from the corpus does not fit another model"):
        load_config("smoke", overrides=["text.warm_start=model:x"])
