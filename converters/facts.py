"""Facts and letters of steps as texts for the ledger, and back.

What they mean is base.py's; how a letter is mailed nightferry's.
"""

from __future__ import annotations

import base64
import dataclasses
import json

from converters.base import Attachment, Facts, Letter


def facts_text(facts: Facts) -> str:
    """Return facts as the ledger keeps them."""
    return json.dumps(dataclasses.asdict(facts), sort_keys=True)


def facts_of(text: str) -> Facts:
    """Return facts as `facts_text` wrote them."""
    return Facts(**json.loads(text))


def letter_text(letter: Letter) -> str:
    """Return a letter as the ledger keeps it."""
    attached = [[one.name, base64.b64encode(one.content).decode()] for one in letter.attachments]
    return json.dumps([list(letter.to), letter.subject, letter.text, attached])


def letter_of(text: str) -> Letter:
    """Return a letter as `letter_text` wrote it."""
    to, subject, words, attached = json.loads(text)
    attachments = tuple(Attachment(name, base64.b64decode(content)) for name, content in attached)
    return Letter(tuple(to), subject, words, attachments)
