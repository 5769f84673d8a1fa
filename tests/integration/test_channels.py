"""Channels that end while something is still being sent through them: the connection, and all others on it, live on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.common import MSG_CHANNEL_CLOSE

from observatory.endpoints.running import complete
from observatory.endpoints.ssh import SshEndpoint
from observatory.endpoints.ssh_connection import connected
from tests.hosts import Host, Hosts


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


def test_programs_that_leave_their_input_unread_disturb_no_file_beside_them(hosts: Hosts, tmp_path: Path) -> None:
    """Four at a time on one connection, whose keys change every megabyte as they do after an hour."""
    host = hosts.start("rekeyed", options=("RekeyLimit 1M",))
    endpoint = SshEndpoint(host.access)
    content = os.urandom(1 << 20)

    def work(number: int) -> list[bool]:
        went = []
        for turn in range(6):
            path = os.fsencode(tmp_path / f"{number}-{turn}")
            with endpoint.create(path) as writer:
                writer.write(content)
            assert endpoint.run([b"true"], (bytes(200_000),)).status == 0
            with endpoint.open(path) as reader:
                went.append(reader.read() == content)
        return went

    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(all(went) for went in pool.map(work, range(4)))
    finally:
        endpoint.close()
        hosts.stop(host)
