"""Back to the raw state: what the steps of a night made is set aside, once every original was found as it was.

Nothing is removed for good here: what is set aside lies below ``.nightferry/replaced`` as long as replaced files do.
Frame ids that were given out stay spent. Bringing a night back from another copy is bringing.py's.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from catalogue.records import StepRecord
from converters.pipeline import copy_name
from converters.workspace import sha256_of
from nightferry.products.pending import steps_of
from nightferry.reporting.archive_log import PROCESSED
from nightferry.retention.holders import holder_of
from nightferry.retention.reached import named_by_datastores
from nightferry.workplace import Workplace
from observatory.counting import counted
from observatory.endpoints.contract import OURS
from observatory.errors import UsageError
from observatory.files import to_disk
from observatory.listing import hop_scope
from observatory.names import show, to_json
from observatory.nights import STAMP_FORMAT, night_text
from observatory.spec.chain import Place, hops, places
from observatory.spec.models import Instrument
from observatory.truth import State, worst


@dataclass(frozen=True, slots=True)
class NightPlan:
    """What restoring one night on one copy means.

    Attributes
    ----------
    instrument : Instrument
    place : Place
    copy : str
        What the ledger calls it.
    night : date
    products : tuple of bytes
        What is there of what steps made, relative to the root, ascending.
    originals : int
        How many files that steps took were found as they were.
    lost, unread : tuple of str
        Why it must not be restored: originals that are gone or differ, and such as could not be read.
    records : int
        How many entries of the ledger are forgotten.
    made : tuple of bytes
        All that steps made, also what is there no more: a restore that was cut off may have set it aside.
    kept : tuple of str
        Why products must not be set aside: datasets lead to them.
    """

    instrument: Instrument
    place: Place
    copy: str
    night: dt.date
    products: tuple[bytes, ...]
    originals: int
    lost: tuple[str, ...]
    unread: tuple[str, ...]
    records: int
    made: tuple[bytes, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """unknown: something could not be read; different: an original is not as it was, or a product must stay."""
        if self.unread:
            return State.UNKNOWN
        return State.DIFFERENT if self.lost or self.kept else State.OK

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is left as it is; none where it is not."""
        return (*self.unread, *self.lost, *self.kept)


def plan_restore(
    workplace: Workplace,
    instruments: Sequence[Instrument],
    nights: Callable[[Instrument], Sequence[dt.date]],
    progress: Callable[[str], None] = lambda name: None,
) -> list[NightPlan]:
    """Look at what steps made of some nights and at every original that they took; nothing is written.

    Parameters
    ----------
    nights : callable
        Those of an instrument.
    progress : callable
        Told of each original as it is read.

    Raises
    ------
    UsageError
        No copy that steps work on lies here.
    CouldNotTell
        The disk of one hangs.
    """
    found = []
    here = [
        (instrument, place)
        for instrument in instruments
        for place in places(instrument)
        if steps_of(instrument, place) and workplace.access(place.host).is_local
    ]
    if not here:
        raise UsageError("nothing to restore here: no copy that steps work on lies on this machine; nothing was done")
    for instrument, place in here:
        workplace.require_awake(place)
        for night in nights(instrument):
            plan = _plan(workplace, instrument, place, night, progress)
            if plan is not None:
                found.append(plan)
    return found


def _plan(
    workplace: Workplace, instrument: Instrument, place: Place, night: dt.date, progress: Callable[[str], None]
) -> NightPlan | None:
    copy, root = copy_name(instrument, place), Path(place.root)
    records = [one for one in workplace.ledger.step_records(instrument.instrument, night) if one.copy == copy]
    if not records:
        return None
    made = {product.path for record in records for product in record.products}
    lost, unread, whole = [], [], 0
    for path, hashes in _originals(records, made).items():
        progress(show(path))
        try:
            found = sha256_of(root / os.fsdecode(path))
        except FileNotFoundError:
            lost.append(f"{show(path)} is not there any more")
        except OSError as error:
            unread.append(f"{show(path)} could not be read: {error.strerror or error}")
        else:
            whole += found in hashes
            lost += [] if found in hashes else [f"{show(path)} is not what it was when the steps took it"]
    there = tuple(sorted(path for path in made if os.path.lexists(root / os.fsdecode(path))))
    named = sorted(named_by_datastores(workplace, place, there).items())
    kept = tuple(f"{show(path)}: {why}" for path, why in named)
    why_not = (tuple(lost), tuple(unread))
    return NightPlan(instrument, place, copy, night, there, whole, *why_not, len(records), tuple(sorted(made)), kept)


