"""The command step where an ordinary user may not read or write: nothing can be said, and nothing is green."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.ledger import Ledger
from converters.command import CommandStep
from converters.outcome import ConvertOutcome, RowResult
from converters.pipeline import convert
from observatory.truth import State
from tests.integration.command.declared import NEXT, NIGHT, instrument, scope

STEP = CommandStep.model_validate(
    {"step": "command", "run": ["cp", "{input}", "{output}"], "inputs": ["*.fits"], "outputs": ["{stem}.copy"]}
)


@contextlib.contextmanager
def ordinary_user() -> Iterator[None]:
    """Be nobody for a while; who runs the tests as an ordinary user is one already."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture(autouse=True, scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load what a step needs while we may: an interpreter that lies in root's home is closed to nobody."""
    place = tmp_path_factory.mktemp("loaded")
    (place / "data/2016/0907").mkdir(parents=True)
    (place / "data/2016/0907/a.fits").write_text("x")
    with Ledger.open("sqlite:///catalogue.db", place / "state") as ledger:
        assert convert(instrument(), scope(place / "data"), [STEP], ledger).state is State.OK


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder, open to all, with two nights of one frame each."""
    with tempfile.TemporaryDirectory() as text:
        place = Path(text)
        place.chmod(0o755)
        for night in ("2016/0907", "2016/0908"):
            (place / "data" / night).mkdir(parents=True)
            (place / "data" / night / "a.fits").write_text("x")
        (place / "state").mkdir()
        for path in [place / "state", place / "data", *(place / "data").rglob("*")]:
            path.chmod(0o777 if path.is_dir() else 0o666)
        yield place
        for path in (place / "data").rglob("*"):
            if path.is_dir():
                path.chmod(0o777)


def carry(place: Path) -> ConvertOutcome:
    """Carry out the step as an ordinary user."""
    with ordinary_user(), Ledger.open("sqlite:///catalogue.db", place / "state") as ledger:
        return convert(instrument(), scope(place / "data"), [STEP], ledger)


def by_night(outcome: ConvertOutcome) -> dict[dt.date, RowResult]:
    """Return what became of each night's one frame."""
    return {row.night: row.result for row in outcome.rows}


def test_an_input_that_may_not_be_read_is_unknown_and_the_others_are_done(place: Path) -> None:
    """The outcome is unknown, that night is not complete, and the reason names permission."""
    (place / "data/2016/0907/a.fits").chmod(0)
    outcome = carry(place)
    assert outcome.state is State.UNKNOWN
    assert by_night(outcome) == {NIGHT: RowResult.UNREADABLE, NEXT: RowResult.DONE}
    assert "Permission denied" in str(outcome.rows[0].reason)
    assert outcome.reason == "1 could not be read"
    assert outcome.complete_nights("command") == {NEXT}


def test_a_folder_that_may_not_be_listed_poisons_its_night_alone(place: Path) -> None:
    """A folder below a night's too: what it holds might be an input."""
    (place / "data/2016/0907/sub").mkdir()
    (place / "data/2016/0907/sub").chmod(0)
    outcome = carry(place)
    assert outcome.state is State.UNKNOWN
    assert by_night(outcome) == {NIGHT: RowResult.UNREADABLE, NEXT: RowResult.DONE}
    assert "sub could not be listed" in str(outcome.rows[0].reason)


def test_a_root_that_may_not_be_written_fails_each_task_with_its_reason(place: Path) -> None:
    """A read-only copy is no traceback."""
    (place / "data").chmod(0o555)
    outcome = carry(place)
    assert by_night(outcome) == {NIGHT: RowResult.FAILED, NEXT: RowResult.FAILED}
    assert "Permission denied" in str(outcome.rows[0].reason)
    assert outcome.state is State.DIFFERENT


def test_a_root_that_may_not_be_listed_is_unknown(place: Path) -> None:
    """Its disk may be there or not: nobody can tell."""
    (place / "data").chmod(0)
    outcome = carry(place)
    assert outcome.state is State.UNKNOWN
    assert outcome.rows == () or all(row.result is RowResult.UNREADABLE for row in outcome.rows)
    (place / "data").chmod(0o777)
