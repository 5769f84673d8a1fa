"""The rsync command line: what is promised of names, folders, rates and hosts is really said to rsync."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.endpoints.contract import Act, HostAccess
from observatory.spec.models import Modes, TransferOptions
from syncer.transfer.contract import Batch, Item
from syncer.transfer.route import own_keys_command, route_of
from syncer.transfer.rsync_command import arguments, each_name, quote_for_rsync
from syncer.transfer.sessions import Job

HERE = HostAccess("here", "here", is_local=True)
SHA = HostAccess("sha", "sha.suth.saao.ac.za", user="observer", port=2222)
CAPE = HostAccess("cape", "astro.cape", rsync_path="sudo -n rsync")


def _batch(source: HostAccess, destination: HostAccess, **more: Any) -> Batch:
    nobody = cast(Act, None)  # building a command line asks nobody
    return Batch(nobody, source, b"/data/74 in", nobody, destination, b"/archive", (), "20160907T120000Z", **more)


def _arguments(batch: Batch, job: Job | None = None, **more: Any) -> Sequence[bytes]:
    job = job or Job(b"", b"", (Item(b"n/a", b"n/a", 1, 0.0),))
    return arguments(batch, job, route_of(batch.source_access, batch.destination_access), ["ssh", "-p", "1"], **more)


def test_a_push_runs_here_and_names_the_far_destination() -> None:
    """From here to a remote host."""
    argv = _arguments(_batch(HERE, CAPE))
    assert argv[:3] == [b"env", b"LC_ALL=C", b"rsync"]
    assert argv[-2:] == [b"/data/74 in/", b"astro.cape:/archive/"]
    assert b"--rsync-path=sudo -n rsync" in argv
    assert argv[argv.index(b"-e") + 1] == b"ssh -p 1"


def test_a_pull_names_the_far_source() -> None:
    """From a remote host to here."""
    assert _arguments(_batch(SHA, HERE))[-2:] == [b"sha.suth.saao.ac.za:/data/74 in/", b"/archive/"]


def test_between_two_remote_hosts_the_destination_fetches_with_its_own_keys() -> None:
    """Nothing of ours is forwarded, and the destination's own way of calling rsync is kept."""
    route = route_of(SHA, CAPE)
    assert not route.runs_at_source
    assert route.by_own_keys
    assert route.near.rsync_path == "sudo -n rsync"
    command = own_keys_command(SHA)
    assert {"-a", "-x", "BatchMode=yes", "StrictHostKeyChecking=yes", "observer", "2222"} <= set(command)
    assert not any(word.startswith(("-i", "-J", "-A")) for word in command)


def test_two_copies_on_one_remote_host_need_no_ssh() -> None:
    """One host, two roots."""
    argv = _arguments(_batch(SHA, SHA))
    assert b"-e" not in argv
    assert argv[-2:] == [b"/data/74 in/", b"/archive/"]


def test_temporary_and_partial_files_lie_below_the_root() -> None:
    """Never at or beside a final name, whatever folder a job begins in."""
    argv = _arguments(
        _batch(HERE, HERE), Job(b"2016/0907", b"20160907", (Item(b"2016/0907/a", b"20160907/a", 1 << 30, 0.0),))
    )
    assert b"--temp-dir=/archive/.nightferry/tmp" in argv
    assert b"--partial-dir=/archive/.nightferry/partial" in argv
    assert b"--backup-dir=/archive/.nightferry/replaced/20160907T120000Z/20160907" in argv
    assert argv[-2:] == [b"/data/74 in/2016/0907/", b"/archive/20160907/"]


@pytest.mark.parametrize("forbidden", [b"-u", b"--update", b"--delete", b"-a", b"--inplace", b"-o", b"-g", b"--append"])
def test_what_harms_an_archive_is_never_said(forbidden: bytes) -> None:
    """No -u, nothing deleted, nothing written in place, no owner."""
    assert forbidden not in _arguments(_batch(HERE, CAPE))


def test_replacing_keeps_no_old_version() -> None:
    """`on_difference: replace` sets nothing aside."""
    assert not any(word.startswith(b"--backup") for word in _arguments(_batch(HERE, HERE, on_difference="replace")))


def test_links_are_followed_only_where_the_specification_says_so() -> None:
    """And then only for files that were listed through one; folders on the way may be links."""
    by_link = Job(b"", b"", (Item(b"n/a", b"n/a", 1, 0.0, by_link=True),))
    assert b"--copy-links" in _arguments(_batch(HERE, HERE), by_link)
    plain, refused = _arguments(_batch(HERE, HERE)), _arguments(_batch(HERE, HERE, symlinks="refuse"))
    assert (b"--copy-links" in plain, b"--copy-dirlinks" in plain) == (False, True)
    assert not any(word.startswith(b"--copy-") for word in refused)


def test_modes_rate_and_compression_are_told() -> None:
    """What the specification asks for."""
    batch = _batch(HERE, CAPE, modes=Modes(files="0440"), options=TransferOptions(compression=True))
    argv = _arguments(batch, rate_bytes_per_s=512_000)
    assert {b"--chmod=F0440", b"--compress", b"--bwlimit=500"} <= set(argv)
    assert b"--bwlimit=1" in _arguments(batch, rate_bytes_per_s=10)


def test_an_old_rsync_is_not_asked_for_progress() -> None:
    """--info came with 3.1."""
    assert not any(word.startswith(b"--info") for word in _arguments(_batch(HERE, CAPE), version=(3, 0, 9)))


def test_an_address_with_colons_is_bracketed() -> None:
    """IPv6."""
    assert _arguments(_batch(HERE, HostAccess("six", "::1")))[-1] == b"[::1]:/archive/"


def _split_as_rsync_does(command: bytes) -> list[bytes]:
    """Split as rsync does for -e: spaces part words, a quote lasts until its like, doubled inside it is itself."""
    words, word, quote, position = list[bytes](), None, b"", 0
    while position < len(command):
        sign = command[position : position + 1]
        position += 1
        if quote and sign == quote:
            if command[position : position + 1] == quote:
                word, position = (word or b"") + sign, position + 1
            else:
                quote = b""
        elif not quote and sign in (b'"', b"'"):
            quote, word = sign, word or b""
        elif not quote and sign == b" ":
            words, word = ([*words, word], None) if word is not None else (words, None)
        else:
            word = (word or b"") + sign
    return words if word is None else [*words, word]


@given(st.lists(st.text(st.characters(blacklist_characters="\0\t\n", blacklist_categories=["Cs"]))))
def test_rsync_splits_the_ssh_command_into_the_words_it_was_given(words: list[str]) -> None:
    """A path of a key file may hold spaces and quotes."""
    assert _split_as_rsync_does(quote_for_rsync(words)) == [word.encode() for word in words]


def test_names_cannot_be_comments_or_options() -> None:
    """rsync drops lines that begin with # or ; even in NUL-separated lists."""
    job = Job(b"", b"", tuple(Item(name, name, 1, 0.0) for name in (b"#a", b";b", b"-c")))
    assert each_name(job) == [b"./#a\0", b"./;b\0", b"-c\0"]
