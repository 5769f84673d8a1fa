"""``restore`` from the command line: locks, what is listed and asked, what became of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from nightferry.cli.context import print_document, say
from nightferry.locks import free_locks
from nightferry.products import restoring
from nightferry.products.bringing import Receipt, Wanted, bring_back, keep_receipt
from nightferry.selection import Asked, instruments_asked, nights_asked
from nightferry.workplace import Workplace
from observatory.errors import LockHeld, UsageError
from observatory.files import os_fault
from observatory.nights import night_text
from observatory.truth import State, exit_status, worst


@dataclass(frozen=True, slots=True)
class RestoreManner:
    """How it is done and said."""

    yes: bool = False
    dry_run: bool = False
    json: bool = False
    quiet: bool = False


def run_restore(workplace: Workplace, asked: Asked, manner: RestoreManner) -> int:
    """Undo the steps of some nights; return the exit status."""
    instruments = instruments_asked(workplace, asked)
    for instrument in instruments:
        nights_asked(workplace, asked, instrument)  # a night that is none is refused before anything is locked
    if manner.dry_run:
        plans = restoring.plan_restore(workplace, instruments, lambda one: nights_asked(workplace, asked, one))
        return _say(plans, [None] * len(plans), manner, ())
    with free_locks(workplace.state, [one.instrument for one in instruments]) as (held, refused):
        chosen = [one for one in instruments if one.instrument in held]
        plans = restoring.plan_restore(workplace, chosen, lambda one: nights_asked(workplace, asked, one))
        if not _may_go_on(plans, manner):
            raise UsageError("nothing was done")
        kept = [restoring.carry_out(workplace, plan) if plan.state is State.OK else None for plan in plans]
    return _say(plans, kept, manner, refused)


def _may_go_on(plans: Sequence[restoring.NightPlan], manner: RestoreManner) -> bool:
    """Ask a person at a terminal; where there is nobody only ``--yes`` says so."""
    able = [plan for plan in plans if plan.state is State.OK]
    if manner.yes or not able:
        return True
    if manner.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("restore sets aside what the steps made: --dry-run lists it, --yes does it; nothing was done")
    for plan in able:
        for line in restoring.lines(plan):
            say(line)
    return typer.confirm("Set all this aside?", err=True)


def _say(
    plans: Sequence[restoring.NightPlan],
    kept: Sequence[Path | None],
    manner: RestoreManner,
    refused: Sequence[LockHeld],
) -> int:
    state = (
        worst([*(plan.state for plan in plans), *(State.UNKNOWN for _ in refused)]) if plans or refused else State.OK
    )
    if manner.json:
        print_document(restoring.document_of(plans, kept, is_done=not manner.dry_run))
    elif not (manner.quiet and state is State.OK):
        for plan, where in zip(plans, kept, strict=True):
            for line in restoring.lines(plan):
                typer.echo(line)
            if where is not None:
                typer.echo(f"    kept in {where}")
        if not plans:
            typer.echo("no step has made anything of these nights")
    for error in refused:
        say(str(error))
    return exit_status(state)


def run_bring_back(workplace: Workplace, asked: Asked, source: str, target: str | None, manner: RestoreManner) -> int:
    """Bring some nights back from another copy; return the exit status."""
    instruments = instruments_asked(workplace, asked)
    kept: list[tuple[Receipt, Path | None]] = []
    faults: list[str] = []
    with free_locks(workplace.state, [one.instrument for one in instruments]) as (held, refused):
        for instrument in (one for one in instruments if one.instrument in held):
            nights = nights_asked(workplace, asked, instrument)
            for receipt in bring_back(workplace, instrument, nights, Wanted(source, target, manner.dry_run)):
                kept.append((receipt, None if manner.dry_run else _keep(workplace, receipt, faults)))
    states = [*(receipt.state for receipt, _ in kept), *(State.DIFFERENT for _ in faults)]
    state = worst([*states, *(State.UNKNOWN for _ in refused)]) if states else State.UNKNOWN
    if manner.json:
        print_document({"state": str(state), "receipts": [receipt.document() for receipt, _ in kept]})
    elif not (manner.quiet and state is State.OK):
        for receipt, path in kept:
            typer.echo(_line(receipt, path, manner.dry_run))
    for sentence in (*faults, *map(str, refused)):
        say(sentence)
    return exit_status(state)


def _keep(workplace: Workplace, receipt: Receipt, faults: list[str]) -> Path | None:
    """Keep a receipt as soon as its night is done: a run that is killed leaves those of the nights before."""
    try:
        return keep_receipt(workplace, receipt)
    except OSError as error:
        why = os_fault(error, workplace.state)
        faults.append(f"{receipt.instrument} {night_text(receipt.night)}: its receipt could not be kept ({why})")
        return None


def _line(receipt: Receipt, path: Path | None, dry_run: bool) -> str:
    head = f"{receipt.instrument} {night_text(receipt.night)} from {receipt.source.name} to {receipt.target.name}"
    moved = 0 if receipt.outcome is None else receipt.outcome.planned if dry_run else receipt.outcome.transferred
    words = f"{moved} files would be carried" if dry_run else f"{moved} carried, {len(receipt.files)} proven"
    aside = 0 if receipt.outcome is None else len(receipt.outcome.replaced)
    words += f", {aside} that were there set aside" if aside else ""
    why = "" if receipt.reason is None else f": {receipt.reason}"
    end = "" if path is None else f"; receipt {path}"
    return f"{head}: {words}, {receipt.state}{why}{end}"
