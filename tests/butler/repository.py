"""A repository of Butler's with the dimensions of PFS, made and read back; run by the Python that Butler is in.

Prints, for `read`, a JSON list of [id, data id, path of the file] of every dataset of a type.

    BUTLER-PYTHON repository.py make REPOSITORY DIMENSIONS VISIT...
    BUTLER-PYTHON repository.py read REPOSITORY TYPE RUN
"""

from __future__ import annotations

import json
import sys
from typing import Any

from lsst.daf.butler import Butler, Config, DatasetType, DimensionConfig  # type: ignore[import-not-found]

KEYS = {"raw": ["instrument", "arm", "spectrograph", "visit"], "pfsConfig": ["instrument", "pfs_design_id", "visit"]}


def make(repository: str, dimensions: str, visits: list[int]) -> None:
    """Make the repository, its types, and the records that datasets of some visits need."""
    Butler.makeRepo(repository, config=Config(), dimensionConfig=DimensionConfig(dimensions))
    butler: Any = Butler.from_config(repository, writeable=True)
    put = butler.registry.insertDimensionData
    put("instrument", {"name": "PFS", "class_name": "none"})
    put("pfs_design_id", {"instrument": "PFS", "id": 1})
    put("visit", *({"instrument": "PFS", "id": visit, "pfs_design_id": 1} for visit in visits))
    put("arm", *({"instrument": "PFS", "name": arm} for arm in "brnm"))
    put("spectrograph", *({"instrument": "PFS", "num": number} for number in range(1, 5)))
    for name, keys in KEYS.items():
        kind = DatasetType(name, keys, "StructuredDataDict", universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)


def read(repository: str, name: str, run: str) -> list[list[Any]]:
    """Return what the repository holds of a type."""
    butler: Any = Butler.from_config(repository)
    found = butler.registry.queryDatasets(name, collections=run)
    return [[str(one.id), dict(one.dataId.required), butler.getURI(one).ospath] for one in found]


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3], [int(visit) for visit in sys.argv[4:]])
    else:
        sys.stdout.write(json.dumps(read(*sys.argv[2:5])))
