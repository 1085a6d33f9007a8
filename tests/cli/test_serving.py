import socket
from pathlib import Path

from tests.cli.run import run


def test_a_port_that_is_taken_is_one_sentence(small_run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", small_run / "model", "--port", taken.getsockname()[1])
    assert result.exit_code == 2 and "choose another --port" in result.stderr and "http://" not in result.stderr


def test_a_wrong_limit_host_or_prefix_is_one_sentence(small_run: Path) -> None:
    for option, value, sentence in (
        ("--limit", "max_jobs", "write it as NAME=NUMBER"),
        ("--limit", "max_job=3", 'did you mean "max_jobs"'),
        ("--root-path", "emotions", "begin it with a slash"),
        ("--token", " x", "begins or ends with a space"),
    ):
        result = run("serve", small_run / "model", option, value)
        assert result.exit_code == 2 and sentence in result.stderr, (option, result.stderr)
