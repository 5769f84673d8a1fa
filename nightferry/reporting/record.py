"""A report as a record that can be read back: plain JSON with the names of our own dataclasses.

Only the classes listed here can come out of a record, whatever it holds.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from reports.model import FrameCount, Note, Report, StepRow
from syncer.outcome import Failure, HopOutcome, NightMoves
from verifier.verdict import Finding, HopVerdict, NightCount, SequenceGap

_CLASSES: Mapping[str, type[Any]] = {
    known.__name__: known
    for known in (
        *(Report, Note, StepRow, FrameCount),
        *(HopVerdict, Finding, SequenceGap, NightCount),
        *(HopOutcome, Failure, NightMoves),
    )
}


def write_record(report: Report) -> bytes:
    """Return a report as a record."""
    return json.dumps(_plain(report)).encode()


def read_record(record: bytes) -> Report:
    """Return the report that a record holds.

    Raises
    ------
    ValueError
        It is no record of this version.
    """
    try:
        report = _built(json.loads(record))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a record of a report: {error}") from error
    if not isinstance(report, Report):
        raise ValueError("not a record of a report")
    return report


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": type(value).__name__, "fields": fields}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, dt.datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, dt.date):
        return {"night": value.isoformat()}
    if isinstance(value, Mapping):
        return {"pairs": [[_plain(key), _plain(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _built(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_built(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "class" in value:
        return _CLASSES[value["class"]](**{name: _built(item) for name, item in value["fields"].items()})
    if "pairs" in value:
        return {_built(key): _built(item) for key, item in value["pairs"]}
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    if "instant" in value:
        return dt.datetime.fromisoformat(value["instant"])
    return dt.date.fromisoformat(value["night"])
