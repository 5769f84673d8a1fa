"""Space is freed with proof alone: what goes, what stays and why, and that sync and verify know it afterwards."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nightferry.locks import instrument_lock
from nightferry.workplace import Workplace
from observatory.nights import night_text
from observatory.truth import State
from tests.observatory import Observatory, fits_file, tree
from tests.retention import RETENTION, carried, chain_of_three

FRAMES = (1, 2, 3)


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A chain of three copies on this machine, with retention on the first."""
    return chain_of_three(tmp_path, capsys, retention=RETENTION)


def test_what_is_proven_on_two_other_copies_is_freed_and_nothing_else(site: Observatory) -> None:
    """Without --yes nothing goes; with it the old night goes, the young one stays, and the copies are whole."""
    old = carried(site, FRAMES, (5, 1))[:3]
    before = {name: tree(site.root(name)) for name in ("dome", "hill", "cape")}
    plan = site.call("prune", "--json")
    assert plan.status == 0, plan
    (copy,) = plan.document["copies"]
    (night,) = copy["nights"]
    assert [file["path"] for file in night["may_be_freed"]] == old
    assert night["may_be_freed"][0]["copies"] == ["hill", "cape"]
    assert len(copy["kept_nights"]) == 1
    assert tree(site.root("dome")) == before["dome"]
    freed = site.call("prune", "--yes")
    assert freed.status == 0, freed
    assert "3 files freed" in freed.out
    assert sorted(tree(site.root("dome"))) == sorted(set(before["dome"]) - set(old))
    assert {name: tree(site.root(name)) for name in ("hill", "cape")} == {
        name: before[name] for name in ("hill", "cape")
    }
    assert not (site.root("dome") / ".nightferry" / "freeing").exists()


def test_sync_and_verify_know_what_was_freed(site: Observatory) -> None:
    """No loss, nothing missing, nothing extra, nothing carried back."""
    carried(site, FRAMES)
    site.call("prune", "--yes")
    assert tree(site.root("dome")) == {}
    again = site.call("sync", "-n", "30", "--json")
    assert (again.status, again.document["state"]) == (0, "ok"), again
    found = site.call("verify", "--reverse", "-n", "30", "--json")
    assert (found.status, found.document["state"]) == (0, "ok"), found
    assert [hop["extra"] for hop in found.document["hops"]] == [[], []]


def test_no_plan_of_one_instrument_names_a_command_that_frees_of_others_too(site: Observatory) -> None:
    """The line that is there to be copied said `nightferry prune --yes` below what `-i sha` had shown."""
    carried(site, FRAMES)
    told = site.call("prune", "-i", "sha").out
    assert "nothing was freed; the same command with `--yes` frees 3 files" in told
    assert "nightferry prune" not in told


def test_the_proof_names_every_witness(site: Observatory) -> None:
    """Written before anything goes; it lies in the state folder."""
    carried(site, FRAMES)
    (copy,) = site.call("prune", "--yes", "--json").document["copies"]
    (path,) = copy["proofs"]
    proof = json.loads(Path(path).read_text())
    assert [len(file["witnesses"]) for file in proof["files"]] == [2, 2, 2]


CHECKER = Path(__file__).resolve().parents[2] / "tools" / "check_proof.py"


