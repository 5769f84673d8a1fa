"""Which observations are asked for: the instrument, its data roots, the time and the words, and what is found of them.

What becomes of them is exporting.py's.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from converters.export.instants import from_datetime, read_instant
from converters.export.observations import Observation, Wish
from converters.export.reader import is_field
from converters.export.search import Found, search
from converters.export.section import ExportSection
from converters.export.semesters import SemesterRule
from converters.export.tree import Place, places
from converters.stamps import format_instant
from converters.telemetry import CODE_BY_EVENT, check_roots
from nightferry.workplace import Workplace
from observatory.errors import RootNotProven, UsageError
from observatory.spec.models import Instrument

ROOTS_VARIABLE = "LOOKYLOO_DATA_PATHS"
"""The environment variable in which lookyloo's users name their data roots, colons between them."""


EXAMPLE = "`nightferry schema instrument` describes it, magaox.yaml among nightferry's examples has one"
"""Where a section `export` is learned."""

OTHER_ROOT = "Mount it, or name with -X the root that holds the data"
"""What to do about a root that does not prove to be one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which observations are asked for, as the command line has them; None is not asked."""

    instrument: str | None = None
    roots: tuple[Path, ...] = ()
    title: str | None = None
    is_partial: bool = False
    target: str | None = None
    email: str | None = None
    semester: str | None = None
    utc_start: str | None = None
    utc_end: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """An instrument's export, ready for work: roots that prove to be some, and why others do not."""

    instrument: Instrument
    section: ExportSection
    rule: SemesterRule
    roots: tuple[Path, ...]
    unproven: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selected:
    """The observations that were asked for, where they belong, and what stands in the way of being sure.

    Attributes
    ----------
    setting : Setting
    wish : Wish
    found : Found
    observations : tuple of Observation
        Those asked for.
    places : mapping
        Of all that were found.
    """

    setting: Setting
    wish: Wish
    found: Found
    observations: tuple[Observation, ...]
    places: dict[Observation, Place]

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why more observations may have been there; each a sentence."""
        silent = () if self.found.records else (_silent_words(self.wish),)
        return (*self.setting.unproven, *self.found.troubles, *silent)


def setting_of(workplace: Workplace, asked: Asked) -> Setting:
    """Return what is known of the instrument asked for, or of the only one with a section `export`.

    Raises
    ------
    UsageError
        There is none, or several and none was named; no data root is named anywhere.
    RootNotProven
        None of the roots proves to be one.
    """
    instrument, section = instrument_of(workplace, asked.instrument)
    _refuse_unknown_kinds(instrument, section)
    roots = asked.roots or _usual_roots(section)
    if not roots:
        raise UsageError(f"{instrument.instrument}: no data root: name some with -X, or `data_roots` in its `export`")
    proven, unproven = _proven(roots)
    rule = section.semester_rule(workplace.specification.site.timezone)
    return Setting(instrument, section, rule, proven, unproven)


def instrument_of(workplace: Workplace, name: str | None) -> tuple[Instrument, ExportSection]:
    """Return an instrument with a section `export`: that of a name, or the only one.

    Raises
    ------
    UsageError
    """
    known = {key: one for key, one in workplace.instruments.items() if one.section(ExportSection) is not None}
    if not known:
        raise UsageError(f"no instrument of {workplace.folder} has a section `export`. {EXAMPLE}")
    names = ", ".join(sorted(known))
    if name is not None and name not in known:
        raise UsageError(f"--instrument {name}: no such instrument with a section `export` (there is: {names})")
    if name is None and len(known) != 1:
        raise UsageError(f"which instrument? Name one that has a section `export` with --instrument: {names}")
    instrument = known[name or next(iter(known))]
    section = instrument.section(ExportSection)
    assert section is not None  # noqa: S101  # asked above
    return instrument, section


def _refuse_unknown_kinds(instrument: Instrument, section: ExportSection) -> None:
    """Refuse a slip of the pen in the header map: its card would be absent for ever, and nobody would know why."""
    where = f"{instrument.instrument}: export.records"
    for kind, fields in section.records.items():
        if kind not in CODE_BY_EVENT:
            raise UsageError(f"{where}: no kind of record {kind!r} is known")
        for field in fields:
            if not is_field(kind, field):
                raise UsageError(f"{where}.{kind}: there is no field {field!r}")


def _usual_roots(section: ExportSection) -> tuple[Path, ...]:
    told = os.environ.get(ROOTS_VARIABLE, "")
    return tuple(Path(root) for root in (told.split(":") if told else section.data_roots) if root)


def _proven(roots: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return the roots that hold data of some kind, each once, and why the others do not.

    Raises
    ------
    RootNotProven
        None does.
    """
    good: list[Path] = []
    reasons: list[RootNotProven] = []
    for root in dict.fromkeys(root.absolute() for root in roots):
        try:
            check_roots([root])
            good.append(root)
        except RootNotProven as error:
            reasons.append(RootNotProven(error.host, error.root, error.why, OTHER_ROOT))
    if not good:
        raise reasons[0]
    return tuple(good), tuple(str(reason) for reason in reasons)


def _silent_words(wish: Wish) -> str:
    last_ns = wish.begins_before_ns if wish.end_ns is None else wish.end_ns
    begin = f" from {format_instant(wish.begin_ns, 0)}Z" if wish.begin_ns is not None else ""
    end = " on" if last_ns is None else f" until {format_instant(last_ns, 0)}Z"
    return (
        f"the telemetry holds no word of the time{begin}{end}:"
        " name another with -s or --utc-start, or with -X the root that has it"
    )


def wish_of(setting: Setting, asked: Asked, now_utc: dt.datetime) -> Wish:
    """Return which observations are asked for; without any time those of the present semester.

    Raises
    ------
    UsageError
        A semester or an instant is none, or the time ends before it begins.
    """
    wish = Wish(asked.title, asked.is_partial, asked.target, asked.email)
    if asked.utc_start is None and asked.utc_end is None:
        begin, end = setting.rule.bounds(asked.semester or setting.rule.of(now_utc))
        return replace(wish, begin_ns=from_datetime(begin), begins_before_ns=from_datetime(end))
    begin_ns = None if asked.utc_start is None else read_instant(asked.utc_start)
    end_ns = None if asked.utc_end is None else read_instant(asked.utc_end)
    if begin_ns is None and asked.semester is not None:
        begin_ns = from_datetime(setting.rule.bounds(asked.semester)[0])
    if begin_ns is not None and end_ns is not None and end_ns < begin_ns:
        raise UsageError("--utc-end lies before --utc-start")
    return replace(wish, begin_ns=begin_ns, end_ns=end_ns)


def select(workplace: Workplace, asked: Asked) -> Selected:
    """Find the observations that are asked for.

    Raises
    ------
    UsageError
    CouldNotTell
        No root proves to be one, or none holds the observers' telemetry.
    """
    setting = setting_of(workplace, asked)
    return selected(setting, wish_of(setting, asked, workplace.now()))


def selected(setting: Setting, wish: Wish) -> Selected:
    """Find the observations of a wish; raises as `select`."""
    last_ns = wish.begins_before_ns if wish.end_ns is None else wish.end_ns
    found = search(setting.roots, setting.section.observers, wish.begin_ns, last_ns)
    taken = tuple(one for one in found.observations if wish.takes(one))
    return Selected(setting, wish, found, taken, dict(places(found.observations, setting.rule)))
