from itertools import pairwise
from pathlib import Path

import pytest

from mmerc import load_config
from mmerc.config import PRESETS, apply_overrides, read_settings
from mmerc.errors import ConfigError


def test_overrides_reach_into_sections_and_keep_yaml_types() -> None:
    settings = apply_overrides(
        read_settings("compact", None), ["text.epochs=1", "fusion.dropout=0.5", "text.backbone=some/name"]
    )
    assert settings["modalities"]["text"]["epochs"] == 1
    assert settings["fusion"]["dropout"] == 0.5
    assert settings["modalities"]["text"]["backbone"] == "some/name"
    longer = apply_overrides(read_settings("compact", None), ["modalities.text.epochs=1"])
    assert longer["modalities"]["text"]["epochs"] == 1 and "text" not in longer


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid(preset: str) -> None:
    assert set(load_config(preset).modalities) == {"text", "audio", "face"}


@pytest.mark.parametrize("override", ["text.epochs", "=3", "text..epochs=3", "text.epochs.more=3", "seed.x=[", "a={"])
def test_a_malformed_override(override: str) -> None:
    with pytest.raises(ConfigError, match="override|leads through|not valid YAML"):
        apply_overrides(read_settings("compact", None), [override])


def test_an_unreadable_file_and_an_unknown_preset(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(None, tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="choose one of compact, base, paper, demo, smoke"):
        read_settings("papers", None)
    (tmp_path / "list.yaml").write_text("- a\n- b\n")
    with pytest.raises(ConfigError, match="mapping"):
        read_settings(None, tmp_path / "list.yaml")
    (tmp_path / "keys.yaml").write_text("1: a\n")
    with pytest.raises(ConfigError, match="the key 1, which is not text"):
        read_settings(None, tmp_path / "keys.yaml")


def test_a_file_replaces_the_preset(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("modalities:\n  words: {encoder: bert, epochs: 7}\n")
    config = load_config(file=tmp_path / "mine.yaml", overrides=["words.epochs=8"])
    assert list(config.modalities) == ["words"] and config.modalities["words"].epochs == 8


def test_another_encoder_starts_from_its_own_defaults_whatever_the_order() -> None:
    settings = apply_overrides(read_settings("compact", None), ["audio.epochs=3", "audio.encoder=wavernn"])
    assert settings["modalities"]["audio"] == {"encoder": "wavernn", "epochs": 3}
    assert load_config("compact", None, ["audio.encoder=wavernn"]).modalities["audio"].encoder == "wavernn"
    same = apply_overrides(read_settings("compact", None), ["text.encoder=dialogue"])
    assert same["modalities"]["text"]["join_probability"] == 0.6
    assert load_config("compact", None, ["text.encoder=gpt"]).modalities["text"].backbone == "openai-gpt"  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r'the setting "audio.signal" is missing: give it a value\.'):
        load_config("compact", None, ["audio.encoder=signal"])


def test_a_file_extends_a_preset_or_another_file(tmp_path: Path) -> None:
    (tmp_path / "first.yaml").write_text("extends: compact\nfusion: {dropout: 0.4}\nmodalities: {face: {epochs: 3}}\n")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "second.yaml").write_text(
        "extends: ../first.yaml\nseed: 5\nmodalities: {audio: {encoder: wavernn}, pulse: {encoder: signal}}\n"
    )
    compact, second = read_settings("compact", None), read_settings(None, tmp_path / "in" / "second.yaml")
    assert second["modalities"] == compact["modalities"] | {
        "face": compact["modalities"]["face"] | {"epochs": 3},
        "audio": {"encoder": "wavernn"},  # the settings of another network are dropped
        "pulse": {"encoder": "signal"},
    }
    assert second["fusion"] == compact["fusion"] | {"dropout": 0.4}
    assert (second["seed"], second["calibration"], "extends" in second) == (5, "dev", False)


def test_base_extends_compact_by_larger_networks() -> None:
    base, compact = read_settings("base", None), read_settings("compact", None)
    assert base["fusion"] == compact["fusion"]
    assert [settings["modalities"]["face"]["backbone"] for settings in (compact, base)] == ["cnn", "resnet"]
    assert base["modalities"]["face"]["detector"] == compact["modalities"]["face"]["detector"] == "yunet"
    texts = [settings["modalities"]["text"] for settings in (compact, base)]
    assert [text["encoder"] for text in texts] == ["dialogue", "dialogue"]
    assert [text["backbone"] for text in texts] == ["minilm", "mpnet"]
    assert [text["rdrop_weight"] for text in texts] == [1.0, 0]  # twice the time, and no gain on MPNet


def test_what_a_file_cannot_extend(tmp_path: Path) -> None:
    for name, base in (("a", "b.yaml"), ("b", "a.yaml"), ("c", "papers"), ("d", "[compact]"), ("e", "")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {base}\n")
    with pytest.raises(ConfigError, match=r"a\.yaml extends .*b\.yaml extends .*a\.yaml: remove one of these lines"):
        read_settings(None, tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match='c.yaml extends "papers", which is neither a preset .* nor a file'):
        read_settings(None, tmp_path / "c.yaml")
    for name in ("d", "e"):
        with pytest.raises(ConfigError, match='"extends" in .* give the name of a preset or of a YAML file'):
            read_settings(None, tmp_path / f"{name}.yaml")


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        ("extends: *p", r'"extends" in .*bomb.yaml is \[\[\['),
        ("extends: smoke\nseed: *p", r'the setting "seed" is \[\[\['),
        ("extends: smoke\nmodalities: {text: *p}", r'"modalities.text" is \[\[\['),
    ],
)
def test_a_few_lines_that_stand_for_very_many_values_are_one_sentence(tmp_path: Path, last: str, sentence: str) -> None:
    names = "abcdefghijklmnop"  # 9^16 values
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)]
    file = tmp_path / "bomb.yaml"
    file.write_text("\n".join([*lines, last]))
    with pytest.raises(ConfigError, match=sentence):
        load_config(file=file)
