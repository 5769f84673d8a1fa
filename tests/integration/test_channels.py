"""Channels that end while something is still being sent through them: the connection, and all others on it, live on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import paramiko
import pytest
from paramiko.common import MSG_CHANNEL_CLOSE

from observatory.endpoints.running import complete
from observatory.endpoints.ssh_connection import connected
from tests.hosts import Host


class Late:
    """A transport that holds back what this thread sends until paramiko's own has sent the channel's CLOSE.

    So it happens by itself on a busy machine, now and then.
    """

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport, self._closed = transport, threading.Event()
        self._held_back = threading.current_thread()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send_user_message(self, message: paramiko.Message) -> None:
        if threading.current_thread() is self._held_back:
            assert self._closed.wait(20)
            time.sleep(0.3)  # sshd has let go of the channel by then
        self._transport._send_user_message(message)  # type: ignore[attr-defined]
        if message.asbytes()[0] == MSG_CHANNEL_CLOSE:
            self._closed.set()


@pytest.mark.parametrize(
    "send", [paramiko.Channel.shutdown_write, lambda channel: channel.sendall(b"one more name")], ids=["eof", "data"]
)
def test_what_is_sent_to_a_program_that_has_ended_does_not_cost_the_connection(
    three_hosts: tuple[Host, ...], send: Callable[[paramiko.Channel], object]
) -> None:
    """Else sshd says that it refers to a nonexistent channel, and hangs up on everybody."""
    connection = connected(three_hosts[0].access)
    try:
        channel = connection._session()
        channel.exec_command("sleep 0.3")
        channel.transport = Late(channel.transport)  # type: ignore[assignment]
        send(channel)
        completed = complete(connection.start(b"echo still here", ()), "far", "echo", 20)
        assert completed.stdout == b"still here\n"
    finally:
        connection.close()
