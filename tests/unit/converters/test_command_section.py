"""The keys of a command step: what is refused when the specification is read, and what argument list comes of it."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from converters.base import NightFolder, step_models
from converters.command import CommandStep

NIGHT = dt.date(2016, 9, 7)


def section(**keys: Any) -> CommandStep:
    """Make a step from its keys as YAML gives them: texts."""
    return CommandStep.model_validate({"step": "command", "run": ["tool", "{input}"]} | keys)


def folder(*files: bytes, camera: str | None = "sha") -> NightFolder:
    """Make a night's folder that holds some files."""
    return NightFolder(NIGHT, camera, Path("/data/sha"), b"2016/0907", tuple(sorted(files)))


def argv_of(step: CommandStep, *files: bytes) -> list[bytes]:
    """Return the argument list of the first task."""
    task = next(step.tasks(folder(*files)))
    return step._argv(task, [Path("/data/sha/.nightferry/tmp/out.fz")])


def test_the_command_step_is_registered_under_its_name() -> None:
    """`step: command` finds its section."""
    assert step_models()["command"] is CommandStep


def test_numbers_written_in_yaml_are_taken_as_text() -> None:
    """The loader leaves scalars as text."""
    assert section(success=["0", "2"], warning=["1"], timeout_s="600").success == (0, 2)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"run": ["tool", "{imput}"]}, r"\{imput\} .* none of .*\{input\}"),
        ({"run": ["awk", "{print}"]}, "a brace itself is written twice"),
        ({"run": []}, "at least 1 item"),
        ({"run": [""]}, "no name"),
        ({"run": "fpack {input}"}, "tuple"),
        ({"outputs": ["{output}"]}, "none of"),
        ({"outputs": ["/tmp/{stem}"]}, "below the night's folder"),
        ({"outputs": ["../{stem}"]}, "below the night's folder"),
        ({"outputs": ["{input}"]}, "originals are never altered"),
        ({"outputs": ["table.csv"]}, "every input would write the same file"),
        ({"run": ["tool"], "outputs": ["{stem}.csv"]}, "neither"),
        ({"run": ["tool", "{input}", "{output}"]}, "exactly one"),
        ({"run": ["tool", "--in={inputs}"]}, "one by itself"),
        ({"success": []}, "at least 1 item"),
        ({"shell": "true"}, "Extra inputs"),
        ({"timeout_s": "0"}, "greater than 0"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_read(keys: dict[str, Any], words: str) -> None:
    """With a reason that says what was meant; nothing is found out at night."""
    with pytest.raises(ValidationError, match=words):
        section(**keys)


def test_braces_of_its_own_are_written_twice() -> None:
    """An awk program comes through."""
    step = section(run=["awk", "{{print $1}}", "{input}"])
    assert argv_of(step, b"a.txt") == [b"awk", b"{print $1}", b"a.txt"]


def test_each_placeholder_says_what_it_promises() -> None:
    """Night, camera, folder, stem and input; one argument each, whatever is in the name."""
    step = section(run=["tool", "{night}", "{camera}", "{folder}", "{stem}.x", "{input}"])
    expected = [b"tool", b"20160907", b"sha", b"/data/sha/2016/0907", b"sub/a b.x", b"sub/a b.fits"]
    assert argv_of(step, b"sub/a b.fits") == expected


def test_a_name_with_a_leading_hyphen_is_no_option() -> None:
    """It is passed as ./name; an option written in the list stays one."""
    step = section(run=["tool", "-r", "{input}", "-o={input}", "{stem}.x"])
    assert argv_of(step, b"-rf.fits") == [b"tool", b"-r", b"./-rf.fits", b"-o=-rf.fits", b"./-rf.x"]


def test_a_name_that_looks_like_a_placeholder_is_a_name() -> None:
    """Names are data: they are filled in once and never read again."""
    assert argv_of(section(), b"{stem}{night}") == [b"tool", b"{stem}{night}"]


def test_all_inputs_are_as_many_arguments() -> None:
    """A step without {input} runs once for the night."""
    step = section(run=["tool", "{inputs}"], inputs=["*.fits"], outputs=["night-{night}.csv"])
    (task,) = step.tasks(folder(b"b.fits", b"-a.fits", b"c.txt"))
    assert step._argv(task, []) == [b"tool", b"./-a.fits", b"b.fits"]
    assert (task.subject, task.inputs, task.outputs) == (
        b"2016/0907",
        (b"-a.fits", b"b.fits"),
        (b"night-20160907.csv",),
    )


def test_a_night_without_inputs_is_nothing_to_do() -> None:
    """Neither once per input nor once per night."""
    assert list(section(run=["tool"], inputs=["*.fits"]).tasks(folder(b"a.txt"))) == []
    assert list(section(inputs=["*.fits"]).tasks(folder())) == []


def test_what_the_step_makes_is_no_input_of_it() -> None:
    """The second run finds what the first one made, and does not make something of that."""
    step = section(inputs=["*.fits"], outputs=["{stem}.cal.fits"])
    found = folder(b"a.fits", b"a.cal.fits", b"b.fits")
    assert [task.inputs for task in step.tasks(found)] == [(b"a.fits",), (b"b.fits",)]


def test_an_output_equal_to_its_input_is_a_task_all_the_same() -> None:
    """So that it fails aloud: dropped it would look as if all were done."""
    (task,) = section(inputs=["*.fits"], outputs=["{stem}.fits"]).tasks(folder(b"a.fits"))
    assert task.outputs == task.inputs


def test_other_arguments_are_another_task_but_another_root_is_not() -> None:
    """A root that moved does not do everything again."""
    one, other = section(run=["tool", "-a", "{input}"]), section(run=["tool", "-b", "{input}"])
    here, there = folder(b"x"), NightFolder(NIGHT, "sha", Path("/mnt"), b"2016/0907", (b"x",))
    assert next(one.tasks(here)).arguments != next(other.tasks(here)).arguments
    assert next(one.tasks(here)).arguments == next(one.tasks(there)).arguments


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"/" not in name and b"\0" not in name))
def test_any_name_is_one_argument_and_never_an_option(name: bytes) -> None:
    """Whatever bytes an instrument writes."""
    program, argument = argv_of(section(), name)
    assert program == b"tool"
    assert not argument.startswith(b"-")
    assert os.path.normpath(b"/x/" + argument) == os.path.normpath(b"/x/" + name)
