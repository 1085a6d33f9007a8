import errno
import subprocess
import sys
from pathlib import Path

import pytest

from mmerc import config
from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.errors import RunError
from mmerc.training.run_config import RunConfig, check
from mmerc.training.run_folder import read_config
from mmerc.training.run_lock import alone_in, give_up, open_run


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

    def opened(text: str, *overrides: str) -> bool:
        """Whether what it had read is still there."""
        with alone_in(run):
            open_run(run, smoke(*overrides), corpus(text), "meld:x", 1)
        return (run / "inputs").is_dir()

    opened("hello", "text.epochs=5")
    (run / "inputs").mkdir()
    with pytest.raises(RunError, match="another configuration"):  # it may have read for hours
        opened("hello")
    for _ in range(2):  # the same again, given up or not
        assert opened("hello", "text.epochs=5")
        give_up(run)
    assert not opened("other words", "text.epochs=5")
    assert sorted(path.name for path in run.iterdir() if path.name != ".lock") == ["config.yaml", "environment.json"]
    (run / "encoders").mkdir()
    give_up(run)  # it has trained: it stays what it is
    assert read_config(run)[0] == smoke("text.epochs=5")


def test_one_process_at_a_time_and_nothing_is_changed_by_another(tmp_path: Path) -> None:
    run = tmp_path / "run"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(run)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "in\n"
    with pytest.raises(RunError, match="is being trained by another process"), alone_in(run):
        pass
    other.communicate("go\n", timeout=20)
    with alone_in(run), alone_in(run):  # who is in may ask again
        assert run.is_dir()


HOLDING = """
import sys
from pathlib import Path
from mmerc.training.run_lock import alone_in
with alone_in(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(("error", "refused"), [(errno.ENOLCK, False), (errno.EOPNOTSUPP, False), (errno.EIO, True)])
def test_file_systems_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, refused: bool) -> None:
    def acquire(self: object, timeout: float) -> None:
        raise OSError(error, "no locks here")

    monkeypatch.setattr("filelock.BaseFileLock.acquire", acquire)
    if refused:
        with pytest.raises(RunError, match=r"cannot be written \(no locks here\)"), alone_in(tmp_path / "run"):
            pass
    else:
        with alone_in(tmp_path / "run"):
            open_run(tmp_path / "run", smoke(), corpus(), "meld:x", 1)


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
    with pytest.raises(RunError, match="is not a run folder"), alone_in(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]
    (tmp_path / "thesis.doc").unlink()
    (tmp_path / "inputs").mkdir()
    for file, content in (("environment.json", '{"versions": 1, "corpus": 2}'), ("config.yaml", "trainer: 5")):
        (tmp_path / file).write_text(content)  # they bear our names
        with pytest.raises(RunError), alone_in(tmp_path):
            open_run(tmp_path, smoke(), corpus(), "meld:x", 1)
        assert (tmp_path / file).read_text() == content and (tmp_path / "inputs").is_dir()


def test_modalities_that_differ_are_named_not_printed(tmp_path: Path) -> None:
    open_run(tmp_path / "run", smoke(), corpus(), "meld:x", 1)
    words = check(config.load("smoke", None, []), only=["text"])
    with pytest.raises(RunError, match=r"configuration \(audio is there and not here\)"):
        open_run(tmp_path / "run", words, corpus(), "meld:x", 1)
