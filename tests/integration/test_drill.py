"""``nightferry drill`` over real hosts: every planted fault is noticed, the alarm goes out, nothing stays behind."""

from __future__ import annotations

import email
import email.policy
import json
from pathlib import Path

import pytest

from nightferry.drills.drill import Fault, Wishes, drill
from nightferry.drills.faults import FAULTS, flip, missing
from nightferry.workplace import Workplace
from observatory.truth import State
from tests.hosts import Host, free_port
from tests.observatory import Observatory


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: pytest.CaptureFixture[str]) -> Observatory:
    """A site whose mail goes into a folder."""
    alpha, beta, _ = three_hosts
    observatory = Observatory(tmp_path, [alpha, beta], capsys)
    observatory.declare("sha")
    observatory.write_site(mail={"folder": "mail", "from": "n@sutherland.test", "to": ["d@sutherland.test"]})
    return observatory


def states(answer_out: str) -> dict[str, str]:
    """Return the state of each fault."""
    return {line["fault"]: line["state"] for line in json.loads(answer_out)["lines"]}


def test_one_of_a_thing_is_said_as_one(site: Observatory) -> None:
    """A hole in the frame numbers has a word of its own, and one of it another."""
    said = site.call("drill", "--only", "lost", "--no-mail").out
    assert "different (1 sequence gap); taken back" in said


def test_over_ssh_every_fault_is_noticed_and_the_alarm_is_mailed(site: Observatory) -> None:
    """From one host to another, by the engine that their data take; the scratch roots are gone afterwards."""
    alpha, beta = site.hosts
    places = [f"{host.name}:{host.root}" for host in site.hosts]
    before = [sorted(host.root.iterdir()) for host in (alpha, beta)]
    answer = site.call("drill", "--source", places[0], "--destination", places[1], "--json")
    assert answer.status == 0, answer
    assert set(states(answer.out)) == {"carry", "mail", *(fault.name for fault in FAULTS)}
    assert set(states(answer.out).values()) == {"ok"}
    assert [sorted(host.root.iterdir()) for host in (alpha, beta)] == before
    assert not list((site.state / "drill").iterdir())
    (letter,) = (site.config / "mail").iterdir()
    subject = email.message_from_bytes(letter.read_bytes(), policy=email.policy.default)["Subject"]
    assert subject == "nightferry DRILL Sutherland: drill 1 missing"


def test_a_host_that_is_off_cannot_be_drilled(site: Observatory) -> None:
    """Exit 3, and one line that says why; the faults are not called noticed."""
    alpha = site.hosts[0]
    site.change_host(alpha.name, port=free_port(alpha.address))
    answer = site.call("drill", "--source", f"{alpha.name}:{alpha.root}", "--json", "--no-mail")
    assert answer.status == 3, answer
    assert "flip" not in answer.out


def test_what_is_not_there_is_refused(site: Observatory) -> None:
    """A host, a place and a fault that nobody declared: exit 2, nothing made."""
    assert site.call("drill", "--source", "nobody:/tmp").status == 2
    assert site.call("drill", "--source", "relative").status == 2
    answer = site.call("drill", "--only", "flop")
    assert (answer.status, "there are: missing" in answer.err) == (2, True)


def test_a_fault_that_is_not_noticed_is_an_alarm(site: Observatory) -> None:
    """Looked for at a level that cannot see it, or found otherwise than planted, it is DIFFERENT."""
    blind = Fault("blind", "a flip, looked for by size", flip, {"checksum_differs": 1}, level="size")
    other = Fault("other", "one missing, two expected", missing, {"missing": 2})
    with Workplace.at(site.config) as workplace:
        lines = list(drill(workplace, Wishes(mails=False), (blind, other)))
    assert [(line.name, line.state) for line in lines] == [
        ("carry", State.OK),
        ("blind", State.DIFFERENT),
        ("other", State.DIFFERENT),
    ]
    assert "found ok, planted 1 checksum differs" in lines[1].words


def test_mail_that_is_not_taken_is_an_alarm(site: Observatory) -> None:
    """The alarm path is what is drilled."""
    server = {"host": "127.0.0.1", "port": free_port("127.0.0.1")}
    site.write_site(mail={"server": server, "from": "n@sutherland.test", "to": ["d@sutherland.test"]})
    answer = site.call("drill", "--only", "missing")
    assert answer.status == 1
    assert "WRONG   mail: " in answer.out
