"""Sections of an instrument that other packages own: their keys become part of its model.

The ground floor knows neither the packages nor what they do with their sections: it is handed the models by key,
as it is handed those of steps. Reading is load.py's, what a section means its owner's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field, create_model

from observatory.spec.models import Instrument, Section
from observatory.spec.yaml import KeyPath


class OwnedSection(Section):
    """A section that can say more than its keys alone show: what does not fit the instrument around it."""

    def faults(self, instrument: Instrument) -> Iterable[tuple[KeyPath, str]]:
        """Return the key path, relative to this section, and the reason of everything that does not fit. Pure."""
        return ()


def instrument_model(section_models: Mapping[str, type[Section]]) -> type[Instrument]:
    """Return the model of an instrument whose file may hold these sections too, each optional.

    Parameters
    ----------
    section_models : mapping of key to its section's model
        The first line of each model's docstring is what the reference and the schema say of the key.
    """
    if not section_models:
        return Instrument
    fields: dict[str, Any] = {
        key: (model | None, Field(None, description=_meaning(model))) for key, model in section_models.items()
    }
    model = create_model("Instrument", __base__=_Travelling, __doc__=Instrument.__doc__, **fields)
    model.section_models = dict(section_models)
    return model


class _Travelling(Instrument):
    """An instrument whose model was made here: it travels to another process with what it was made of."""

    section_models: ClassVar[Mapping[str, type[Section]]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (dict(self.section_models), self.__getstate__())


def _arrived(section_models: Mapping[str, type[Section]], state: dict[Any, Any]) -> Instrument:
    model = instrument_model(section_models)
    instrument = model.__new__(model)
    instrument.__setstate__(state)
    return instrument


def _meaning(model: type[Section]) -> str:
    first = (model.__doc__ or "").strip().split("\n")[0].rstrip(".")
    return first[:1].lower() + first[1:]


def owned_faults(instrument: Instrument) -> Iterator[tuple[KeyPath, str]]:
    """Yield, with its key path in the file, what an instrument's owned sections find wrong."""
    for key in type(instrument).model_fields:
        section = getattr(instrument, key)
        if isinstance(section, OwnedSection):
            for path, reason in section.faults(instrument):
                yield (key, *path), reason
