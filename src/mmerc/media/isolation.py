"""Which process reads a media file: this one, or a decoder process where the caller has asked for one with `use_decoder`.

A file that makes ffmpeg crash, hang or take all memory then ends the decoder, and not the program. The functions that read files are marked with
`isolate` and `isolate_blocks`; their callers need not know.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, runtime_checkable

P = ParamSpec("P")
R = TypeVar("R")


@runtime_checkable
class Decoder(Protocol):
    """Calls the functions of FUNCTIONS in another process."""

    def call(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The result of a function."""

    def iterate(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Iterator[Any]:
        """What a generator yields."""


FUNCTIONS: dict[str, Callable[..., Any]] = {}  # those that a decoder can call, by name
_decoder: ContextVar[Decoder | None] = ContextVar("decoder", default=None)


@contextmanager
def use_decoder(decoder: Decoder | None) -> Iterator[None]:
    """Let this thread or task read files through the decoder in a `with` block."""
    token = _decoder.set(decoder)
    try:
        yield
    finally:
        _decoder.reset(token)


def isolate(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function that reads a file: the decoder in use calls it."""
    name = function.__name__
    FUNCTIONS[name] = function

    @wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        decoder = _decoder.get()
        if decoder is None:
            return function(*arguments, **options)
        result: R = decoder.call(name, arguments, options)
        return result

    return run


def isolate_blocks(function: Callable[P, Iterator[R]]) -> Callable[P, Iterator[R]]:
    """Mark a generator that reads a file: the decoder in use runs it, a step for each value asked for."""
    name = function.__name__
    FUNCTIONS[name] = function

    @wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> Iterator[R]:
        decoder = _decoder.get()
        if decoder is None:
            return function(*arguments, **options)
        return decoder.iterate(name, arguments, options)

    return run
