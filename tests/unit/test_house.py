"""The house's own measures, taken from the sources: short functions, short files, words for everything public.

Leaves style to ruff, types to mypy and imports to import-linter.
"""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("observatory", "catalogue", "syncer", "verifier", "converters", "reports", "nightferry")
MODULES = sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))
AROUND = sorted(path for folder in ("tests", "benchmarks") for path in (REPOSITORY / folder).rglob("*.py"))
MOST_LINES_OF_A_FILE = 450
MEDIAN_LINES_OF_A_FUNCTION = 10

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef


def name_of(path: Path) -> str:
    """Return a module's path as a person would write it."""
    return path.relative_to(REPOSITORY).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield every function and method, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines_of(function: Function) -> int:
    """Count the lines of a function's body, its docstring left out: words cost nobody anything."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def public(tree: ast.Module) -> Iterator[Documented]:
    """Yield the public classes and functions of a module."""
    return (node for node in tree.body if isinstance(node, Documented) and not node.name.startswith("_"))


def test_there_is_a_house_to_measure() -> None:
    """The measures below cannot pass because nothing was found."""
    assert len(MODULES) >= len(PACKAGES)


def test_the_median_function_is_short() -> None:
    """Half of all functions are shorter than ten lines: each does one thing."""
    lengths = [lines_of(function) for path in MODULES for function in functions(ast.parse(path.read_text()))]
    assert statistics.median(lengths) < MEDIAN_LINES_OF_A_FUNCTION


def test_no_test_file_became_two_things() -> None:
    """Tests are read as often as what they test."""
    long = [name_of(path) for path in AROUND if len(path.read_text().splitlines()) > MOST_LINES_OF_A_FILE]
    assert AROUND and long == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_file_became_two_things(path: Path) -> None:
    """A file that grows beyond what one can read in a sitting is two files."""
    assert len(path.read_text().splitlines()) <= MOST_LINES_OF_A_FILE


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    """The first line says what a file is for, and is a sentence."""
    words = ast.get_docstring(ast.parse(path.read_text()))
    assert words is not None
    assert len(words.splitlines()[0]) > 10


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_public_says_what_it_promises(path: Path) -> None:
    """No public class or function without its docstring; methods that keep a contract have the contract's."""
    silent = [node.name for node in public(ast.parse(path.read_text())) if ast.get_docstring(node) is None]
    assert silent == []
