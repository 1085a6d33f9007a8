from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmerc.media import isolation
from mmerc.media.isolation import FUNCTIONS, isolate, isolate_blocks, use_decoder


class Elsewhere:
    """A decoder that only says what it was asked for."""

    def call(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return name, arguments, options

    def iterate(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Iterator[Any]:
        yield self.call(name, arguments, options)


def test_a_function_runs_here_or_where_the_caller_says(monkeypatch: Any) -> None:
    monkeypatch.setattr(isolation, "FUNCTIONS", dict(FUNCTIONS))

    @isolate
    def measure(path: Path, *, scale: float = 1.0) -> float:
        return scale

    @isolate_blocks
    def count(path: Path) -> Iterator[int]:
        yield 1

    assert measure(Path("a")) == 1.0 and list(count(Path("a"))) == [1]
    with use_decoder(Elsewhere()):
        assert measure(Path("a"), scale=2.0) == ("measure", (Path("a"),), {"scale": 2.0})
        assert list(count(Path("a"))) == [("count", (Path("a"),), {})]
        with use_decoder(None):
            assert measure(Path("a")) == 1.0
    assert measure(Path("a")) == 1.0
    assert isolation.FUNCTIONS["measure"](Path("a"), scale=3.0) == 3.0


def test_all_that_a_service_reads_of_a_file_is_isolated() -> None:
    names = {"read_waveform", "read_waveform_blocks", "read_frames", "read_frames_at", "measure_duration"}
    assert names | {"is_longer_than"} <= set(FUNCTIONS)
