"""Every exception of nightferry; each class composes its own sentence from its facts.

The tree::

    NightferryError
    ├── UsageError                 what was asked makes no sense; nothing was done (exit 2)
    │   └── SpecificationError     the YAML files are wrong; all problems at once (exit 2)
    ├── LockHeld                   another run works on the same instrument (exit 4)
    ├── MailNotTaken               a mail was not taken; it waits in the spool, or is refused for good (exit 1)
    ├── FileDamaged                a file contradicts itself or ends early (exit 1)
    └── CouldNotTell               not being able to look: UNKNOWN, never "missing" (exit 3)
        ├── HostUnreachable        no connection, or it was lost; a retry may help
        ├── HostSilent             connected, but no answer within a named time; a retry may help
        │   ├── AgentSilent        the agent here that holds our keys
        │   ├── ProgramSilent      a program that works there: the host hangs, or a disk of it
        │   └── DiskSilent         a disk of a host that answers
        ├── HostKeyRefused         the host's key is unknown or changed; a person must look
        ├── LoginRefused           no key was accepted; a person must look
        ├── RootNotProven          the root is absent, unlistable, or shows neither marker nor night
        ├── EndsNotSeen            one or both ends of a hop, each for one of the reasons above
        ├── ListingBroken          the listing ended early or made no sense
        ├── FileUnreadable         one file could not be opened, read or hashed
        ├── FormatUnknown          one file is kept in a way, or is of a size, that this version cannot read
        ├── CommandFailed          a program at the far end is missing or failed
        ├── FolderNotWritable      a folder of ours on this machine takes no file: read-only, full, not this account's
        ├── SchedulerSilent        the scheduler of the cluster that should work does not answer
        └── RecordsUnavailable     our own database is locked, damaged or away

`is_permanent` says whether a retry can help: False means it may.
A sentence says what failed, where, why, and what to do next.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


class NightferryError(Exception):
    """The root of everything that nightferry raises on purpose."""

    exit_status = 1
    is_permanent = True


class UsageError(NightferryError):
    """What was asked makes no sense; nothing was done."""

    exit_status = 2


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in one YAML file.

    Attributes
    ----------
    file : str
        The file as the user named it.
    line : int
        Line number, from 1; 0 of a folder, which has none.
    key_path : str
        Dotted path of the key, e.g. ``copies.1.host``; empty for the file as a whole.
    reason : str
        What is wrong, and where it helps what was meant.
    """

    file: str
    line: int
    key_path: str
    reason: str

    def __str__(self) -> str:
        """Give ``file:line: key.path: reason``; one of the whole file has no key path, of a folder no line."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        middle = f" {self.key_path}:" if self.key_path else ""
        return f"{where}:{middle} {self.reason}"


class SpecificationError(UsageError):
    """The YAML files hold problems; all of them, sorted by file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class LockHeld(NightferryError):
    """Another run works here; says who, where and since when as far as the lock tells."""

    exit_status = 4
    is_permanent = False

    def __init__(self, what: str, holder: str) -> None:
        self.what, self.holder = what, holder
        super().__init__(f"{what}: another run holds the lock ({holder}); nothing was done. Try again when it ended.")


class MailNotTaken(NightferryError):
    """A mail was not taken. `is_about_mail`: this mail is at fault, and the next one may well pass."""

    def __init__(self, server: str, why: str, *, is_permanent: bool, is_about_mail: bool = False) -> None:
        self.is_permanent, self.is_about_mail, self.why = is_permanent, is_about_mail, why
        outlook = "A retry will not help; a person must look." if is_permanent else "It is tried again by the next run."
        super().__init__(f"{server}: the mail was not taken: {why}. {outlook}")


class FileDamaged(NightferryError):
    """A file contradicts itself or ends early; `why` says where."""

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path} is damaged: {why}; nothing of it was used")


class CouldNotTell(NightferryError):
    """Not being able to look. What depends on the answer is UNKNOWN."""

    exit_status = 3


class HostUnreachable(CouldNotTell):
    """No connection to a host, or the connection was lost; `remedy` where another is known than to look at it."""

    is_permanent = False

    def __init__(self, host: str, why: str, remedy: str = "") -> None:
        remedy = remedy or "Is it switched on, and does `ssh` reach it from here?"
        super().__init__(f"{host}: not reached: {_closed(why)} {remedy}")


class HostSilent(CouldNotTell):
    """A host took the connection and then said nothing for the time it is given."""

    is_permanent = False
    outlook = "It may hang; look at its console."

    def __init__(self, host: str, doing: str, timeout_s: float) -> None:
        self.doing, self.timeout_s = doing, timeout_s
        super().__init__(f"{host}: no answer within {timeout_s:g} s while {doing}. {self.outlook}")


