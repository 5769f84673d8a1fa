"""The step `command`: any program, given as a list of arguments, once per input or once per night.

What an argument list says is checked when the specification is read. Skipping, publishing and
remembering is pipeline.py's, running a program programs.py's.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from converters.base import Done, Leash, NightFolder, Task
from converters.programs import CannotStart, Ended, run_program
from observatory.names import show
from observatory.spec.models import StepSection

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_OF_AN_INPUT = frozenset({"input", "stem"})
_IN_RUN = frozenset({"input", "stem", "inputs", "output", "folder", "night", "camera"})
_IN_OUTPUTS = frozenset({"input", "stem", "night", "camera"})
_SHOWN_BYTES = 400
"""How much of a program's last words a failure repeats."""


class CommandStep(StepSection):
    """A program that makes files of a night's files."""

    step: Literal["command"] = Field(description="which converter")
    run: tuple[str, ...] = Field(
        min_length=1,
        description="program and arguments, never a shell; {input} {stem} {inputs} {output} {folder} {night} {camera};"
        " {{ and }} stand for braces. With {input} or {stem} it runs once per input, else once per night",
    )
    success: tuple[int, ...] = Field((0,), min_length=1, description="exit statuses that mean success")
    warning: tuple[int, ...] = Field((), description="exit statuses that mean success with a warning")

    @model_validator(mode="after")
    def _says_what_can_be_done(self) -> CommandStep:
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        yield from _unknown_words("run", self.run, _IN_RUN)
        yield from _unknown_words("outputs", self.outputs, _IN_OUTPUTS)
        if not self.run[0]:
            yield "run: the program has no name"
        for text in self.outputs:
            yield from self._problems_of(text)
        if not self.writes_beside and len(self.outputs) != 1:
            yield "run: {output} needs exactly one pattern in outputs"
        if any("{inputs}" in text and text != "{inputs}" for text in self.run):
            yield "run: {inputs} stands for many arguments and must be one by itself"

    def _problems_of(self, output: str) -> Iterator[str]:
        is_of_an_input = bool(_words([output]) & _OF_AN_INPUT)
        if not output or output.startswith("/") or ".." in output.split("/") or "\0" in output:
            yield f"outputs: {output!r} must be a path below the night's folder, without '..'"
        if output == "{input}":
            yield "outputs: {input} itself: originals are never altered; name a new file"
        if is_of_an_input and not self.is_per_input:
            yield f"outputs: {output!r} speaks of one input, but run has neither {{input}} nor {{stem}}"
        if self.is_per_input and not is_of_an_input:
            yield "outputs: each needs {input} or {stem}; else every input would write the same file"

    @property
    def is_per_input(self) -> bool:
        """Whether it runs once for each input; else once for each night."""
        return bool(_words(self.run) & _OF_AN_INPUT)

    @property
    def writes_beside(self) -> bool:
        """Whether the program names its products itself, without ``{output}``."""
        return "output" not in _words(self.run)

    def tasks(self, folder: NightFolder) -> Iterator[Task]:
        """Yield a task per input, or one for the night; what the step itself makes is no input of it."""
        taken = folder.taken(self.inputs)
        if not self.is_per_input:
            outputs = self._outputs(folder, None)
            inputs = tuple(path for path in taken if path not in outputs)
            if inputs:
                yield Task(folder, folder.subject, inputs, outputs, self._arguments(folder))
            return
        outputs_of = {path: self._outputs(folder, path) for path in taken}
        made = {output for path, outputs in outputs_of.items() for output in outputs if output != path}
        for path, outputs in outputs_of.items():
            if path not in made:
                yield Task(folder, folder.below_root(path), (path,), outputs, self._arguments(folder))

    def do(self, task: Task, outputs: Sequence[Path], leash: Leash) -> Done:
        """Run the program in the night's folder and judge it by its exit status."""
        if task.folder.camera is None and "camera" in _words([*self.run, *self.outputs]):
            return Done("{camera} is not known here: several cameras share the night's folder")
        try:
            ended = run_program(self._argv(task, outputs), task.folder.path, self.timeout_s, leash)
        except CannotStart as error:
            return Done(f"the program cannot be started: {error}")
        return self._judge(ended)

    def _judge(self, ended: Ended) -> Done:
        said = _last_words(ended.output)
        if ended.ended_by_us is not None:
            return Done(f"{ended.ended_by_us} and was ended{said}")
        if ended.status in self.success:
            return Done()
        if ended.status in self.warning:
            return Done(warning=f"exit status {ended.status}{said}")
        if ended.status < 0:
            return Done(f"ended by {_signal_name(-ended.status)}{said}")
        return Done(f"exit status {ended.status}{said}")

    def _arguments(self, folder: NightFolder) -> str:
        """Return what the products depend on beside the inputs; where the root lies is no part of it."""
        facts = [self.run, self.outputs, self.success, self.warning, folder.night.isoformat(), folder.camera]
        return json.dumps(facts)

    def _outputs(self, folder: NightFolder, path: bytes | None) -> tuple[bytes, ...]:
        words = _common(folder) | ({} if path is None else _of_input(path))
        return tuple(_fill(text, words) for text in self.outputs)

    def _argv(self, task: Task, outputs: Sequence[Path]) -> list[bytes]:
        words = _common(task.folder) | {"folder": os.fsencode(task.folder.path)}
        if self.is_per_input:
            words |= _of_input(task.inputs[0])
        if not self.writes_beside:
            words["output"] = os.fsencode(outputs[0])
        argv: list[bytes] = []
        for text in self.run:
            if text == "{inputs}":
                argv += [_no_option(text, path) for path in task.inputs]
            else:
                argv.append(_no_option(text, _fill(text, words)))
        return argv


def _words(texts: Sequence[str]) -> frozenset[str]:
    return frozenset(found[1] for text in texts for found in _PLACEHOLDER.finditer(text) if found[1] is not None)


def _unknown_words(key: str, texts: Sequence[str], known: frozenset[str]) -> Iterator[str]:
    told = " ".join("{" + word + "}" for word in sorted(known))
    for text in texts:
        for word in sorted(_words([text]) - known):
            yield f"{key}: {{{word}}} in {text!r} is none of {told}; a brace itself is written twice"


def _fill(text: str, words: Mapping[str, bytes]) -> bytes:
    """Fill placeholders in one pass: what a name holds is never read as a placeholder."""
    parts, last = [], 0
    for found in _PLACEHOLDER.finditer(text):
        parts.append(os.fsencode(text[last : found.start()]))
        parts.append(words[found[1]] if found[1] is not None else found[0][:1].encode())
        last = found.end()
    return b"".join([*parts, os.fsencode(text[last:])])


def _common(folder: NightFolder) -> dict[str, bytes]:
    return {"night": folder.night.strftime("%Y%m%d").encode(), "camera": (folder.camera or "").encode()}


def _of_input(path: bytes) -> dict[str, bytes]:
    before, slash, name = path.rpartition(b"/")
    stem = name[: name.rindex(b".")] if b"." in name[1:] else name
    return {"input": path, "stem": before + slash + stem}


def _no_option(text: str, argument: bytes) -> bytes:
    """Keep a name that begins with a hyphen from being read as an option."""
    return b"./" + argument if argument.startswith(b"-") and not text.startswith("-") else argument


def _last_words(output: bytes) -> str:
    lines = output[-_SHOWN_BYTES:].strip().splitlines()
    return ": " + show(b" / ".join(line.strip() for line in lines if line.strip())) if lines else ""


def _signal_name(number: int) -> str:
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"
