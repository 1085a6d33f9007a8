import pytest

from tests.cli.run import run


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("train", ("--set", "--labels", "--map", "--fusions", "--seeds", "--modalities")),
        ("evaluate", ("--on", "--robustness", "--json")),
        ("predict", ("--transcript", "--transcribe", "--audio-track", "--backend", "--html", "--explain")),
        (
            "serve",
            ("--allowed-host", "--allowed-origin", "--root-path", "--limit", "--token", "--backend", "--speakers"),
        ),
        ("export", ("--onnx", "--int8", "--check", "--json")),
    ],
)
def test_options_of_each_verb(verb: str, options: tuple[str, ...]) -> None:
    shown = run(verb, "--help").stdout
    assert [option for option in options if option not in shown] == []
