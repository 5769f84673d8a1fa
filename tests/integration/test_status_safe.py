"""The archive's log for any chain: what was transferred, processed and safe, when; and `safe` means hashed there."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import subprocess
from pathlib import Path

import pytest

from tests.observatory import Observatory

COLUMNS = [
    "scexao5_path",
    "utc_date",
    "processed",
    "processed_timestamp",
    "transferred_to_scexao6",
    "transferred_timestamp",
    "safe_on_scexao6",
    "safe_timestamp",
]


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """Two machines of VAMPIRES, both this one."""
    made = Observatory(tmp_path, (), capsys)
    for name in ("scexao5", "scexao6"):
        made.add_local(name)
    made.declare("vampires", layout="%Y%m%d", copies=[made.copy(name, "vampires") for name in ("scexao5", "scexao6")])
    return made


def expose(site: Observatory, back: int = 1) -> str:
    """Make three frames of a night; return its folder."""
    folder = f"{site.night(back):%Y%m%d}"
    for number in range(3):
        site.put("scexao5", f"{folder}/VAMPIRES_{number}.fits", b"%d" % number * 3000, instrument="vampires")
    return folder


def table(site: Observatory, *words: str) -> list[dict[str, str]]:
    """Return the rows of ``status --csv``."""
    answer = site.call("status", "-i", "vampires", "--csv", *words)
    reader = csv.DictReader(io.StringIO(answer.out))
    assert reader.fieldnames == COLUMNS
    return list(reader)


def is_recent(stamp: str) -> bool:
    """Say whether a stamp is of the last minutes, in UTC and to the second."""
    at = dt.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=dt.UTC)
    return abs(dt.datetime.now(dt.UTC) - at) < dt.timedelta(minutes=5)


def test_a_night_is_transferred_then_safe(site: Observatory) -> None:
    """With the seed's columns; safe only once it was hashed on both."""
    folder = expose(site)
    site.fill()
    (row,) = table(site)
    assert row["scexao5_path"] == f"{site.root('scexao5', 'vampires')}/{folder}"
    assert row["utc_date"] == site.night().isoformat()
    assert (row["processed"], row["transferred_to_scexao6"], row["safe_on_scexao6"]) == ("", "True", "False")
    assert is_recent(row["transferred_timestamp"]) and row["safe_timestamp"] == ""
    assert site.call("verify", "--level", "checksum").status == 0
    (row,) = table(site)
    assert row["safe_on_scexao6"] == "True" and is_recent(row["safe_timestamp"])
    document = site.call("status", "--json").document
    assert document["nights"][0]["safe"][0]["is_safe"] is True


def test_what_is_known_from_looking_alone_has_no_timestamp(site: Observatory) -> None:
    """Somebody else carried it: it is there, and since when nobody knows."""
    expose(site)
    for path in site.root("scexao5", "vampires").rglob("*.fits"):
        site.put(
            "scexao6", str(path.relative_to(site.root("scexao5", "vampires"))), path.read_bytes(), instrument="vampires"
        )
    assert site.call("verify").status == 0
    (row,) = table(site)
    assert (row["transferred_to_scexao6"], row["transferred_timestamp"]) == ("True", "")


@pytest.mark.parametrize("fault", ["flipped", "truncated", "renamed", "extra"])
def test_each_fault_is_found_by_safe(site: Observatory, fault: str) -> None:
    """A flipped bit with its time set back, a short file, one of another name, one that nobody sent."""
    folder = expose(site)
    site.fill()
    assert site.call("status", "--safe", "-i", "vampires").status == 0
    assert table(site)[0]["safe_on_scexao6"] == "True"
    path = site.path("scexao6", f"{folder}/VAMPIRES_1.fits", "vampires")
    before, data = path.stat(), path.read_bytes()
    if fault == "flipped":
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif fault == "truncated":
        path.write_bytes(data[:-1])
    elif fault == "renamed":
        path.rename(path.with_name("VAMPIRES_9.fits"))
    else:
        path.with_name("VAMPIRES_9.fits").write_bytes(b"nobody sent it")
    answer = site.call("status", "--safe", "-i", "vampires", "--csv")
    if fault == "extra":  # no second copy of it is known; `verify --reverse` names it, too
        assert site.call("verify", "--reverse", "--json").hop["extra"] == [f"{folder}/VAMPIRES_9.fits"]
    assert (answer.status, "not safe: 1 file is" in answer.err) == (1, True), answer
    assert table(site)[0]["safe_on_scexao6"] == "False"


