import errno
import subprocess
import sys
from pathlib import Path

import pytest

from mmerc import load_config
from mmerc.corpora import Corpus, Dialogue, Utterance
from mmerc.emotions import SEVEN
from mmerc.errors import RunError
from mmerc.training.run_config import RunConfig
from mmerc.training.run_folder import read_run
from mmerc.training.run_lock import lock_run, open_run, release_folder


def corpus(text: str = "hello", location: str = "meld:/x") -> Corpus:
    utterance = Utterance("train", 0, 0, "A", text, emotion="joy")
    return Corpus("c", SEVEN, {"train": (Dialogue("train", 0, (utterance,)),)}, location=location)


def smoke(*overrides: str) -> RunConfig:
    return load_config("smoke", overrides=overrides)


def test_a_run_is_opened_and_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        open_run(tmp_path / "run", smoke(), corpus(), 3)
    run = read_run(tmp_path / "run")
    assert (run.config, run.location, run.seeds) == (smoke(), "meld:/x", 3)


def test_another_configuration_is_refused_with_the_first_difference(tmp_path: Path) -> None:
    open_run(tmp_path / "run", smoke(), corpus(), 1)
    with pytest.raises(RunError, match=r"modalities.text.epochs is 2 in the folder and 5 now"):
        open_run(tmp_path / "run", smoke("text.epochs=5"), corpus(), 1)
    open_run(tmp_path / "run", smoke(), corpus(), 3)  # more seeds are trained in addition
    with pytest.raises(RunError, match="seeds is 3 in the folder and 2 now"):
        open_run(tmp_path / "run", smoke(), corpus(), 2)
    open_run(tmp_path / "run", smoke("trainer.devices=2"), corpus(location="meld:/y"), 3)  # changes no number
    assert read_run(tmp_path / "run").location == "meld:/y"


def test_a_run_that_was_given_up_leaves_its_folder_to_another(tmp_path: Path) -> None:
    run = tmp_path / "run"

    def open_keeps_inputs(text: str, *overrides: str) -> bool:
        with lock_run(run):
            open_run(run, smoke(*overrides), corpus(text), 1)
        return (run / "inputs").is_dir()

    open_keeps_inputs("hello", "text.epochs=5")
    (run / "inputs").mkdir()
    with pytest.raises(RunError, match="another configuration"):  # preparing inputs may have taken hours
        open_keeps_inputs("hello")
    for _ in range(2):  # the same run again, given up or not
        assert open_keeps_inputs("hello", "text.epochs=5")
        release_folder(run)
    assert not open_keeps_inputs("other words", "text.epochs=5")
    assert sorted(path.name for path in run.iterdir() if path.name != ".lock") == ["config.yaml", "environment.json"]
    (run / "encoders").mkdir()
    release_folder(run)  # it has trained, so it stays a run
    assert read_run(run).config == smoke("text.epochs=5")


HOLD_LOCK = """
import sys
from pathlib import Path
from mmerc.training.run_lock import lock_run
with lock_run(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.readline()
"""


def test_one_process_at_a_time_trains_in_a_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(run)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "locked\n"
    with pytest.raises(RunError, match="is being trained by another process"), lock_run(run):
        pass
    other.communicate("go\n", timeout=20)
    with lock_run(run), lock_run(run):  # it may be nested in one process
        assert run.is_dir()


@pytest.mark.parametrize(("error", "is_refused"), [(errno.ENOLCK, False), (errno.EOPNOTSUPP, False), (errno.EIO, True)])
def test_file_systems_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, is_refused: bool
) -> None:
    def acquire(self: object, timeout: float) -> None:
        raise OSError(error, "no locks here")

    monkeypatch.setattr("filelock.BaseFileLock.acquire", acquire)
    if is_refused:
        with pytest.raises(RunError, match=r"cannot be written \(no locks here\)"), lock_run(tmp_path / "run"):
            pass
    else:
        with lock_run(tmp_path / "run"):
            open_run(tmp_path / "run", smoke(), corpus(), 1)
        assert read_run(tmp_path / "run").seeds == 1


def test_a_run_that_was_killed_while_it_was_opened_is_opened(tmp_path: Path) -> None:
    for number, left in enumerate(([".partial-environment.json-1"], [".partial-config.yaml-1", "environment.json"])):
        run = tmp_path / str(number)
        open_run(run, smoke(), corpus(), 1)
        for file in ("config.yaml", "environment.json"):
            if file not in left:
                (run / file).rename(run / left[0])
        open_run(run, smoke(), corpus(), 1)
        assert read_run(run).config == smoke()


def test_another_corpus_is_refused(tmp_path: Path) -> None:
    open_run(tmp_path / "run", smoke(), corpus(), 1)
    with pytest.raises(RunError, match="another corpus"):
        open_run(tmp_path / "run", smoke(), corpus("other words"), 1)


def test_a_folder_that_is_no_run_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(RunError, match="is not a run folder"), lock_run(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]
    (tmp_path / "thesis.doc").unlink()
    (tmp_path / "inputs").mkdir()
    for file, content in (("environment.json", '{"versions": 1, "corpus": 2}'), ("config.yaml", "trainer: 5")):
        (tmp_path / file).write_text(content)  # files of another program with our names
        with pytest.raises(RunError), lock_run(tmp_path):
            open_run(tmp_path, smoke(), corpus(), 1)
        assert (tmp_path / file).read_text() == content and (tmp_path / "inputs").is_dir()


def test_a_modality_that_only_one_of_them_has_is_named(tmp_path: Path) -> None:
    open_run(tmp_path / "run", smoke(), corpus(), 1)
    with pytest.raises(RunError, match=r"configuration \(modalities.audio is in the folder only\)"):
        open_run(tmp_path / "run", load_config("smoke", modalities=["text"]), corpus(), 1)
