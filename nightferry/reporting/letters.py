"""The letters that converters wrote, on their way: merged over the nights of a run, mailed once, and noted as sent.

They are kept with the steps' records until a run that mails takes them along; how mail travels is reports'.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence

from catalogue.records import LetterRecord
from converters.base import Letter
from converters.facts import letter_of
from converters.nightstep import NightStep
from nightferry.reporting.delivery import post_office
from nightferry.retention.confirming import note_manifest
from nightferry.workplace import Workplace
from observatory.errors import NightferryError
from observatory.spec.models import Instrument, SiteMail
from reports.letter import compose_words
from reports.model import Note

log = logging.getLogger("nightferry")


def send_letters(workplace: Workplace, instruments: Sequence[Instrument], *, may_mail: bool) -> Iterator[Note]:
    """Mail what converters wrote; yield what is to be said of it.

    Parameters
    ----------
    may_mail : bool
        False for a run by hand: what waits is only counted.
    """
    settings = workplace.specification.site.mail
    for instrument in instruments:
        waiting = workplace.ledger.letters(instrument.instrument) if instrument.convert else ()
        if not waiting:
            continue
        name = instrument.instrument
        if settings is None:
            yield Note(f"{len(waiting)} of its letters wait: site.yaml has no `mail`", name)
        elif not may_mail:
            yield Note(f"{len(waiting)} of its letters wait: `--mail` or the next scheduled run sends them", name)
        else:
            yield from _send(workplace, settings, instrument, waiting)


def _send(
    workplace: Workplace, settings: SiteMail, instrument: Instrument, waiting: Sequence[LetterRecord]
) -> Iterator[Note]:
    post, name = post_office(workplace, settings), instrument.instrument
    ordered = sorted(waiting, key=lambda record: (record.copy, record.step, record.night, record.id))
    for (_, step), records in itertools.groupby(ordered, key=lambda record: (record.copy, record.step)):
        group = list(records)
        try:
            for letter in _merged(instrument, step, [letter_of(record.content) for record in group]):
                files = [(one.name, one.content) for one in letter.attachments]
                words = compose_words(letter.subject, letter.text, files, settings, letter.to, workplace.now())
                post.put(words, workplace.now())
                yield Note(f"letter of {step} to {', '.join(letter.to)}: {letter.subject}", name)
        except Exception as error:  # `merged` of a converter that may be anybody's: its letter waits, no other
            if not isinstance(error, NightferryError):
                log.error("letter not sent", exc_info=error, extra={"instrument": name, "step": step})
            yield Note(f"letter of {step} not sent, it waits: {error}", name)
            continue
        # what lies in the spool survives this run, and is tried until it is taken or refused
        workplace.ledger.letters_sent([record.id for record in group], workplace.now())
        for record in group:
            attached = [one.content for one in letter_of(record.content).attachments]
            note_manifest(workplace, instrument, record.night, attached, step)
    yield from (Note(sentence, name) for sentence in post.flush().sentences)


def _merged(instrument: Instrument, label: str, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Return the letters as the step that wrote them wants them; a step that is no longer declared has no wish."""
    steps = instrument.convert.steps if instrument.convert else ()
    step = next((step for step in steps if step.label == label), None)
    return step.merged(letters) if isinstance(step, NightStep) else letters
