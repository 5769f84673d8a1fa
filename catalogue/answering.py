"""A session of PostgreSQL that does not wait for ever: a server may fall silent in the middle of a statement.

TCP tells of a machine that is gone. Of a server that stands still on a machine that works, or whose disk hangs, no
setting of libpq tells, nor any of the server's own: the kernel there goes on confirming what it was sent.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.rows import TupleRow

QUIET_S = 60.0
"""After so long without a word the server is asked whether it lets anyone in; and again after as long."""
LOGIN_S = 15
"""What it has for that."""
LONGEST_S = 3600.0
"""No statement of ours takes so long, not the making of an index over a hundred million rows either."""


class Answering(psycopg.Connection[TupleRow]):
    """A session that ends, with an OperationalError, where its server answers nobody any more."""

    def wait(self, gen: PQGen[RV], *how: Any, **more: Any) -> RV:
        """Wait as the driver does, for as long as the server is there."""
        return super().wait(self._minded(gen), *how, **more)

    def _minded(self, gen: PQGen[RV]) -> PQGen[RV]:
        """Hand the driver's waiting through; ten times a second it is woken, with nothing in hand if nothing came."""
        try:
            wanted, quiet = next(gen), _Quiet()
            while True:
                ready = yield wanted
                if ready:
                    quiet = _Quiet()
                elif quiet.is_to_be_asked():
                    self._require_server(quiet)
                wanted = gen.send(ready)
        except StopIteration as done:
            result: RV = done.value
            return result

    def _require_server(self, quiet: _Quiet) -> None:
        """Raise where it lets nobody in within `LOGIN_S`, or was silent for longer than anything takes."""
        why = None if quiet.so_far_s < LONGEST_S else "it lets others in"
        try:
            psycopg.connect(self.info.dsn, password=self.info.password, connect_timeout=LOGIN_S).close()
        except psycopg.OperationalError as error:
            why = f"it lets nobody in: {error}"
        if why is not None:
            self.pgconn.finish()  # what it may still say belongs to a question that nobody asks any more
            raise psycopg.OperationalError(
                f"the server has not answered for {quiet.so_far_s:.0f} s, and {why}. It may hang; look at its machine"
            )


class _Quiet:
    """How long nothing came, and when to ask why."""

    def __init__(self) -> None:
        self._since_s = self._asked_s = time.monotonic()

    @property
    def so_far_s(self) -> float:
        return time.monotonic() - self._since_s

    def is_to_be_asked(self) -> bool:
        if time.monotonic() - self._asked_s < QUIET_S:
            return False
        self._asked_s = time.monotonic()
        return True
