from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmerc import config
from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.errors import RunError
from mmerc.training.run import alone_in, corpus_fingerprint, environment, give_up, open_run, read_config, seed_folders
from mmerc.training.settings import RunConfig, check


def corpus(text: str = "hello") -> Corpus:
    turn = Utterance("train", 0, 0, "A", text, emotion="joy")
    return Corpus("c", SEVEN, {"train": (Dialogue("train", 0, (turn,)),)})


def smoke(*overrides: str) -> RunConfig:
    return check(config.load("smoke", None, list(overrides)))


def test_a_run_is_opened_and_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        open_run(tmp_path / "run", smoke(), corpus(), "meld:x", 3)
    assert read_config(tmp_path / "run") == (smoke(), f"meld:{Path.cwd() / 'x'}", 3)  # found from every folder


def test_another_configuration_is_refused_with_the_first_difference(tmp_path: Path) -> None:
    open_run(tmp_path / "run", smoke(), corpus(), "meld:x", 1)
    with pytest.raises(RunError, match=r"text.epochs is 2 there and 5 here"):
        open_run(tmp_path / "run", smoke("text.epochs=5"), corpus(), "meld:x", 1)
    open_run(tmp_path / "run", smoke(), corpus(), "meld:x", 3)  # the two others are trained beside the first
    with pytest.raises(RunError, match="seeds is 3 there and 2 here"):
        open_run(tmp_path / "run", smoke(), corpus(), "meld:x", 2)
    open_run(tmp_path / "run", smoke("trainer.devices=2"), corpus(), "meld:elsewhere", 3)  # changes no number
    assert read_config(tmp_path / "run")[1] == f"meld:{Path.cwd() / 'elsewhere'}"  # where the corpus is now


def test_a_run_that_was_given_up_makes_room_for_another(tmp_path: Path) -> None:
    run = tmp_path / "run"
    open_run(run, smoke("text.epochs=5"), corpus(), "meld:x", 1)
    (run / "inputs").mkdir()
    with pytest.raises(RunError, match="another configuration"):  # it may have read for hours
        open_run(run, smoke(), corpus(), "meld:x", 1)
    open_run(run, smoke("text.epochs=5"), corpus(), "meld:x", 1)
    assert (run / "inputs").is_dir()
    give_up(run)
    open_run(run, smoke(), corpus("other words"), "meld:x", 2)
    assert read_config(run)[::2] == (smoke(), 2) and not (run / "inputs").exists()
    (run / "encoders").mkdir()
    give_up(run)  # it has trained: it stays what it is
    assert read_config(run)[0] == smoke()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(RunError, match="is being trained by another process"), alone_in(tmp_path):
        pass
    with alone_in(tmp_path):
        pass


def test_a_run_that_was_killed_while_it_was_opened_is_opened(tmp_path: Path) -> None:
    for number, left in enumerate(([".partial-environment.json-1"], [".partial-config.yaml-1", "environment.json"])):
        run = tmp_path / str(number)
        open_run(run, smoke(), corpus(), "meld:x", 1)
        for file in ("config.yaml", "environment.json"):
            if file not in left:
                (run / file).rename(run / left[0])
        open_run(run, smoke(), corpus(), "meld:x", 1)
        assert read_config(run)[0] == smoke()


def test_another_corpus_is_refused(tmp_path: Path) -> None:
    open_run(tmp_path / "run", smoke(), corpus(), "meld:x", 1)
    with pytest.raises(RunError, match="another corpus"):
        open_run(tmp_path / "run", smoke(), corpus("other words"), "meld:x", 1)


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(RunError, match="is not a run folder"):
        open_run(tmp_path, smoke(), corpus(), "meld:x", 1)
    (tmp_path / "thesis.doc").unlink()
    (tmp_path / "inputs").mkdir()
    for file, content in (("environment.json", '{"versions": 1, "corpus": 2}'), ("config.yaml", "trainer: 5")):
        (tmp_path / file).write_text(content)  # they bear our names
        with pytest.raises(RunError):
            open_run(tmp_path, smoke(), corpus(), "meld:x", 1)
        assert (tmp_path / file).read_text() == content and (tmp_path / "inputs").is_dir()


def test_fingerprints_see_texts_and_clips() -> None:
    assert corpus_fingerprint(corpus()) == corpus_fingerprint(corpus())
    assert corpus_fingerprint(corpus()) != corpus_fingerprint(corpus("bye"))
    turn = next(corpus().utterances("train"))
    told = {
        corpus_fingerprint(Corpus("c", SEVEN, {"train": (Dialogue("train", 0, (replace(turn, signals=signals),)),)}))
        for signals in ({}, {"face": b"jpeg"}, {"pulse": np.ones(2)}, {"pulse": np.zeros(2)}, {"skin": np.ones(2)})
    }
    assert len(told) == 5


def test_seeds_and_environment(tmp_path: Path) -> None:
    assert seed_folders(tmp_path, 1) == [tmp_path]
    assert [folder.name for folder in seed_folders(tmp_path, 2)] == ["seed-0", "seed-1"]
    assert environment()["versions"]["torch"].startswith("2.")


def test_modalities_that_differ_are_named_not_printed(tmp_path: Path) -> None:
    open_run(tmp_path / "run", smoke(), corpus(), "meld:x", 1)
    words = check(config.load("smoke", None, []), only=["text"])
    with pytest.raises(RunError, match=r"configuration \(audio is there and not here\)"):
        open_run(tmp_path / "run", words, corpus(), "meld:x", 1)
