"""Channels of an SSH connection: a program at the far end, an SFTP server, and one that is opened ahead.

How the connection is made is ssh_connection.py's.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from observatory.endpoints.lean import absent
from observatory.endpoints.running import KEPT_STDERR_BYTES
from observatory.errors import HostUnreachable, ProgramSilent

with absent("invoke"):  # as in ssh_connection.py, whichever is loaded first
    import paramiko
    from paramiko.common import MSG_CHANNEL_CLOSE

SFTP_ANSWER_S = 120.0
"""One answer of an SFTP server: one block, or a hundred names; a disk that spins up takes 15 s."""


def let_go(channel: paramiko.Channel) -> None:
    """Close a channel that failed; that its whole connection is lost is what is being said already."""
    with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
        channel.close()


class Gate:
    """What a channel sees as its transport: after the channel's CLOSE nothing more of it is sent.

    paramiko makes a message under a lock and sends it without. A program that ends while its standard input is being
    closed, or fed, is answered by CLOSE in between, and what follows refers to a channel that is no more: sshd then
    ends the whole connection, with all that others do on it (paramiko's issues 1115 and 1584).

    Parameters
    ----------
    transport : paramiko.Transport
    """

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport = transport
        self._guard = threading.Lock()
        self._is_shut = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send_user_message(self, message: paramiko.Message) -> None:
        with self._guard:
            if not self._is_shut:
                self._is_shut = message.packet.getbuffer()[0] == MSG_CHANNEL_CLOSE
                self._transport._send_user_message(message)  # type: ignore[attr-defined]


def gated(channel: paramiko.Channel) -> paramiko.Channel:
    """Return a channel that is silent once it has been closed."""
    channel.transport = Gate(channel.get_transport())  # type: ignore[assignment]
    return channel


class SpareChannel:
    """At most one channel, opened before it is asked for: over a long line its opening is a wait of its own.

    May be used by several threads.

    Parameters
    ----------
    open_channel : callable
        Opens one; what it raises is nobody's business here: whoever needs a channel then opens it himself.
    """

    def __init__(self, open_channel: Callable[[], paramiko.Channel]) -> None:
        self._open = open_channel
        self._guard = threading.Lock()
        self._spare: Future[paramiko.Channel] | None = None

    def prepare(self) -> None:
        """Begin to open one, where there is none."""
        with self._guard:
            if self._spare is not None:
                return
            self._spare = Future()
            threading.Thread(target=self._fill, args=(self._spare,), name="spare", daemon=True).start()

    def take(self) -> paramiko.Channel | None:
        """Return the spare channel, waiting where it is being opened; None where there is none or it has closed."""
        with self._guard:
            spare, self._spare = self._spare, None
        if spare is None:
            return None
        with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
            channel = spare.result()
            return None if channel.closed else channel
        return None

    def _fill(self, spare: Future[paramiko.Channel]) -> None:
        try:
            spare.set_result(self._open())
        except (paramiko.SSHException, OSError, EOFError) as error:
            spare.set_exception(error)


BEGINS = b"nightferry begins\0"
"""Said on standard output before a program of ours, by `with_beginning`."""
LONGEST_GREETING_BYTES = 1 << 16
"""What is longer is no greeting: then nothing is taken for one."""


def with_beginning(script: bytes) -> bytes:
    """Return a script that says where its own output begins: a start-up file of the account may talk before it."""
    return b"printf '" + BEGINS.replace(b"\0", b"\\0") + b"'; " + script


class ChannelRunning:
    """A program at the far end; see `running.Running`.

    What stands on standard output before `BEGINS` is not the program's. Where that never comes, all of it is given:
    what ran there was not our script, and its own words say best what it was.
    """

    def __init__(self, channel: paramiko.Channel, host: str, stdin: Iterable[bytes]) -> None:
        self._channel, self._host = channel, host
        self._stderr = bytearray()
        self._held, self._has_begun = bytearray(), False
        self._drained = threading.Thread(target=self._drain, daemon=True)
        self._drained.start()
        threading.Thread(target=self._feed, args=(stdin,), daemon=True).start()

    def _feed(self, stdin: Iterable[bytes]) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            for block in stdin:
                self._channel.sendall(block)
            self._channel.shutdown_write()

    def _drain(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while block := self._channel.recv_stderr(1 << 16):
                if len(self._stderr) < KEPT_STDERR_BYTES:
                    self._stderr += block

    def read(self, size: int, wait_s: float) -> bytes:
        """Return the next bytes of standard output; see `running.Running`."""
        while not self._has_begun:
            self._look_for_beginning(self._receive(size, wait_s))
        if self._held:
            block = bytes(self._held[:size])
            del self._held[:size]
            return block
        return self._receive(size, wait_s)

    def _look_for_beginning(self, block: bytes) -> None:
        self._held += block
        before, mark, after = self._held.partition(BEGINS)
        if mark:
            self._held = after
        self._has_begun = bool(mark) or not block or len(before) > LONGEST_GREETING_BYTES

    def _receive(self, size: int, wait_s: float) -> bytes:
        self._channel.settimeout(max(wait_s, 0.001))
        try:
            block = self._channel.recv(size)
        except TimeoutError:
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:  # it could not even ask for more
            raise HostUnreachable(self._host, "the connection was lost") from error
        if not block:
            self._check_alive()
        return block

    def _check_alive(self) -> None:
        transport = self._channel.get_transport()
        if not transport.is_active() and not self._channel.exit_status_ready():
            raise HostUnreachable(self._host, "the connection was lost")

    def finish(self, wait_s: float) -> tuple[int, bytes]:
        """Return status and standard error; see `running.Running`."""
        if not self._channel.status_event.wait(wait_s):
            self._check_alive()
            raise TimeoutError(f"did not end within {wait_s:g} s")
        self._check_ended()
        self._drained.join(wait_s)
        return self._channel.exit_status, bytes(self._stderr)

    def _check_ended(self) -> None:
        if self._channel.exit_status == -1:
            transport = self._channel.get_transport()
            if not transport.is_active():
                raise HostUnreachable(self._host, "the connection was lost")

    def kill(self) -> None:
        """Close the channel: what writes into it ends; see `running.Running`."""
        let_go(self._channel)


class ChannelPipe:
    """A channel to an SFTP server; see `sftp.Pipe`."""

    def __init__(self, channel: paramiko.Channel, host: str) -> None:
        self._channel, self._host = channel, host
        channel.settimeout(SFTP_ANSWER_S)

    @property
    def is_alive(self) -> bool:
        """Whether the channel still stands."""
        return not self._channel.closed

    def send(self, data: bytes) -> None:
        """Send all of it."""
        with self._translated("writing"):
            self._channel.sendall(data)

    def receive(self, size: int) -> bytes:
        """Return some bytes."""
        with self._translated("answering"):
            return self._channel.recv(size)

    @contextlib.contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            self.close()
            raise ProgramSilent(self._host, f"{doing} over SFTP", SFTP_ANSWER_S) from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise HostUnreachable(self._host, f"the connection was lost: {error}") from error

    def close(self) -> None:
        """Let go of the channel."""
        let_go(self._channel)
