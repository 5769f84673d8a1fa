"""The sections of an instrument's file that packages above the ground floor own, by their keys.

What a section holds and means is its owner's; how it is read observatory/spec's. Only modules that hold models are
imported, so that reading a specification stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping

from observatory.spec.models import Section


def section_models() -> Mapping[str, type[Section]]:
    """Return the model of every such section; the order is that of the reference."""
    from catalogue.datastore import DatastoreSection
    from catalogue.holdings.section import CatalogueSection
    from converters.export.section import KEY, ExportSection

    return {"catalogue": CatalogueSection, "datastore": DatastoreSection, KEY: ExportSection}
