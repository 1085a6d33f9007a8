"""Packages whose public names are imported on first use, because torch behind them takes longer to import than all of mmerc."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from mmerc.extras import explain_missing


def make_getattr(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package. `modules`: the module of each public name.

    Where a name needs an extra that is not installed, the ModuleNotFoundError says which.

    >>> make_getattr("media", {"Fraction": "fractions"})("Fraction")
    <class 'fractions.Fraction'>
    """

    def __getattr__(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(import_module(modules[name]), name)
        except ModuleNotFoundError as error:
            sentence = explain_missing(error, f"{package}.{name}")
            if sentence is None:
                raise
            raise ModuleNotFoundError(sentence, name=error.name) from error

    return __getattr__
