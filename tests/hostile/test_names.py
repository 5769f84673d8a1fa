"""Ten thousand hostile names through everything: they arrive, or are refused with a reason; nothing else happens."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from observatory.names import show
from observatory.spec.models import SiteMail
from reports.html import render_page
from reports.json import document_of, dumps
from reports.letter import compose, letter_of
from reports.model import Note, Report
from reports.text import render_text
from tests.hostile.names import COUNT, hostile_names
from tests.transfers import make_pair, reasons
from tests.unit.reports.made import EVERYTHING, FINISHED, FIRST_HOP, STARTED
from tests.unit.test_sync import World
from verifier.verdict import Finding

FOLDER = b"2016/0907/"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def names() -> list[bytes]:
    """The names, below a night's folder."""
    return [FOLDER + name for name in hostile_names()]


def test_in_memory_each_arrives_or_is_refused_with_its_reason(names: list[bytes]) -> None:
    """Listing, plan, transfer and the look afterwards; nothing outside the night's folder."""
    carried = 0
    for start in range(0, COUNT, 1000):
        carried += carry_in_memory(names[start : start + 1000])
    assert carried > COUNT * 0.9


def carry_in_memory(names: list[bytes]) -> int:
    """Sync some of them twice; return how many arrived."""
    files = {path: b"%d" % number for number, path in enumerate(names)}
    world = World(files, {}, cameras={"sha": {"files": ["*.fits"]}})
    outcome = world.sync()
    there = world.there()
    refused = {one.path: one.reason for one in outcome.failed}
    assert there.keys() | refused.keys() == files.keys()
    assert all(there[path] == data for path, data in files.items() if path in there)
    assert all(refused.values())
    again = world.sync()
    assert (again.planned, len(again.failed)) == (0, len(refused))
    assert outcome.transferred == len(there)
    return len(there)


@pytest.mark.parametrize("engine", ["rsync", "local"])
def test_on_disk_both_engines_carry_each_of_them(
    names: list[bytes], engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Byte for byte, one content each; no program was started by a name, and nothing lies elsewhere."""
    with make_pair("local", "local", engine, tmp_path, request) as pair:
        items = [
            pair.write(path, b"%d" % number) for number, path in enumerate(names[:: 4 if engine == "rsync" else 8])
        ]
        result = pair.carry(items)
        assert not result.failed, list(reasons(result).items())[:3]
        assert sorted(one.item.path for one in result.arrived) == sorted(item.path for item in items)
        assert pair.arrived() == sorted(item.path for item in items)
        for number, item in enumerate(items):
            assert pair.read(item.target) == b"%d" % number
    assert not list(tmp_path.rglob("harm"))
    assert not Path("harm").exists()


@pytest.fixture(scope="module")
def report(names: list[bytes]) -> Report:
    """A report in which every list is full of them."""
    part = [tuple(sorted(names[start::5])) for start in range(5)]
    verdict = replace(
        EVERYTHING,
        missing=part[0],
        extra=part[1],
        size_differs=part[2],
        in_progress=part[3],
        damaged=tuple(Finding(path, "source", f"it says {show(path)}") for path in part[4]),
        unrecognised=part[0],
    )
    note = Note("a note: \r\nBcc: everybody@example.org <script>alert(1)</script> {{ 7 * 7 }}", "sha")
    return Report("Sutherland", "verify", STARTED, FINISHED, verdicts=[FIRST_HOP, verdict], notes=[note])


def test_the_text_is_lines_that_no_terminal_obeys(report: Report) -> None:
    """One line for each name; no control character, no change of writing direction."""
    text = render_text(report)
    assert not CONTROL.search(text), CONTROL.search(text)
    lines = set(text.splitlines())
    assert all(show(path) in lines for path in report.verdicts[1].missing)


class Tags(HTMLParser):
    """Gathers the tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.handlers |= {name for name, _ in attrs if name.startswith("on")}


def test_the_page_holds_no_tag_of_theirs(report: Report) -> None:
    """Escaped everywhere; no template is evaluated."""
    page = render_page(report)
    tags = Tags()
    tags.feed(page)
    assert not tags.tags & {"script", "img", "iframe", "object", "b"}
    assert not tags.handlers
    assert "<script>alert" not in page
    assert "{{ 7 * 7 }}" in page.replace("&#123;", "{")


def test_the_json_gives_every_byte_back(report: Report) -> None:
    """Names that are no text travel in base64, and come back as they were."""
    document = json.loads(dumps(document_of(report)))
    hop = document["hops"][1]
    assert sorted(bytes_of(name) for name in hop["missing"]) == sorted(report.verdicts[1].missing)
    assert sorted(bytes_of(one["path"]) for one in hop["damaged"]) == sorted(
        one.path for one in report.verdicts[1].damaged
    )


def bytes_of(value: str | dict[str, str]) -> bytes:
    """Return a name as bytes."""
    return base64.b64decode(value["bytes"]) if isinstance(value, dict) else value.encode()


def test_the_mail_has_the_headers_that_we_gave_it(report: Report) -> None:
    """No name and no note becomes a header, a recipient or the end of the message."""
    settings = SiteMail.model_validate({"from": "nightferry@saao.ac.za", "to": ["data@saao.ac.za"]})
    letter = letter_of(compose(report, settings, ["data@saao.ac.za"], FINISHED), FINISHED)
    read = email.message_from_bytes(letter.content, policy=email.policy.default)
    assert letter.recipients == ("data@saao.ac.za",)
    assert read["Bcc"] is None and read["To"] == "data@saao.ac.za"
    assert str(read["Subject"]).startswith("nightferry Sutherland: ")
    assert b"\r\n.\r\n" not in letter.content
