"""The schedule said to cron and systemd: the same jobs at the same times as the daemon's."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from nightferry.cron import calendar, parse
from observatory.accounts import account
from observatory.errors import UsageError
from observatory.spec.models import Specification

JOBS = ("run", "sync", "convert", "verify", "prune")
_WORDS = {"prune": ("prune", "--yes")}
"""Of a job whose command alone would only say what it might do."""


def words_of(job: str) -> tuple[str, ...]:
    """Return the words that start a job of the schedule."""
    return (*_WORDS.get(job, (job,)), "--scheduled")


def jobs_of(specification: Specification, *, may_be_none: bool = False) -> dict[str, str]:
    """Return the cron expression of each scheduled job that this version has.

    Raises
    ------
    UsageError
        Nothing is scheduled, and that may not be.
    """
    schedule = specification.site.schedule
    found = {job: expression for job in JOBS if (expression := getattr(schedule, job)) is not None}
    if not found and not may_be_none:
        raise UsageError("site.yaml: `schedule` names no job; for example  schedule: {run: '0 8 * * *'}")
    return found


def _command(program: Sequence[str], specification: Specification, job: str) -> str:
    return shlex.join([*program, "--quiet", "--config", specification.folder, *words_of(job)])


def crontab_lines(specification: Specification, program: Sequence[str]) -> Iterator[str]:
    """Yield the lines for ``crontab -e``; cron mails by itself what a job says on standard error.

    Where the site mails its reports, they are not left to cron too: they would come twice, and daily whatever
    ``mail.when`` says.
    """
    silence = " >/dev/null" if specification.mails_reports else ""
    jobs = jobs_of(specification)
    zone = specification.site.timezone
    yield f"# nightferry, site {specification.site.site}; times are those of {zone}"
    if zone != machine_zone():
        yield "# cronie understands CRON_TZ; Debian's cron ignores it: use `nightferry systemd` or the daemon there."
        yield f"CRON_TZ={zone}"
    for job, expression in jobs.items():
        yield f"{expression} {_command(program, specification, job).replace('%', chr(92) + '%')}{silence}"


def machine_zone() -> str | None:
    """Return the name of this machine's time zone, as far as it tells."""
    try:
        return os.path.realpath("/etc/localtime").split("/zoneinfo/", 1)[1]
    except IndexError:
        return None


_SERVICE = """\
# /etc/systemd/system/nightferry-{job}.service
[Unit]
Description=nightferry {job}, site {site}
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
User={user}
ExecStart={command}
SuccessExitStatus=1
"""

_TIMER = """\
# /etc/systemd/system/nightferry-{job}.timer
[Unit]
Description=nightferry {job}, site {site}

[Timer]
{times}
Persistent=true

[Install]
WantedBy=timers.target
"""


_WATCH = """\
# /etc/systemd/system/nightferry-watch-{instrument}.service
[Unit]
Description=nightferry export --watch of {instrument}, site {site}
After=network-online.target
Wants=network-online.target

[Service]
User={user}
ExecStart={command}
Restart=always
RestartSec=30

[Install]
WantedBy=multi-user.target
"""


def _escaped(command: str) -> str:
    for special, literal in (("\\", "\\\\"), ("%", "%%"), ("$", "$$")):  # systemd.service(5), COMMAND LINES
        command = command.replace(special, literal)
    return command


def systemd_units(
    specification: Specification, program: Sequence[str], watched: Sequence[str] = (), user: str | None = None
) -> Iterator[str]:
    """Yield a service and a timer per job; a service fails where it could not tell, not where it found differences.

    Each instrument `watched` has a service of its own that exports observations while they are taken. All run as
    `user`, by default the one who asks: without a word of it systemd would take root, who holds none of the keys.
    """
    user = (user or account()).replace("%", "%%")
    zone, jobs = specification.site.timezone, jobs_of(specification, may_be_none=bool(watched))
    for job, expression in jobs.items():
        times = "\n".join(f"OnCalendar={line}" for line in calendar(parse(expression), zone))
        words = {"job": job, "site": specification.site.site.replace("%", "%%"), "times": times, "user": user}
        command = _escaped(_command(program, specification, job))
        yield _SERVICE.format(command=command, **words)
        yield _TIMER.format(**words)
    for name in watched:
        argv = [*program, "--config", specification.folder, "export", "--watch", "--instrument", name]
        site = specification.site.site.replace("%", "%%")
        yield _WATCH.format(instrument=name, site=site, command=_escaped(shlex.join(argv)), user=user)


def program() -> list[str]:
    """Return the words that start this very installation."""
    script = Path(sys.executable).with_name("nightferry")
    return [str(script)] if script.exists() else [sys.executable, "-m", "nightferry"]
