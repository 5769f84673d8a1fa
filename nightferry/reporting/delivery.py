"""What becomes of a report: kept in the state folder, mailed where it is due, and the heartbeat after it.

Whether a mail is due and how it travels is reports/post.py's.
"""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nightferry.reporting import AHEAD
from nightferry.reporting.record import read_record, write_record
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell, UsageError
from observatory.files import write_whole
from reports.json import document_of, dumps
from reports.model import Report
from reports.text import render_text

if TYPE_CHECKING:
    from observatory.spec.models import SiteMail, Specification
    from reports.post import Post

log = logging.getLogger("nightferry")

KEPT_REPORTS = 400
"""More than a year of nightly runs; older ones are removed."""
HEARTBEAT_TIMEOUT_S = 10.0
_RECORD = "record.json"


def keep(workplace: Workplace, report: Report) -> Path:
    """Write a report's every form into a folder of its own and return that folder.

    The record, from which `last` reads the report back, is written last: a folder without it is not a report.
    """
    folder = workplace.state / "reports" / f"{_stamp(report.started_utc)}-{report.kind}"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "report.txt", render_text(report).encode())
    if report.kind == "run":
        write_whole(folder / "report.html", page_of(report).encode())
    write_whole(folder / "report.json", dumps(document_of(report)).encode())
    write_whole(folder / _RECORD, write_record(report))
    for old in _folders(workplace)[:-KEPT_REPORTS]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def page_of(report: Report) -> str:
    """Return a report's page."""
    from reports.html import render_page  # the template engine is slow to load, and by hand nobody reads pages

    return render_page(report)


def _folders(workplace: Workplace) -> list[Path]:
    return sorted(path.parent for path in (workplace.state / "reports").glob(f"*/{_RECORD}"))


def _stamp(instant: dt.datetime) -> str:
    return instant.strftime("%Y%m%dT%H%M%S.%fZ")


def last(workplace: Workplace) -> Report:
    """Return the last report; one that is dated later than now, by a clock that was ahead, only if there is no other.

    Raises
    ------
    UsageError
        There is none yet.
    CouldNotTell
        It cannot be read back: a disk at fault, or another version of nightferry wrote it.
    """
    folders = _folders(workplace)
    if not folders:
        raise UsageError(f"{workplace.state}: no report yet; `nightferry run` or `nightferry verify` makes one")
    return _read_back((_of_the_past(workplace, folders) or folders)[-1])


def newest_first(workplace: Workplace) -> Iterator[Report]:
    """Yield the reports that are kept and not dated later than now; what cannot be read back is left out."""
    for folder in reversed(_of_the_past(workplace, _folders(workplace))):
        with suppress(CouldNotTell, OSError):
            yield _read_back(folder)


def _of_the_past(workplace: Workplace, folders: Sequence[Path]) -> list[Path]:
    now = _stamp(workplace.now() + AHEAD)
    return [folder for folder in folders if folder.name.partition("-")[0] <= now]


def _read_back(folder: Path) -> Report:
    try:
        return read_record((folder / _RECORD).read_bytes())
    except ValueError as error:
        raise CouldNotTell(
            f"{folder / _RECORD}: cannot be read back ({error}); what it says stands in report.txt beside it."
            " The next run or verify writes a new one"
        ) from error


def check_mail(workplace: Workplace, is_wanted: bool) -> None:
    """Refuse a wish for mail that nobody would get, before any work is done for it.

    Raises
    ------
    UsageError
    """
    if is_wanted and workplace.specification.site.mail is None:
        raise UsageError("--mail: site.yaml has no `mail`, so there is nobody to send to; nothing was done")
    if is_wanted and names_nobody(workplace.specification):
        raise UsageError("--mail: `mail.to` of site.yaml and of the instruments names nobody; nothing was done")


def names_nobody(specification: Specification) -> bool:
    """Say whether mail is declared and no mail could ever be addressed: steps may have recipients of their own."""
    may_write = specification.mails_reports or any(one.convert for one in specification.instruments.values())
    return specification.site.mail is not None and not may_write


def send(workplace: Workplace, report: Report, *, by_hand: bool) -> Iterator[str]:
    """Mail a report to those whom it is due, or to all if a person asked for it; yield what went wrong."""
    site = workplace.specification.site
    if site.mail is None:
        return
    posted = post_office(workplace, site.mail).post(report, workplace.now(), by_hand=by_hand)
    for decision in posted.decisions:
        log.info("mail", extra={"decision": decision})
    yield from posted.sentences


def post_office(workplace: Workplace, settings: SiteMail) -> Post:
    """Return the site's post office."""
    from reports.post import Post  # loads what mail needs, and most calls mail nothing

    teams = {name: instrument.mail.to for name, instrument in workplace.instruments.items()}
    return Post(settings, teams, workplace.folder, workplace.state)


def heartbeat(workplace: Workplace) -> None:
    """Call the site's heartbeat address, so that silence is an alarm elsewhere; failing at it harms nothing."""
    url = workplace.specification.site.heartbeat_url
    if url is None:
        return
    import urllib.request  # loads half of the standard library, and most sites have no heartbeat

    try:
        with urllib.request.urlopen(url, timeout=HEARTBEAT_TIMEOUT_S):  # noqa: S310 - http(s) only, by the specification
            log.info("heartbeat", extra={"url": url})
    except (OSError, ValueError) as error:
        log.warning("heartbeat failed", extra={"url": url, "reason": str(error)})
