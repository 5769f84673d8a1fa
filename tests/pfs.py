"""PFS for tests: raw files and fibre configurations made by code, and a site with a datastore for them.

Leaves to each test what it delivers and in which way.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from observatory.spec.yaml import read
from tests.observatory import Answer, Observatory
from tests.shared import REPOSITORY

BLOCK = 2880
ARMS = {"b": 1, "r": 2, "n": 3, "m": 4}


def cards(facts: dict[str, Any]) -> bytes:
    """Return a FITS header of these keywords, END and filling included."""
    lines = []
    for keyword, value in facts.items():
        if isinstance(value, bool):
            text = f"{'T' if value else 'F':>20}"
        elif isinstance(value, str):
            text = f"'{value:<8}'"
        else:
            text = f"{value!r:>20}"
        lines.append(f"{keyword:<8}= {text}"[:80].ljust(80))
    text = "".join([*lines, "END".ljust(80)])
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode()


def image(shape: tuple[int, int], first: int) -> bytes:
    """Return pixels of 16 bits that count up from a number, filled to whole blocks."""
    rows, columns = shape
    pixels = struct.pack(f">{rows * columns}h", *((first + index) % 30000 for index in range(rows * columns)))
    return pixels.ljust(-(-len(pixels) // BLOCK) * BLOCK, b"\0")


def raw_header(visit: int, spectrograph: int, arm: str, **more: Any) -> dict[str, Any]:
    """Return the keywords that tell what a raw file is."""
    facts: dict[str, Any] = {
        "W_VISIT": visit,
        "W_SPMOD": spectrograph,
        "W_ARM": ARMS[arm],
        "W_SITE": "S",
        "W_PFDSGN": 1,
        "W_ENFCAZ": 0.0,
        "DATE-OBS": "2024-10-05T08:30:00.5",
        "IMAGETYP": "OBJECT",
    }
    return facts | more


def ccd(visit: int, spectrograph: int = 1, arm: str = "r", first: int = 0, **more: Any) -> bytes:
    """Return a PFSA file: one image of 6 rows and 8 columns in the first HDU."""
    shape = {"SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": 8, "NAXIS2": 6}
    return cards(shape | raw_header(visit, spectrograph, arm, **more)) + image((6, 8), first)


def ramp(visit: int, spectrograph: int = 1, reads: int = 3, **more: Any) -> bytes:
    """Return a PFSB file: pairs of IMAGE_n and REF_n, the n-th image counting up from 100 n, its reference from n."""
    facts = raw_header(visit, spectrograph, "n", **{"W_H4NRED": reads} | more)
    parts = [cards({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0, "EXTEND": True} | facts)]
    for number in range(1, reads + 1):
        for name, first in ((f"IMAGE_{number}", 100 * number), (f"REF_{number}", number)):
            shape = {"XTENSION": "IMAGE", "BITPIX": 16, "NAXIS": 2, "NAXIS1": 4, "NAXIS2": 4, "PCOUNT": 0, "GCOUNT": 1}
            parts.append(cards(shape | {"EXTNAME": name}) + image((4, 4), first))
    return b"".join(parts)


def config(visit: int | None = None, **more: Any) -> bytes:
    """Return a fibre configuration: a header alone."""
    facts: dict[str, Any] = {"SIMPLE": True, "BITPIX": 8, "NAXIS": 0}
    return cards(facts | ({"W_VISIT": visit} if visit is not None else {}) | more)


def raw_name(visit: int, spectrograph: int = 1, arm: str = "r", site: str = "S") -> str:
    """Return the name of a raw file."""
    return f"PF{site}{'B' if arm == 'n' else 'A'}{visit:06d}{spectrograph}{ARMS[arm]}.fits"


@dataclass
class Deliveries:
    """A site with the PFS of instruments.d, all of it on this machine.

    Attributes
    ----------
    site : Observatory
    """

    site: Observatory

    @classmethod
    def at(cls, folder: Path, capsys: pytest.CaptureFixture[str]) -> Deliveries:
        """Write the configuration."""
        return cls.on(Observatory(folder, [], capsys))

    @classmethod
    def on(cls, site: Observatory) -> Deliveries:
        """Declare PFS at a site."""
        site.add_local("archive")
        site.add_local("mirror")
        declared = read(REPOSITORY / "instruments.d" / "pfs.yaml", "pfs.yaml").value
        declared["copies"] = [site.copy("archive", "pfs"), site.copy("mirror", "pfs")]
        declared["datastore"]["root"] = str(site.folder / "store")
        text = yaml.safe_dump(declared, sort_keys=False)
        (site.config / "instruments.d" / "pfs.yaml").write_text(text)
        return cls(site)

    @property
    def folder(self) -> Path:
        """Where files are delivered: a night of the first copy."""
        path = self.site.root("archive", "pfs") / "raw" / "2024-10-05" / "sps"
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def store(self) -> Path:
        """The datastore."""
        return self.site.folder / "store"

    def stored(self) -> list[str]:
        """Return what lies in the datastore, without our own folder."""
        return sorted(
            str(path.relative_to(self.store))
            for path in self.store.rglob("*")
            if not path.is_dir() and ".nightferry" not in path.parts
        )

    def put(self, name: str, content: bytes) -> Path:
        """Deliver one file."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    def deliver(self, visit: int, spectrographs: int = 1) -> list[Path]:
        """Deliver the three arms of some spectrographs of one visit."""
        paths = []
        for spectrograph in range(1, spectrographs + 1):
            for arm in "brn":
                made = ramp(visit, spectrograph) if arm == "n" else ccd(visit, spectrograph, arm, first=visit)
                paths.append(self.put(raw_name(visit, spectrograph, arm), made))
        return paths

    def ingest(self, *words: str | Path) -> Answer:
        """Call ``ingest`` for PFS with ``--json``."""
        return self.site.call("ingest", "-i", "pfs", "--json", *map(str, words))


def results(answer: Answer) -> dict[str, str]:
    """Return the result of each file by its name."""
    return {Path(one["path"]).name: one["result"] for one in answer.document["files"]}
