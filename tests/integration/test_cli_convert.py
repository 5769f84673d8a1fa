"""``convert`` and the nightly run over night steps, as a person and a schedule call them."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from observatory.nights import night_text
from tests.hosts import Host, need
from tests.nightsites import declare, expose, made, night_site
from tests.observatory import Observatory, tree

Capsys = pytest.CaptureFixture[str]
WHOLE = ["N0001.cube.z", "N0002.cube.z"]


@pytest.fixture
def site(
    tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> Observatory:
    """Raw nights on this machine, an archive on another."""
    return night_site(tmp_path, three_hosts[0], capsys, monkeypatch)


def test_a_nightly_run_converts_and_then_carries(site: Observatory) -> None:
    """``after: list``: the night travels with its products, and the report counts frames."""
    declare(site, after="list")
    night = expose(site)
    site.mark(site.hosts[0], "vamp")
    answer = site.call("run", "--json")
    assert answer.status == 0, answer
    (processed,) = answer.document["nights_processed"]
    assert (processed["night"], processed["is_whole"]) == (night_text(night), True)
    assert processed["frames"] == {
        "in": 16, "out": 12, "listed": 4, "dubious": 0, "kinds": {"cam1": 6, "cam2": 6}
    }  # fmt: skip
    far = sorted(Path(name).name for name in tree(site.root(site.hosts[0], "vamp")) if "/made/" in name)
    assert far == [*WHOLE, f"manifest-{night_text(night)}.json"]
    text = site.call("report").out
    assert f"vamp {night_text(night)} processed in" in text
    assert "16 frames in, 12 out, 4 listed; 0 % dubious (cam1 6, cam2 6)" in text


def test_a_dry_run_says_which_nights_would_travel_after_their_steps(site: Observatory) -> None:
    """`0 planned` alone read as if there were nothing to carry; converted, they are counted."""
    declare(site, after="list")
    night = night_text(expose(site))
    site.mark(site.hosts[0], "vamp")
    words = f"1 night waits for list and would travel after it, in none of these counts: from {night}"
    answer = site.call("run", "--dry-run")
    assert (answer.status, words in answer.out) == (0, True), answer
    assert site.call("convert").status == 0
    answer = site.call("run", "--dry-run")
    assert "waits for list" not in answer.out
    assert "vamp  here:alpha  7 nights  11 planned" in answer.out


def test_a_night_that_is_not_over_is_in_progress_where_a_hop_waits_for_its_steps(site: Observatory) -> None:
    """In the morning it cannot be there yet, and nobody is woken; the night before it can, and is missing."""
    declare(site, after="list")
    site.mark(site.hosts[0], "vamp")
    expose(site, back=0)
    assert site.call("run").status == 0
    answer = site.call("verify", "--json")
    assert (answer.status, answer.hop["state"]) == (0, "ok")
    assert (len(answer.hop["in_progress"]), answer.hop["missing"]) == (8, [])
    expose(site, back=1)
    later = site.call("verify", "--json")
    assert (later.status, len(later.hop["in_progress"]), len(later.hop["missing"])) == (1, 8, 8)


def test_a_held_night_waits_and_does_not_travel(site: Observatory) -> None:
    """Exit 1 and a word in the report until a person approves; then it goes on."""
    declare(site, {"step": "gather", "hold": "review"}, after="list")
    night = night_text(expose(site))
    site.mark(site.hosts[0], "vamp")
    answer = site.call("run")
    assert answer.status == 1
    assert "gather is held (review): look at it, then `convert --approve`" in answer.out
    assert tree(site.root(site.hosts[0], "vamp")) == {}
    approved = site.call("convert", "--approve", "-i", "vamp", "-d", night)
    assert approved.status == 0, approved
    assert f"{night} gather: approved by" in approved.out
    assert site.call("run").status == 0
    assert [name for name in tree(site.root(site.hosts[0], "vamp")) if "/made/" in name]
    again = site.call("convert", "--approve", "-i", "vamp", "-d", night)
    assert (again.status, "held for review" in again.err) == (2, True)


def test_pending_takes_nights_of_any_age_oldest_first(site: Observatory) -> None:
    """And nothing that is through its steps already: its files are not even looked at."""
    declare(site, window_nights=3)
    nights = [night_text(expose(site, back)) for back in (400, 40, 1)]
    site.mark("here", "vamp")
    answer = site.call("convert", "--pending", "--json")
    assert [row["night"] for row in answer.document["steps"] if row["step"] == "gather"] == nights
    idle = site.call("convert", "--pending", "--json")
    assert (idle.status, idle.document["state"], idle.document["steps"]) == (0, "ok", [])
    assert site.call("convert", "--pending").out.endswith("vamp: no night on here waits for its steps\n")
    assert site.call("convert", "--pending", "-n", "2").status == 2


def test_a_held_night_does_not_go_out_of_sight_by_growing_old(site: Observatory) -> None:
    """Older than the window it is still in the report, until it goes on or somebody accepts that it does not."""
    declare(site, {"step": "gather", "hold": "review"}, window_nights=3)
    night = night_text(expose(site, 10))
    site.mark("here", "vamp")
    assert site.call("convert", "-d", night).status == 1
    later = site.call("convert", "--json")
    assert (later.status, {row["night"] for row in later.document["steps"]}) == (1, {night})
    assert site.call("convert", "-n", "2", "--json").document["steps"] == []
    site.call("accept", "-i", "vamp", "-d", night, "--reason", "clouds")
    assert site.call("convert").status == 0


def test_a_night_that_comes_late_goes_through_its_steps_in_the_same_run(site: Observatory) -> None:
    """The hop looks as far back as nobody could look; the steps do so too, and a cube that is later still is taken."""
    site.add_local("camera")
    declare(site, window_nights=3, copies=[site.copy("camera", "vamp"), site.copy("here", "vamp")])
    expose(site, 1, on="camera")
    site.mark("here", "vamp")
    assert site.call("run").status == 0
    late = expose(site, 30, on="camera")
    assert site.call("sync", "-d", night_text(late)).status == 0, "somebody brings it, and forgets the steps"
    answer = site.call("run", "--json")
    assert answer.status == 0, answer
    assert made(site, late), "and the nightly run takes them"
    assert night_text(late) in {one["night"] for one in answer.document["nights_processed"]}
    site.put("camera", f"{night_text(late)}/cam1/f3.raw", b"cam1 3\none\n", instrument="vamp")
    site.put("camera", f"{night_text(late)}/cam1/f3.txt", b"times\n", instrument="vamp")
    assert site.call("sync", "-d", night_text(late)).status == 0
    before = tree(site.root("here", "vamp") / night_text(late) / "made")
    assert site.call("run").status == 0
    assert tree(site.root("here", "vamp") / night_text(late) / "made") != before


def test_what_lay_there_before_the_first_run_is_for_a_person_to_ask_for(site: Observatory) -> None:
    """Years of nights are not taken through new steps unasked; where a night is accepted as it is, it stays so."""
    site.add_local("camera")
    declare(site, window_nights=3, copies=[site.copy("camera", "vamp"), site.copy("here", "vamp")])
    site.mark("here", "vamp")
    before = expose(site, 40, on="camera")
    assert site.call("sync", "-d", night_text(before)).status == 0
    assert site.call("verify", "-d", night_text(before)).status == 0
    expose(site, 1, on="camera")
    assert site.call("run").status == 0
    late = expose(site, 30, on="camera")
    assert site.call("sync", "-d", night_text(late)).status == 0
    site.call("accept", "-i", "vamp", "-d", night_text(late), "--reason", "test exposures")
    assert site.call("run").status == 0
    assert (made(site, before), made(site, late)) == ([], [])


def test_one_step_or_those_from_one_on(site: Observatory) -> None:
    """A step that is not declared is exit 2 before anything is locked."""
    declare(site)
    night = expose(site)
    assert site.call("convert", "--step", "gather").status == 0
    assert made(site, night) == ["cam1.cube", "cam2.cube"]
    answer = site.call("convert", "--from", "stamp", "--json")
    assert {row["step"] for row in answer.document["steps"]} == {"stamp", "number", "pack", "list"}
    assert made(site, night)[:2] == WHOLE
    assert site.call("convert", "--from", "stmp").status == 2


def test_letters_of_a_run_are_merged_and_mailed_once(site: Observatory, tmp_path: Path) -> None:
    """By hand only --mail sends; what waits is said."""
    site.write_site(mail={"folder": str(tmp_path / "mail"), "from": "nf@example.org"})
    declare(site)
    expose(site, 1)
    expose(site, 2)
    assert "2 of its letters wait" in site.call("convert").out
    assert not (tmp_path / "mail").exists()
    sent = site.call("convert", "--mail")
    assert "letter of list to archive@example.org: manifests" in sent.out
    (mail,) = (tmp_path / "mail").glob("*.eml")
    assert mail.read_bytes().count(b"Content-Disposition: attachment") == 2
    assert "letter" not in site.call("convert", "--mail").out


def test_a_manifest_before_what_changes_headers_is_refused(site: Observatory) -> None:
    """check-config says so, with the line."""
    declare(site)
    path = site.config / "instruments.d/vamp.yaml"
    text = path.read_text()
    steps = re.findall(r"  - step: \w+\n    copy: here\n", text)
    path.write_text(text.replace(steps[1], "").rstrip("\n") + "\n" + steps[1])
    answer = site.call("check-config")
    assert answer.status == 2
    assert "stamp changes headers and comes after pack: put it before" in answer.out + answer.err


def test_the_doctor_knocks_at_a_cluster(site: Observatory) -> None:
    """Where nobody listens it could not be told, and the next run would convert nothing."""
    declare(site)
    path = site.config / "instruments.d/vamp.yaml"
    path.write_text(path.read_text().replace("workers: 2", "workers: tcp://127.0.0.1:9"))
    answer = site.call("doctor")
    assert "workers tcp://127.0.0.1:9" in answer.out
    assert "no scheduler answers there" in answer.out
    expose(site)
    site.mark("here", "vamp")
    converted = site.call("convert")
    assert (converted.status, "PROBLEM: vamp: workers tcp://127.0.0.1:9" in converted.out) == (3, True)


def wait_for(site: Observatory, night: str) -> None:
    """Wait until a night has its manifest."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (site.root("here", "vamp") / night / "made" / f"manifest-{night}.json").exists():
            return
        time.sleep(0.1)
    raise AssertionError("nothing came of it")