def _originals(records: Sequence[StepRecord], made: set[bytes]) -> dict[bytes, set[str]]:
    """Return what steps took and none has made, each with the hashes that it had."""
    found: dict[bytes, set[str]] = {}
    for record in records:
        for taken in record.inputs:
            if taken.path not in made and not taken.is_consumed:
                found.setdefault(taken.path, set()).add(taken.sha256)
    return dict(sorted(found.items()))


def carry_out(workplace: Workplace, plan: NightPlan) -> Path | None:
    """Set aside what steps made, and forget that they did; return the folder in which it is kept.

    The caller holds the instrument's lock, and the plan is of this very run. Repeating is safe. The ledger has the
    night for processed no more before the first product goes, and knows what steps made until all is set aside and
    noted: after a crash the next restore sets aside what is still there and notes all of it.

    Raises
    ------
    OSError
        A file could not be set aside; the night is as it was but for those before it, and no step is forgotten.
    RecordsUnavailable
        The ledger takes no notes; nothing was set aside unless it went away at that very moment.
    """
    workplace.ledger.try_noting()
    name = plan.instrument.instrument
    workplace.ledger.night_processed(name, plan.copy, plan.night, (), workplace.now())
    kept = _set_aside(plan, workplace.now())
    workplace.ledger.record_gone(holder_of(workplace, plan.instrument, plan.place), plan.made)
    _expect_less(workplace, plan)
    claims = [one for one in workplace.ledger.claims(name) if (one.night, one.what) == (plan.night, PROCESSED)]
    workplace.ledger.record_claims(
        name, [replace(one, holds=False, at_utc=None, source="restore") for one in claims if one.holds]
    )
    workplace.ledger.forget_steps(name, plan.copy, plan.night)
    return kept if plan.products else None


def _expect_less(workplace: Workplace, plan: NightPlan) -> None:
    """Have no look call what was set aside a sudden loss of this copy."""
    for hop in (one for one in hops(plan.instrument) if one.source == plan.place):
        source = hop_scope(hop, (plan.night,), workplace.clock_of(plan.instrument)).source
        carried = sum(source.camera_of(path) is not None for path in plan.products)
        workplace.ledger.expect_fewer_files(plan.instrument.instrument, hop.key, plan.night, carried)


def _set_aside(plan: NightPlan, now: dt.datetime) -> Path:
    """Move the products to a folder of their own below the root, on disk before and after; return it."""
    root = Path(plan.place.root)
    kept = _unused(root / os.fsdecode(OURS) / "replaced", now)
    folders = set()
    for path in plan.products:
        place, aside = root / os.fsdecode(path), kept / os.fsdecode(path)
        aside.parent.mkdir(parents=True, exist_ok=True)
        place.rename(aside)
        to_disk(aside.parent)
        folders.add(place.parent)
    for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
        to_disk(folder)
        _remove_empty(folder, root)
    return kept


def _unused(top: Path, now: dt.datetime) -> Path:
    """Return a folder of our own below `top`, of this second or the next that nobody used."""
    while (top / now.strftime(STAMP_FORMAT)).exists():
        now += dt.timedelta(seconds=1)
    return top / now.strftime(STAMP_FORMAT)


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder that held products alone, and its parents as far as nothing else is in them."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return  # it holds something else
        folder = folder.parent


def document_of(plans: Sequence[NightPlan], kept: Sequence[Path | None], is_done: bool) -> dict[str, Any]:
    """Return what ``restore --json`` prints."""
    state = worst(plan.state for plan in plans) if plans else State.OK
    nights = [
        {
            "instrument": plan.instrument.instrument,
            "copy": plan.copy,
            "night": night_text(plan.night),
            "state": str(plan.state),
            "removed": [to_json(path) for path in plan.products],
            "originals": plan.originals,
            "reasons": list(plan.reasons),
            "kept_in": None if where is None else str(where),
        }
        for plan, where in zip(plans, kept, strict=True)
    ]
    return {"state": str(state), "dry_run": not is_done, "nights": nights}


def lines(plan: NightPlan) -> Iterator[str]:
    """Yield what restoring a night means, a line each."""
    head = f"{plan.instrument.instrument} {night_text(plan.night)} on {plan.copy}"
    if plan.reasons:
        remedy = "; `restore --from` brings originals back from another copy" if plan.lost or plan.unread else ""
        yield f"{head}: left as it is{remedy}"
        yield from (f"    {reason}" for reason in plan.reasons)
        return
    originals = counted(plan.originals, "original stays as it is", "originals stay as they are")
    yield f"{head}: {counted(len(plan.products), 'product is', 'products are')} set aside, {originals}"
    yield from (f"    {show(path)}" for path in plan.products)
