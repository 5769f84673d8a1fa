"""A list of the post that fails by itself: it is said, and keeps nothing from the others."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from observatory.spec.models import SiteMail
from reports.post import Post
from tests.unit.reports.made import FIRST_HOP, OK_HOP, report

NOW = dt.datetime(2016, 9, 8, 7, 4, tzinfo=dt.UTC)


def office(tmp_path: Path, *everybody: str) -> Post:
    """Return a post office that hands over into a folder."""
    settings = {"from": "nightferry@saao.ac.za", "to": list(everybody), "folder": "letters"}
    return Post(SiteMail.model_validate(settings), {"sha": ["team@saao.ac.za"]}, tmp_path, tmp_path / "state")


def test_a_list_whose_memory_cannot_be_noted_is_said_and_the_others_are_written_to(tmp_path: Path) -> None:
    """Rather one mail too many; silence about it would repeat that every day."""
    blocked = tmp_path / "state" / "spool" / "last" / "verify.json"
    blocked.mkdir(parents=True)
    posted = office(tmp_path, "data@saao.ac.za").post(report(FIRST_HOP), NOW)
    (sentence,) = posted.sentences
    assert f"{blocked}: what was mailed could not be noted" in sentence
    assert posted.decisions == ("mail for sha: sent, there are differences",)
    assert (posted.written, posted.sent, len(list((tmp_path / "letters").iterdir()))) == (1, 2, 2)


def test_a_list_without_a_usable_address_is_none_that_was_written_to(tmp_path: Path) -> None:
    """It is said, and not counted."""
    posted = office(tmp_path, "zoë@saao.ac.za").post(report(OK_HOP), NOW, by_hand=True)
    assert (posted.written, posted.sent) == (1, 1)
    assert posted.decisions[0] == "mail for the site: not sent, no address"
    assert len(posted.sentences) == 1 and "zoë@saao.ac.za" in posted.sentences[0]
