import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmerc.corpora.download import CATALOGUE
from tests.cli.run import run
from tests.corpora.download.published import list_paths, make_entry
from tests.file_server import FileServer, serve_files


def test_corpus_check_as_json_and_as_a_table(small_corpus: Path) -> None:
    counted = json.loads(run("corpus", "check", f"meld:{small_corpus}", "--json").stdout)
    assert counted["splits"]["train"]["utterances"] == 12
    assert all(problem["kind"] in ("audio", "clip") for problem in counted["problems"])
    shown = run("corpus", "check", f"meld:{small_corpus}")
    assert shown.exit_code == 0 and "utterances" in shown.stdout and "surprise" in shown.stdout


@pytest.mark.realdata
def test_corpus_check_on_meld(real_data: Path) -> None:
    counted = json.loads(run("corpus", "check", f"meld:{real_data / 'meld'}", "--json").stdout)
    assert [counted["splits"][split]["utterances"] for split in ("train", "dev", "test")] == [9989, 1109, 2610]
    assert len(counted["problems"]) == 4


def test_what_is_wrong_everywhere_is_one_line(tmp_path: Path) -> None:
    rows = "".join(f"{n},0,A,x,0:00:0{n % 9}.5,0:00:00.1,{n}.mp4\n" for n in range(1, 13))
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,start,end,clip\n" + rows)
    shown = run("corpus", "check", f"table:{tmp_path / 't.csv'}").stdout
    assert "and 11 more" in shown and "(no label)" in shown and "… s before it starts; left empty" in shown


def test_what_a_user_wrote_is_shown_as_it_was_written() -> None:
    assert run("corpus", "check", "meld:x").stderr == "error: meld:x: there is nothing at x: check the path.\n"


@pytest.mark.parametrize("locale", [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_output_is_utf8_whatever_the_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    rows = "1,0,Ann,a,高兴\n1,1,Ann,a,悲\n1,2,Ann,a,高兴/悲\n"
    (tmp_path / "t.csv").write_text("dialogue,utterance,speaker,text,emotion\n" + rows, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "mmerc", "corpus", "check", f"table:{tmp_path / 't.csv'}"],
        env={**os.environ, **locale},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0
    assert "│ 高兴" in result.stdout.decode("utf-8")
    assert 'the label "高兴/悲" (1 of 3) names several emotions' in result.stderr.decode("utf-8")


def test_the_catalogue_is_shown_with_licences_and_addresses() -> None:
    shown = run("corpus", "fetch")
    assert shown.exit_code == 0
    for text in ("ravdess", "CC BY-NC-SA 4.0", "208.5", "https://zenodo.org/records/1188976", "sail.usc.edu/iemocap"):
        assert text in shown.stdout


def test_a_licence_is_shown_before_it_is_accepted(tmp_path: Path) -> None:
    shown = run("corpus", "fetch", "ravdess", "goemotions", "--to", tmp_path)
    assert shown.exit_code == 2 and list(tmp_path.iterdir()) == []
    assert (
        shown.stderr
        == "error: the licence is not accepted yet: read it, and run the command again with --accept-licence.\n"
    )
    for text in (
        "licence   CC BY-NC-SA 4.0\n",
        "citation  Livingstone and Russo 2018",
        "download  4.4 MB",
        "source    https://",
    ):
        assert text in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ravdess"], "error: the folder for the corpora is not given: add --to DIR."),
        (
            ["friends", "--to", "x"],
            'error: "friends" is not in the catalogue of corpora: choose from meld, goemotions,',
        ),
        (
            ["ravdess", "savee", "--to", "x"],
            "error: savee cannot be fetched. It has no public address: register at http",
        ),
    ],
)
def test_what_cannot_be_fetched_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = run("corpus", "fetch", *arguments, "--accept-licence")
    assert shown.exit_code == 2 and shown.stderr.startswith(sentence) and list(tmp_path.iterdir()) == []


def test_fetched_corpora_are_printed_as_other_commands_take_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_files(FileServer(list_paths("meld") | list_paths("emodb"))) as server:
        for kind in ("meld", "emodb"):
            monkeypatch.setitem(CATALOGUE, kind, make_entry(kind, server.url))
        shown = run("corpus", "fetch", "emodb", "meld", "emodb", "--to", tmp_path, "--accept-licence")
    assert shown.exit_code == 0 and shown.stdout == f"emodb:{tmp_path}/emodb\nmeld:{tmp_path}/meld\n"
    again = run("corpus", "fetch", "meld", "--to", tmp_path)  # it is there: there is nothing to accept
    assert again.stdout == f"meld:{tmp_path}/meld\n"
    counted = json.loads(run("corpus", "check", f"meld:{tmp_path / 'meld'}", "--json").stdout)
    assert counted["splits"]["train"]["utterances"] == 1