@pytest.mark.parametrize("program", ["tmux", "by itself"])
def test_detached_it_works_on_and_says_how_to_look_in(
    site: Observatory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """In a session of tmux where there is one, else by itself with a log."""
    declare(site)
    night = night_text(expose(site))
    tools = tmp_path / "tools"
    tools.mkdir()
    if program == "tmux":
        real = shutil.which("tmux")
        need(real, "tmux")
        # a server of its own: other tests and people may use tmux on this machine
        (tools / "tmux").write_text(f'#!/bin/sh\nexec {real} -S {tmp_path}/socket -f /dev/null "$@"\n')
        (tools / "tmux").chmod(0o755)
    path = f"{Path(site.command()[0]).parent}:{tools}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path if program == "tmux" else f"{Path(site.command()[0]).parent}:{tools}")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'packages'}:{Path(__file__).parents[2]}")
    assert site.process("convert", "--detach", "--step", "no-such").status == 2
    answer = site.process("convert", "--detach")
    try:
        assert answer.status == 0, answer
        assert ("tmux attach -t nightferry-" if program == "tmux" else "tail -f ") in answer.out
        wait_for(site, night)
    finally:
        if program == "tmux":
            subprocess.run([tools / "tmux", "kill-server"], check=False)


def test_told_to_end_it_ends_at_once_and_the_next_run_goes_on(
    site: Observatory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With everything that it started; nothing half made is left."""
    declare(site, {"step": "pack", "sleep_s": 60})
    night = expose(site)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'packages'}:{Path(__file__).parents[2]}")
    with subprocess.Popen(site.command("convert"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        at_work = site.root("here", "vamp") / ".nightferry/tmp"
        # numbered and nothing left to number: whoever works now packs
        while made(site, night) != ["N0001.cube", "N0002.cube"] or not list(at_work.glob("*/*/scratch-*")):
            assert time.monotonic() < deadline, "nothing was begun"
            time.sleep(0.02)
        process.terminate()
        assert process.wait(20) == 130
    assert not list((site.root("here", "vamp") / ".nightferry/tmp").glob("*/*"))
    assert made(site, night) == ["N0001.cube", "N0002.cube"]
    declare(site)
    assert site.call("convert").status == 0
    assert made(site, night)[:2] == WHOLE


def test_tasks_that_ran_side_by_side_took_their_time_together(site: Observatory) -> None:
    """How long a step and a night took is what a clock on the wall shows, not the sum over its tasks."""
    step = {
        "step": "command",
        "run": ["sh", "-c", "sleep 0.8", "{input}"],
        "inputs": ["cam?/*.raw"],
        "outputs": [],
        "copy": "here",
    }
    declare(site, convert={"workers": 4, "steps": [step]})
    expose(site)
    site.mark("here", "vamp")
    began_s = time.monotonic()
    answer = site.call("convert", "--json")
    took_s = time.monotonic() - began_s
    (row,) = answer.document["steps"]
    (night,) = answer.document["nights_processed"]
    assert (row["done"], night["seconds"]) == (4, row["seconds"]), answer
    assert 0.8 <= row["seconds"] <= min(took_s, 3.1), "four of 0.8 s are 3.2 s one after the other"