def checked(*words: str) -> subprocess.CompletedProcess[str]:
    """Check a proof as a stranger would: the script alone, in a Python that knows nothing of us."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(CHECKER), *words], capture_output=True, text=True, check=False, timeout=30
    )


def test_a_stranger_can_check_the_proof(site: Observatory) -> None:
    """Against itself, and against the copies where they lie; a lost copy and an edited proof are found."""
    paths = carried(site, FRAMES)
    (proof,) = site.call("prune", "--yes", "--json").document["copies"][0]["proofs"]
    roots = ["--root", f"hill={site.root('hill')}", "--root", f"cape={site.root('cape')}"]
    good = checked(proof, *roots)
    assert (good.returncode, good.stdout) == (0, f"{proof}: 3 files, proven\n"), good
    site.path("cape", paths[0]).write_bytes(b"other")
    lost = checked(proof, *roots)
    assert lost.returncode == 1
    assert f"cape: does not hold these bytes now: {paths[0]}" in lost.stdout
    edited = site.folder / "edited.json"
    edited.write_text(Path(proof).read_text().replace('"copies": 2', '"copies": 1'))
    assert "it was changed after it was written" in checked(str(edited)).stdout
    assert checked(str(CHECKER)).returncode == 2


def test_the_checker_says_what_it_could_not_read_again(site: Observatory) -> None:
    """A copy that no proof knows, a folder that is none, two names of one folder: none of them proves anything."""
    paths = carried(site, FRAMES)
    (proof,) = site.call("prune", "--yes", "--json").document["copies"][0]["proofs"]
    hill = site.root("hill")
    for wrong in ("Cape", "Cape=", "cape", "cape=/nowhere/at/all", f"Cape={hill}"):
        answer = checked(proof, "--root", wrong)
        assert (answer.returncode, "--root" in answer.stderr) == (2, True), answer
    twice = checked(proof, "--root", f"hill={hill}", "--root", f"cape={hill}")
    assert (twice.returncode, f"cape: holds the very file of hill: {paths[0]}" in twice.stdout) == (1, True), twice
    cape = site.path("cape", paths[0])
    cape.unlink()
    cape.symlink_to(site.path("hill", paths[0]))
    linked = checked(proof, "--root", f"cape={site.root('cape')}")
    assert f"cape: does not hold these bytes now: {paths[0]}" in linked.stdout


def packing(site: Observatory) -> list[str]:
    """Declare a step on the dome that makes a product of each frame, and free products only; make a night."""
    site.declare(
        cameras={"sha": {"files": ["SHA_*.fits", "SHA_*.fits.copy"]}},
        convert={
            "steps": [
                {
                    "step": "command",
                    "name": "pack",
                    "run": ["cp", "{input}", "{output}"],
                    "inputs": ["*.fits"],
                    "outputs": ["{input}.copy"],
                    "copy": "dome",
                }
            ]
        },
        retention=RETENTION | {"kinds": {"raw": {"files": ["*.fits"], "free": False}}},
        settle_s=0,
        copies=[site.copy(name) for name in ("dome", "hill", "cape")],
    )
    return site.expose(["dome"], (1, 2), 5)


def test_what_steps_still_need_stays_and_what_they_made_is_not_made_again(site: Observatory) -> None:
    """A kind of its own is freed; the step that made it finds it standing on the other copies."""
    raw = packing(site)
    site.fill("-n", "30")
    assert site.call("verify", "--level", "checksum", "-n", "30").status == 0
    assert "its steps here are not complete (pack)" in site.call("prune").out
    assert site.call("convert", "-n", "30").status == 0
    assert site.call("sync", "-n", "30").status == 0
    assert site.call("verify", "--level", "checksum", "-n", "30").status == 0
    freed = site.call("prune", "--yes")
    assert (freed.status, "2 files freed" in freed.out) == (0, True), freed
    assert "2 files stay: files of this kind are never freed" in freed.out
    assert sorted(tree(site.root("dome"))) == raw
    again = site.call("convert", "-n", "30")
    assert again.status == 0, again
    assert sorted(tree(site.root("dome"))) == raw
    assert site.call("status", "-i", "sha", "--csv").out.splitlines()[1].split(",")[2] == "True"


def test_a_frame_that_comes_after_the_steps_opens_the_night_to_them_again(site: Observatory) -> None:
    """Neither processed nor to be freed until the steps have taken it, whoever converts; found when it is hashed."""
    packing(site)
    assert site.call("convert", "-n", "30").status == 0
    site.expose(["dome"], (3,), 5)
    site.fill("-n", "30")
    assert site.call("verify", "--level", "checksum", "-n", "30").status == 0
    assert site.call("status", "-i", "sha", "--csv").out.splitlines()[1].split(",")[2] == "False"
    status = site.call("status", "-i", "sha", "-d", night_text(site.night(5)), "--json")
    assert [row["processed"] for row in status.document["nights"]] == [False]
    assert "2/2 pack so far" in site.call("status", "-i", "sha").out
    assert "5 files stay: its steps here are not complete (pack)" in site.call("prune").out
    assert site.call("convert", "--pending").status == 0
    assert site.call("status", "-i", "sha", "--csv").out.splitlines()[1].split(",")[2] == "True"
    assert "3/3 pack  " in site.call("status", "-i", "sha").out


def test_one_machine_under_two_names_is_one_place(site: Observatory) -> None:
    """Unless somebody said where each of its disks stands; names of hosts know no capitals."""
    for name, address in (("hill", "here.example"), ("cape", "Here.Example.")):
        site.change_host(name, address=address, local=True)
    paths = carried(site, FRAMES)
    assert "cape is in the place of another (cape)" in site.call("prune", "--yes").out
    assert site.path("dome", paths[0]).exists()


def test_two_spellings_of_a_place_are_one_place(site: Observatory) -> None:
    """With a third place in the chain the file is sound, and two archives in one town freed the file as two places."""
    site.add_local("away")
    towns = {"hill": {"place": "Cape Town"}, "cape": {"place": "cape  town"}, "away": {"cameras": ["log"]}}
    site.declare(
        cameras={"sha": {"files": ["SHA_*.fits"]}, "log": {"files": ["*.log"]}},
        copies=[site.copy("dome"), *(site.copy(name, from_="dome", **more) for name, more in towns.items())],
        retention=RETENTION,
    )
    paths = carried(site, FRAMES)
    assert "is in the place of another (cape town)" in site.call("prune", "--yes").out
    assert site.path("dome", paths[0]).exists()


def test_a_person_may_accept_a_file_that_was_exposed_anew(site: Observatory) -> None:
    """What changed since it was first read stays until somebody says that it may be so, and it was read again."""
    one, *_ = carried(site, FRAMES)
    site.put("dome", one, fits_file(seed=77), age_s=86400.0)
    site.call("sync", "-n", "30")
    site.call("verify", "--level", "checksum", "-n", "30")
    assert "not what it was when it was first read" in site.call("prune", "--yes").out
    night = Path(one).name.split("_")[1].split(".")[0]
    site.call("accept", "-i", "sha", "-d", night, Path(one).name, "--reason", "exposed anew")
    site.call("verify", "--level", "checksum", "-n", "30")
    site.call("prune", "--yes")
    assert not site.path("dome", one).exists()


def test_prune_keeps_to_the_contract_of_the_command_line(site: Observatory) -> None:
    """Nothing declared, two wishes at once, another run at work."""
    carried(site, FRAMES)
    assert site.call("prune", "--yes", "--dry-run").status == 2
    assert site.call("prune", "--dry-run").out == site.call("prune").out
    assert (site.call("prune", "--quiet").out, site.call("prune", "-d", "20160907").status) == ("", 0)
    with instrument_lock(site.state, "sha"):
        held = site.call("prune", "--yes", "--json")
        assert (held.status, list(held.document)) == (4, ["error"])
        assert site.call("prune").status == 0  # looking needs no lock
    site.declare(copies=[site.copy(name) for name in ("dome", "hill", "cape")])
    nothing = site.call("prune")
    assert (nothing.status, "declares `retention`" in nothing.err) == (2, True)


def test_only_what_stands_in_a_manifest_that_was_sent_is_freed(site: Observatory) -> None:
    """Made is not sent: the letter must have gone."""
    manifest = {
        "step": "manifest",
        "inputs": ["*.fits"],
        "copy": "dome",
        "mail": {"to": ["archive@example.org"], "address": "192.0.2.1"},
    }
    site.write_site(mail={"from": "night@example.org", "folder": str(site.folder / "mails")})
    copies = [site.copy(name) for name in ("dome", "hill", "cape")]
    site.declare(copies=copies, convert={"steps": [manifest]}, retention=RETENTION | {"manifest": True}, settle_s=0)
    site.expose(["dome"], (1, 2), 5)
    assert site.call("convert", "-n", "30").status == 0
    site.fill("-n", "30")
    assert site.call("verify", "--level", "checksum", "-n", "30").status == 0
    assert "no manifest of it was sent" in site.call("prune", "--yes").out
    sent = site.call("convert", "-n", "30", "--mail")
    assert (sent.status, len(list((site.folder / "mails").iterdir())) > 0) == (0, True), sent
    assert "2 files freed" in site.call("prune", "--yes").out


@pytest.mark.parametrize("refused", [False, True])
def test_a_manifest_that_waits_for_a_mail_server_was_not_sent(site: Observatory, refused: bool) -> None:
    """Nor was one that a server refused: it lies in the spool, and what it names stays."""
    mail = {"to": ["archive@example.org"], "address": "192.0.2.1"}
    manifest = {"step": "manifest", "inputs": ["*.fits"], "copy": "dome", "mail": mail}
    copies = [site.copy(name) for name in ("dome", "hill", "cape")]
    site.declare(copies=copies, convert={"steps": [manifest]}, retention=RETENTION | {"manifest": True}, settle_s=0)
    site.expose(["dome"], (1, 2), 5)
    door = site.folder / "mails"
    door.write_text("no folder")
    site.write_site(mail={"from": "night@example.org", "folder": str(door)})
    site.fill("-n", "30")
    assert site.call("verify", "--level", "checksum", "-n", "30").status == 0
    site.call("convert", "-n", "30", "--mail")
    letters = [path for path in (site.state / "spool").glob("*.mail") if b"anifest" in path.read_bytes()]
    if refused:
        (site.state / "spool/refused").mkdir()
        for path in letters:
            path.rename(path.parent / "refused" / path.name)
    assert "no manifest of it was sent" in site.call("prune", "--yes").out
    for path in (site.state / "spool").rglob("*.mail"):
        path.rename(site.state / "spool" / path.name)
    door.unlink()
    assert site.call("convert", "-n", "30", "--mail").status == 0
    assert "2 files freed" in site.call("prune", "--yes").out


def test_the_daemon_frees_when_it_is_due(site: Observatory) -> None:
    """As cron and systemd do: with --yes, and the report's note says that it was made up."""
    carried(site, FRAMES)
    site.write_site(schedule={"prune": "0 12 * * *"})
    with Workplace.at(site.config) as workplace:
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=9)
        workplace.ledger.job_due("prune", long_ago)
        workplace.ledger.job_finished("prune", long_ago, long_ago, State.OK)
    log = site.folder / "log"
    with log.open("w") as stream:
        daemon = subprocess.Popen(site.command("daemon"), stderr=stream)
        try:
            end = time.monotonic() + 60
            while "job ended" not in log.read_text() and time.monotonic() < end:
                time.sleep(0.1)
        finally:
            daemon.terminate()
            daemon.wait(timeout=60)
    assert tree(site.root("dome")) == {}, log.read_text()
    assert len(list((site.state / "proofs" / "sha").iterdir())) == 1
