"""Our keys: an agent's and those in files, in the order in which ssh would try them.

Which of them a host takes is ssh_connection.py's to ask.
"""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from observatory.endpoints import remedies
from observatory.endpoints.lean import absent
from observatory.endpoints.openssh import NO_AGENT, OpenSSH
from observatory.errors import AgentSilent

with absent("invoke"):  # as in ssh_connection.py, whichever is loaded first
    import paramiko
    from paramiko.agent import AgentSSH

AGENT_S = 10.0
"""An agent lists its keys at once; one that is forwarded asks over a line."""
SIGNS_S = 30.0
"""As long as a login may take: a person confirms, or touches a token."""


class Agent(AgentSSH):
    """The agent that ssh would ask; one that is not there, or speaks nonsense, holds no keys.

    Parameters
    ----------
    host : str
        For which its keys are wanted.
    path : str or None
        Its socket; None: as SSH_AUTH_SOCK says.

    Raises
    ------
    AgentSilent
        It is there and does not answer: ssh would wait for it for ever.
    """

    def __init__(self, host: str, path: str | None) -> None:
        super().__init__()
        path = os.environ.get("SSH_AUTH_SOCK", "") if path is None else path
        if path in ("", NO_AGENT):
            return
        conn = socket.socket(socket.AF_UNIX)
        conn.settimeout(AGENT_S)
        try:
            conn.connect(path)
            self._connect(conn)  # type: ignore[attr-defined]  # the stubs leave it out
        except TimeoutError as error:
            conn.close()
            raise AgentSilent(host, path, AGENT_S) from error
        except (paramiko.SSHException, OSError, ValueError):
            conn.close()
        else:
            conn.settimeout(SIGNS_S)

    def close(self) -> None:
        """Let go of it."""
        self._close()  # type: ignore[attr-defined]


def keys_of(
    settings: OpenSSH, agent: Agent, is_declared: bool, tried: list[str]
) -> Iterator[tuple[str, paramiko.PKey]]:
    """Give what each key is called and the key itself; what cannot be used is noted as tried.

    `is_declared`: site.yaml names the file.
    """
    wanted = {_public_blob(identity) for identity in settings.identities}
    for agent_key in agent.get_keys():
        if not settings.identities_only or agent_key.asbytes() in wanted:
            yield f"agent {agent_key.get_name()}", agent_key
    for identity in settings.identities:
        try:
            key = _private_key(identity)
        except FileNotFoundError:
            if is_declared:  # ssh names six that need not be there, a specification means its own
                tried.append(f"{identity} {remedies.ABSENT_KEY}")
            continue
        except _KeyUnusable as error:
            tried.append(f"{identity} {error}")
            continue
        except (paramiko.SSHException, OSError, ValueError) as error:
            tried.append(f"{identity} (not usable: {error})")
            continue
        yield identity, key


class _KeyUnusable(Exception):
    """A key's file is there and cannot be used; the words are one of remedies.py's marks."""


def _private_key(identity: str) -> paramiko.PKey:
    """Read a private key that ssh would use too; with one that it leaves out we listed, and it carried nothing."""
    held = Path(identity).stat()
    if identity.endswith(".pub"):
        raise _KeyUnusable(remedies.PUBLIC_KEY)
    if held.st_uid == os.getuid() and held.st_mode & 0o077:  # ssh's own rule
        raise _KeyUnusable(remedies.OPEN_KEY)
    try:
        return paramiko.PKey.from_path(identity)
    except (paramiko.PasswordRequiredException, TypeError) as error:  # the latter is cryptography's for the same
        raise _KeyUnusable(remedies.LOCKED_KEY) from error


def _public_blob(identity: str) -> bytes | None:
    """Return the public half beside a private key, to find it in the agent; None where there is none."""
    try:
        words = Path(identity + ".pub").read_bytes().split()
        return base64.b64decode(words[1], validate=True)
    except (OSError, IndexError, ValueError):
        return None
