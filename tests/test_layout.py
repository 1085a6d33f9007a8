"""The shape of the repository: where tests are, what they contain, and which module may import which."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "mmerc"
TESTS = ROOT / "tests"
# Modules without a test module. Write the reason after each: this list should stay empty.
WITHOUT_TESTS: frozenset[str] = frozenset()
ASSERTING_CALLS = {"fail", "raises", "warns"}  # of pytest; assert_allclose and the like are found by their name


def test_every_source_module_has_a_test_module() -> None:
    modules = {path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if not path.name.startswith("__")}
    missing = {path.as_posix() for path in modules if not (TESTS / path.with_name(f"test_{path.name}")).is_file()}
    untested = sorted(missing - WITHOUT_TESTS)
    assert not untested, f"no test module for {', '.join(untested)}"
    outdated = sorted(WITHOUT_TESTS - missing)
    assert not outdated, f"remove from WITHOUT_TESTS: {', '.join(outdated)}"


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: path.relative_to(TESTS).as_posix())
def test_every_test_asserts_something(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    helpers = {name for name, node in functions.items() if not name.startswith("test_") and has_assertion(node, set())}
    tests = {name: node for name, node in functions.items() if name.startswith("test_")}
    assert [name for name, node in tests.items() if not has_assertion(node, helpers)] == []


def test_there_is_no_import_cycle() -> None:
    graph = grimp.build_graph("mmerc", cache_dir=None)
    # The package itself loads its public names when they are first used: what it names is no import.
    modules = graph.modules - {"mmerc"}
    assert len(modules) > 80
    check_no_cycle({module: graph.find_modules_directly_imported_by(module) & modules for module in modules})


def test_a_cycle_is_found() -> None:
    check_no_cycle({"a": {"b"}, "b": {"c"}, "c": set()})
    with pytest.raises(AssertionError, match="a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c"):
        check_no_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_benchmarks_do_not_need_the_tests(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [name for name in imported_modules(tree) if name.split(".")[0] == "tests"] == []


def has_assertion(function: ast.AST, helpers: set[str]) -> bool:
    """Whether the function asserts, or calls pytest, numpy or one of `helpers` to do so."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ASSERTING_CALLS | helpers or name.startswith("assert_"):
                return True
    return False


def check_no_cycle(imports: dict[str, set[str]]) -> None:
    """Raises AssertionError: a module imports itself through others; the message names one such path."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        # graphlib lists a module before those that import it.
        raise AssertionError(f"import cycle: {' -> '.join(reversed(error.args[1]))}") from None


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """The names of all modules that the code imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
