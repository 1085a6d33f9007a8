"""Running a command of mmerc as a user does."""

from typer.testing import CliRunner, Result

from mmerc.cli import app


def run(*arguments: object) -> Result:
    """The result of `mmerc ARGUMENTS`."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])
