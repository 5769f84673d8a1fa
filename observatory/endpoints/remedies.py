"""What a person does about a host that cannot be talked to, as commands to be copied: user, port and host are in them.

Composes words alone; who refuses what is ssh_connection.py's, the sentence around it errors.py's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from observatory.endpoints.contract import HostAccess
from observatory.endpoints.openssh import OpenSSH, known_name, quoted

NAME = "Is its `address` (or a `proxy_jump`) spelt right, and does the name service answer on this machine?"
"""Of an address that stands for no machine: nobody need walk to one."""
BUSY_DOOR = "Something listens there: is it sshd, is it full (MaxStartups), and does it let this machine in?"
"""Of a host that takes the connection and drops it."""
SESSIONS = "A connection has to carry two at a time, better ten: see MaxSessions in its sshd_config."
NO_KEY = "Name the private key with `identity` in site.yaml, or load it into the agent."
KEYS_ALLOWED = "Its sshd must allow keys (PubkeyAuthentication)."
KEY_ALONE = "Let this account in by its key alone: nobody is there to type."
ABSENT_KEY = "(no such file)"
PUBLIC_KEY = "(the public half)"
OPEN_KEY = "(others may read it, so ssh does not use it)"
LOCKED_KEY = "(it has a passphrase)"
_ERRNO = re.compile(r"\[Errno -?\d+\] ?")
_BANNER = "Error reading SSH protocol banner"


def ssh_command(settings: OpenSSH, access: HostAccess) -> str:
    """Return the `ssh` that reaches the same host by hand, and notes its key where we look."""
    words = ["ssh"]
    if access.known_hosts:
        words += ["-o", f"UserKnownHostsFile={quoted(settings.known_hosts[0])}"]
    if access.proxy_jump:
        words += ["-J", access.proxy_jump]
    if settings.port != 22 or access.port:
        words += ["-p", str(settings.port)]
    return f"`{shlex.join([*words, f'{settings.user}@{access.address}'])}`"


def of_unknown_key(settings: OpenSSH, access: HostAccess) -> str:
    """Return what to do where known_hosts does not hold the host."""
    return f"Run {ssh_command(settings, access)} once by hand and compare the fingerprint."


def of_changed_key(settings: OpenSSH, access: HostAccess) -> str:
    """Return what to do where known_hosts holds another key: ssh refuses too, until the old one is taken out."""
    words = ["ssh-keygen", "-R", known_name(settings.lookup_name, settings.port)]
    if access.known_hosts:
        words += ["-f", settings.known_hosts[0]]
    return (
        f"Somebody else may be answering. Only if it was changed on purpose: `{shlex.join(words)}`, then"
        f" {ssh_command(settings, access)} once by hand, and compare the fingerprint."
    )


def of_revoked_key() -> str:
    """Return what to do where a person has marked the key as bad."""
    return "It may be in wrong hands: ask who wrote the line with @revoked, and give that host a new key."


def of_refused_keys(tried: Sequence[str]) -> str:
    """Return what to do where no key was accepted; empty where the usual remedy fits."""
    if _marked(tried, ABSENT_KEY) or _marked(tried, PUBLIC_KEY):
        return "Is `identity` in site.yaml the path of a private key on this machine?"
    if shut := _marked(tried, OPEN_KEY):
        return f"Make it yours alone: `{shlex.join(['chmod', '600', *shut])}`."
    if tried and len(locked := _marked(tried, LOCKED_KEY)) == len(tried):
        return f"Nobody can type it here: `{shlex.join(['ssh-add', *locked])}`, or name a key without one (`identity`)."
    return "" if tried else NO_KEY


def _marked(tried: Sequence[str], mark: str) -> list[str]:
    return [one.removesuffix(mark).strip() for one in tried if one.endswith(mark)]


def looked_in(files: Sequence[str]) -> str:
    """Return which known_hosts files a host was looked for in; of those that are absent one where there is no other."""
    present = [file for file in files if Path(file).exists()]
    return ", ".join(present or files[:1]) or "no file at all"


def greeting_fault(error: BaseException) -> tuple[str, str]:
    """Return why there was no greeting, in our words instead of paramiko's, and the remedy; that is often empty."""
    said = str(error)
    if not said or said.startswith(_BANNER):
        reason = _ERRNO.sub("", said.removeprefix(_BANNER)).strip()
        return "it closed the connection before its greeting" + (f" ({reason})" if reason else ""), BUSY_DOOR
    return _ERRNO.sub("", said), ""