def test_the_reading_leaves_both_sides_as_they_were(site: Observatory) -> None:
    """No byte, no time, no file of ours but the markers."""
    expose(site)
    site.fill()
    roots = [site.root(name, "vampires") for name in ("scexao5", "scexao6")]

    def state() -> list[tuple[str, int, int]]:
        found = [(str(path), path.stat()) for root in roots for path in sorted(root.rglob("*")) if path.is_file()]
        return [(path, facts.st_mtime_ns, facts.st_ctime_ns) for path, facts in found]

    before = state()
    assert site.call("status", "--safe").status == 0
    assert state() == before


def test_both_copies_alike_and_both_rotten_are_not_safe(site: Observatory) -> None:
    """A source that rots and is then carried again does not launder itself: the first hash is remembered."""
    folder = expose(site)
    site.fill()
    assert site.call("status", "--safe").status == 0
    for name in ("scexao5", "scexao6"):
        site.path(name, f"{folder}/VAMPIRES_1.fits", "vampires").write_bytes(b"x" * 3000)
    site.call("verify", "--level", "checksum")
    assert table(site)[0]["safe_on_scexao6"] == "False"


def test_a_frame_that_comes_late_opens_the_night_again(site: Observatory) -> None:
    """Safe is a word about every file of the night."""
    folder = expose(site)
    site.fill()
    site.call("status", "--safe")
    site.put("scexao5", f"{folder}/VAMPIRES_7.fits", b"late" * 1000, instrument="vampires")
    assert site.call("sync").status == 0
    assert table(site)[0]["safe_on_scexao6"] == "False"
    assert site.call("status", "--safe").status == 0
    assert table(site)[0]["safe_on_scexao6"] == "True"


def test_a_log_of_the_old_scripts_is_read(site: Observatory) -> None:
    """What it claims is shown where nothing better is known; `safe` is only what was hashed."""
    log = site.folder / "ARCHIVE_LOG.csv"
    log.write_text(
        ",".join(COLUMNS) + "\n"
        "/mnt/fuuu/ARCHIVED_DATA/20250603,2025-06-03,True,,True,,True,2025-11-14T20:38:15\n"
        "/mnt/fuuu/ARCHIVED_DATA/20251106,2025-11-06,True,2025-11-07T01:51:53,True,2025-11-07T02:51:24,False,\n"
        "/mnt/fuuu/ARCHIVED_DATA/20250603_bak,20250603_bak,False,,False,,False,\n"
    )
    answer = site.call("status", "-i", "vampires", "--import", str(log), "--csv")
    assert (answer.status, "ARCHIVE_LOG.csv, line 4" in answer.err) == (1, True), answer
    rows = table(site)
    assert [row["utc_date"] for row in rows] == ["2025-06-03", "2025-11-06"]
    assert [(row["processed"], row["processed_timestamp"]) for row in rows] == [
        ("True", ""),
        ("True", "2025-11-07T01:51:53"),
    ]
    assert rows[1]["transferred_timestamp"] == "2025-11-07T02:51:24"
    assert [row["safe_on_scexao6"] for row in rows] == ["False", "False"]
    log.write_text("scexao5_path,utc_date,processed,transferred_to_elsewhere\n")
    other = site.call("status", "-i", "vampires", "--import", str(log))
    assert (other.status, "no copy 'elsewhere'" in other.err) == (2, True), other


def test_no_other_log_knows_better_than_who_looked(site: Observatory) -> None:
    """A night that it calls transferred, and of which a file is missing there, is not."""
    folder = expose(site)
    site.fill("-n", "3")
    night = f"{site.night():%Y-%m-%d}"
    log = site.folder / "ARCHIVE_LOG.csv"
    log.write_text(",".join(COLUMNS) + f"\n/x,{night},True,,True,2025-11-07T02:51:24,False,\n")
    assert site.call("status", "-i", "vampires", "--import", str(log)).status == 0
    assert table(site)[0]["transferred_to_scexao6"] == "True"
    (site.root("scexao6", "vampires") / folder / "VAMPIRES_1.fits").unlink()
    assert site.call("verify", "-n", "3").status == 1
    assert (table(site)[0]["transferred_to_scexao6"], table(site)[0]["transferred_timestamp"]) == ("False", "")


