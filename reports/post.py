"""From a finished report to people's mail: who is to be told, whether today, and through which door.

The only module that puts policy, letter, spool and mail together. What people were last sent is memory.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from observatory.errors import MailNotTaken, NightferryError, UsageError
from observatory.spec.models import MailServer, SiteMail
from reports.letter import Letter, address_of, compose, letter_of
from reports.mail import Delivery, greet, read_password, send
from reports.memory import Memory
from reports.model import Report
from reports.policy import LastMail, digest, should_send, state_to_tell
from reports.spool import Deliver, Spool, into_folder


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a report's mails.

    Attributes
    ----------
    written : int
        Mails of this report that were put into the spool.
    sent : int
        Mails handed over, older ones included.
    refused, waiting : int
        Refused for good, and left for the next run.
    decisions : tuple of str
        Per list whether it was mailed and why, for the log.
    sentences : tuple of str
        Faults, for the next report and for standard error. Empty where all went well.
    """

    written: int = 0
    sent: int = 0
    refused: int = 0
    waiting: int = 0
    decisions: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """The post office of a site.

    Attributes
    ----------
    settings : SiteMail
    teams : mapping of instrument name to addresses
        Each gets its instrument's part alone.
    folder : Path
        What relative paths of `settings` are relative to: the folder of site.yaml.
    state : Path
        The site's state folder; the spool is made in it.
    """

    settings: SiteMail
    teams: Mapping[str, Sequence[str]]
    folder: Path
    state: Path

    def post(self, report: Report, now_utc: dt.datetime, *, by_hand: bool = False) -> Posted:
        """Mail a report to those whom it is due, and what earlier runs could not send.

        Parameters
        ----------
        report : Report
        now_utc : datetime.datetime
        by_hand : bool
            A person asked for it (``--mail``): it is sent whatever `when` says.

        Returns
        -------
        Posted
            Nothing is raised for a server that is away or a list that is misspelt: the run goes on, the
            sentences say it.
        """
        decisions: list[str] = []
        faults: list[str] = []
        written = 0
        for name, part, recipients in self._audiences(report):
            usable, unusable = _sorted_out(recipients)
            faults += unusable
            try:
                is_written, why = self._write(name, part, usable, now_utc, by_hand) if usable else (False, "no address")
            except NightferryError as error:
                faults.append(str(error))
                continue
            written += is_written
            decisions.append(f"mail for {name or 'the site'}: {'sent' if is_written else 'not sent'}, {why}")
        flushed = self.flush()
        faults += flushed.sentences
        return Posted(written, flushed.sent, flushed.refused, flushed.waiting, tuple(decisions), tuple(faults))

    def flush(self) -> Posted:
        """Send what earlier runs could not; for runs that have nothing to say."""
        flushed = self.spool.flush(self._deliver)
        return Posted(sent=flushed.sent, refused=flushed.refused, waiting=flushed.waiting, sentences=flushed.sentences)

    def greet(self) -> None:
        """Try the way of mails without sending one: the folder, or the server with TLS and login.

        Raises
        ------
        NightferryError
            A mail would not be taken; the sentence says why.
        """
        if self.settings.folder is None:
            server, password, ca_file = self._server()
            greet(server, password, ca_file)

    def _audiences(self, report: Report) -> Iterator[tuple[str, Report, Sequence[str]]]:
        if self.settings.to:
            yield "", report, self.settings.to
        notes = [note for note in report.notes if note.instrument is None]
        problems = [problem for problem in report.problems if problem.instrument is None]
        is_nobodys = bool(problems or notes) and not self.settings.to
        for name in sorted({*report.instruments(), *(self.teams if problems and is_nobodys else ())}):
            part = report.part(name)
            if is_nobodys:  # what is said of the whole site is then said to all
                part = replace(part, notes=[*notes, *part.notes], problems=[*problems, *part.problems])
            if self.teams.get(name):
                yield name, part, self.teams[name]

    def _write(
        self, name: str, part: Report, recipients: Sequence[str], now_utc: dt.datetime, by_hand: bool
    ) -> tuple[bool, str]:
        findings, state, memory = digest(part), state_to_tell(part), Memory(self._memory(name, part), self.spool)
        decision = should_send(
            self.settings.when,
            state,
            findings,
            memory.recall(),
            now_utc,
            self.settings.repeat_days,
            self.settings.alive,
        )
        if not decision.send and not by_hand:
            return False, decision.why
        letter = letter_of(compose(part, self.settings, recipients, now_utc), now_utc)
        self._put(letter)
        memory.remember(LastMail(now_utc, findings, state), letter)
        return True, "asked for by hand" if by_hand else decision.why

    def _put(self, letter: Letter) -> None:
        """Write a letter down; where the spool takes none it is handed over at once: it is that or silence.

        Raises
        ------
        MailNotTaken
            Neither would have it.
        """
        try:
            self.spool.put(letter)
        except MailNotTaken as full:
            refused = self._deliver(letter).refused
            if refused:
                raise full

    @property
    def spool(self) -> Spool:
        """Where mails lie until they are handed over; what is no report is written down there itself."""
        return Spool(self.state / "spool")

    def _memory(self, name: str, part: Report) -> Path:
        return self.state / "spool" / "last" / f"{part.kind}{'-' if name else ''}{name}.json"

    def _deliver(self, letter: Letter) -> Delivery:
        return self._door()(letter)

    def _door(self) -> Deliver:
        if self.settings.folder is not None:
            return into_folder(self._path(self.settings.folder))
        return _through(*self._server())

    def _server(self) -> tuple[MailServer, str | None, Path | None]:
        server = self.settings.server
        password = None if server.password_file is None else read_password(self._path(server.password_file))
        ca_file = None if server.ca_file is None else self._path(server.ca_file)
        return server, password, ca_file

    def _path(self, text: str) -> Path:
        return self.folder / Path(text).expanduser()


def _through(server: MailServer, password: str | None, ca_file: Path | None) -> Deliver:
    return lambda letter: send(letter, server, password, ca_file)


def _sorted_out(recipients: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the addresses that can be written to, each once, and a sentence for every other.

    One misspelt address does not keep the report from the rest of its list.
    """
    usable, faults = [], []
    for recipient in dict.fromkeys(recipients):
        try:
            usable.append(address_of(recipient))
        except UsageError as error:
            faults.append(str(error))
    return usable, faults
