"""What holds for every test.

Hypothesis measures nothing here: its deadline would make a busy machine a failure, and speed is benchmarks' affair.
Real SSH hosts on loopback are fixtures here (made by hosts.py): they live as long as the test process, so a test
that writes uses a folder of its own below a root. Nothing of them outlives the tests (leftovers.py).
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import hypothesis
import pytest
import typer.main

from catalogue.catalogue import Catalogue
from catalogue.ledger import Ledger
from observatory.endpoints import ssh_connection
from tests import leftovers
from tests.databases import fresh_database, postgresql_server
from tests.exposures import Held
from tests.hosts import Host, Hosts, ordinary_user, plain_tools

hypothesis.settings.register_profile("nightferry", deadline=None)
hypothesis.settings.load_profile("nightferry")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one test process more than there are processors: a fifth of the time is waiting for others and disks."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_sessionstart(session: pytest.Session) -> None:
    """Told to end, by whatever word, the tests end in good order: fixtures clear up what they have made.

    A command that is called in this process takes the word for its own and answers it; so the session remembers it.
    """
    ours = os.getpid()

    def told(number: int, frame: FrameType | None) -> None:
        if os.getpid() != ours:  # a process that a test has forked ends as it would elsewhere
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        if session.shouldstop and number == signal.SIGTERM:  # said to a process and to its group
            return
        session.shouldstop = f"told to end by {signal.Signals(number).name}"
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)


@pytest.fixture(scope="session", autouse=True)
def _one_command_line() -> Iterator[None]:
    """Have Typer make its commands of ours once: it does so at every call, as a process calls but once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of what this test process starts.

    It lies outside pytest's own: an ordinary user must get through to it, and every new session of pytest closes
    the way into the folders of those that still run.
    """
    with leftovers.run_folder() as folder:
        leftovers.also(folder, tmp_path_factory.getbasetemp())
        yield folder


@pytest.fixture(scope="session")
def hosts(run_folder: Path) -> Iterator[Hosts]:
    """All SSH hosts of this test process; others are started through it.

    What is off is tried as often as elsewhere, but sooner: so many tests ask for it that their waits are minutes.
    """
    everyone = Hosts(run_folder / "hosts")
    everyone.folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssh_connection, "RETRY_AFTER_S", tuple(wait_s / 10 for wait_s in ssh_connection.RETRY_AFTER_S))
        try:
            yield everyone
        finally:
            everyone.close()


@pytest.fixture(scope="session")
def three_hosts(hosts: Hosts) -> tuple[Host, Host, Host]:
    """Three hosts with a shell and every tool, that know one another."""
    return hosts.start("alpha"), hosts.start("beta"), hosts.start("gamma")


@pytest.fixture(scope="session")
def sftp_host(hosts: Hosts) -> Host:
    """A host whose account has SFTP and nothing else."""
    return hosts.start("vault", ("ForceCommand internal-sftp",))


@pytest.fixture(scope="session")
def plain_host(hosts: Hosts) -> Host:
    """A host with a shell, but without rsync, Python, GNU find or sha256sum."""
    return hosts.start("plain", path=plain_tools(hosts.folder / "plain-tools"))


@pytest.fixture(scope="session")
def observer_host(hosts: Hosts) -> Host:
    """A host that lets in an ordinary user, to whom files and folders can be closed."""
    return hosts.start("dome", user=ordinary_user())


@pytest.fixture(scope="session")
def postgresql(run_folder: Path) -> Iterator[str]:
    """A PostgreSQL server of this test process; its URL is that of a database that stays empty."""
    with postgresql_server(run_folder / "postgresql") as url:
        yield url


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all our tables and nothing in them: copying it is quicker than making it anew."""
    path = tmp_path_factory.mktemp("databases") / "empty.db"
    Ledger.open(f"sqlite:///{path}", path.parent).close()
    return path


@pytest.fixture(scope="session")
def empty_postgresql(postgresql: str) -> str:
    """The name of such a database on the server."""
    url = fresh_database(postgresql)
    Ledger.open(url, Path()).close()
    return url.partition("?")[0].rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with all our tables and nothing in them, once in SQLite and once in PostgreSQL; an absolute URL."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("empty_sqlite"), tmp_path / "catalogue.db")
        return f"sqlite:///{tmp_path}/catalogue.db"
    return fresh_database(request.getfixturevalue("postgresql"), request.getfixturevalue("empty_postgresql"))


@pytest.fixture
def held(database: str, tmp_path: Path) -> Iterator[Held]:
    """An empty catalogue and an empty, marked root."""
    root = tmp_path / "data"
    (root / ".nightferry").mkdir(parents=True)
    (root / ".nightferry" / "root").touch()
    with Catalogue.open(database) as catalogue:
        yield Held(root, catalogue)
