"""Sections of an instrument's file that other packages own."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic import Field

from nightferry.sections import section_models
from observatory.errors import SpecificationError
from observatory.spec.load import load
from observatory.spec.models import Instrument, Section
from observatory.spec.owned import OwnedSection, instrument_model
from observatory.spec.show import effective, json_schema, reference
from observatory.spec.yaml import KeyPath
from tests.unit.spec.folders import instrument, write


class Shelf(Section):
    """A part of a library."""

    width_m: float = Field(gt=0, description="metres")


class Library(OwnedSection):
    """Where books stand. This is not said in the reference."""

    camera: str = Field("sha", description="whose files are books")
    shelves: tuple[Shelf, ...] = Field((), description="from left to right")

    def faults(self, instrument: Instrument) -> Iterable[tuple[KeyPath, str]]:
        """A camera that the instrument does not have fills no shelf."""
        if self.camera not in instrument.cameras:
            yield ("camera",), f"there is no camera {self.camera!r}"


class Cellar(Section):
    """Another one."""


MODELS = {"library": Library, "cellar": Cellar}
TEXT = "\n  camera: sha\n  shelves:\n    - {width_m: 2}"


def problems(folder: Path) -> list[str]:
    """Load a folder that must be refused; return its problems."""
    with pytest.raises(SpecificationError) as refused:
        load(folder, section_models=MODELS)
    return [str(problem).removeprefix(f"{folder}/") for problem in refused.value.problems]


def test_an_instrument_gives_a_section_by_its_model(tmp_path: Path) -> None:
    """Typed, and None where the file does not hold it."""
    loaded = load(write(tmp_path, sha=instrument(library=TEXT)), section_models=MODELS).instruments["sha"]
    library = loaded.section(Library)
    assert library is not None
    assert library.shelves == (Shelf(width_m=2.0),)
    assert loaded.section(Cellar) is None


def test_every_fault_of_an_owned_section_is_told_with_its_line(tmp_path: Path) -> None:
    """Beside those of the keys around it, in one go."""
    wrong = "\n  shelfs: 3\n  shelves:\n    - {width_m: 2}\n    - {width_m: 0}"
    found = problems(write(tmp_path, sha=instrument(library=wrong, settle_s="x")))
    assert any(line.startswith("instruments.d/sha.yaml:9: library.shelfs: ") for line in found)
    assert any("library.shelves.1.width_m: must be more than 0" in line for line in found)
    assert any(": settle_s: " in line for line in found)
    assert len(found) == 3


def test_what_does_not_fit_the_instrument_around_it_is_told_too(tmp_path: Path) -> None:
    """Only the owner knows; it is asked when its keys are right."""
    assert problems(write(tmp_path, sha=instrument(library="{camera: shb}"))) == [
        "instruments.d/sha.yaml:8: library.camera: there is no camera 'shb'"
    ]


def test_a_section_that_nobody_owns_is_a_problem(tmp_path: Path) -> None:
    """As any other key."""
    assert "libary" in problems(write(tmp_path, sha=instrument(libary="{}")))[0]


def test_owned_sections_are_shown_and_described(tmp_path: Path) -> None:
    """In what is in force, the schema and the reference."""
    loaded = load(write(tmp_path, sha=instrument(library=TEXT)), section_models=MODELS)
    assert "library:\n  camera: sha\n  shelves:\n  - width_m: 2.0\n" in effective(loaded)
    schema = json_schema("instrument", section_models=MODELS)
    assert schema["$defs"]["Library"]["properties"]["camera"]["default"] == "sha"
    text = reference(MODELS)
    assert "| `library` | [Library](#library) | none | where books stand. This is not said in the reference |" in text
    assert "### Shelf" in text


def test_no_package_takes_a_key_that_is_taken() -> None:
    """An owner's model in place of a key of ours would silently change it."""
    assert not section_models().keys() & Instrument.model_fields.keys()
    assert Instrument.model_fields.keys() < instrument_model(section_models()).model_fields.keys()


def test_an_instrument_with_sections_travels_to_another_process(tmp_path: Path) -> None:
    """Steps are taken in processes of their own, and on other machines."""
    loaded = load(write(tmp_path, sha=instrument(library=TEXT)), section_models=MODELS).instruments["sha"]
    arrived = pickle.loads(pickle.dumps(loaded))  # noqa: S301  # just written here
    assert arrived.section(Library) == loaded.section(Library)
    assert arrived.cameras == loaded.cameras
    assert arrived.section(Cellar) is None


class _Watched(dict[str, type[Section]]):
    """Models that note which of them were asked for."""

    def __init__(self) -> None:
        super().__init__(MODELS)
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> type[Section]:
        self.asked.append(key)
        return super().__getitem__(key)


def test_a_model_is_asked_for_only_where_a_file_holds_its_key(tmp_path: Path) -> None:
    """To make one takes longer than to read most specifications."""
    models = _Watched()
    load(write(tmp_path, sha=instrument(library=TEXT)), section_models=models)
    assert models.asked == ["library"]


def test_a_key_that_is_none_may_have_been_meant_for_any_section(tmp_path: Path) -> None:
    """Also for one that no file holds."""
    assert "did you mean 'cellar'" in problems(write(tmp_path, sha=instrument(celar="{}")))[0]
