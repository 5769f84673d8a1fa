"""One connection over SSH: the way there, the host's key, our key, and channels for what is asked.

What travels through a channel is channels.py's, what is asked of a host ssh.py's; our keys are keys.py's, settings and
known_hosts openssh.py's. The first, channels.py and keys.py alone import paramiko; every fault of it or of the network
becomes one of ours here.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import time
from collections.abc import Iterable

from observatory.endpoints import remedies
from observatory.endpoints.channels import ChannelPipe, ChannelRunning, SpareChannel, gated, let_go, with_beginning
from observatory.endpoints.contract import HostAccess
from observatory.endpoints.keys import Agent, keys_of
from observatory.endpoints.lean import absent
from observatory.endpoints.lines import kernel_round_trip_s
from observatory.endpoints.openssh import FAST_CIPHERS, OpenSSH, effective, has_aes, jump_access, known_keys
from observatory.endpoints.script import wrapped
from observatory.errors import (
    CommandFailed,
    HostKeyRefused,
    HostSilent,
    HostUnreachable,
    LoginRefused,
)

with absent("invoke"):  # paramiko runs `Match exec` of a configuration by it, which we leave to `ssh -G`: 40 ms a start
    import paramiko

AUTHENTICATION_S = 30.0
"""PAM modules that ask a directory server have taken 10 s."""
CHANNEL_S = 30.0
"""To open one session on a connection that works."""
CHANNEL_RETRY_S = (0.1, 0.5, 2.0, 5.0)
_PROHIBITED = 1
"""SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, 5.1): waiting does not help."""
KEEPALIVE_S = 15
"""Less than any firewall's patience with an idle connection."""
DEAD_AFTER_PROBES = 4
"""Unanswered keepalives of TCP, 15 s apart, after which the kernel gives the connection up."""
_KEEPALIVE = {"TCP_KEEPIDLE": KEEPALIVE_S, "TCP_KEEPINTVL": KEEPALIVE_S, "TCP_KEEPCNT": DEAD_AFTER_PROBES}
WINDOW_BYTES = 1 << 24
"""Bulk flows at 16 MiB per round trip: 1 Gbit/s at 130 ms. It is what may come before it is asked for."""
NEAR_WINDOW_BYTES = 1 << 21
"""As much as OpenSSH has: enough where a round trip takes no time."""
PACKET_BYTES = 1 << 17
ROUND_TRIPS = 4
FAR_S = 0.03
"""Over a line of this round trip, or one that cannot be measured, what is said is compressed: a listing shrinks to a
tenth, and a window of 2 MiB lets it through ten times a second at most. Bytes of files seldom gain."""
MAX_JUMPS = 8
"""More hosts on the way than this is a circle in somebody's configuration."""
_LOG = "observatory.endpoints.ssh.paramiko"


