"""What people were last mailed, from run to run: one small file per list and kind of report, beside the spool.

Whether that makes another mail due is policy.py's. A mail that the server refused for good to everybody on its list
told nobody anything: what was mailed before it counts then.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from observatory.errors import UsageError
from observatory.files import write_whole
from observatory.truth import State
from reports.letter import Letter
from reports.policy import LastMail
from reports.spool import Spool


@dataclass(frozen=True, slots=True)
class Memory:
    """What one list was last sent of one kind of report.

    Attributes
    ----------
    file : Path
        JSON: ``sent_utc``, ``digest``, ``state``, the ``mail`` with its ``recipients``, and the same of ``before``.
    spool : Spool
        Asked for what became of the mail since.
    """

    file: Path
    spool: Spool

    def recall(self) -> LastMail | None:
        """Return what was last sent. A memory that cannot be read is none: rather one mail too many."""
        facts = self._told()
        return None if facts is None else _last_of(facts)

    def remember(self, last: LastMail, letter: Letter) -> None:
        """Note what is being sent.

        Raises
        ------
        UsageError
            It cannot be written down.
        """
        before = self._told()
        facts = _facts_of(last) | {"mail": letter.name, "recipients": letter.recipients}
        facts |= {"before": None if before is None else _facts_of(_last_of(before))}
        try:
            write_whole(self.file, json.dumps(facts).encode())
        except OSError as error:
            raise UsageError(f"{self.file}: what was mailed could not be noted: {error.strerror or error}") from error

    def _told(self) -> Mapping[str, Any] | None:
        """Return the facts of the last mail that anybody got or will get."""
        try:
            facts = json.loads(self.file.read_bytes())
            recipients = facts.get("recipients", ())
            if recipients and self.spool.refused(str(facts["mail"])).issuperset(recipients):
                facts = facts["before"]
            if facts is not None:
                _last_of(facts)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return facts if isinstance(facts, dict) else None


def _last_of(facts: Mapping[str, Any]) -> LastMail:
    sent_utc = dt.datetime.fromisoformat(facts["sent_utc"])
    return LastMail(sent_utc.astimezone(dt.UTC), str(facts["digest"]), State(facts["state"]))


def _facts_of(last: LastMail) -> dict[str, Any]:
    return {"sent_utc": last.sent_utc.isoformat(), "digest": last.digest, "state": str(last.state)}
