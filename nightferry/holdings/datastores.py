"""An instrument's datastore on this machine: where it lies, whether it is itself, where a file belongs in it.

What lies in it the catalogue says, and what is placed there the syncer does.
"""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalogue.datasets.grammar import Described, Grammar
from catalogue.datastore import DatastoreSection, folder_of_files
from nightferry.workplace import Workplace
from observatory.endpoints.contract import MARKER
from observatory.errors import RootNotProven, UsageError
from observatory.names import show
from observatory.spec.models import Instrument
from syncer.ingest.model import Source, Transfer

if TYPE_CHECKING:
    from catalogue.catalogue import Catalogue


@dataclass(slots=True)
class Datastore:
    """A datastore.

    Attributes
    ----------
    host : str
        What the catalogue calls the machine that it lies on.
    root : bytes
        Absolute.
    grammar : Grammar
        The instrument's types.
    number : int or None
        The catalogue's, once it is known there.
    """

    host: str
    root: bytes
    grammar: Grammar
    number: int | None = None

    @classmethod
    def of(cls, workplace: Workplace, instrument: Instrument, named: str | None, catalogue: Catalogue) -> Datastore:
        """Return an instrument's datastore, or another that a person named, without touching it.

        Raises
        ------
        UsageError
            The instrument declares none, or it is an object store, or lies on another machine.
        """
        section = instrument.section(DatastoreSection)
        if section is None or not section.types:
            raise UsageError(f"{instrument.instrument}: its file declares no datastore with types of datasets")
        host = workplace.hostname
        if named is None and section.host is not None:
            access = workplace.access(section.host) if section.host in workplace.specification.site.hosts else None
            if access is None:
                raise UsageError(f"{instrument.instrument}: datastore.host: no host {section.host!r} is declared")
            if not access.is_local:
                raise UsageError(f"{instrument.instrument}: its datastore lies on {section.host}; ingest there")
            host = section.host
        try:
            root = workplace.folder / section.root if named is None else Path(folder_of_files(named))
        except ValueError as error:
            raise UsageError(str(error)) from error
        whole = os.fsencode(os.path.realpath(root.expanduser()))
        numbers = {(where, at): number for number, where, at in catalogue.known_datastores()}
        return cls(host, whole, Grammar(instrument.instrument, section), numbers.get((host, whole)))

    @property
    def folder(self) -> Path:
        """The root, for this machine's own calls."""
        return Path(os.fsdecode(self.root))

    def prove(self) -> None:
        """Make sure that a datastore the catalogue knows is there and is itself.

        Raises
        ------
        RootNotProven
            It is away, or shows no marker: its disk may not be mounted.
        """
        marker = self.folder / os.fsdecode(MARKER)
        if self.number is not None and not marker.is_file():
            raise RootNotProven(self.host, show(self.root), f"shows no {MARKER.decode()} although it was ingested into")
        if self.number is None and not self.folder.is_dir() and not self.folder.parent.is_dir():
            raise RootNotProven(self.host, show(self.root), "does not exist, and the folder it belongs in neither")

    def open(self, catalogue: Catalogue) -> int:
        """Make a new datastore ready and note it in the catalogue; return its number there.

        Raises
        ------
        RootNotProven
        """
        self.prove()
        if self.number is None:
            marker = self.folder / os.fsdecode(MARKER)
            try:
                marker.parent.mkdir(parents=True, exist_ok=True)
                if not marker.exists():
                    marker.write_text(uuid.uuid4().hex + "\n")
            except OSError as error:
                raise RootNotProven(self.host, show(self.root), f"cannot be written to ({error.strerror})") from error
            self.number = catalogue.open_datastore(self.host, self.root)
        return self.number

    def holds(self, source: Source) -> bool:
        """Say whether a file lies in the datastore already."""
        return source.real.startswith(self.root + b"/")

    def place_of(self, source: Source, described: Described, run: str, transfer: Transfer) -> bytes:
        """Return where a file belongs: below the root by its type's layout, or where it is.

        Raises
        ------
        catalogue.datasets.grammar.NameFault
            Its data id makes no path.
        """
        if transfer is Transfer.INSIDE:
            return source.real[len(self.root) + 1 :]
        if transfer is Transfer.DIRECT:
            return source.real
        return self.grammar.path_of(described, run, source.name)


def declared_here(workplace: Workplace, catalogue: Catalogue) -> list[tuple[str, bytes]]:
    """Return host and root of every datastore that an instrument declares on this machine."""
    found = []
    for instrument in workplace.instruments.values():
        with suppress(UsageError):  # it declares none, or it lies elsewhere
            datastore = Datastore.of(workplace, instrument, None, catalogue)
            found.append((datastore.host, datastore.root))
    return found


def open_catalogue(workplace: Workplace) -> Catalogue:
    """Open the site's catalogue, which shares the ledger's database; the caller closes it.

    Raises
    ------
    RecordsUnavailable
    """
    from catalogue.catalogue import Catalogue

    return Catalogue.open(workplace.specification.site.database, workplace.state)
