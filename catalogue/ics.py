"""The interface by which DESI's quick look asked the instrument control system for exposures, over our catalogue.

Two calls, as the wiki of 2017 describes them ("ICS and QLF interface", revision 33); what they answer comes from
files and from nothing else. What is held, and where, catalogue/holdings knows.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from catalogue.holdings.records import Exposure
from observatory.closing import Closing
from observatory.errors import NightferryError, UsageError

if TYPE_CHECKING:
    from catalogue.catalogue import Catalogue
    from catalogue.holdings.queries import ExposureQuery
    from catalogue.holdings.records import Place
    from observatory.endpoints.contract import Act
    from observatory.spec.models import Site

KEYS = ("expid", "skyra", "skydec", "exptime", "program", "tile_id", "exptype", "date", "night", "seeing", "airmass",
        "transparency", "skylevel", "s2n", "data_written", "data_location")  # fmt: skip
"""The keys of every summary."""
FILE_CLASSES: Mapping[str, tuple[str, ...]] = {
    "spectro": ("desi-[0-9]*.fits.fz",),
    "guider": ("guide-[0-9]*.fits", "guide-[0-9]*.fits.fz"),
    "sky": ("sky-[0-9]*.fits.fz",),
    "fvc": ("fvc-[0-9]*.fits", "fvc-[0-9]*.fits.fz"),
    "focus": ("focus-[0-9]*.fits.fz",),
    "fibermap": ("fibermap-[0-9]*.fits", "fiberassign-[0-9]*.fits", "fiberassign-[0-9]*.fits.gz"),
    "etc": ("etc-[0-9]*.json",),
}
"""Classes of an exposure's files; those of instruments.d/desi.yaml, for a catalogue opened without it."""

IdRange = tuple[int | None, int | None] | Literal["last"]
TimeRange = tuple[dt.datetime | None, dt.datetime | None] | Literal["last"]


class ICSError(Exception):
    """What the interface raises; a sentence."""


class RangeError(ICSError, ValueError):
    """No range, more than one, or one that makes no sense."""


class NoSuchExposure(ICSError, LookupError):
    """Nothing that is held bears this number."""


class DataNotWritten(ICSError):
    """Not all data of the exposure are on disk."""


class FilesNotHad(ICSError, OSError):
    """Files that could not be copied, or must not be put where they were wanted."""


def summary_of(exposure: Exposure, location: str | None) -> dict[str, Any]:
    """Return an exposure under the interface's keys; what no file said is None."""
    columns = exposure.columns
    return {
        "expid": exposure.number,
        **{name: columns.get(name) for name in ("skyra", "skydec", "exptime", "program", "tile_id", "exptype", "date")},
        "night": f"{exposure.night:%Y%m%d}",
        **{name: columns.get(name) for name in ("seeing", "airmass", "transparency", "skylevel", "s2n")},
        "data_written": exposure.data_written,
        "data_location": location,
    }


