"""Where a fault is played: a small observatory on this machine or on real SSH hosts, and hands to break it.

Leaves to each case what breaks and to battery.py what is made of the answer.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from nightferry.cli.main import main
from tests.hosts import Host, Hosts
from tests.integration.test_ssh_faults import Relay
from tests.observatory import PROGRAM, Answer, Observatory, folder_of, host_settings, tree

HERE, THERE = "telescope", "archive"
"""The two hosts of every stage: folders of this machine, unless a case asks for others."""
SEQUENCE = "SHA_{night}.{number}.fits"
MAIL_FOLDER = {"from": "nightferry@sutherland.test", "to": ["data@sutherland.test"], "folder": "mail"}
MAIL_SERVER = {"from": "nightferry@sutherland.test", "to": ["data@sutherland.test"]}
FRAMES = range(1, 7)
DIES_S = 30.0


class Inside(Protocol):
    """A place of its own in which questions are asked: see mounts.py."""

    def path(self, outside: Path) -> Path:
        """Return where one of its paths is seen from here."""

    def run(self, *words: str) -> Answer:
        """Run a program in it."""

    def words(self, words: Sequence[str]) -> list[str]:
        """Return the words that start a program in it."""


class Stage(Observatory):
    """One instrument, ``sha``, whose copies lie on two hosts of this machine; a case adds what it needs.

    Parameters
    ----------
    folder : Path
    far : callable
        Gives three SSH hosts that know one another; only called by cases that need them.
    observer : callable
        Gives an SSH host that lets in an ordinary user.
    hosts : callable
        Gives what starts further SSH hosts.
    is_full : bool
        Play at full size (``make faults``): 200,000 files instead of 5,000.
    """

    def __init__(
        self,
        folder: Path,
        far: Callable[[], Sequence[Host]],
        observer: Callable[[], Host],
        hosts: Callable[[], Hosts],
        is_full: bool = False,
    ) -> None:
        no_capture: Any = None  # this stage listens by itself
        super().__init__(folder, [], no_capture)
        self.far, self.observer, self.new_hosts, self.is_full = far, observer, hosts, is_full
        self.ends: tuple[Host | str, Host | str] = (HERE, THERE)
        self.frames: list[str] = []
        self.seen: dict[str, Any] = {}
        """What a case saw while it made its fault and asks about afterwards."""
        self.closing = contextlib.ExitStack()
        self.inside: Inside | None = None
        """Where the archive's root is a file system of its own, which only some programs see."""
        for name in (HERE, THERE):
            self.add_local(name, f"{name}.test")

    # ---- setting up

    def set_up(self, **settings: Any) -> None:
        """Declare the instrument over both ends, with the same six frames of last night on each, proven once."""
        settings.setdefault("copies", [self.copy(end) for end in self.ends])
        settings.setdefault("sequence", SEQUENCE)
        self.declare("sha", **settings)
        self.frames = self.expose(self.ends, FRAMES)
        for end in self.ends:
            self.mark(end)

    def set_up_far(self, **settings: Any) -> None:
        """Do the same between two SSH hosts."""
        alpha, beta = self.far()[:2]
        self.use(alpha, beta)
        self.set_up(**settings)

    def use(self, source: Host | str, destination: Host | str) -> None:
        """Take other hosts for the two ends."""
        for host in (source, destination):
            if isinstance(host, Host):
                self.site["hosts"][host.name] = host_settings(host)
        self.ends = (source, destination)
        self.write_site()

    def through(self, relay: Relay) -> None:
        """Reach the source's host through a relay from now on."""
        host = self.ends[0]
        assert isinstance(host, Host)
        kind, blob = (host.folder / "host_key.pub").read_text().split()[:2]
        known = self.folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{relay.port} {kind} {blob}\n")
        self.change_host(host.name, address="127.0.0.1", port=relay.port, known_hosts=str(known))
        self.closing.callback(relay.close)

    # ---- places

    @property
    def source(self) -> Path:
        """The root at the telescope."""
        return self.root(self.ends[0])

    @property
    def destination(self) -> Path:
        """The root at the archive."""
        root = self.root(self.ends[1])
        return root if self.inside is None else self.inside.path(root)

    @property
    def night_folder(self) -> str:
        """Last night's folder, below each root."""
        return folder_of(self.night())

    def here(self, index: int = 0) -> Path:
        """Return the source's file of one frame, counted from 0."""
        return self.source / self.frames[index]

    def there(self, index: int = 0) -> Path:
        """Return the destination's file of one frame, counted from 0."""
        return self.destination / self.frames[index]

    def frame(self, number: int) -> str:
        """Return the path of last night's frame of a number, whether it is there or not, below each root."""
        return self.frames[0].replace(".0001.", f".{number:04d}.")

    # ---- asking

    def call(self, *words: str) -> Answer:
        """Call the command line in this process, or inside; a traceback is never an answer."""
        if self.inside is not None:
            answer = self.inside.run(*self.command(*words))
            assert "Traceback" not in answer.err + answer.out, answer.err
            return answer
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["--config", str(self.config), *words])
        assert "Traceback" not in err.getvalue() + out.getvalue(), err.getvalue()
        return Answer(status, out.getvalue(), err.getvalue())

    def begin(self, *words: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start the installed command as a process group of its own."""
        command = self.command(*words)
        return subprocess.Popen(
            command if self.inside is None else self.inside.words(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )

    def traced(self, inject: str, *words: str, path: Path | None = None) -> Answer:
        """Call the installed command under strace, which lets system calls (on one path alone) fail."""
        traced = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"inject={inject}", "-e", "signal=none"]
        traced += [] if path is None else ["-P", str(path)]
        ended = subprocess.run(
            [*traced, *self.command(*words)], capture_output=True, text=True, timeout=120, check=False
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Answer(ended.returncode, ended.stdout, ended.stderr)

    def mended(self, *words: str) -> None:
        """Assert that one sync mends it: the trees are the same, and that is proven by hash."""
        answer = self.call("sync", *words)
        assert answer.status == 0, answer
        self.is_whole()

    def is_whole(self) -> None:
        """Assert that both sides hold the same bytes, that it is proven, and that nothing of ours is left over."""
        assert tree(self.destination) == tree(self.source)
        answer = self.call("verify", "--level", "checksum", "--json")
        assert (answer.status, answer.hop["state"]) == (0, "ok"), answer
        ours = self.destination / ".nightferry"
        left = {path.name for path in ours.iterdir()} - {"root", "replaced"} if ours.is_dir() else set()
        assert not left, f"left over: {left}"


# ---- hands


@contextlib.contextmanager
def times_kept(path: Path) -> Iterator[None]:
    """Put a file's times back as they were."""
    before = path.stat()
    yield
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip(path: Path, at: int = -1) -> None:
    """Flip one bit; size and times stay."""
    with times_kept(path):
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)


def cut(path: Path, to: int | None = None) -> None:
    """Cut a file short (by half); its modification time is now."""
    os.truncate(path, path.stat().st_size // 2 if to is None else to)


def kill(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    """Send a signal to a process and all that it started, and wait for it."""
    os.killpg(process.pid, number)
    process.communicate(timeout=DIES_S)


def wait_for(what: Callable[[], bool], why: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + DIES_S
    while not what():
        assert time.monotonic() < end, f"never happened: {why}"
        time.sleep(0.005)


def under_way(root: Path, least_bytes: int = 10_000) -> Path | None:
    """Return a file that is being written below a root's own folder, if there is one."""
    for name in ("tmp", "partial"):
        folder = root / ".nightferry" / name
        with contextlib.suppress(OSError):
            for path in folder.rglob("*"):
                if path.is_file() and path.stat().st_size >= least_bytes:
                    return path
    return None


def installed() -> Path:
    """Return the installed command."""
    return PROGRAM
