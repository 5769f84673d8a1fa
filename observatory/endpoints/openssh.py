"""OpenSSH's own view of a host: its effective settings, its known_hosts, and the command line that rsync needs.

Asks ``ssh -G``, which honours Include, Match, aliases and jumps as no other reader does. Connecting is ssh.py's.
Nothing here ever writes a known_hosts file.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from observatory.accounts import account
from observatory.endpoints.contract import HostAccess
from observatory.errors import HostUnreachable

SETTINGS_S = 10.0
"""``ssh -G`` reads files and may run a ``Match exec``; it needs milliseconds."""
NO_AGENT = "none"
"""What ssh calls it where no agent is to be asked."""
ALIVE_INTERVAL_S = 15
"""A question to the far end after so long without a word from it."""
ALIVE_COUNT = 4
"""After so many without an answer, a minute, the connection is given up."""
FAST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "chacha20-poly1305@openssh.com")
"""First choice where the processor has AES; measured 2 to 3 times chacha20 there."""


@dataclass(frozen=True, slots=True)
class OpenSSH:
    """The settings that a connection is made with.

    Attributes
    ----------
    host_name : str
        The name or address that is connected to.
    lookup_name : str
        What known_hosts is searched for: `host_name`, or HostKeyAlias; without the port.
    user : str
    port : int
    identities : tuple of str
        Private key files, in the order tried.
    identities_only : bool
        Keys of an agent are tried only if they are among the identities.
    known_hosts : tuple of str
        All files searched, the user's first.
    proxy_jump : str or None
        ``[user@]host[:port]``, several separated by commas.
    proxy_command : str or None
    agent : str or None
        The socket of the agent, or `NO_AGENT`; None: as SSH_AUTH_SOCK says.
    """

    host_name: str
    lookup_name: str
    user: str
    port: int
    identities: tuple[str, ...] = ()
    identities_only: bool = False
    known_hosts: tuple[str, ...] = ()
    proxy_jump: str | None = None
    proxy_command: str | None = None
    agent: str | None = None


def effective(access: HostAccess) -> OpenSSH:
    """Return the settings for a host: what ``ssh -G`` says, overlaid by what site.yaml says.

    Raises
    ------
    HostUnreachable
        OpenSSH's client is missing, or its configuration cannot be read.
    """
    return overlaid(parse_settings(_ask_ssh(access)), access)


def _ask_ssh(access: HostAccess) -> str:
    words = ["ssh", "-G"]
    if access.user is not None:
        words += ["-l", access.user]
    if access.port is not None:
        words += ["-p", str(access.port)]
    words += ["--", access.address]
    try:
        completed = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=SETTINGS_S, check=True)
    except FileNotFoundError as error:
        raise HostUnreachable(access.address, "the ssh program is not installed here") from error
    except subprocess.TimeoutExpired as error:
        raise HostUnreachable(access.address, "`ssh -G` does not answer") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip()
        raise HostUnreachable(access.address, f"ssh's configuration cannot be used: {said}") from error
    return completed.stdout.decode("utf-8", "surrogateescape")


def parse_settings(text: str) -> OpenSSH:
    """Return what ``ssh -G`` printed, as settings."""
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key.lower(), []).append(value)

    def one(key: str) -> str | None:
        value = said.get(key, [""])[0].strip()
        return None if value in ("", "none") else value

    host_name = one("hostname") or ""
    agent = said.get("identityagent", ["SSH_AUTH_SOCK"])[0]
    files = (one("userknownhostsfile") or "").split() + (one("globalknownhostsfile") or "").split()
    return OpenSSH(
        host_name=host_name,
        lookup_name=(one("hostkeyalias") or host_name).lower(),
        user=one("user") or account(),
        port=int(one("port") or 22),
        identities=tuple(_home(name) for name in said.get("identityfile", ()) if name != "none"),
        identities_only=one("identitiesonly") == "yes",
        known_hosts=tuple(_home(name) for name in files),
        proxy_jump=one("proxyjump"),
        proxy_command=one("proxycommand"),
        agent=None if agent == "SSH_AUTH_SOCK" else agent if agent == NO_AGENT else _home(os.path.expandvars(agent)),
    )


def _home(name: str) -> str:
    return str(Path(name).expanduser())


def overlaid(settings: OpenSSH, access: HostAccess) -> OpenSSH:
    """Return settings with what site.yaml says in their place."""
    return OpenSSH(
        host_name=settings.host_name or access.address,
        lookup_name=settings.lookup_name or access.address.lower(),
        user=access.user or settings.user,
        port=access.port or settings.port,
        identities=(_home(access.identity),) if access.identity else settings.identities,
        identities_only=bool(access.identity) or settings.identities_only,
        known_hosts=(_home(access.known_hosts),) if access.known_hosts else settings.known_hosts,
        proxy_jump=settings.proxy_jump if access.proxy_jump is None else _jump(access.proxy_jump),
        proxy_command=settings.proxy_command if access.proxy_jump is None else None,
        agent=settings.agent,
    )


def _jump(text: str) -> str | None:
    return None if text == "none" else text


def jump_access(jump: str, access: HostAccess) -> HostAccess:
    """Return how the last host of a jump list is reached; those before it are its own jumps.

    As with ssh itself, the jump host's settings come from ``~/.ssh/config``, not from those of the destination;
    but a known_hosts file or key that site.yaml names holds for the way there too.
    """
    before, _, last = jump.rpartition(",")
    user, at, rest = last.rpartition("@")
    host, port = _host_and_port(rest)
    return HostAccess(
        name=host,
        address=host,
        user=user if at else None,
        port=port,
        identity=access.identity,
        known_hosts=access.known_hosts,
        proxy_jump=before or None,
        connect_timeout_s=access.connect_timeout_s,
    )


def _host_and_port(text: str) -> tuple[str, int | None]:
    text = text.removeprefix("ssh://")
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest[1:]) if rest.startswith(":") else None
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit() and ":" not in host:
        return host, int(port)
    return text, None


# ---- known_hosts


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """What the known_hosts files say of one host; keys are (type, blob)."""

    trusted: frozenset[tuple[str, bytes]] = frozenset()
    revoked: frozenset[tuple[str, bytes]] = frozenset()


def known_name(lookup_name: str, port: int) -> str:
    """Return what known_hosts calls a host: its port stands with it where it is not 22."""
    return lookup_name if port == 22 else f"[{lookup_name}]:{port}"


def known_keys(lookup_name: str, port: int, files: Sequence[str]) -> KnownKeys:
    """Return the keys that known_hosts files hold for a host. A file that is absent holds none.

    Hashed names, patterns, negations and ``[host]:port`` count; certificate authorities are left to ssh.
    """
    name = known_name(lookup_name, port)
    trusted, revoked = set(), set()
    for file in files:
        for line in _lines(file):
            marker, names, key = _known_line(line)
            if key is None or not _names_host(names, name):
                continue
            if marker == "@revoked":
                revoked.add(key)
            elif not marker:
                trusted.add(key)
    return KnownKeys(frozenset(trusted - revoked), frozenset(revoked))


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def _known_line(line: str) -> tuple[str, str, tuple[str, bytes] | None]:
    words = line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#"):
        return marker, "", None
    try:
        return marker, words[0], (words[1], base64.b64decode(words[2], validate=True))
    except binascii.Error:
        return marker, words[0], None


def _names_host(names: str, name: str) -> bool:
    if names.startswith("|1|"):
        return _is_hash_of(names, name)
    found = False
    for pattern in names.lower().split(","):
        is_negated = pattern.startswith("!")
        if _matches(name, pattern.removeprefix("!")):
            if is_negated:
                return False
            found = True
    return found


def _matches(name: str, pattern: str) -> bool:
    """Match as ssh does: only ``*`` and ``?`` are special, brackets are part of ``[host]:port``."""
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _is_hash_of(names: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in names[3:].split("|"))
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


# ---- the command line


@dataclass(frozen=True, slots=True)
class SshOptions:
    """What one hop wants of its ssh; None: as chosen here."""

    cipher: str | None = None
    compression: bool = False


def has_aes(processor_file: str = "/proc/cpuinfo") -> bool:
    """Say whether this processor has instructions for AES."""
    try:
        text = Path(processor_file).read_text("ascii", "replace")
    except OSError:
        return False
    lines = (line for line in text.splitlines() if line.lower().startswith(("flags", "features")))
    return any("aes" in line.split() for line in lines)


def command_line(access: HostAccess, options: SshOptions = SshOptions()) -> list[str]:
    """Return the words that reach a host by the ssh program, ready for the host's name: for rsync's ``-e``.

    Nothing is asked on a terminal, nothing is forwarded, and known_hosts decides alone.
    """
    said = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "ConnectTimeout": str(max(1, round(access.connect_timeout_s))),
        "ServerAliveInterval": str(ALIVE_INTERVAL_S),
        "ServerAliveCountMax": str(ALIVE_COUNT),
        "Compression": "yes" if options.compression else "no",
        "ControlMaster": "no",
        "ControlPath": "none",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
    }
    if access.known_hosts:
        said["UserKnownHostsFile"] = quoted(_home(access.known_hosts))
        said["GlobalKnownHostsFile"] = "none"
    if access.identity:
        said["IdentitiesOnly"] = "yes"
    words = ["ssh", "-T", "-x", "-a"]
    for key, value in said.items():
        words += ["-o", f"{key}={value}"]
    if access.identity:
        words += ["-i", _home(access.identity)]
    if access.user is not None:
        words += ["-l", access.user]
    if access.port is not None:
        words += ["-p", str(access.port)]
    if access.proxy_jump is not None:
        words += _jump_words(access)
    cipher = options.cipher or (",".join(FAST_CIPHERS) if has_aes() else None)
    return [*words, "-c", cipher] if cipher else words


def _jump_words(access: HostAccess) -> list[str]:
    """Return ``-J``; or, where site.yaml names keys of its own, a command that uses them on the way too.

    A shell runs that command, after ssh has put host and port in the place of ``%h`` and ``%p`` and ``%`` for ``%%``.
    """
    jump = access.proxy_jump or ""
    if jump == "none" or not (access.known_hosts or access.identity):
        return ["-J", jump] if jump != "none" else ["-o", "ProxyJump=none"]
    through = jump_access(jump, access)
    before, after = (shlex.join(words).replace("%", "%%") for words in (command_line(through), [through.address]))
    return ["-o", f"ProxyCommand={before} -W '[%h]:%p' {after}"]


def quoted(word: str) -> str:
    """Return a file's name as the value of an option of ssh's, which divides it where it is blank."""
    return '"' + word + '"' if any(letter.isspace() for letter in word) else word
