"""A dataset by what it is: ``get``, ``path`` and ``find``, as one uses Butler's.

How a question is answered is query.py's, how a file is read raw.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalogue.datasets.book import DatasetBook
from catalogue.datasets.query import QueryBook, Question
from catalogue.datasets.raw import RawFile
from catalogue.datasets.records import Dataset
from observatory.errors import FileUnreadable, UsageError
from observatory.names import show

_FITS = (".fits", ".fits.fz", ".fits.gz", ".fit", ".fts")


class NoSuchDataset(UsageError):
    """Nothing that is held is what was asked for, or more than one thing is."""


class DatasetAccess(DatasetBook, QueryBook):
    """One dataset by its data id, through a search path of collections."""

    collections_searched: tuple[str, ...] = ()
    """The search path where a call names none; empty: everywhere."""

    def get(
        self,
        dataset_type: str,
        *,
        collections: str | Sequence[str] | None = None,
        at_utc: dt.datetime | None = None,
        **data_id: str | int | float,
    ) -> Any:
        """Return a dataset, read: a `RawFile`, or one component of it.

        Parameters
        ----------
        dataset_type : str
            Such as ``raw``; ``raw.exposure`` is its image, ``raw.header`` its first header.
        collections : str or sequence of str, optional
            The search path; default: that of `Catalogue.open`.
        at_utc : datetime, optional
            The instant for which a calibration must be valid.
        **data_id
            Such as ``instrument="PFS", visit=12, arm="r", spectrograph=1``; as much of it as tells the dataset.

        Raises
        ------
        NoSuchDataset
            None is such, or several are; says which keys they differ in.
        UsageError
            An unknown type, key, collection or component, or a file of no kind that can be read here.
        FileUnreadable
            Its file is away or damaged.
        """
        name, _, component = dataset_type.partition(".")
        found = self.find(name, collections=collections, at_utc=at_utc, **data_id)
        file = _present(found)
        if not file.name.lower().endswith(_FITS):
            raise UsageError(f"{show(bytes(file))} is no FITS file; .path(...) says where it lies")
        raw = RawFile(file)
        readers = {"": lambda: raw, "exposure": raw.get_image, "header": raw.header}
        if component not in readers:
            raise UsageError(f"{name} has no component {component!r}; there are exposure and header")
        return readers[component]()

    def path(
        self,
        dataset_type: str,
        *,
        collections: str | Sequence[str] | None = None,
        at_utc: dt.datetime | None = None,
        **data_id: str | int | float,
    ) -> Path:
        """Return the file of a dataset; parameters and errors are those of `get`."""
        return _present(self.find(dataset_type, collections=collections, at_utc=at_utc, **data_id))

    def find(
        self,
        dataset_type: str,
        *,
        collections: str | Sequence[str] | None = None,
        at_utc: dt.datetime | None = None,
        **data_id: str | int | float,
    ) -> Dataset:
        """Return the record of a dataset without looking at its file; parameters and errors are those of `get`."""
        path = (collections,) if isinstance(collections, str) else tuple(collections or self.collections_searched)
        keys = dict(data_id)
        instrument = None if self._has_instrument_key(dataset_type) else keys.pop("instrument", None)
        whose = None if instrument is None else str(instrument)
        answer = self.find_datasets(
            Question(dataset_type, whose, path, at_utc=at_utc, equal=keys, first_of_each=True, limit=20)
        )
        if len(answer.datasets) != 1:
            raise NoSuchDataset(_told(dataset_type, data_id, answer.datasets, path))
        return answer.datasets[0]

    def _has_instrument_key(self, dataset_type: str) -> bool:
        """Say whether ``instrument=`` is part of the data id; else it is the name of the instrument's file."""
        types = [one for one, _ in self.dataset_types() if one.name == dataset_type]
        return any(key.name == "instrument" for one in types for key in one.keys)


def _told(
    dataset_type: str, data_id: dict[str, str | int | float], found: Sequence[Dataset], path: Sequence[str]
) -> str:
    asked = ", ".join(f"{key}={value!r}" for key, value in data_id.items()) or "no data id"
    where = f" in {', '.join(path)}" if path else ""
    if not found:
        return f"no {dataset_type} with {asked}{where}"
    differing = [key for key in found[0].values if len({one.values.get(key) for one in found}) > 1]
    return f"several {dataset_type} with {asked}{where}: say also {' or '.join(differing) or 'collections'}"


def _present(dataset: Dataset) -> Path:
    file = dataset.file
    if not file.is_file():
        raise FileUnreadable(dataset.host, show(bytes(file)), "the catalogue has it, the disk has not")
    return file
