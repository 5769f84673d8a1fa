"""A process that is told to end does so, whatever it was doing when the word came."""

from __future__ import annotations

import subprocess
import sys

import pytest

SAID = "nightferry: stopped before its end; the next run goes on from here\n"
WORK = """
import os, signal, sys, time
from nightferry.cli import main

class Ends:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0.01)

def app(**given):
    thing = Ends()
    del thing
    time.sleep(60)

main.application = lambda words: app
main.run()
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_word_to_end_that_comes_while_a_finalizer_runs_is_obeyed(name: str) -> None:
    """Python prints and drops what is raised there: `export --watch` went on until it was told a second time."""
    words = [sys.executable, "-c", WORK.format(name=name)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (
        130,
        "nightferry: stopped before its end; the next run goes on from here\n",
    )


DEAF = """
import os, signal, threading
from nightferry import __main__
from nightferry.cli import main

def app(**given):
    threading.Timer(0.2, os.kill, (os.getpid(), signal.{name})).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.{name}])
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

main.application = lambda words: app
__main__.run()
"""
"""Another thread is interrupted, and the main one waits for a lock that nobody frees: as where a signal comes in the
instant before such a wait begins, which cannot be hit on purpose."""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_word_to_end_that_comes_just_before_a_wait_is_obeyed(name: str) -> None:
    """One of thirty such waits went on to its end, which may be an hour away, or never come."""
    words = [sys.executable, "-c", DEAF.format(name=name)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (130, SAID)


def test_a_word_to_end_is_obeyed_once() -> None:
    """What is tidied up after it is not broken off by the nudges."""
    work = DEAF.replace("    lock.acquire()\n    lock.acquire()", TIDIES)
    words = [sys.executable, "-c", work.format(name="SIGTERM")]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "tidied up\n", SAID)


TIDIES = """    import time
    lock.acquire()
    try:
        lock.acquire()
    finally:
        time.sleep(1)
        print('tidied up')"""


def test_other_faults_of_finalizers_are_still_shown() -> None:
    """They are ours to mend."""
    work = "from nightferry.cli import main\nclass Bad:\n    def __del__(self):\n        raise ValueError('seen')\n"
    work += "main.application = lambda words: lambda **given: (Bad(), 0)[1]\nmain.run()\n"
    ended = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 0
    assert "ValueError: seen" in ended.stderr


def test_a_word_to_end_that_comes_while_the_ledger_is_closed_shows_no_traceback() -> None:
    """SQLAlchemy logs whatever ends the closing of a connection, and raises it as well."""
    work = "import sqlalchemy\nfrom nightferry.cli.context import Context\nContext().start_logging()\n"
    work += "engine = sqlalchemy.create_engine('sqlite://')\nengine.connect().close()\n"
    work += "def told(connection):\n    raise KeyboardInterrupt\n"
    work += "engine.dialect.do_close = told\ntry:\n    engine.dispose()\nexcept KeyboardInterrupt:\n    print('told')\n"
    ended = subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, timeout=30, check=True)
    assert (ended.stdout, ended.stderr) == ("told\n", "")
