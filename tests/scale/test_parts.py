from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mmerc.addresses import RemotePath
from mmerc.corpora import Dialogue, Utterance
from mmerc.errors import RunError
from mmerc.inference.inputs import Part, Recording
from mmerc.scale.parts import name_file, open_parts
from mmerc.scale.work import Job, run_here
from tests.object_stores import ObjectStore, ask_for_rights
from tests.scale.jobs import EchoJob


def make_recordings(folder: Path, *names: str) -> list[Part]:
    for name in names:
        (folder / name).write_text(name)
    return [Recording(folder / name) for name in names]


def test_a_job_that_was_stopped_repeats_no_part(tmp_path: Path) -> None:
    parts = make_recordings(tmp_path, "a", "b", "c")
    asked: list[str] = []

    def run(job: Job, some: Sequence[Part]) -> Iterator[tuple[int, bytes]]:
        asked.append("".join(each.file.name for each in some if isinstance(each, Recording)))
        for index, content in run_here(job, some):
            yield index, content
            if len(asked) == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), open_parts(tmp_path / "out", {"n": 1}, parts) as folder:
        folder.compute(EchoJob(), run)
    done: list[int] = []
    with open_parts(tmp_path / "out", {"n": 1}, parts) as folder:
        folder.compute(EchoJob(), run, done.append)
        assert [file.read_bytes()[:1] for file in folder.files] == [b"a", b"b", b"c"]
        folder.compute(EchoJob(), run)
        folder.remove()
    assert asked == ["abc", "bc"] and done == [1, 2, 3]
    assert not (tmp_path / "out.parts").exists()


def test_parts_of_another_job_or_another_process_are_refused(tmp_path: Path) -> None:
    parts = make_recordings(tmp_path, "a")
    with open_parts(tmp_path / "out", {"model": "1", "input": "x"}, parts) as folder:
        folder.compute(EchoJob(), run_here)
        with (
            pytest.raises(RunError, match="another process works on"),
            open_parts(tmp_path / "out", {"model": "1", "input": "x"}, parts),
        ):
            pass
    with (
        pytest.raises(RunError, match="computed with another model: delete it"),
        open_parts(tmp_path / "out", {"model": "2", "input": "x"}, parts),
    ):
        pass


def test_a_part_that_changes_gets_another_file(tmp_path: Path) -> None:
    (part,) = make_recordings(tmp_path, "talk one.mp4")
    before = name_file(part)
    assert before.startswith("talk-one-mp4-") and name_file(part) == before
    (tmp_path / "talk one.mp4").write_text("another recording")
    assert name_file(part) != before
    assert name_file(Recording(tmp_path / "absent.mp4")).startswith("absent-mp4-")
    said = [Dialogue("dev", 1, (Utterance("dev", 1, 0, text=text),)) for text in ("Yes.", "No.")]
    assert len({name_file(each) for each in said}) == 2


def test_another_machine_continues_with_the_parts_at_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, out = make_recordings(tmp_path, "a", "b", "c"), RemotePath("memory://parts/rows.csv")
    asked: list[int] = []

    def run(job: Job, some: Sequence[Part]) -> Iterator[tuple[int, bytes]]:
        asked.append(len(some))
        for index, content in run_here(job, some):
            if len(asked) == 1 and index == 2:
                raise KeyboardInterrupt
            yield index, content

    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "one"))
    with pytest.raises(KeyboardInterrupt), open_parts(out, {"model": "1"}, parts) as folder:
        folder.compute(EchoJob(), run)
    copies = RemotePath("memory://parts/rows.csv.parts")
    assert sorted(each.name for each in copies.iterdir()) == sorted(
        [*(file.name for file in folder.files[:2]), "job.json"]
    )
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "two"))
    with (
        pytest.raises(RunError, match="memory://parts/rows.csv.parts holds parts .* another model"),
        open_parts(out, {"model": "2"}, parts),
    ):
        pass
    with open_parts(out, {"model": "1"}, parts) as folder:
        folder.compute(EchoJob(), run)
        assert [file.read_bytes()[:1] for file in folder.files] == [b"a", b"b", b"c"]
        folder.remove()
    assert asked == [3, 1] and not copies.exists() and not list((tmp_path / "two" / "outputs").iterdir())


def test_a_part_that_cannot_be_uploaded_is_one_sentence(
    s3: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMERC_CACHE", str(tmp_path / "cache"))
    parts, out = make_recordings(tmp_path, "a", "b"), RemotePath("s3://bucket/parts/rows.csv")
    with (
        open_parts(out, {}, parts) as folder,
        ask_for_rights(s3),
        pytest.raises(
            RunError, match="s3://bucket/parts/rows.csv.parts/a-.* cannot be written .no rights .* run the same command"
        ),
    ):
        folder.compute(EchoJob(), run_here)
    assert folder.files[0].exists()
