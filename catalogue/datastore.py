"""An instrument's ``datastore``: where ``ingest`` puts files, as its file says.

The keys alone; putting files there is not done here.
"""

from __future__ import annotations

from pydantic import Field

from observatory.spec.models import Line, Name, Section


class DatastoreSection(Section):
    """Where `ingest` puts files."""

    root: Line = Field(description="folder, relative to the configuration folder")
    types: dict[Name, Line] = Field(default_factory=dict, description="layout of the names below root, by dataset type")