class Connection:
    """A host that has proven to be itself and has let us in.

    Raises
    ------
    HostUnreachable, HostSilent
        A retry may help.
    HostKeyRefused, LoginRefused
        A person must look.
    """

    def __init__(self, access: HostAccess, jumps: int = 0) -> None:
        self._access = access
        self.host = access.address
        self._through: Connection | None = None
        self._line_s: float | None = None
        self._settings = effective(access)
        self._transport: paramiko.Transport | None = None
        self._spare = SpareChannel(self._open_channel)
        try:
            self._transport = self._connect(jumps)
        except BaseException:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether the connection still stands, as far as we have heard."""
        return self._transport is not None and self._transport.is_active()

    def close(self) -> None:
        """Let go of the connection and of what it goes through."""
        if self._transport is not None:
            self._transport.close()
        if self._through is not None:
            self._through.close()

    # ---- the way there

    def _connect(self, jumps: int) -> paramiko.Transport:
        timeout_s = self._access.connect_timeout_s
        sock = self._socket(jumps)
        window_bytes = WINDOW_BYTES if self.is_far else NEAR_WINDOW_BYTES
        try:
            transport = paramiko.Transport(sock, default_window_size=window_bytes, default_max_packet_size=PACKET_BYTES)
        except (paramiko.SSHException, OSError, EOFError) as error:
            sock.close()
            raise HostUnreachable(self.host, str(error) or "the connection was lost") from error
        try:
            transport.use_compression(self.is_far)
            self._negotiate(transport, timeout_s)
            self._check_host_key(transport)
            self._log_in(transport)
        except BaseException:
            transport.close()
            raise
        transport.set_keepalive(KEEPALIVE_S)
        return transport

    def _socket(self, jumps: int) -> socket.socket | paramiko.Channel | paramiko.ProxyCommand:
        settings = self._settings
        if jumps > MAX_JUMPS:
            raise HostUnreachable(self.host, "its jump hosts lead round in a circle")
        if settings.proxy_jump:
            self._through = Connection(jump_access(settings.proxy_jump, self._access), jumps + 1)
            return self._through.tunnel(settings.host_name, settings.port, self._access.connect_timeout_s)
        if settings.proxy_command:
            return paramiko.ProxyCommand(_expanded(settings))
        return self._tcp()

    def _tcp(self) -> socket.socket:
        settings, timeout_s = self._settings, self._access.connect_timeout_s
        began_s = time.perf_counter()
        try:
            sock = socket.create_connection((settings.host_name, settings.port), timeout_s)
            self._line_s = kernel_round_trip_s(sock, time.perf_counter() - began_s)
        except TimeoutError as error:
            raise HostSilent(self.host, f"connecting to port {settings.port}", timeout_s) from error
        except OSError as error:
            behind = "" if settings.host_name == self.host else f"{settings.host_name} "
            why = f"{behind}port {settings.port}: {error.strerror or error}"
            remedy = remedies.NAME if isinstance(error, socket.gaierror) else ""
            raise HostUnreachable(self.host, why, remedy) from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each small question waits 40 ms for an answer
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):  # other systems name them otherwise
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return sock

    def tunnel(self, host_name: str, port: int, timeout_s: float) -> paramiko.Channel:
        """Return a channel through this host to another."""
        transport = self._alive()
        try:
            return gated(
                transport.open_channel("direct-tcpip", (host_name, port), ("127.0.0.1", 0), timeout=max(timeout_s, 1.0))
            )
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise HostUnreachable(host_name, f"{self.host} could not connect to port {port}: {error}") from error

    def _negotiate(self, transport: paramiko.Transport, timeout_s: float) -> None:
        transport.set_log_channel(_LOG)
        logging.getLogger(_LOG).setLevel(logging.CRITICAL)  # each fault is raised; paramiko would print it as well
        transport.banner_timeout = transport.handshake_timeout = timeout_s + CHANNEL_S  # ours below comes first
        transport.auth_timeout = AUTHENTICATION_S
        transport.channel_timeout = CHANNEL_S
        known = known_keys(self._settings.lookup_name, self._settings.port, self._settings.known_hosts)
        options = transport.get_security_options()
        options.key_types = _preferred(options.key_types, {kind for kind, _ in known.trusted})
        if has_aes():
            fast = [cipher for cipher in FAST_CIPHERS if cipher in options.ciphers]
            options.ciphers = (*fast, *(cipher for cipher in options.ciphers if cipher not in fast))
        try:
            transport.start_client(timeout=timeout_s)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise HostUnreachable(self.host, *remedies.greeting_fault(error)) from error
        if not transport.initial_kex_done:
            raise HostSilent(self.host, "greeting", timeout_s)

    def _check_host_key(self, transport: paramiko.Transport) -> None:
        settings = self._settings
        key = transport.get_remote_server_key()
        offered = (key.get_name(), key.asbytes())
        known = known_keys(settings.lookup_name, settings.port, settings.known_hosts)
        if offered in known.trusted:
            return
        if offered in known.revoked:
            why, remedy = "its host key is marked as revoked in known_hosts", remedies.of_revoked_key()
        elif known.trusted:
            why = f"its host key is another one than known_hosts holds; offered is {key.get_name()} {key.fingerprint}"
            remedy = remedies.of_changed_key(settings, self._access)
        else:
            why = f"host key not in known_hosts; offered is {key.get_name()} {key.fingerprint}"
            remedy = remedies.of_unknown_key(settings, self._access)
        where = f"{self.host} (port {settings.port})"
        raise HostKeyRefused(where, why, remedies.looked_in(settings.known_hosts), remedy)

    # ---- our key

    def _log_in(self, transport: paramiko.Transport) -> None:
        tried: list[str] = []
        user = self._settings.user
        with contextlib.closing(Agent(self.host, self._settings.agent)) as agent:
            for what, key in keys_of(self._settings, agent, is_declared=bool(self._access.identity), tried=tried):
                if self._accepts(transport, user, key):
                    return
                tried.append(what)
        why = "tried " + ", ".join(tried) if tried else "there is no key to try"
        raise LoginRefused(self.host, user, why, remedies.of_refused_keys(tried))

    def _accepts(self, transport: paramiko.Transport, user: str, key: paramiko.PKey) -> bool:
        began_s = time.monotonic()
        try:
            left = transport.auth_publickey(user, key)
        except paramiko.BadAuthenticationType as error:
            why = f"keys are not taken there, only {' and '.join(error.allowed_types) or 'nothing'}"
            raise LoginRefused(self.host, user, why, remedies.KEYS_ALLOWED) from error
        except paramiko.AuthenticationException as error:
            if not transport.is_active():
                raise HostUnreachable(self.host, f"it closed the connection during login: {error}") from error
            if time.monotonic() - began_s >= AUTHENTICATION_S:  # paramiko has one error for a no and for no answer
                raise HostSilent(self.host, "logging in", AUTHENTICATION_S) from error
            return False
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise HostUnreachable(self.host, f"the connection was lost during login: {error}") from error
        if left:
            why = f"the key is accepted, but {' and '.join(left)} is asked for too"
            raise LoginRefused(self.host, user, why, remedies.KEY_ALONE)
        return True

    # ---- what a connection is for

    def _alive(self) -> paramiko.Transport:
        if self._transport is None or not self._transport.is_active():
            raise HostUnreachable(self.host, "the connection was lost")
        return self._transport

    @property
    def is_far(self) -> bool:
        """Whether a round trip is a wait of its own; a line that cannot be measured is taken for such a one."""
        return self._line_s is None or self._line_s >= FAR_S

    @functools.cached_property
    def round_trip_s(self) -> float:
        """The seconds in which the far kernel took our connection, else in which its sshd gives a channel; asked once.

        A command on it would cost a process over there as well: on a busy machine that is a hundred times the line.
        """
        if self._line_s is not None:
            return self._line_s
        times = []
        for _ in range(ROUND_TRIPS):
            start_s = time.perf_counter()
            channel = self._session()
            times.append(time.perf_counter() - start_s)
            let_go(channel)
        return min(times)

    def _open_channel(self) -> paramiko.Channel:
        if self._transport is None:
            raise EOFError
        return gated(self._transport.open_session(timeout=CHANNEL_S))

    def _channel(self) -> paramiko.Channel:
        """Return a channel to use; over a long line the next one is opened meanwhile."""
        if not self.is_far:
            return self._session()
        channel = self._spare.take() or self._session()
        self._spare.prepare()
        return channel

    def _session(self) -> paramiko.Channel:
        waits = list(CHANNEL_RETRY_S)
        while True:
            transport, began_s = self._alive(), time.monotonic()
            try:
                return gated(transport.open_session(timeout=CHANNEL_S))
            except (paramiko.SSHException, OSError, EOFError) as error:
                if time.monotonic() - began_s >= CHANNEL_S:
                    transport.close()  # all that goes over it is as silent; who asks again connects anew
                    raise HostSilent(self.host, "opening a session", CHANNEL_S) from error
                # All channels that the host allows may be taken, and one will be free soon. paramiko tells only one
                # of several threads so, by a ChannelException; to the others it gives no reason.
                is_prohibited = isinstance(error, paramiko.ChannelException) and error.code == _PROHIBITED
                if is_prohibited or not transport.is_active():
                    raise HostUnreachable(self.host, f"it allows no further session: {error}") from error
                if not waits:
                    raise HostUnreachable(self.host, "it allows no further session", remedies.SESSIONS) from error
                time.sleep(waits.pop(0))

    def start(self, script: bytes, stdin: Iterable[bytes]) -> ChannelRunning:
        """Start a POSIX script at the far end."""
        line = wrapped(with_beginning(script))
        if len(line) > LONGEST_COMMAND_BYTES:
            raise CommandFailed(self.host, "a command", f"it is {len(line)} bytes long, more than a shell takes")
        channel = self._channel()
        try:
            channel.exec_command(line)
        except (paramiko.SSHException, OSError, EOFError) as error:
            let_go(channel)
            raise HostUnreachable(self.host, f"it would not run a command: {error or 'no reason given'}") from error
        return ChannelRunning(channel, self.host, stdin)

    def sftp_pipe(self) -> ChannelPipe:
        """Open a channel to the SFTP server."""
        channel = self._channel()
        try:
            channel.invoke_subsystem("sftp")
        except (paramiko.SSHException, OSError, EOFError) as error:
            let_go(channel)
            raise CommandFailed(self.host, "SFTP", "the host offers none") from error
        return ChannelPipe(channel, self.host)


LONGEST_COMMAND_BYTES = 120_000
"""Linux takes 128 KiB in one argument, and the login shell gets the whole line as one."""


def _expanded(settings: OpenSSH) -> str:
    command = settings.proxy_command or ""
    words = {"%h": settings.host_name, "%p": str(settings.port), "%r": settings.user}
    for token, value in words.items():
        command = command.replace(token, value)
    return command.replace("%%", "%")


def _preferred(offered: Iterable[str], known: set[str]) -> tuple[str, ...]:
    """Put the kinds of key that known_hosts holds first, as ssh does: a host has several keys."""
    names = {name for kind in known for name in (("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,))}
    kinds = list(offered)
    return (*(kind for kind in kinds if kind in names), *(kind for kind in kinds if kind not in names))


RETRY_AFTER_S = (0.5, 2.0)
"""Waits before a second and third attempt: sshd drops greetings when many come at once (MaxStartups)."""


def connected(access: HostAccess) -> Connection:
    """Connect, trying again where that can help: a host that refuses or resets, not one that is silent."""
    for wait_s in RETRY_AFTER_S:
        try:
            return Connection(access)
        except HostUnreachable as error:
            if isinstance(error.__cause__, socket.gaierror):
                raise
            time.sleep(wait_s)
    return Connection(access)
