"""The connection to one host: made when first asked for, made again when it was lost, and let go at once.

Neither a name server nor TCP nor the greeting of an SSH server can be interrupted. So each attempt has a thread of
its own, for which nobody has to wait: whoever wants to end need not wait until a silent host is given up. How a
connection is made is ssh_connection.py's, what is asked over it ssh.py's.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError

from observatory.endpoints.ssh_connection import Connection
from observatory.errors import CouldNotTell, HostSilent, HostUnreachable

GIVEN_UP_S = 60.0
"""A host that never answered, or answers no more, is not tried again for so long: each hop would wait anew."""
_LET_GO = "it was let go before it had answered"


class Lifeline:
    """The connection to one host, for several threads.

    Parameters
    ----------
    host : str
        What messages call it.
    connect : callable
        Makes a connection.
    """

    def __init__(self, host: str, connect: Callable[[], Connection]) -> None:
        self._host, self._connect = host, connect
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._attempt: _Attempt | None = None
        self._given_up: tuple[float, CouldNotTell] | None = None
        self._was_reached = False

    def connection(self) -> Connection:
        """Return the connection; of several threads that need one the first begins it, and all wait for it.

        Raises
        ------
        CouldNotTell
        """
        with self._lock:
            if self._connection is not None and self._connection.is_alive:
                return self._connection
            if self._attempt is None:
                self._drop()
                self._attempt = self._begun()
            attempt = self._attempt
        try:
            connection = attempt.result()
        except CancelledError as error:
            raise HostUnreachable(self._host, _LET_GO) from error
        except CouldNotTell as error:
            self._ended(attempt, error)
            raise
        self._ended(attempt, connection)
        return connection

    def close(self) -> None:
        """Let go of the connection, or of the attempt to make one: whoever waits for it waits no more."""
        with self._lock:
            if self._attempt is not None:
                self._attempt.break_off()
                self._attempt = None
            self._drop()

    def _begun(self) -> _Attempt:
        """Connect, unless this host was tried a moment ago and is not worth another wait."""
        if self._given_up is not None and time.monotonic() - self._given_up[0] < GIVEN_UP_S:
            raise self._given_up[1].with_traceback(None)
        return _Attempt(self._connect)

    def _ended(self, attempt: _Attempt, ended: Connection | CouldNotTell) -> None:
        """Note how an attempt ended; the first of those who waited for it does."""
        with self._lock:
            if self._attempt is not attempt:
                return
            self._attempt = None
            if not isinstance(ended, CouldNotTell):
                self._connection, self._was_reached = ended, True
            elif not self._was_reached or isinstance(ended, HostSilent):
                self._given_up = (time.monotonic(), ended)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Attempt:
    """One attempt to connect, begun when made."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connection: Future[Connection] = Future()
        threading.Thread(target=_connect, args=(connect, self._connection), name="connect", daemon=True).start()

    def result(self) -> Connection:
        """Wait for the connection, or raise why there is none; CancelledError where it was broken off."""
        return self._connection.result()

    def break_off(self) -> None:
        """Have whoever waits for the connection wait no more; one that is made all the same is let go."""
        if not self._connection.cancel() and self._connection.exception() is None:
            self._connection.result().close()


def _connect(connect: Callable[[], Connection], told: Future[Connection]) -> None:
    try:
        connection = connect()
    except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
        with contextlib.suppress(InvalidStateError):
            told.set_exception(error)
        return
    try:
        told.set_result(connection)
    except InvalidStateError:
        connection.close()
