"""What the kernel knows of the line behind a socket."""

from __future__ import annotations

import socket
import struct

_TCPI_RTT = struct.Struct("=68x I")
"""``tcpi_rtt`` in Linux' struct tcp_info (include/uapi/linux/tcp.h): after 8 bytes and fifteen numbers."""


def kernel_round_trip_s(sock: socket.socket, connect_s: float) -> float:
    """Return the round trip that the kernel saw; our own clock also runs while another thread has the interpreter.

    Only Linux tells; elsewhere it is what connecting took, `connect_s`.
    """
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCPI_RTT.size)
        return float(_TCPI_RTT.unpack(told)[0]) / 1e6
    except (AttributeError, OSError, struct.error):
        return connect_s
