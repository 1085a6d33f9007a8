from typing import Any

import pytest
import typer

from mmerc import __version__
from mmerc.cli import app
from tests.cli.run import run


def verbs(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The command itself and every verb under it, as the words that call them."""
    return [
        path,
        *(verb for name, child in getattr(command, "commands", {}).items() for verb in verbs(child, (*path, name))),
    ]


@pytest.mark.parametrize("verb", verbs(typer.main.get_command(app)), ids=" ".join)
def test_every_verb_explains_itself(verb: tuple[str, ...]) -> None:
    result = run(*verb, "--help")
    assert result.exit_code == 0
    words = result.stdout.split()  # Usage: PROGRAM VERB ...
    assert words[0] == "Usage:" and tuple(words[2 : 2 + len(verb)]) == verb


def test_the_list_of_verbs_is_complete() -> None:
    assert {"train", "serve", "corpus check", "weights fetch"} <= {
        " ".join(verb) for verb in verbs(typer.main.get_command(app))
    }


def test_the_version() -> None:
    result = run("--version")
    assert result.exit_code == 0 and result.stdout == f"mmerc {__version__}\n"
