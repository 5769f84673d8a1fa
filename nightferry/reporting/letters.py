"""The letters that converters wrote, on their way: merged over the nights of a run, mailed once, and noted as sent.

They are kept with the steps' records until a run that mails takes them along; how mail travels is reports'.

A letter is written into the spool held, noted in the ledger as sent, and only then released: a run that dies before the
note leaves a held letter that the next one drops and writes again, one that dies after it a letter that the next one
releases. Neither sends it twice, nor loses it.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalogue.records import LetterRecord
from converters.base import Letter
from converters.facts import letter_of
from converters.nightstep import NightStep
from nightferry.reporting.delivery import post_office
from nightferry.retention.confirming import note_manifest
from nightferry.workplace import Workplace
from observatory.errors import MailNotTaken, NightferryError
from observatory.spec.models import Instrument, SiteMail
from reports.letter import compose_words
from reports.letter import letter_of as enveloped
from reports.model import Note

if TYPE_CHECKING:
    from reports.spool import Spool

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
        if settings is not None and may_mail:
            yield from _settle_held(workplace, settings, instrument)
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


def _settle_held(workplace: Workplace, settings: SiteMail, instrument: Instrument) -> Iterator[Note]:
    """Release or drop what a run that died left held of this instrument's letters."""
    post, name = post_office(workplace, settings), instrument.instrument
    try:
        held = [(path, numbers) for path, word in post.spool.held() if (numbers := _numbers_of(word, name))]
        if not held:
            return
        sent = {one.id: one for one in workplace.ledger.letters(name, unsent=False) if one.sent_utc is not None}
        for path, numbers in held:
            if sent.keys() >= numbers:  # noted all at once, so that it is all of them or none
                _note_manifests(workplace, instrument, [sent[number] for number in sorted(numbers)])
                post.spool.release(path)
            else:
                post.spool.drop(path)
    except MailNotTaken as error:
        yield Note(f"letters of a run that died could not be looked at: {error}", name)
        return
    yield from (Note(sentence, name) for sentence in post.flush().sentences)


def undelivered(workplace: Workplace, instrument: Instrument) -> frozenset[tuple[dt.date, str]]:
    """Return night and step of each letter of an instrument that was handed to the mail and has not arrived.

    It waits in the spool for a server, or was refused by one.

    Raises
    ------
    MailNotTaken
        The spool cannot be looked at.
    """
    settings, name = workplace.specification.site.mail, instrument.instrument
    if settings is None:
        return frozenset()
    words = post_office(workplace, settings).spool.undelivered()
    numbers = {number for word in words for number in _numbers_of(word, name)}
    known = workplace.ledger.letters(name, unsent=False) if numbers else ()
    return frozenset((one.night, one.step) for one in known if one.id in numbers)


def _word_for(instrument: str, records: Sequence[LetterRecord]) -> str:
    return json.dumps({"instrument": instrument, "letters": [record.id for record in records]})


def _numbers_of(word: str, instrument: str) -> set[int]:
    """Return which letters of an instrument a held one stands for; none where it is another's."""
    try:
        said = json.loads(word)
        return {int(number) for number in said["letters"]} if said["instrument"] == instrument else set()
    except (ValueError, KeyError, TypeError):
        return set()


def _send(
    workplace: Workplace, settings: SiteMail, instrument: Instrument, waiting: Sequence[LetterRecord]
) -> Iterator[Note]:
    post, name = post_office(workplace, settings), instrument.instrument
    ordered = sorted(waiting, key=lambda record: (record.copy, record.step, record.night, record.id))
    for (_, step), records in itertools.groupby(ordered, key=lambda record: (record.copy, record.step)):
        group = list(records)
        try:
            letters = list(_merged(instrument, step, [letter_of(record.content) for record in group]))
            held = _hold(workplace, settings, letters, post.spool, _word_for(name, group))
        except Exception as error:  # `merged` of a converter that may be anybody's: its letter waits, no other
            if not isinstance(error, NightferryError):
                log.error("letter not sent", exc_info=error, extra={"instrument": name, "step": step})
            yield Note(f"letter of {step} not sent, it waits: {error}", name)
            continue
        # what lies in the spool survives this run, and is tried until it is taken or refused
        workplace.ledger.letters_sent([record.id for record in group], workplace.now())
        _note_manifests(workplace, instrument, group)
        for path in held:
            post.spool.release(path)
        yield from (Note(f"letter of {step} to {', '.join(one.to)}: {one.subject}", name) for one in letters)
    yield from (Note(sentence, name) for sentence in post.flush().sentences)


def _hold(workplace: Workplace, settings: SiteMail, letters: Sequence[Letter], spool: Spool, word: str) -> list[Path]:
    """Write letters into the spool, held, and return their files; all of them or none."""
    now = workplace.now()
    held: list[Path] = []
    try:
        for letter in letters:
            files = [(one.name, one.content) for one in letter.attachments]
            message = compose_words(letter.subject, letter.text, files, settings, letter.to, now)
            held.append(spool.hold(enveloped(message, now), word))
    except BaseException:
        for path in held:
            spool.drop(path)
        raise
    return held


def _note_manifests(workplace: Workplace, instrument: Instrument, records: Sequence[LetterRecord]) -> None:
    for record in records:
        attached = [one.content for one in letter_of(record.content).attachments]
        note_manifest(workplace, instrument, record.night, attached, record.step)


def _merged(instrument: Instrument, label: str, letters: Sequence[Letter]) -> Sequence[Letter]:
    """Return the letters as the step that wrote them wants them; a step that is no longer declared has no wish."""
    steps = instrument.convert.steps if instrument.convert else ()
    step = next((step for step in steps if step.label == label), None)
    return step.merged(letters) if isinstance(step, NightStep) else letters
