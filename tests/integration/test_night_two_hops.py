"""A night over two hops on three real hosts: found missing, carried, proven; and what changes afterwards.

Everything goes through the command line, over real sshd and rsync on loopback.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hosts import Host
from tests.observatory import OLD_S, Observatory, age, block, fits_file, folder_of, ours, tree
from tests.shared import shared


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Three hosts and one instrument whose first copy holds a night of three frames."""
    observatory = Observatory(tmp_path, three_hosts, capsys)
    observatory.declare("sha")
    observatory.expose([three_hosts[0]], [1, 2, 3])
    for host in three_hosts[1:]:
        observatory.mark(host)
    return observatory


def test_a_night_is_missing_then_carried_then_proven(site: Observatory) -> None:
    """The three commands of a first day: 1, 0, 0; every byte arrives on both archives."""
    alpha, beta, gamma = site.hosts
    assert site.call("verify").status == 1
    assert site.call("sync").status == 0
    assert site.call("verify").status == 0
    assert tree(site.root(alpha)) == tree(site.root(beta)) == tree(site.root(gamma)) != {}


def test_the_text_is_the_form_that_people_know(site: Observatory) -> None:
    """Nothing before the first block; root, rule, heading, rule, empty line, names; two empty lines between."""
    alpha, beta, gamma = site.hosts
    names = sorted(tree(site.root(alpha)))
    said = site.call("verify").out
    first = block(site.root(alpha), f"FILES ON {alpha.address} THAT ARE NOT ON {beta.address}", *names)
    second = block(site.root(beta), f"FILES ON {beta.address} THAT ARE NOT ON {gamma.address}", "None")
    assert said.startswith(first + second)
    summary = said.removeprefix(first + second).splitlines()
    assert [line.split()[:2] for line in summary if not line.startswith(" ")] == [
        ["sha", "alpha:beta"],
        ["sha", "beta:gamma"],
    ]
    assert summary[0].endswith("different")


def test_the_document_is_alone_on_standard_output(site: Observatory) -> None:
    """With --json one document, whatever the state; its counts add up."""
    answer = site.call("verify", "--json")
    first, second = answer.document["hops"]
    assert (answer.status, answer.document["state"]) == (1, "different")
    assert first["missing"] == sorted(tree(site.root(site.hosts[0])))
    assert (first["source_files"], first["compared"], first["not_comparable"]) == (3, 3, 0)
    assert (second["source_files"], second["missing"], second["state"]) == (0, [], "ok")


