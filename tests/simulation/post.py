"""A simulated mail server behind the real post office: letters refused, a server that dies, and no letter lost.

Policy, letters and spool are the real ones; what takes the letters is simulated.
"""

from __future__ import annotations

import datetime as dt
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from observatory.errors import MailNotTaken
from observatory.spec.models import SiteMail
from reports.letter import Letter
from reports.mail import Delivery
from reports.model import Report
from reports.post import Post
from reports.spool import Deliver

SETTINGS = SiteMail.model_validate({"from": "nightferry@sim.test", "to": ["data@sim.test"], "when": "always"})


class SimulatedServer:
    """Takes letters, or is away, or takes one and dies before it says so.

    Attributes
    ----------
    taken : list of str
        Names of the letters, in the order they came; one may come twice.
    """

    def __init__(self, random: random.Random) -> None:
        self.random = random
        self.is_well = False
        self.taken: list[str] = []

    def take(self, letter: Letter) -> Delivery:
        """Take one letter."""
        luck = 1.0 if self.is_well else self.random.random()
        if luck < 0.2:
            raise MailNotTaken("mail.sim", "it is away", is_permanent=False)
        self.taken.append(letter.name)
        if luck < 0.3:
            raise MailNotTaken("mail.sim", "it died after DATA", is_permanent=False)
        return Delivery()


@dataclass(frozen=True)
class SimulatedOffice(Post):
    """The real post office with a simulated server at its door."""

    server: SimulatedServer

    def _door(self) -> Deliver:
        return self.server.take


class SimulatedPost:
    """The mail of one site."""

    def __init__(self, random: random.Random) -> None:
        self.server = SimulatedServer(random)
        self.folder = tempfile.TemporaryDirectory(prefix="nightferry-simulated-")
        where = Path(self.folder.name)
        self.office = SimulatedOffice(SETTINGS, {}, where, where, self.server)
        self.written = 0

    def post(self, report: Report, now: dt.datetime) -> None:
        """Mail a report."""
        self.written += self.office.post(report, now).written

    def all_were_told(self) -> None:
        """Assert that, once the server is well, every letter has come, and nothing waits."""
        self.server.is_well = True
        flushed = self.office.flush()
        self.folder.cleanup()
        assert flushed.waiting == 0, flushed
        assert len(set(self.server.taken)) == self.written, "a letter was lost"
