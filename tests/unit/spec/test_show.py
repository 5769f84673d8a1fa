"""What is in force, the reference and the schema: all made from the models."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightferry.sections import section_models
from observatory.errors import UsageError
from observatory.spec.fields import keys, meant, section_at, sections
from observatory.spec.load import load
from observatory.spec.models import Copy, Host, Instrument, MailServer, Site, Specification
from observatory.spec.owned import instrument_model
from observatory.spec.show import effective, effective_files, json_schema, reference
from tests.shared import REPOSITORY
from tests.unit.spec.folders import SITE, CommandSection, instrument, write

STEPS = {"command": CommandSection}


def reloaded(specification: Specification, folder: Path) -> Specification:
    """Write what is in force into a folder and load it."""
    (folder / "instruments.d").mkdir()
    for name, text in effective_files(specification).items():
        (folder / name).write_text(text, encoding="utf-8")
    return load(folder, hostname=specification.hostname, step_models=STEPS)


def test_what_is_in_force_says_every_default(tmp_path: Path) -> None:
    """People see what they did not write."""
    text = effective(load(write(tmp_path)))
    assert text.startswith("--- # site.yaml\nsite: Sutherland\n")
    for line in ("state: var", "window_nights: 30", "settle_s: 300.0", "  level: size", "on_difference: version"):
        assert f"\n{line}\n" in text
    assert "\n--- # instruments.d/sha.yaml\ninstrument: sha\n" in text


def test_what_is_in_force_loads_again_with_steps_and_secrets_by_name(tmp_path: Path) -> None:
    """A step keeps its converter's own keys; of a password only the file's name is shown."""
    mail = "mail: {from: a@b, to: [c@d], server: {user: u, password_file: secret, security: tls}}\n"
    steps = "\n  workers: tcp://x:1\n  steps: [{step: command, run: [fpack, '012', 'NO'], keep: true, copy: sha}]"
    away = "[{from: 20160907, until: 20160908, reason: 'yes: no'}]"
    folder = write(tmp_path / "one", SITE + mail, sha=instrument(convert=steps, away=away))
    (folder / "secret").write_text("hunter2")
    (folder / "secret").chmod(0o600)
    before = load(folder, hostname="x", step_models=STEPS)
    assert "hunter2" not in effective(before)
    (tmp_path / "two").mkdir()
    after = reloaded(before, tmp_path / "two")
    assert after.model_dump(exclude={"folder"}) == before.model_dump(exclude={"folder"})
    assert after.instruments["sha"].convert == before.instruments["sha"].convert


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,8}", fullmatch=True)
PATTERNS = st.sampled_from(["*.fits", "SHA_*", "[ab]?", "sub/*", "no", "012", "~", "null", "- x", "#", "{a: b}", "&a"])
LESS = PATTERNS.map("x{}".format)
"""What is excluded leaves some of what any of them takes: a camera that takes nothing is refused."""
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "title": WORDS,
    "rollover": st.sampled_from(["12:00", "utc", "00:30"]),
    "window_nights": st.integers(1, 400) | st.just("this-and-last-month"),
    "settle_s": st.floats(0, 1e9),
    "verify": st.fixed_dictionaries({"level": st.sampled_from(["existence", "checksum"])}),
    "sequence": st.sampled_from(["a{number}", "{night}{number}"]),
    "away": st.lists(
        st.fixed_dictionaries({"from": st.just("20160907"), "until": st.just("20160908"), "reason": WORDS})
    ),
    "modes": st.fixed_dictionaries({}, optional={"files": st.just("0440"), "group": WORDS}),
    "on_difference": st.sampled_from(["keep", "replace"]),
    "mail": st.fixed_dictionaries({"to": st.lists(st.just("a@b"))}),
    "night_in_name": st.just("(?P<utc>[0-9]{8})"),
}
CAMERAS = st.dictionaries(
    NAMES,
    st.fixed_dictionaries({"files": st.lists(PATTERNS, min_size=1, max_size=3)}, optional={"exclude": st.lists(LESS)}),
    min_size=1,
    max_size=3,
)


@settings(deadline=None)
@given(
    rest=st.fixed_dictionaries({"cameras": CAMERAS}, optional=OPTIONAL),
    hosts=st.lists(NAMES, min_size=2, max_size=4, unique=True),
    site=WORDS,
)
def test_any_valid_specification_loads_again_as_itself(rest: dict[str, Any], hosts: list[str], site: str) -> None:
    """Written out with all defaults and read strictly, nothing changes, whatever the texts look like."""
    chain = [{"host": host, "root": f"/data/{index}"} for index, host in enumerate(hosts)]
    if "sequence" in rest:  # a pattern that fits no camera's files is refused
        rest["cameras"] |= {"numbered": {"files": ["*"]}}
    first = Instrument.model_validate({"instrument": "sha", "layout": "%Y/%m%d", "copies": chain, **rest})
    declared = {host: Host(address=f"{host}.example.org") for host in hosts}
    before = Specification(
        folder="x",
        site=Site(site=site, timezone="Africa/Johannesburg", hosts=declared),
        instruments={"sha": first},
        hostname="x",
    )
    with tempfile.TemporaryDirectory() as folder:
        after = reloaded(before, Path(folder))
    assert (after.site, after.instruments) == (before.site, before.instruments)


def test_the_reference_in_docs_is_current() -> None:
    """Made by `reference(section_models())`: write its result to docs/specification.md when the models change."""
    assert (REPOSITORY / "docs" / "specification.md").read_text(encoding="utf-8") == reference(section_models())


def test_every_key_of_every_section_is_described() -> None:
    """Editors and the reference show it."""
    for model in (Site, instrument_model(section_models())):
        for section in sections(model):
            assert section.__doc__
            assert [key for key, declared in keys(section).items() if not declared.description] == []


def test_sections_are_found_by_their_key_path() -> None:
    """Through lists, mappings and what may be absent."""
    assert section_at(Site, ("mail", "server")) is MailServer
    assert section_at(Site, ("hosts", "sha")) is Host
    assert section_at(Instrument, ("copies", 3)) is Copy
    assert section_at(Instrument, ("layout",)) is None
    assert section_at(Instrument, ("nowhere", "x")) is None


def test_what_was_meant_is_guessed_only_where_it_is_near() -> None:
    """Else what is known is listed."""
    assert meant("LAYOUT", ["layout", "copies"]) == "; did you mean 'layout'?"
    assert meant("xyz", ["layout", "copies"]) == "; known here: copies, layout"
    assert meant("xyz", []) == ""


@pytest.mark.parametrize("which", ["site", "instrument"])
def test_the_schema_has_every_key_under_its_yaml_name_with_a_description(which: str) -> None:
    """And knows no others; it is plain JSON."""
    schema = json.loads(json.dumps(json_schema(which)))
    model = Site if which == "site" else Instrument
    assert list(schema["properties"]) == list(keys(model))
    assert schema["additionalProperties"] is False
    assert all(schema["properties"][key]["description"] for key in schema["properties"])
    assert set(schema["required"]) == {key for key, declared in keys(model).items() if declared.is_required()}


def test_the_schema_takes_short_forms_and_the_steps_of_converters() -> None:
    """A sequence may be its pattern alone, `from` one name, and a step has its own keys."""
    schema = json_schema("instrument", STEPS)
    assert {"type": "string"} in schema["properties"]["sequence"]["anyOf"]
    assert {"type": "string"} in schema["$defs"]["Copy"]["properties"]["from"]["anyOf"]
    assert schema["$defs"]["Convert"]["properties"]["steps"]["items"] == {"anyOf": [{"$ref": "#/$defs/step-command"}]}
    assert schema["$defs"]["step-command"]["properties"]["step"]["const"] == "command"
    assert json_schema("instrument")["$defs"]["StepSection"]["additionalProperties"] is True


def test_the_schema_takes_one_value_where_it_stands_for_a_list_of_one() -> None:
    """As the examples that are shipped write it: an editor that checks by the schema must not underline them."""
    definitions = json_schema("instrument", section_models=section_models())["$defs"]
    catalogue = definitions["CatalogueSection"]["properties"]
    ((source, sources),) = (named["anyOf"] for named in catalogue["columns"]["patternProperties"].values())
    assert source == {"$ref": "#/$defs/Source"} == sources["items"]
    assert catalogue["exposure"]["anyOf"][0] == {"type": "string"}
    cameras = definitions["Copy"]["properties"]["cameras"]
    assert cameras["anyOf"][:2] == [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
    cards = definitions["ExportSection"]["properties"]["records"]["additionalProperties"]["additionalProperties"]
    assert cards["anyOf"] == [{"type": "string"}, {"$ref": "#/$defs/CardModel"}], "a keyword alone is a card"


def test_there_is_no_schema_of_anything_else() -> None:
    """A usage error, exit 2."""
    with pytest.raises(UsageError, match="'sites'"):
        json_schema("sites")
