"""How far away the other end of a socket is."""

from __future__ import annotations

import socket

from observatory.endpoints.lines import kernel_round_trip_s


def test_loopback_is_near_however_long_connecting_took() -> None:
    """Another thread may have had the interpreter meanwhile: that is no distance."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as near:
        assert 0.0 < kernel_round_trip_s(near, 5.0) < 1.0


def test_where_the_kernel_does_not_tell_the_clock_does() -> None:
    """A socket without TCP has no such line."""
    one, two = socket.socketpair()
    with one, two:
        assert kernel_round_trip_s(one, 0.25) == 0.25
