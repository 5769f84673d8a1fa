"""The schedule as a daemon: APScheduler calls each job when it is due, one at a time, as a process of its own.

A late job runs rather than vanishes, several of one kind become one, and a run that fell due while the machine
was off is made up and said in its report. Jobs are the same commands that cron would call.
"""

from __future__ import annotations

import datetime as dt
import logging
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from nightferry.clocks import Running, running
from nightferry.cron import Cron, parse
from nightferry.observations.keeping import Keeper, watched_by_daemon
from nightferry.redeclared import Redeclared
from nightferry.schedule import jobs_of, program, words_of
from nightferry.workplace import Workplace
from observatory.errors import CouldNotTell
from observatory.spec.models import Specification
from observatory.truth import State

if TYPE_CHECKING:
    from catalogue.ledger import Ledger

log = logging.getLogger("nightferry")

STATE_BY_STATUS = {0: State.OK, 1: State.DIFFERENT}
"""What a job's exit status says; every other one could not tell."""

WATCH_S = 60.0
"""So often the clock is looked at."""
SET_S = 60.0
"""A clock that differs by more from what it showed a moment ago was set by somebody: no drift is so large."""

Start = Callable[[list[str]], int]


class _NoneSkipped(BaseTrigger):  # type: ignore[misc]
    """A trigger that starts what is due in an hour that a zone leaves out when that hour is over, as cron does.

    APScheduler leaves out the whole day where clocks go forward at midnight, as they do in Chile.

    Parameters
    ----------
    due : trigger
        In the zone.
    by_the_wall : trigger
        The same in UTC: asked about what the clock on the wall would show.
    zone : ZoneInfo
    """

    def __init__(self, due: Any, by_the_wall: Any, zone: ZoneInfo) -> None:
        self._due, self._by_the_wall, self._zone = due, by_the_wall, zone

    def get_next_fire_time(self, previous_fire_time: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
        """Return when it is due next after it was before, else from `now` on."""
        found: dt.datetime | None = self._due.get_next_fire_time(previous_fire_time, now)
        start = now if previous_fire_time is None else previous_fire_time
        wall = start.astimezone(self._zone).replace(tzinfo=dt.UTC, fold=0) + dt.timedelta(microseconds=1)
        shown = self._by_the_wall.get_next_fire_time(None, wall)
        if found is None or shown is None:
            return found
        instant = shown.replace(tzinfo=self._zone).astimezone(dt.UTC)
        is_left_out = instant.astimezone(self._zone).replace(tzinfo=None) != shown.replace(tzinfo=None)
        return instant.astimezone(self._zone) if is_left_out and instant < found.astimezone(dt.UTC) else found


def trigger_of(expression: str, zone: ZoneInfo) -> Any:
    """Return a trigger with cron's own meaning of an expression."""
    cron = parse(expression)
    return _NoneSkipped(_trigger(cron, zone), _trigger(cron, dt.UTC), zone)


def _trigger(cron: Cron, zone: dt.tzinfo) -> Any:
    triggers = [
        CronTrigger(
            minute=cron.minute,
            hour=cron.hour,
            day=day,
            month=cron.month,
            day_of_week=",".join(days) or "*",
            timezone=zone,
        )
        for day, days in cron.alternatives
    ]
    return triggers[0] if len(triggers) == 1 else OrTrigger(triggers)


def due_since(trigger: Any, since: dt.datetime, until: dt.datetime) -> Iterator[dt.datetime]:
    """Yield when a trigger fell due after one instant and not after another.

    Counted in UTC: in the hour that a zone lives through twice, a second later by the clock on the wall is an hour
    earlier, and the same instant would be found again for ever.
    """
    second, last, fire = dt.timedelta(seconds=1), until.astimezone(dt.UTC), since.astimezone(dt.UTC)
    while (due := trigger.get_next_fire_time(fire, fire + second)) is not None:
        fire = due.astimezone(dt.UTC)
        if fire > last:
            return
        yield due


_Schedule = tuple[ZoneInfo, dict[str, str]]
"""The site's zone, and the cron expression of each job."""


def _schedule_of(specification: Specification, *, may_be_none: bool) -> _Schedule:
    return ZoneInfo(specification.site.timezone), jobs_of(specification, may_be_none=may_be_none)


def _triggers_of(schedule: _Schedule) -> dict[str, Any]:
    zone, expressions = schedule
    return {job: trigger_of(expression, zone) for job, expression in expressions.items()}


class Daemon:
    """The schedule of one site at work.

    Parameters
    ----------
    workplace : Workplace
    start : callable
        Runs a command's words to its end and returns the exit status; replaced in tests of the schedule alone.
    triggers : mapping of job to trigger, optional
        Default: those of the site's schedule.
    """

    def __init__(
        self, workplace: Workplace, start: Start | None = None, triggers: Mapping[str, Any] | None = None
    ) -> None:
        self._workplace = workplace
        self._start = start or self._run_process
        self._watched = watched_by_daemon(workplace)
        self._declared = _schedule_of(workplace.specification, may_be_none=bool(self._watched or triggers))
        self._redeclared = Redeclared(workplace.folder)
        self._triggers: Mapping[str, Any] = triggers or _triggers_of(self._declared)
        self._unasked = set(self._triggers)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._scheduler = BackgroundScheduler(
            timezone=self._declared[0],
            executors={"default": ThreadPoolExecutor(1)},  # one job at a time: the next waits, it is not dropped
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 2},
        )

    def serve(self) -> None:
        """Work until SIGTERM or SIGINT; the job that runs then is told to end and waited for."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._keep()
        self._scheduler.start()
        self.make_up()
        keepers = [Keeper(self._words(["export", "--watch", "--instrument", name])) for name in self._watched]
        for keeper in keepers:
            keeper.start()
        watched = {"watches": ",".join(self._watched)} if self._watched else {}
        log.info("daemon works", extra={"jobs": ",".join(self._triggers)} | watched)
        before = running()
        while not self._stopping.wait(WATCH_S):
            before = self.mind_clock(before, running())
            self.mind_schedule()
            self.make_up()
        for keeper in keepers:
            keeper.stop()
        self._scheduler.shutdown(wait=True)
        log.info("daemon ended")

    def make_up(self) -> None:
        """Have made up what fell due while nobody could start it; what the ledger does not tell yet is asked again."""
        for job in [job for job in self._triggers if job in self._unasked]:
            try:
                missed = self._missed(job, self._triggers[job])
            except CouldNotTell as error:
                log.error("not known what was missed", extra={"reason": str(error)})
                return
            self._unasked.discard(job)
            if missed is not None:
                self._scheduler.add_job(self._due, args=[job, missed], id=f"{job} made up")

    def mind_clock(self, before: Running | None, now: Running | None) -> Running | None:
        """Reckon anew when each job is due, where somebody set the clock since it was looked at last; return `now`.

        What was reckoned by a clock that was a month ahead would else be waited for, for a month.
        """
        if before is not None and now is not None and before.boot == now.boot:
            set_s = now.began_s - before.began_s
            if abs(set_s) > SET_S:
                log.warning("the clock was set", extra={"seconds": round(set_s)})
                for job, trigger in self._triggers.items():
                    self._scheduler.reschedule_job(job, trigger=trigger)
        return now

    def mind_schedule(self) -> None:
        """Keep the schedule that stands in site.yaml now; while that cannot be read, the one that stood there."""
        specification = self._redeclared.read()
        if specification is None:
            return
        declared = _schedule_of(specification, may_be_none=True)
        if declared == self._declared:
            return
        for job in self._triggers:
            self._scheduler.remove_job(job)
        self._declared, self._triggers = declared, _triggers_of(declared)
        self._keep()
        log.info("the schedule changed", extra={"jobs": ",".join(self._triggers) or "none"})

    def _keep(self) -> None:
        for job, trigger in self._triggers.items():
            self._scheduler.add_job(self._due, trigger, args=[job], id=job, name=job)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()
        process = self._process
        if process is not None:
            process.terminate()

    def _missed(self, job: str, trigger: Any) -> dt.datetime | None:
        """Return the last time that a job fell due while nobody could start it; the first start misses nothing."""
        now = self._workplace.now()
        with self._workplace.opened_ledger() as ledger:
            known = ledger.last_job(job)
            if known is None:
                ledger.job_due(job, now)
                ledger.job_finished(job, now, now, State.OK)
                return None
        return max(due_since(trigger, known.due_utc, now), default=None)

    def _due(self, job: str, missed: dt.datetime | None = None) -> None:
        if self._stopping.is_set():
            return
        self._unasked.discard(job)  # what was missed is done with it
        due = (missed or self._workplace.now()).astimezone(dt.UTC)
        self._note(lambda ledger: ledger.job_due(job, due))
        self._note(lambda ledger: ledger.job_started(job, due, self._workplace.now()))
        words = [*words_of(job)]
        if missed is not None:
            words += ["--note", f"the {job} due at {missed:%Y-%m-%d %H:%M %Z} was missed and is made up now"]
        status = self._start(words)
        state = STATE_BY_STATUS.get(status, State.UNKNOWN)
        self._note(lambda ledger: ledger.job_finished(job, due, self._workplace.now(), state))
        log.log(logging.WARNING if status else logging.INFO, "job ended", extra={"job": job, "status": status})

    def _note(self, note: Callable[[Ledger], None]) -> None:
        """Note something in the ledger; where that is away the job is started all the same, and says so by mail."""
        try:
            with self._workplace.opened_ledger() as ledger:
                note(ledger)
        except CouldNotTell as error:
            log.error("not noted", extra={"reason": str(error)})

    def _run_process(self, words: list[str]) -> int:
        self._process = subprocess.Popen(self._words(words), stdin=subprocess.DEVNULL)
        if self._stopping.is_set():
            self._process.terminate()
        status = self._process.wait()
        self._process = None
        return status

    def _words(self, words: list[str]) -> list[str]:
        return [*program(), "--config", str(self._workplace.folder), *words]