class ICSInterface(Closing):
    """Exposures by arrival, number or time of observation, and their files; a context manager.

    Parameters
    ----------
    database : str or Path or Catalogue, optional
        ``sqlite:////absolute.db`` or ``postgresql+psycopg://...``, a configuration folder, or a catalogue that is open
        already (and stays so); default: the database of the configuration folder.
    config : str or Path, optional
        The configuration folder; default: found as `nightferry` finds it. Not looked for where `database` is given.
    instrument : str
        Whose exposures.

    Raises
    ------
    observatory.errors.UsageError
        No configuration was found, or the URL is none.
    observatory.errors.CouldNotTell
        The database cannot be reached.
    """

    def __init__(
        self,
        database: str | Path | Catalogue | None = None,
        *,
        config: str | Path | None = None,
        instrument: str = "desi",
    ) -> None:
        from catalogue.catalogue import Catalogue

        self.instrument = instrument
        if isinstance(database, Path) or (isinstance(database, str) and "://" not in database):
            database, config = None, database
        self._folder = _found(config) if database is None or config is not None else None
        self._site = _site(self._folder) if self._folder is not None else None
        self._classes = _classes(self._folder, instrument)
        self._is_ours = not isinstance(database, Catalogue)
        self._catalogue = database if isinstance(database, Catalogue) else self._open(database)
        self._endpoints: dict[str, Act] = {}

    def _open(self, url: str | None) -> Catalogue:
        from catalogue.catalogue import Catalogue

        if self._folder is None or self._site is None:
            return Catalogue.open(url or "")
        state = self._folder / Path(self._site.state).expanduser()
        return Catalogue.open(url or self._site.database, state)

    def get_exposure_summary(
        self,
        date_range: TimeRange | None = None,
        expid_range: IdRange | None = None,
        require_data_written: bool = True,
        *,
        observed_range: TimeRange | None = None,
        data_range: TimeRange | None = None,
    ) -> list[dict[str, Any]]:
        """Return summaries of some exposures, by number; an empty list where nothing matches.

        Parameters
        ----------
        date_range : (datetime, datetime) or "last"
            When `data_written` became true, both ends included; None: no bound on that side. Without a zone: UTC.
        expid_range : (int, int) or "last"
            Both ends included; with one of them None the other alone.
        require_data_written : bool
            Only exposures all of whose data are on disk.
        observed_range : (datetime, datetime) or "last"
            When the exposure began, as its header says.
        data_range
            `date_range`, as the wiki's signature spells it.

        Raises
        ------
        RangeError
            No range, or more than one, or an end that is none.
        observatory.errors.CouldNotTell
            The database cannot be asked.
        """
        given = [name for name, asked in (("date_range", date_range), ("data_range", data_range),
                 ("expid_range", expid_range), ("observed_range", observed_range)) if asked is not None]  # fmt: skip
        if len(given) != 1:
            several = f"{' and '.join(given)} are given" if given else "no range is given"
            raise RangeError(f"{several}; one of date_range, expid_range and observed_range is needed")
        query = self._query(date_range or data_range, expid_range, observed_range, require_data_written)
        found = sorted(self._catalogue.exposures(query), key=lambda exposure: (exposure.number or 0, exposure.name))
        locations = self._catalogue.locations_of(found)
        return [summary_of(exposure, locations.get(exposure.id)) for exposure in found]

    def _query(
        self, arrived: TimeRange | None, numbers: IdRange | None, observed: TimeRange | None, is_written: bool
    ) -> ExposureQuery:
        from catalogue.holdings.queries import ExposureQuery

        ordered_by = "number" if numbers == "last" else "observed" if observed == "last" else "arrived"
        return ExposureQuery(
            instrument=self.instrument,
            numbers=None if numbers in (None, "last") else _numbers(numbers),
            arrived=None if arrived in (None, "last") else _instants("date_range", arrived),
            observed=None if observed in (None, "last") else _instants("observed_range", observed),
            is_written=True if is_written else None,
            last=ordered_by if "last" in (arrived, numbers, observed) else None,
        )

    def get_exposure_files(
        self,
        expid: int,
        dest: str | os.PathLike[str] | None = None,
        file_class: str | Sequence[str] = ("spectro", "fibermap"),
        overwrite: bool = True,
    ) -> list[str]:
        """Return the paths of an exposure's files, sorted; copied to `dest` where it is given.

        Parameters
        ----------
        expid : int
        dest : path, optional
            Folder to copy to, made if absent; each copy is read again and compared before it gets its name.
        file_class : str or sequence of str
            spectro, guider, sky, fvc, focus, fibermap, etc.
        overwrite : bool
            False: a file that is there must be equal and is kept; other content raises before anything is copied.

        Raises
        ------
        NoSuchExposure
        DataNotWritten
        FilesNotHad
            There is no such class; a file has no proven copy here, or could not be copied and verified.
        observatory.errors.CouldNotTell
            The database cannot be asked.
        """
        from catalogue.holdings.fetching import FetchFault, fetch_exposure, in_classes, paths_here

        exposure = self._exposure(expid)
        wanted = (file_class,) if isinstance(file_class, str) else tuple(file_class)
        files = self._catalogue.files_of([exposure]).get(exposure.id, [])
        try:
            if dest is None:
                return [str(path) for path in paths_here(in_classes(files, self._classes, wanted))]
            copied = fetch_exposure(
                files,
                Path(dest),
                classes=self._classes,
                wanted=wanted,
                overwrite=overwrite,
                endpoint_of=self._endpoint_of,
            )
        except FetchFault as fault:
            raise FilesNotHad(str(fault)) from fault
        return [str(path) for path in copied]

    def _exposure(self, expid: int) -> Exposure:
        from catalogue.holdings.queries import ExposureQuery

        number = _number(expid)
        found = self._catalogue.exposures(ExposureQuery(instrument=self.instrument, numbers=(number, number)))
        if not found:
            raise NoSuchExposure(f"{self.instrument}: no exposure {number} is held")
        if len(found) > 1:
            nights = ", ".join(f"{one.name} of {one.night:%Y%m%d}" for one in found[:5])
            raise NoSuchExposure(f"{self.instrument}: {number} stands for several exposures: {nights}")
        if not found[0].data_written:
            raise DataNotWritten(f"exposure {number}: not all data are on disk: {found[0].waits_for}")
        return found[0]

    def _endpoint_of(self, place: Place) -> Act:
        from observatory.endpoints.contract import HostAccess
        from observatory.endpoints.opening import open_endpoint
        from observatory.spec.hosts import host_access

        if place.host not in self._endpoints:
            here = os.uname().nodename
            declared = self._site.hosts.get(place.host) if self._site else None
            if place.machine == here or declared is None or self._folder is None:
                access = HostAccess(name=place.host, address=place.address, is_local=place.machine == here)
            else:
                access = host_access(place.host, declared, hostname=here, base=self._folder)
            self._endpoints[place.host] = open_endpoint(access)
        return self._endpoints[place.host]

    def close(self) -> None:
        """Let go of the database and of hosts; may be called twice."""
        if self._is_ours:
            self._catalogue.close()
        for endpoint in self._endpoints.values():
            endpoint.close()
        self._endpoints.clear()


