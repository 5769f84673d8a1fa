"""MagAO-X telemetry and logs in Python: what each device said, over several roots and both layouts, as one series.

`read_series` is what most need. records.py finds records in the bytes of a file and past damage, lines.py in lines
of JSON, schemas.py knows what they say, places.py where the files are; writer.py writes some for tests. What
follows from telemetry (spans, headers) is no matter of this package.
"""

from converters.telemetry.lines import Line, Lines, parse_line
from converters.telemetry.places import (
    IMAGES,
    LOGS,
    TELEMETRY,
    Found,
    StampedFile,
    check_roots,
    devices,
    stamped_files,
)
from converters.telemetry.records import DamagedSpan, Records, parse
from converters.telemetry.schemas import CODE_BY_EVENT, decode
from converters.telemetry.series import FileDamage, Series, merge_files, read_series

__all__ = [
    "CODE_BY_EVENT",
    "IMAGES",
    "LOGS",
    "TELEMETRY",
    "DamagedSpan",
    "FileDamage",
    "Found",
    "Line",
    "Lines",
    "Records",
    "Series",
    "StampedFile",
    "check_roots",
    "decode",
    "devices",
    "merge_files",
    "parse",
    "parse_line",
    "read_series",
    "stamped_files",
]
