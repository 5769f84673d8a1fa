"""Butler's side of the ingest benchmark: a repository with the dimensions that its table needs; run by Butler's Python.

Prints, as JSON, nothing but the words of the command that is to be measured.

    BUTLER-PYTHON -m benchmarks.butler_peer REPOSITORY FOLDER TABLE
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

RUN = "PFS/raw/all"
DETECTORS = 12


def make(repository: Path, folder: Path, table: Path) -> list[str]:
    """Make the repository and the table of all files in a folder; return the command."""
    from lsst.daf.butler import Butler, DatasetType  # type: ignore[import-not-found]

    Butler.makeRepo(str(repository))
    butler: Any = Butler.from_config(str(repository), writeable=True)
    registry = butler.registry
    files = sorted(folder.iterdir())
    visits = sorted({int(file.name[4:10]) for file in files})
    most = {"detector_max": 100, "visit_max": 10**7, "exposure_max": 10**7}
    registry.insertDimensionData("instrument", {"name": "PFS", "class_name": "none", **most})
    detectors = ({"instrument": "PFS", "id": one, "full_name": str(one)} for one in range(1, DETECTORS + 1))
    registry.insertDimensionData("detector", *detectors)
    registry.insertDimensionData("physical_filter", {"instrument": "PFS", "name": "r", "band": "r"})
    registry.insertDimensionData("day_obs", {"instrument": "PFS", "id": 20241005})
    registry.insertDimensionData("group", *({"instrument": "PFS", "name": str(visit)} for visit in visits))
    common = {"instrument": "PFS", "physical_filter": "r", "day_obs": 20241005}
    exposures = ({**common, "id": visit, "obs_id": str(visit), "group": str(visit)} for visit in visits)
    registry.insertDimensionData("exposure", *exposures)
    registry.registerDatasetType(
        DatasetType("raw", ["instrument", "exposure", "detector"], "StructuredDataDict", universe=butler.dimensions)
    )
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "exposure", "detector"])
        writer.writerows([str(file), int(file.name[4:10]), int(file.name[10:12])] for file in files)
    program = Path(sys.executable).with_name("butler")
    return [str(program), "ingest-files", "-t", "hardlink", "--data-id", "instrument=PFS", str(repository), "raw", RUN,
            str(table)]  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(make(*map(Path, sys.argv[1:4]))))