def _found(config: str | Path | None) -> Path:
    from observatory.spec.load import find_folder

    return find_folder(None if config is None else str(config), os.environ, Path.home(), Path.cwd())[0]


def _site(folder: Path) -> Site:
    from observatory.spec.load import load_site

    return load_site(folder)


def _classes(folder: Path | None, instrument: str) -> Mapping[str, tuple[str, ...]]:
    """Return the file classes that the instrument's file declares, else those of DESI."""
    from catalogue.holdings.section import CatalogueSection
    from observatory.spec.load import load_section

    section = None if folder is None else load_section(folder, instrument, "catalogue", CatalogueSection)
    return section.classes if section is not None and section.classes else FILE_CLASSES


def _number(value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise RangeError(f"{value!r} is no exposure number")
    return int(value.__index__())


def _numbers(asked: Any) -> tuple[int, int]:
    low, high = _pair("expid_range", asked)
    if low is None or high is None:
        only = _number(high if low is None else low)
        return only, only
    ends = _number(low), _number(high)
    if ends[1] < ends[0]:
        raise RangeError(f"expid_range {asked!r} runs backwards")
    return ends


def _instants(name: str, asked: Any) -> tuple[dt.datetime | None, dt.datetime | None]:
    low, high = (None if end is None else _instant(name, end) for end in _pair(name, asked))
    if low is not None and high is not None and high < low:
        raise RangeError(f"{name} runs backwards")
    return low, high


def _pair(name: str, asked: Any) -> tuple[Any, Any]:
    """Return both ends of a range; a range of nothing is none."""
    if isinstance(asked, (str, bytes)) or not isinstance(asked, Sequence) or len(asked) != 2:
        raise RangeError(f'{name} is a pair of a lowest and a highest value, or "last"')
    if asked[0] is None and asked[1] is None:
        raise RangeError(f"{name} has no end: no range is given")
    return asked[0], asked[1]


def _instant(name: str, value: Any) -> dt.datetime:
    if not isinstance(value, dt.datetime):
        raise RangeError(f"{name}: {value!r} is no datetime")
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value


__all__ = [
    "FILE_CLASSES",
    "KEYS",
    "DataNotWritten",
    "FilesNotHad",
    "ICSError",
    "ICSInterface",
    "NightferryError",
    "NoSuchExposure",
    "RangeError",
    "UsageError",
    "summary_of",
]  # fmt: skip