def test_a_dry_run_of_a_whole_new_chain_is_the_plan_of_its_first_hop(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    """The archive between is absent and said to be new: it holds nothing to pass on yet. Unsaid, it is UNKNOWN."""
    site = Observatory(tmp_path, three_hosts, capsys)
    site.declare("sha")
    site.expose(three_hosts[:1], [1])
    for host in three_hosts[1:]:
        site.root(host).rmdir()
    answer = site.call("sync", "--dry-run", "--json", *site.new_roots())
    assert (answer.status, [hop["planned"] for hop in answer.document["hops"]]) == (0, [1, 0])
    _, beta, gamma = three_hosts
    more = f"    that is of what {beta.address} holds now; up to 1 file more would come before"
    assert site.call("sync", "--dry-run", *site.new_roots()).out.splitlines().count(more) == 1
    assert site.call("sync", "--dry-run", "--new-root", f"gamma:{site.root(gamma)}").status == 3
    assert not site.root(three_hosts[1]).exists() and not site.root(gamma).exists()


def test_a_dry_run_of_a_whole_night_says_what_would_come_to_a_later_hop(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    """As that of a sync does: no hop behind the first one is done because nothing lies before it yet."""
    site = Observatory(tmp_path, three_hosts, capsys)
    site.declare("sha")
    site.expose(three_hosts[:1], [1, 2])
    for host in three_hosts[1:]:
        site.mark(host)
    more = f"    that is of what {three_hosts[1].address} holds now; up to 2 files more would come before"
    assert site.call("run", "--dry-run").out.splitlines().count(more) == 1


def test_a_new_root_is_taken_only_when_a_person_says_so(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty folder may be an unmounted disk: 3, nothing written; with --new-root it is marked and filled."""
    alpha, beta, gamma = three_hosts
    site = Observatory(tmp_path, three_hosts, capsys)
    site.declare("sha")
    site.expose([alpha], [1])
    for host in (beta, gamma):
        site.root(host).rmdir()
    refused = site.call("sync")
    assert refused.status == 3
    assert f"--new-root beta:{site.root(beta)}" in refused.out + refused.err
    assert not site.root(beta).exists()
    assert site.call("sync", *site.new_roots()).status == 0
    assert tree(site.root(gamma)) == tree(site.root(alpha))
    assert (site.root(beta) / ".nightferry" / "root").read_text().strip()


def test_a_second_sync_moves_nothing_and_leaves_only_the_marker(site: Observatory) -> None:
    """What arrived is not carried again, and nothing of ours stays behind but the marker."""
    site.fill()
    again = site.call("sync", "--json")
    assert [hop["transferred"] for hop in again.document["hops"]] == [0, 0]
    assert [hop["planned"] for hop in again.document["hops"]] == [0, 0]
    for host in site.hosts[1:]:
        assert ours(site.root(host)) == ["root"]
    assert not (site.root(site.hosts[0]) / ".nightferry").exists(), "a source is never written to"


def test_times_and_permissions_travel(site: Observatory) -> None:
    """Modification time to the second at least, and permission bits, as on the source."""
    alpha, beta, _ = site.hosts
    name = next(iter(tree(site.root(alpha))))
    site.path(alpha, name).chmod(0o640)
    site.fill()
    here, there = site.path(alpha, name).stat(), site.path(beta, name).stat()
    assert abs(here.st_mtime - there.st_mtime) < 1e-3
    assert there.st_mode & 0o777 == 0o640


def test_a_changed_file_is_replaced_and_the_old_one_set_aside(site: Observatory) -> None:
    """Longer and newer on the source: the new bytes travel, the old ones lie under .nightferry/replaced/<utc>/."""
    alpha, beta, gamma = site.hosts
    name = site.expose([alpha], [1])[0]
    site.fill()
    old = site.path(beta, name).read_bytes()
    site.put(alpha, name, fits_file(pixels=4000, seed=9), age_s=OLD_S - 3600)
    answer = site.call("sync", "--json")
    assert answer.status == 0
    assert [hop["replaced"] for hop in answer.document["hops"]] == [[name], [name]]
    assert tree(site.root(gamma)) == tree(site.root(alpha))
    (kept,) = [path for path in ours(site.root(beta)) if path.startswith("replaced/")]
    assert (site.root(beta) / ".nightferry" / kept).read_bytes() == old
    assert kept.endswith(name)
    assert site.call("verify", "--level", "checksum").status == 0


def test_a_shorter_source_never_replaces(site: Observatory) -> None:
    """A file that shrank is damage, not news: the longer copy stays and is reported as kept."""
    alpha, beta, _ = site.hosts
    name = site.expose([alpha], [1])[0]
    site.fill()
    before = tree(site.root(beta))
    site.put(alpha, name, fits_file()[:1000], age_s=OLD_S - 3600)
    answer = site.call("sync", "--json")
    assert answer.status == 1
    assert answer.document["hops"][0]["kept"] == [name]
    assert tree(site.root(beta)) == before
    said = site.call("sync").out
    assert "FILES KEPT ON" in said and "the source is shorter" in said


def test_a_flipped_bit_is_found_and_mended_by_level_checksum(site: Observatory) -> None:
    """Same size, same time, other bytes: size cannot see it, checksum does, and sync --level checksum mends it."""
    alpha, beta, _ = site.hosts
    name = site.expose([alpha], [1])[0]
    site.fill()
    flipped = bytearray(site.path(beta, name).read_bytes())
    flipped[3000] ^= 1
    instant = site.path(beta, name).stat().st_mtime_ns
    site.path(beta, name).write_bytes(bytes(flipped))
    os.utime(site.path(beta, name), ns=(instant, instant))
    assert site.call("verify").status == 0
    found = site.call("verify", "--level", "checksum", "--json", "--hop", "alpha:beta")
    assert (found.status, found.hop["checksum_differs"]) == (1, [name])
    assert site.call("sync", "--level", "checksum").status == 0
    assert site.call("verify", "--level", "checksum").status == 0
    assert tree(site.root(beta)) == tree(site.root(alpha))


def test_a_file_truncated_on_every_copy_is_found_by_level_structure(site: Observatory) -> None:
    """All sizes agree, all bytes agree, and the file is still not whole: only its own headers say so."""
    name = site.expose([site.hosts[0]], [1])[0]
    for host in site.hosts:
        site.put(host, name, fits_file()[:2880])
    site.fill()
    assert site.call("verify", "--level", "checksum").status == 0
    found = site.call("verify", "--level", "structure", "--json")
    assert found.status == 1
    first = found.document["hops"][0]
    assert sorted((one["path"], one["on"]) for one in first["damaged"]) == [(name, "destination"), (name, "source")]
    assert first["damaged"][0]["reason"]


def test_a_young_file_waits_and_is_no_difference(site: Observatory) -> None:
    """A file that was written a minute ago is in progress: neither carried nor missing, and exit 0."""
    alpha, beta, _ = site.hosts
    site.fill()
    (name,) = site.expose([alpha], [9])
    age(site.path(alpha, name), 60)
    carried = site.call("sync", "--json")
    assert (carried.status, carried.document["hops"][0]["in_progress"]) == (0, [name])
    assert not site.path(beta, name).exists()
    looked = site.call("verify", "--json").document["hops"][0]
    assert (looked["in_progress"], looked["missing"], looked["state"]) == ([name], [], "ok")
    assert looked["source_files"] == looked["compared"] + looked["not_comparable"] + len(looked["in_progress"])


def test_what_lies_only_on_the_archive_is_listed_with_reverse(site: Observatory) -> None:
    """Without --reverse `extra` is empty and it is no difference; with it, it is."""
    site.fill()
    (name,) = site.expose([site.hosts[1]], [77])
    plain = site.call("verify", "--json", "--hop", "alpha:beta")
    assert (plain.status, plain.hop["extra"]) == (0, [])
    reverse = site.call("verify", "--json", "--hop", "alpha:beta", "--reverse")
    assert (reverse.status, reverse.hop["extra"]) == (1, [name])


def test_unrecognised_files_are_listed_and_not_carried(site: Observatory) -> None:
    """What no pattern takes is said, stays where it is, and is no difference."""
    site.fill()
    note = f"{folder_of(site.night())}/observing notes.txt"
    site.put(site.hosts[0], note, b"clouds")
    assert site.call("sync").status == 0
    answer = site.call("verify", "--json", "--hop", "alpha:beta")
    assert (answer.status, answer.hop["unrecognised"]) == (0, [note])
    assert not site.path(site.hosts[1], note).exists()


def test_the_observatory_s_own_example_comes_out_byte_for_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mail of September 2016, from files laid out as they lay then; the roots alone are elsewhere."""
    page = shared("seeds/002_2173d49155003a48.txt").read_text()
    example = page[page.index("/data/74in/sha/") :].rstrip("\n")
    site = Observatory(tmp_path, [], capsys)
    names = {"sha": "sha.suth.saao.ac.za", "suth": "astro.suth.saao.ac.za", "cape": "astro.cape.saao.ac.za"}
    for name, address in names.items():
        site.add_local(name, address)
    site.declare("sha", copies=[site.copy(name) for name in names])
    for number in range(100, 164):
        for name in list(names)[: 1 if number >= 122 else 3]:
            site.put(name, f"2016/0907/SHA_20160907.{number:04d}.fits", fits_file(10, seed=number))
    answer = site.call("verify", "-d", "2016-09-07")
    roots = {str(site.root("sha")): "/data/74in/sha", str(site.root("suth")): "/data/telescopedata/74in/sha"}
    text = answer.out
    for here, there in roots.items():
        text = text.replace(here, there)
    assert answer.status == 1
    assert text.startswith(example + "\n\n\nsha")
