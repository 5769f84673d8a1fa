"""The sections of an instrument's file that packages above the ground floor own, by their keys.

What a section holds and means is its owner's; how it is read observatory/spec's. A model is imported when a file holds
its key, so that reading a specification stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from observatory.spec.models import Section

_OWNERS: Mapping[str, tuple[str, str]] = {
    "catalogue": ("catalogue.holdings.section", "CatalogueSection"),
    "datastore": ("catalogue.datastore", "DatastoreSection"),
    "export": ("converters.export.section", "ExportSection"),
}
"""Module and class of each section's model."""


class _Models(Mapping[str, type[Section]]):
    """The models by key, each imported when it is asked for."""

    def __getitem__(self, key: str) -> type[Section]:
        module, name = _OWNERS[key]
        model: type[Section] = getattr(import_module(module), name)
        return model

    def __iter__(self) -> Iterator[str]:
        return iter(_OWNERS)

    def __len__(self) -> int:
        return len(_OWNERS)


def section_models() -> Mapping[str, type[Section]]:
    """Return the model of every such section; the order is that of the reference."""
    return _Models()