class AgentSilent(HostSilent):
    """The agent that holds our keys gave no answer; the host is not to blame."""

    outlook = (
        "It is a program on this machine, for which `ssh` would wait for ever: start it anew, or take SSH_AUTH_SOCK"
        " out of nightferry's environment (or IdentityAgent out of ~/.ssh/config)."
    )

    def __init__(self, host: str, agent: str, timeout_s: float) -> None:
        super().__init__(host, f"asking the agent {agent} for keys", timeout_s)


class ProgramSilent(HostSilent):
    """A program that was begun on a host said nothing for the time it is given: the host hangs, or a disk of it."""


class DiskSilent(HostSilent):
    """A disk hangs, below a host that answers; `disk` is the folder below which all of it lies.

    `unasked` is a path for which it was not asked again.
    """

    def __init__(self, host: str, doing: str, timeout_s: float, disk: str, unasked: str = "") -> None:
        self.outlook = f"The host answers, so it is the disk below {disk} that hangs; is its file server up?"
        if unasked:
            self.outlook += f" It was not waited for again, for {unasked}."
        super().__init__(host, doing, timeout_s)


class HostKeyRefused(CouldNotTell):
    """The host's key is not in known_hosts, or is another one; `remedy` names the commands that mend it."""

    def __init__(self, host: str, why: str, known_hosts: str, remedy: str) -> None:
        super().__init__(f"{host}: {why} (looked in {known_hosts}); nothing was asked of it. {remedy}")


class LoginRefused(CouldNotTell):
    """The host accepted none of our keys; `remedy` where it is not the key's public half that is missing there."""

    def __init__(self, host: str, user: str, why: str, remedy: str = "") -> None:
        remedy = remedy or "Is the public key in its authorized_keys?"
        super().__init__(f"{host}: login as {user} refused: {_closed(why)} {remedy}")


class RootNotProven(CouldNotTell):
    """A data root is absent, cannot be listed, or shows neither its marker nor a night."""

    def __init__(self, host: str, root: str, why: str, remedy: str = "") -> None:
        self.host, self.root, self.why = host, root, why
        super().__init__(f"{host}: {root} {why}; its disk may not be mounted{remedy and f'. {remedy}'}")


class EndsNotSeen(CouldNotTell):
    """One or both ends of a hop could not be looked at; `ends` holds the reason of each, or None."""

    def __init__(self, source: CouldNotTell | None, destination: CouldNotTell | None) -> None:
        self.ends = (source, destination)
        reasons = [why for why in self.ends if why is not None]
        self.is_permanent = any(why.is_permanent for why in reasons)
        super().__init__(" ".join([*(_closed(str(why)) for why in reasons[:-1]), *map(str, reasons[-1:])]))


def _closed(sentence: str) -> str:
    """Return a sentence with its full stop; a question has its mark already."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


class ListingBroken(CouldNotTell):
    """A listing ended early or made no sense."""

    is_permanent = False

    def __init__(self, host: str, root: str, why: str) -> None:
        super().__init__(f"{host}: the listing of {root} is not whole: {why}")


class FileUnreadable(CouldNotTell):
    """One file could not be opened, read or hashed."""

    def __init__(self, host: str, path: str, why: str) -> None:
        super().__init__(f"{host}: {path} could not be read: {why}")


class FormatUnknown(CouldNotTell):
    """One file may be whole, but is kept in a way, or is of a size, that this version does not read."""

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path} cannot be read by this version: {why}")


class CommandFailed(CouldNotTell):
    """A program at the far end is missing or failed."""

    def __init__(self, host: str, program: str, why: str) -> None:
        super().__init__(f"{host}: {program} failed: {why}")


class RecordsUnavailable(CouldNotTell):
    """Our own database is locked, damaged, or away; what only it knows is UNKNOWN.

    `folder` is named where the fault may be its own: it takes no file.
    """

    def __init__(self, database: str, why: str, is_permanent: bool = True, folder: str | None = None) -> None:
        self.database = database
        self.is_permanent = is_permanent
        remedy = "" if folder is None else f". {_is_it_writable(folder)}"
        super().__init__(f"the records in {database} cannot be used: {why}{remedy}")


class FolderNotWritable(CouldNotTell):
    """A folder of ours on this machine takes no file; `why` is the system's."""

    def __init__(self, folder: str, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}; nothing was done. {_is_it_writable(folder)}")


def _is_it_writable(folder: str) -> str:
    shown = shlex.quote(folder)
    return f"Is {folder} writable for this account, and is there room? `ls -ld {shown}` and `df {shown}` tell."


class SchedulerSilent(CouldNotTell):
    """The scheduler of the cluster does not answer; a retry may help."""

    is_permanent = False

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        super().__init__(f"workers {address}: no scheduler answers there ({reason}); nothing was converted")
