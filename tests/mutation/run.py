"""Changes the code that decides, one place at a time, and counts what the tests notice; writes docs/mutation.md.

`make mutate` calls it. mutmut makes the changes, in a copy of the project in a temporary folder; the checkout stays
as it is. Equal results are what survives: docs/mutation.md says which modules, which tests and how many.
"""

from __future__ import annotations

import collections
import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
PAGE = HERE / "docs" / "mutation.md"
MODULES = (
    "observatory/compare.py",
    "syncer/candidates.py",
    "syncer/plan.py",
    "observatory/nights.py",
    "observatory/names.py",
    "verifier/accepted.py",
    "verifier/by_night.py",
    "verifier/check.py",
    "verifier/fixity.py",
    "verifier/freed.py",
    "verifier/looked.py",
    "verifier/opened.py",
    "verifier/roll.py",
    "verifier/sequence.py",
    "verifier/structure.py",
    "verifier/tally.py",
    "verifier/verdict.py",
    "syncer/freeing.py",
    "syncer/outcome.py",
    "syncer/prune.py",
    "reports/model.py",
    "reports/policy.py",
    "reports/subject.py",
)
_BY_SUBJECT = {
    "": """accepted compare every_branch freeing listing names nights plan prune prune_told_apart records selection
        sequence spelling sync tally told_apart told_apart_more verdict""",
    "verifier/": "check check_kept check_told_apart check_told_on check_unsure freed",
    "reports/": "nights_processed parts policy subject",
}
TESTS = tuple(f"tests/unit/{folder}test_{name}.py" for folder, names in _BY_SUBJECT.items() for name in names.split())
PACKAGES = ("observatory", "syncer", "verifier", "reports", "converters", "catalogue", "nightferry", "tests")
BESIDE = ("instruments.d", "tools")
FORGETFUL = '''

@pytest.fixture(autouse=True)
def _forget() -> None:
    """What was translated before a change must not be remembered after it."""
    from observatory import names

    for known in vars(names).values():
        if hasattr(known, "cache_clear"):
            known.cache_clear()
'''
HEAD = """\
# Mutation run

Made by `make mutate` on {date} with mutmut {version}: every operator, constant and call of these modules is changed,
one at a time, and the unit tests named below are run against each change. A change that no test notices survives.
The whole run is some ten minutes' work of one core.

| module | changes | noticed | survived | noticed |
|--|--|--|--|--|
{rows}

A change that makes a loop run for ever counts as noticed (it ran out of time). The tests named "told apart" and
`tests/unit/reports/test_parts.py` hold what earlier runs found. Among those that survive are changes that only make
something slower (the strides of `_equal_bytes`), that change nothing ("UTF-8" for "utf-8", an order that nobody sees),
or a sentence of an error that no test reads to its end.

Tests: {tests}.
"""


def main() -> None:
    """Copy, change, count, and write the page."""
    with tempfile.TemporaryDirectory(prefix="nightferry-mutation-") as name:
        folder = Path(name)
        prepare(folder)
        environment = {
            **os.environ,
            "NIGHTFERRY_SHARED": os.environ.get("NIGHTFERRY_SHARED", str(HERE.parent / "shared")),
        }
        subprocess.run([sys.executable, "-m", "mutmut", "run", *sys.argv[1:]], cwd=folder, env=environment, check=False)
        results = subprocess.run(
            [sys.executable, "-m", "mutmut", "results", "--all", "true"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    if "__mutmut_" not in results:
        raise SystemExit("nothing was changed: the tests do not pass as they are; docs/mutation.md stays as it was")
    PAGE.write_text(page(results), "utf-8")
    print(f"written: {PAGE}", file=sys.stderr)  # noqa: T201 - the person waits


def prepare(folder: Path) -> None:
    """Copy what the tests need, and say what is to be changed."""
    for package in (*PACKAGES, *BESIDE):
        shutil.copytree(HERE / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    settings = (HERE / "pyproject.toml").read_text("utf-8")
    chosen = {
        "source_paths": MODULES,
        "paths_to_mutate": MODULES,
        "pytest_add_cli_args_test_selection": TESTS,
        "also_copy": (*PACKAGES, *BESIDE),
    }
    lines = [f"{key} = {list(value)!r}".replace("'", '"') for key, value in chosen.items()]
    (folder / "pyproject.toml").write_text(settings + "\n[tool.mutmut]\n" + "\n".join(lines) + "\n")
    conftest = folder / "tests" / "conftest.py"
    text = conftest.read_text("utf-8").replace("deadline=None", "deadline=None, max_examples=40, derandomize=True")
    conftest.write_text(text + FORGETFUL)


def page(results: str) -> str:
    """Return the page for what mutmut found."""
    found: dict[str, collections.Counter[str]] = {module: collections.Counter() for module in MODULES}
    for dotted, state in re.findall(r"^\s*(\S+)__mutmut_\d+: (.+)$", results, re.MULTILINE):
        module = next(one for one in MODULES if dotted.startswith(one.removesuffix(".py").replace("/", ".") + "."))
        found[module][state] += 1
    rows = [row(module, counts) for module, counts in found.items()]
    rows.append(row("together", sum(found.values(), collections.Counter())))
    version = subprocess.run(
        [sys.executable, "-m", "mutmut", "version"], capture_output=True, text=True, check=False
    ).stdout.split()
    return HEAD.format(
        date=dt.datetime.now(dt.UTC).date(),
        version=version[-1] if version else "3",
        rows="\n".join(rows),
        tests=", ".join(f"`{test}`" for test in TESTS),
    )


def row(module: str, counts: collections.Counter[str]) -> str:
    """Return one module's line."""
    total = sum(counts.values()) - counts["not checked"]
    survived = counts["survived"] + counts["no tests"]
    share = f"{100 * (total - survived) / total:.1f} %" if total else "-"
    return f"| {module} | {total} | {total - survived} | {survived} | {share} |"


if __name__ == "__main__":
    main()
