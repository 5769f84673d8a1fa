"""What is wrong with this installation: one line per thing looked at, with its remedy.

Looks only; writes nothing anywhere but in the state folder.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from catalogue.records import RootRecord
from nightferry.clocks import leapt
from nightferry.expectations import held_files, last_seen, place_away, place_vouched
from nightferry.group import why_group_is_not_given
from nightferry.products.pending import steps_of
from nightferry.reporting.delivery import names_nobody
from nightferry.reporting.status import site_status
from nightferry.retention.unread import why_never_freed
from nightferry.room import why_it_takes_nothing
from nightferry.workplace import Workplace
from observatory.counting import clock_words
from observatory.endpoints.contract import Act
from observatory.ends import ABSENT, CLOCK_TOLERANCE_S, OTHER_DRIVE, Expectation, loss_words, new_root_words
from observatory.errors import CouldNotTell, MailNotTaken, NightferryError, RootNotProven
from observatory.listing import scope_of
from observatory.spec.chain import Place, hops, places, retention_of
from observatory.spec.models import Instrument, SiteMail
from observatory.truth import State
from reports.words import size_text
from syncer.transfer.choose import MANY_FILES
from syncer.transfer.rsync import OLDEST, rsync_version

SFTP_REMEDY = (
    "Locks, folders and names are made by SFTP: it needs `Subsystem sftp` in its sshd_config, and a login that prints"
    " nothing"
)
UNMOUNTED = "its disk may not be mounted"
"""Said of a root that shows neither marker nor night, here and by `RootNotProven`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing looked at.

    Attributes
    ----------
    state : State
        ok, different (wrong, and this is how to mend it), unknown (could not look) or away (nothing is expected).
    what : str
    words : str
        What was seen, and the remedy where it is not ok.
    """

    state: State
    what: str
    words: str


def examine(workplace: Workplace) -> Iterator[Line]:
    """Look at everything, one line at a time; one failing thing never hides another."""
    yield _program("rsync", ["rsync", "--version"], "apt install rsync")
    yield _program("ssh", ["ssh", "-V"], "apt install openssh-client")
    yield from _guard("database", lambda: _database(workplace))
    if (is_set := leapt(workplace)) is not None:
        yield Line(State.DIFFERENT, "clock here", is_set)
    said: dict[str, str] = {}
    for name in workplace.specification.site.hosts:
        for line in _guard(f"host {name}", partial(_host, workplace, name)):
            said |= {name: line.words} if line.state is State.UNKNOWN else {}
            yield _host_away(workplace, name, line)
    yield from _roots(workplace, said)
    yield from _converters(workplace)
    yield from _mail(workplace)
    yield from _idle_jobs(workplace)
    yield from _uncarried(workplace)
    yield from _guard("retention", lambda: _unread(workplace))


def _guard(what: str, look: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    try:
        yield from look()
    except NightferryError as error:
        yield Line(State.UNKNOWN, what, str(error))
    except OSError as error:
        yield Line(State.UNKNOWN, what, error.strerror or str(error))


def _program(name: str, words: list[str], remedy: str) -> Line:
    if shutil.which(name) is None:
        return Line(State.DIFFERENT, f"program {name}", f"not found here: {remedy}")
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    first = (done.stdout or done.stderr).splitlines()
    return Line(State.OK, f"program {name}", first[0].strip() if first else "found")


def _database(workplace: Workplace) -> Iterator[Line]:
    last = site_status(workplace).finished_utc
    workplace.ledger.try_noting()
    words = (
        f"{workplace.ledger.database}, last run finished {last:%Y-%m-%d %H:%M} UTC"
        if last
        else (f"{workplace.ledger.database}, no run yet")
    )
    yield Line(State.OK, "database", words)
    for loss in workplace.ledger.losses_pending():
        told = loss_words(loss.host, loss.host, loss.root, (loss.expected_files, loss.seen_files))
        yield Line(State.UNKNOWN, "loss", told)
    for note in workplace.notes:
        yield Line(State.DIFFERENT if note.is_urgent else State.OK, "names", note.sentence)


def _host(workplace: Workplace, name: str) -> Iterator[Line]:
    endpoint = workplace.endpoint(name)
    known = endpoint.capabilities
    without = None if workplace.access(name).is_local else _without_sftp(endpoint)
    if not known.has_shell:
        yield _sftp_alone(f"host {name}", endpoint.name, without)
        return
    if without and _is_filled(workplace, name):
        yield Line(State.DIFFERENT, f"host {name}", f"sync can write nothing there: {without}. {SFTP_REMEDY}")
    ahead = endpoint.clock_ahead_s()
    found = rsync_version(endpoint, workplace.access(name))
    version = ".".join(str(number) for number in found) if found else "none"
    yield Line(State.OK, f"host {name}", f"{endpoint.name} reached, rsync {version}")
    if found is None or found < OLDEST:
        yield Line(State.DIFFERENT, f"host {name}", _without_rsync(found, known.has_python))
    yield _clock(name, ahead)


def _sftp_alone(what: str, address: str, without: str | None) -> Line:
    if without is not None:
        return Line(State.UNKNOWN, what, f"this account runs no programs, and {without}")
    words = "an account for SFTP alone: slower, nothing is hashed there, and its clock cannot be asked"
    return Line(State.OK, what, f"{address} reached, {words}")


def _without_sftp(endpoint: Act) -> str | None:
    """Return why a far host gives no SFTP, None where it does; its session stays, and the next question needs another.

    What a host does not allow beside it (MaxSessions) is so met here, and not by the next sync.
    """
    try:
        endpoint.list_folder(b"/")
    except CouldNotTell as error:
        return str(error)
    return None


def _is_filled(workplace: Workplace, name: str) -> bool:
    """Say whether we bring anything to a host."""
    filled = [hop.destination for one in workplace.instruments.values() for hop in hops(one)]
    return any(place.host == name and place.declared.fill != "external" for place in filled)


def _without_rsync(found: tuple[int, ...] | None, has_python: bool) -> str:
    """Return what a host without an rsync of use costs, and the remedy."""
    which = "no rsync" if found is None else f"no rsync of {OLDEST[0]}.{OLDEST[1]} or later"
    few = f"; from {MANY_FILES} files on they go by pipe, fewer by" if has_python else "; files go by"
    return f"{which} there{few} the slower sftp engine: install rsync"


def _clock(name: str, ahead: float) -> Line:
    if abs(ahead) <= CLOCK_TOLERANCE_S:
        return Line(State.OK, f"clock {name}", f"{ahead:+.1f} s from ours")
    words = f"{clock_words(ahead)} ours; sync refuses over {CLOCK_TOLERANCE_S:.0f} s: set it (chrony or ntpd)"
    return Line(State.DIFFERENT, f"clock {name}", words)


def _roots(workplace: Workplace, said: Mapping[str, str]) -> Iterator[Line]:
    """Look at every root; `said` holds what was said of each host that could not be asked, once is enough of that."""
    for instrument in workplace.instruments.values():
        for place in places(instrument):
            what = f"root {instrument.instrument} {place.name}"
            for line in _guard(what, partial(_root, workplace, what, instrument, place)):
                if line.state is State.UNKNOWN and line.words == said.get(place.host):
                    unseen = f"{place.root} was not looked at: see host {place.host} above"
                    yield _root_away(workplace, instrument, place, Line(State.UNKNOWN, what, unseen))
                else:
                    yield _root_away(workplace, instrument, place, _on_the_road(workplace, place, line))


def _host_away(workplace: Workplace, name: str, line: Line) -> Line:
    """Return what is said of a host; it may be off where all that is looked for on it is off the telescope."""
    if line.state is not State.UNKNOWN:
        return line
    on_it = [(one, place) for one in workplace.instruments.values() for place in places(one) if place.host == name]
    reasons = [_why_away(workplace, instrument, place) for instrument, place in on_it]
    return Line(State.AWAY, line.what, f"{reasons[0]}; {line.words}") if reasons and all(reasons) else line


def _root_away(workplace: Workplace, instrument: Instrument, place: Place, line: Line) -> Line:
    reason = _why_away(workplace, instrument, place) if line.state is State.UNKNOWN else None
    return line if reason is None else Line(State.AWAY, line.what, f"{reason}; {line.words}")


def _why_away(workplace: Workplace, instrument: Instrument, place: Place) -> str | None:
    try:
        return place_away(workplace, instrument, place)
    except CouldNotTell:  # the database has a line of its own
        return None


def _on_the_road(workplace: Workplace, place: Place, line: Line) -> Line:
    """Return what is said of a root; a removable drive that was here before and is not now is away, all is well."""
    if line.state is not State.UNKNOWN or not place.declared.removable or UNMOUNTED not in line.words:
        return line
    seen = last_seen(_record(workplace, place))
    return (
        line if seen is None else Line(State.AWAY, line.what, f"a removable drive that is not there, last seen {seen}")
    )


def _root(workplace: Workplace, what: str, instrument: Instrument, place: Place) -> Iterator[Line]:
    request = scope_of(instrument, place, instrument.cameras, (), workplace.clock_of(instrument)).request
    shown, record = os.fsdecode(request.root), _record(workplace, place)
    known = Expectation(last_seen=last_seen(record), held_files=_held_files(workplace, instrument, place))
    remedy = known.remedy(new_root_words(place.host, shown))
    endpoint = workplace.endpoint(place.host)
    try:
        survey = endpoint.survey(request)
    except RootNotProven as error:
        yield Line(State.UNKNOWN, what, f"{error}. {remedy}" if error.why == ABSENT else str(error))
        return
    facts = survey.facts
    survey.close()
    free = "free space unknown" if facts.free_bytes is None else f"{size_text(facts.free_bytes)} free"
    is_vouched = not facts.is_proven and _is_vouched(workplace, instrument, place)
    if not facts.is_proven and not is_vouched:
        yield Line(State.UNKNOWN, what, f"{shown} holds neither marker nor night; {UNMOUNTED}. {remedy}")
        return
    if place.declared.removable and record is not None and record.identity and facts.marker != record.identity:
        found = f"{shown} {OTHER_DRIVE}" if facts.marker is not None else f"{shown} bears no marker; {UNMOUNTED}"
        yield Line(State.UNKNOWN, what, found)
        return
    proof = "marker" if facts.marker is not None else "your word (--new-root)" if is_vouched else "a night"
    trouble = why_it_takes_nothing(workplace, instrument, place, facts)
    words = f"{shown}, known by {proof}, {free}"
    yield Line(State.DIFFERENT, what, f"{words}; {trouble}") if trouble else Line(State.OK, what, words)
    group = why_group_is_not_given(instrument, place, endpoint, request.root)
    if group is not None:
        yield Line(State.DIFFERENT, what, group)


def _record(workplace: Workplace, place: Place) -> RootRecord | None:
    """Without a ledger nothing is known of a root; the database has a line of its own."""
    try:
        return workplace.ledger.root(place.host, place.root)
    except CouldNotTell:
        return None


def _is_vouched(workplace: Workplace, instrument: Instrument, place: Place) -> bool:
    try:
        return place_vouched(workplace, instrument, place)
    except CouldNotTell:
        return False


def _held_files(workplace: Workplace, instrument: Instrument, place: Place) -> bool:
    try:
        return held_files(workplace, instrument, place)
    except CouldNotTell:
        return False


def _converters(workplace: Workplace) -> Iterator[Line]:
    """Look for the programs of steps that are taken here, and knock at the clusters."""
    programs = {
        program
        for instrument in workplace.instruments.values()
        for place in places(instrument)
        if workplace.access(place.host).is_local
        for step in steps_of(instrument, place)
        for program in (*getattr(step, "run", ())[:1], *getattr(step, "programs", ()))
    }
    for program in sorted(programs):
        found = shutil.which(program)
        remedy = f"not found here: install it, or give its full path ({program})"
        yield Line(State.OK if found else State.DIFFERENT, f"converter {program}", found or remedy)
    declared = (instrument.convert for instrument in workplace.instruments.values())
    for address in sorted({one.workers for one in declared if one is not None and isinstance(one.workers, str)}):
        yield from _guard(f"workers {address}", partial(_cluster, address))


def _cluster(address: str) -> Iterator[Line]:
    from converters.dask_crew import knock  # few sites have a cluster

    knock(address)
    if importlib.util.find_spec("distributed") is None:
        yield Line(State.DIFFERENT, f"workers {address}", "dask.distributed is not installed here: nightferry[dask]")
    else:
        yield Line(State.OK, f"workers {address}", "somebody listens there")


def _idle_jobs(workplace: Workplace) -> Iterator[Line]:
    """Name jobs of the schedule that no instrument gives anything to do: each time they fall due they only fail."""
    schedule, instruments = workplace.specification.site.schedule, workplace.instruments.values()
    frees = any(retention_of(instrument, place) for instrument in instruments for place in places(instrument))
    if schedule.prune is not None and not frees:
        words = (
            "no copy declares `retention`, so that nothing may be freed: declare it, or take `prune` out of `schedule`"
        )
        yield Line(State.DIFFERENT, "schedule prune", words)
    if schedule.convert is not None and not any(one.convert and one.convert.steps for one in instruments):
        words = "no instrument declares steps (`convert`): declare some, or take `convert` out of `schedule`"
        yield Line(State.DIFFERENT, "schedule convert", words)


def _uncarried(workplace: Workplace) -> Iterator[Line]:
    """Name copies where data are born and stay, though others of the instrument are carried: each run is well."""
    for instrument in workplace.instruments.values():
        sources = [hop.source for hop in hops(instrument)]
        filled = [hop.destination for hop in hops(instrument)]
        for place in places(instrument) if sources else ():
            if place not in (*sources, *filled) and not steps_of(instrument, place):
                words = (
                    "no copy is filled from it: what is born there is carried nowhere, and nothing says so; name it in"
                    " `from` of the copy that is to have it"
                )
                yield Line(State.DIFFERENT, f"copy {instrument.instrument} {place.name}", words)


def _unread(workplace: Workplace) -> Iterator[Line]:
    """Name copies of which nothing is ever freed, as nothing reads the others in time; unless a person does."""
    for instrument in workplace.instruments.values():
        for place in places(instrument):
            retention = retention_of(instrument, place)
            why = retention and why_never_freed(instrument, retention, workplace.specification.site.schedule)
            if retention is None or not why:
                continue
            read = workplace.ledger.last_read(instrument.instrument, "status")
            if read is None or workplace.now() - read > dt.timedelta(days=retention.within_days):
                yield Line(State.DIFFERENT, f"retention {instrument.instrument} {place.name}", why)


def _mail(workplace: Workplace) -> Iterator[Line]:
    mail = workplace.specification.site.mail
    if mail is None:
        yield Line(State.OK, "mail", "none declared: reports are kept, nobody is mailed")
    elif names_nobody(workplace.specification):
        yield Line(State.DIFFERENT, "mail", "nobody is mailed: name them in `mail.to` of site.yaml or of an instrument")
    elif mail.folder is not None:
        yield Line(State.OK, "mail", f"written into {workplace.folder / Path(mail.folder).expanduser()}")
    else:
        yield from _guard("mail", partial(_mail_server, workplace, mail))


def _mail_server(workplace: Workplace, mail: SiteMail) -> Iterator[Line]:
    from reports.post import Post  # loads the template engine and more

    where = f"{mail.server.host}:{mail.server.port}"
    try:
        Post(mail, {}, workplace.folder, workplace.state).greet()
    except MailNotTaken as error:
        state = State.DIFFERENT if error.is_permanent else State.UNKNOWN
        yield Line(state, "mail", f"{where} takes no mail: {error.why}. Look at mail.server in site.yaml")
        return
    yield Line(State.OK, "mail", f"{where} answers, security {mail.server.security}")
