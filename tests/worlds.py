"""Small instruments, hops and hosts in memory, for tests of what decides.

Leaves to each test which files lie where.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from observatory.endpoints.memory import MemoryEndpoint
from observatory.listing import HopScope, hop_scope
from observatory.nights import NightClock
from observatory.records import NUL, encode_file
from observatory.spec.chain import Hop, hops
from observatory.spec.models import Instrument

NIGHT = dt.date(2016, 9, 7)
NOW_S = 1_473_400_000.0
"""About noon UT on 9 September 2016."""
OLD_S = NOW_S - 100_000
"""Long enough before it to be settled for good."""
CLOCK = NightClock.from_spec("Africa/Johannesburg")


def instrument(**changes: Any) -> Instrument:
    """Return an instrument of two copies with one camera; a change replaces or adds a key."""
    keys: dict[str, Any] = {
        "instrument": "sha",
        "layout": "%Y/%m%d",
        "cameras": {"sha": {"files": ["SHA_*.fits"]}},
        "copies": [{"host": "sha", "root": "/data/sha"}, {"host": "archive", "root": "/archive/sha"}],
    }
    keys |= changes
    return Instrument.model_validate({key: value for key, value in keys.items() if value is not None})


def copies(source: Mapping[str, Any], destination: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the usual two copies with further keys."""
    return [
        {"host": "sha", "root": "/data/sha", **source},
        {"host": "archive", "root": "/archive/sha", **destination},
    ]


def first_hop(**changes: Any) -> Hop:
    """Return the first hop of such an instrument."""
    return hops(instrument(**changes))[0]


def scope_of(nights: Sequence[dt.date] = (NIGHT,), **changes: Any) -> HopScope:
    """Return both questions of such a hop for some nights."""
    return hop_scope(first_hop(**changes), tuple(nights), CLOCK)


def records(files: Mapping[bytes, tuple[int, float]]) -> list[bytes]:
    """Return one chunk with the sorted records of some files, given by size in bytes and time; none for none."""
    found = sorted(encode_file(path, size, round(time_s * 1e9)) for path, (size, time_s) in files.items())
    return [NUL.join(found) + NUL] if found else []


def host(name: str, root: bytes, files: Mapping[bytes, bytes], marker: bytes | None = b"", **faults: Any) -> Any:
    """Return a host in memory with a root that bears a marker and some old files; None: no marker."""
    endpoint = MemoryEndpoint(name, now=lambda: NOW_S, **faults)
    endpoint.put_folder(root)
    if marker is not None:
        endpoint.put(root + b"/.nightferry/root", marker)
    for path, data in files.items():
        endpoint.put(root + b"/" + path, data, OLD_S)
    return endpoint