def test_a_closed_pipe_ends_quietly(site: Observatory) -> None:
    """As `| head` closes it."""
    expose(site)
    site.fill()
    words = " ".join(f"'{word}'" for word in site.command("status", "-i", "vampires", "--csv"))
    ended = subprocess.run(
        ["/bin/sh", "-c", f"{words} | true"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_chain_of_three_names_each_further_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The columns of the first destination are the log's; those of others bear its name."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "hill", "cape"):
        site.add_local(name)
    site.declare(copies=[site.copy(name) for name in ("dome", "hill", "cape")])
    site.expose(["dome"], (1,))
    site.fill()
    site.call("status", "--safe")
    answer = site.call("status", "-i", "sha", "--csv")
    (row,) = csv.DictReader(io.StringIO(answer.out))
    assert [row["safe_on_hill"], row["transferred_to_cape"], row["safe_on_cape"]] == ["True"] * 3
    assert is_recent(row["safe_timestamp_cape"]) and is_recent(row["transferred_timestamp"])
    assert site.call("status", "--csv", "--json").status == 2


def test_a_copy_that_cannot_be_read_is_unknown(site: Observatory) -> None:
    """Exit status 3 and a sentence; what was safe before is still shown as what it was."""
    expose(site)
    site.fill()
    assert site.call("status", "--safe").status == 0
    root = site.root("scexao6", "vampires")
    root.rename(site.folder / "unmounted")
    answer = site.call("status", "--safe", "-i", "vampires", "--json")
    assert (answer.status, "vampires on scexao6: " in answer.err) == (3, True), answer
    root.mkdir()
    empty = site.call("status", "--safe", "-i", "vampires")
    assert (empty.status, "holds neither its marker" in empty.err) == (3, True), empty


def test_of_nights_of_which_nothing_could_be_hashed_nothing_is_called_safe_in_silence(site: Observatory) -> None:
    """A wrong date was exit 0 without a word, as if all of that night were safe."""
    expose(site)
    site.fill()
    assert "not one file was hashed" not in site.call("status", "--safe", "-i", "vampires").err
    wrong = site.call("status", "--safe", "-i", "vampires", "-d", "20200101", "-q")
    assert wrong.err == "vampires: not one file was hashed: no copy holds any of the nights asked for\n"
    assert wrong.status == 3, "it was asked about by name, and nobody can tell"
    assert site.call("status", "--safe", "-i", "vampires", "-n", "1", "-q").status == 0, "a quiet night is none's fault"


def test_a_night_that_another_log_calls_transferred_and_that_is_not_there_is_not_safe(site: Observatory) -> None:
    """Hashing it is how one knows, and of a night that is on no copy nothing was said among others that are there."""
    expose(site)
    site.fill()
    log = site.folder / "ARCHIVE_LOG.csv"
    lost = "\n/mnt/fuuu/ARCHIVED_DATA/20250603,2025-06-03,True,,True,,True,2025-11-14T20:38:15\n"
    log.write_text(",".join(COLUMNS) + lost)
    assert site.call("status", "-i", "vampires", "--import", str(log)).status == 0
    answer = site.call("status", "-i", "vampires", "-d", f"20250603..{site.night():%Y%m%d}", "--safe", "-q")
    assert (answer.status, answer.err) == (
        1,
        "vampires on scexao6, 20250603: not safe: ARCHIVE_LOG.csv has it there, and not one file of it is\n",
    )


@pytest.mark.parametrize("level", ["size", "checksum"])
def test_a_night_is_not_safe_where_a_file_of_it_is_lost_though_somebody_gave_it_up(
    site: Observatory, level: str
) -> None:
    """That it may be so does not bring it back: nobody is told that three files are held where two are."""
    folder = expose(site)
    site.fill()
    assert site.call("verify", "--level", "checksum").status == 0
    site.path("scexao6", f"{folder}/VAMPIRES_1.fits", "vampires").unlink()
    accept = site.call("accept", "-i", "vampires", "-d", folder, "--reason", "lost", f"{folder}/VAMPIRES_1.fits")
    assert accept.status == 0, accept
    assert site.call("verify", "--level", level).status == 0
    (row,) = table(site)
    assert row["safe_on_scexao6"] == "False"


def test_a_frame_that_the_hill_lacks_is_safe_nowhere_behind_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that the hill had was in town, hashed, and the town's copy was called proven and safe without the frame."""
    site = Observatory(tmp_path, (), capsys)
    for name in ("dome", "hill", "town"):
        site.add_local(name)
    site.declare(copies=[site.copy(name) for name in ("dome", "hill", "town")])
    site.expose(["dome"], (1, 2))
    site.fill()
    site.expose(["dome"], (3,))
    assert site.call("verify", "--level", "checksum").status == 1
    (night,) = site.call("status", "--json").document["nights"]
    (row,) = csv.DictReader(io.StringIO(site.call("status", "-i", "sha", "--csv").out))
    assert (night["proven_copies"], [copy["is_safe"] for copy in night["safe"]]) == (0, [False, False])
    assert [row["transferred_to_town"], row["safe_on_town"]] == ["False", "False"]
    site.call("sync")
    site.call("verify", "--level", "checksum")
    (night,) = site.call("status", "--json").document["nights"]
    assert (night["proven_copies"], [copy["is_safe"] for copy in night["safe"]]) == (2, [True, True])
