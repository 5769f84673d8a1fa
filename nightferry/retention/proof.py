"""The proof of what was freed, as JSON: everything that a stranger needs to judge it without this program.

What it must show is said by tools/check_proof.py, which shares no line with us. Deciding is syncer/prune.py's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from observatory.files import write_whole
from observatory.names import to_json
from observatory.nights import night_text
from syncer.prune import CopyState, Freeable, Witness

VERSION = 1


def instant(at: dt.datetime) -> str:
    """Return an instant as text, to the microsecond, in UTC."""
    return at.astimezone(dt.UTC).isoformat()


def proof_of(
    instrument: str, own: CopyState, present: dt.date, batch: Sequence[Freeable], now: dt.datetime
) -> dict[str, Any]:
    """Return the proof of one batch that is about to be removed.

    `sum` is the SHA-256 of everything else, as compact JSON with sorted keys.
    """
    copies = {one.copy.name: one.copy for file in batch for one in file.witnesses}
    document = {
        "proof": "nightferry prune",
        "version": VERSION,
        "instrument": instrument,
        "present_night": night_text(present),
        "made_utc": instant(now),
        "copy": _copy(own),
        "copies": {name: _copy(copy) for name, copy in sorted(copies.items())},
        "files": [_file(one, now) for one in batch],
    }
    return document | {"sum": sum_of(document)}


def sum_of(document: dict[str, Any]) -> str:
    """Return the hash of a proof without its own `sum`."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_proof(folder: Path, name: str, document: dict[str, Any]) -> Path:
    """Write a proof whole, brought to disk, and return where it lies; a line for each file.

    Raises
    ------
    OSError
    """
    path = folder / name
    write_whole(path, _text_of(document).encode())
    return path


def _text_of(document: dict[str, Any]) -> str:
    """Return the text of a proof; with `indent` the encoder is not the quick one, a fifth of the time of freeing."""
    files = ",\n  ".join(json.dumps(one, sort_keys=True) for one in document["files"])
    texts = {key: json.dumps(value, sort_keys=True) for key, value in document.items() if key != "files"}
    texts["files"] = f"[\n  {files}\n ]"
    return "{\n " + ",\n ".join(f"{json.dumps(key)}: {text}" for key, text in sorted(texts.items())) + "\n}\n"


def _copy(copy: CopyState) -> dict[str, Any]:
    return {
        "host": copy.host,
        "root": copy.root,
        "place": copy.place,
        "marker": copy.marker,
        "machine": copy.kernel,
        "is_absent": copy.is_absent,
        "filled_by": copy.filled_by,
        "name": copy.name,
    }


def _file(one: Freeable, now: dt.datetime) -> dict[str, Any]:
    candidate, rule = one.candidate, one.rule
    return {
        "path": to_json(candidate.path),
        "night": night_text(candidate.night),
        "size_bytes": candidate.looked.size_bytes,
        "mtime_s": candidate.looked.mtime_s,
        "identity": candidate.looked.identity,
        "changed_s": candidate.looked.changed_s,
        "sha256": one.sha256,
        "read_utc": instant(now),
        "rule": {
            "keep_nights": rule.keep_nights,
            "copies": rule.copies,
            "within_days": rule.within_days,
            "count_absent": rule.count_absent,
            "manifest": rule.manifest,
            "confirmed_by": list(rule.archives),
        },
        "in_manifest": candidate.in_manifest,
        "confirmed_by": list(candidate.confirmed_by),
        "witnesses": [_witness(witness) for witness in one.witnesses],
    }


def _witness(witness: Witness) -> dict[str, Any]:
    reading, looked = witness.reading, witness.looked
    return {
        "copy": witness.copy.name,
        "path": to_json(witness.path),
        "read": None
        if reading is None
        else {
            "sha256": reading.sha256,
            "at_utc": instant(reading.at_utc),
            "size_bytes": reading.size_bytes,
            "mtime_s": reading.mtime_s,
            "changed_s": reading.changed_s,
            "identity": reading.identity,
            "marker": reading.marker,
        },
        "seen": None
        if looked is None
        else {
            "size_bytes": looked.size_bytes,
            "mtime_s": looked.mtime_s,
            "changed_s": looked.changed_s,
            "identity": looked.identity,
            "is_file": looked.is_file,
        },
        "reread_sha256": witness.reread,
    }
