"""A site opened for a job, and the mail where the job ends before it has a report.

How a job with a report ends is work.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nightferry.cli.context import Context, NotSaid, say, sentence_of
from observatory.errors import LockHeld, SpecificationError, UsageError

if TYPE_CHECKING:
    from nightferry.workplace import Workplace
    from reports.model import Kind


@contextmanager
def opened(options: Context, kind: Kind, *, mail: bool, scheduled: bool) -> Iterator[Workplace]:
    """Open the site for a job; what ends it before it has a report is mailed where the report would have been.

    The database that is away, or the slip in an instrument's file on a Friday, is what nobody reads on standard error
    in the morning. A person who asked for mail reads of the slip where he stands.
    """
    try:
        workplace = options.open()
    except SpecificationError as error:
        if scheduled:
            _mail_misspelt(options.folder(), kind, error)
        raise
    with workplace:
        try:
            yield workplace
        except NotSaid as told:
            raise told.fault from None
        except (LockHeld, typer.Exit):
            raise
        except Exception as error:  # the boundary of a job: a fault of our own is no reason for silence either
            if scheduled or (mail and not isinstance(error, UsageError)):
                _mail_end(workplace, kind, error)
            raise


def _mail_end(workplace: Workplace, kind: Kind, error: Exception) -> None:
    """Mail that a job came to its end before it had a report."""
    from nightferry.cli.work import send_report  # loads what a job needs
    from reports.model import Note, Report

    now = workplace.now()
    site = workplace.specification.site.site
    send_report(workplace, Report(site, kind, now, now, problems=[Note(sentence_of(error))]), by_hand=False)


def _mail_misspelt(folder: Path, kind: Kind, error: SpecificationError) -> None:
    """Mail that a job was not begun, as the configuration is at fault; nobody where site.yaml itself cannot be read."""
    from nightferry.workplace import utc_now
    from observatory.spec.load import load_site
    from reports.model import Note, Report
    from reports.post import Post  # loads what mail needs

    try:
        site = load_site(folder)
    except SpecificationError:
        return
    if site.mail is not None:
        now = utc_now()
        said = ["nothing was done, as the configuration is at fault:", *str(error).splitlines()]
        report = Report(site.site, kind, now, now, problems=[Note(line) for line in said])
        for sentence in Post(site.mail, {}, folder, folder / Path(site.state).expanduser()).post(report, now).sentences:
            say(sentence)
