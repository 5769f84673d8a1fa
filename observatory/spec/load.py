"""Reading a configuration folder: site.yaml and instruments.d, strictly, with all problems of all files at once.

Finds the folder, reads the files, turns them into models and gathers what is wrong. What a key may hold is
models.py's, what several keys show together check.py's, the words are sentences.py's.
"""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from observatory.errors import Problem, SpecificationError, UsageError
from observatory.spec import yaml
from observatory.spec.check import chain_is_sound, check_instrument, check_together
from observatory.spec.fields import keys, meant
from observatory.spec.hosts import local_path, machine_name
from observatory.spec.judge import Judged, judge
from observatory.spec.models import (
    WITHOUT_NIGHTS,
    Convert,
    Host,
    Instrument,
    Owned,
    Section,
    Site,
    Specification,
    StepSection,
)
from observatory.spec.owned import instrument_model
from observatory.spec.yaml import Document, KeyPath

SITE = "site.yaml"
INSTRUMENTS = "instruments.d"
_ETC = Path("/etc/nightferry")
_EXAMPLE = (
    f"`nightferry init DIR` writes an example into a new folder: copy its {INSTRUMENTS}/*.yaml here and change it"
)
_SHAPE = frozenset({"instrument", "layout", "cameras", "files", "exclude", "variants", "copies", "host", "root",
                    "from", "name", "night_in_name", "nights", "companions"})  # fmt: skip
"""Keys without which it cannot be told which names an instrument writes where."""


def find_folder(
    explicit: str | None, environ: Mapping[str, str], home: Path, cwd: Path, etc: Path = _ETC
) -> tuple[Path, str]:
    """Return the configuration folder as an absolute path and how it was chosen, for ``-v`` and ``doctor``.

    ``--config``, else ``$NIGHTFERRY_CONFIG``, else the first of /etc/nightferry, ~/.config/nightferry and the
    working directory that holds site.yaml. A folder that was named is never passed over for another.

    Raises
    ------
    UsageError
        The folder that was named holds no site.yaml, or none of the usual ones does.
    """
    named = environ.get("NIGHTFERRY_CONFIG") or None
    if explicit is not None:
        return _named(Path(explicit), "--config", cwd, home)
    if named is not None:
        return _named(Path(named), "$NIGHTFERRY_CONFIG", cwd, home)
    usual = ((etc, "the system's"), (home / ".config" / "nightferry", "the user's"), (cwd, "the working directory"))
    for folder, why in usual:
        if _holds_site(folder):
            return folder, f"{why}: the first of the usual folders that holds {SITE}"
    places = ", ".join(str(folder) for folder, _ in usual)
    remedy = "Name a folder with --config, or write a first one with `nightferry init`."
    raise UsageError(f"no {SITE} in {places}. {remedy}")


def _holds_site(folder: Path) -> bool:
    try:
        return (folder / SITE).exists()
    except OSError:  # a folder that cannot be entered: the next one may be ours
        return False


def _named(folder: Path, how: str, cwd: Path, home: Path) -> tuple[Path, str]:
    text = str(folder)
    folder = home / text[2:] if text.startswith("~/") else folder
    if not _holds_site(cwd / folder):
        remedy = f"Write one with `nightferry init {folder}`, or name another folder."
        raise UsageError(f"{how}: {folder} holds no {SITE}. {remedy}")
    return cwd / folder, how


def load(
    folder: Path,
    *,
    hostname: str | None = None,
    step_models: Mapping[str, type[StepSection]] | None = None,
    section_models: Mapping[str, type[Section]] | None = None,
) -> Specification:
    """Read a configuration folder.

    Parameters
    ----------
    folder : Path
        Holds site.yaml and instruments.d; problems name the files as below it.
    hostname : str, optional
        The machine we run on, for hosts with ``local: auto``; default: what the system says.
    step_models : mapping of step to its section's model, optional
        What the converters registered. A step that is not among them is a problem.
    section_models : mapping of key to its section's model, optional
        What other packages own at the top of an instrument's file; see `Instrument.section`.

    Raises
    ------
    SpecificationError
        With every problem of every file.
    """
    site_file = yaml.read(folder / SITE, str(folder / SITE))
    site = judge(site_file, Site)
    site.problems += [site_file.problem(path, reason) for path, reason in _secrets(site.value, folder)]
    documents = {path: _document(path) for path in _instrument_files(folder)}
    model = instrument_model(_wanted(section_models or {}, documents.values()))
    instruments = [_judge_instrument(path, it, model, step_models or {}) for path, it in documents.items()]
    problems = [*site.problems, *_stray_files(folder), *(p for judged in instruments for p in judged.problems)]
    problems += _cross_checks(site_file, site, instruments)
    if problems or site.value is None:
        raise SpecificationError(_without_repeats(problems))
    return Specification(
        folder=str(folder),
        site=site.value,
        instruments={judged.value.instrument: judged.value for judged in instruments if judged.value},
        hostname=machine_name(site.value.hosts, socket.gethostname(), _full_name) if hostname is None else hostname,
    )


def _full_name(hostname: str) -> str | None:
    try:
        found = socket.getaddrinfo(hostname, None, flags=socket.AI_CANONNAME)
    except OSError:
        return None
    return found[0][3].rstrip(".") or None


def load_site(folder: Path) -> Site:
    """Read site.yaml alone: for programs of others that need our database or a host, and no instrument.

    Raises
    ------
    SpecificationError
    """
    site = judge(yaml.read(folder / SITE, str(folder / SITE)), Site)
    if site.problems or site.value is None:
        raise SpecificationError(_without_repeats(site.problems))
    return site.value


def load_section(folder: Path, instrument: str, key: str, model: type[Owned]) -> Owned | None:
    """Read one section at the top of an instrument's file alone; None where file or section is absent.

    Raises
    ------
    SpecificationError
    """
    path = folder / INSTRUMENTS / f"{instrument}.yaml"
    if not path.exists():
        return None
    document = yaml.read(path, str(path))
    if not isinstance(document.value, dict) or document.value.get(key) is None:
        return None
    section = judge(document, model, document.value[key], (key,))
    if section.problems:
        raise SpecificationError(_without_repeats(section.problems))
    return section.value


def _without_repeats(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(set(problems))


def _instrument_files(folder: Path) -> list[Path]:
    return [path for path in _names_in(folder / INSTRUMENTS) if path.suffix == ".yaml"]


def _names_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:  # _stray_files says so
        return []


def _stray_files(folder: Path) -> Iterator[Problem]:
    """An instrument that is silently not read would never be missed."""
    inside = folder / INSTRUMENTS
    try:
        found = any(path.suffix == ".yaml" and not path.name.startswith(".") for path in inside.iterdir())
    except OSError as error:
        yield Problem(str(inside), 0, "", f"could not be read: {error.strerror}; instruments are declared there")
        return
    if not found:
        yield Problem(str(inside), 0, "", f"holds no *.yaml, so no instrument is declared; {_EXAMPLE}")
    for path in _names_in(inside):
        if path.suffix == ".yml":
            yield Problem(str(path), 1, "", f"only *.yaml is read: rename it to {path.stem}.yaml")


def _document(path: Path) -> Document:
    return yaml.read(path, str(Path(path.parent.parent) / INSTRUMENTS / path.name))


def _wanted(section_models: Mapping[str, type[Section]], documents: Iterable[Document]) -> Mapping[str, type[Section]]:
    """Return the sections that some file holds: making a model takes longer than reading most specifications.

    Where a file holds a key that is none, all of them: one may have been meant.
    """
    held = {key for document in documents if isinstance(document.value, dict) for key in document.value}
    if held - keys(Instrument).keys() - section_models.keys():
        return section_models
    return {key: section_models[key] for key in section_models if key in held}


def _judge_instrument(
    path: Path, document: Document, model: type[Instrument], step_models: Mapping[str, type[StepSection]]
) -> Judged[Instrument]:
    raw, steps = _without_steps(document.value)
    judged = judge(document, model, raw)
    judged_steps = [_judge_step(document, step, index, step_models) for index, step in enumerate(steps)]
    for step in judged_steps:
        judged.problems += step.problems
        judged.faults |= step.faults
    if judged.value is not None and steps:
        judged.value = _with_steps(judged.value, judged_steps)
    if isinstance(raw, dict) and raw.keys().isdisjoint(("layout", "night_in_name")):
        judged.problems.append(document.problem((), WITHOUT_NIGHTS))  # beside other keys that are absent, too
    name = raw.get("instrument") if isinstance(raw, dict) else None  # of a file with other faults too
    if isinstance(name, str) and name != path.stem and not judged.is_known(("instrument",)):
        reason = f"{name!r} stands in {path.name}: the file's stem is the instrument's name"
        judged.problems.append(document.problem(("instrument",), reason))
        judged.faults.add(("instrument",))
    return judged


def _without_steps(raw: Any) -> tuple[Any, list[Any]]:
    """Return an instrument without its steps, and those: each has a model of its own."""
    convert = raw.get("convert") if isinstance(raw, dict) else None
    if not isinstance(convert, dict) or not isinstance(convert.get("steps"), list):
        return raw, []
    rest = {key: value for key, value in convert.items() if key != "steps"}
    return {**raw, "convert": rest}, convert["steps"]


def _judge_step(
    document: Document, raw: Any, index: int, step_models: Mapping[str, type[StepSection]]
) -> Judged[StepSection]:
    base: KeyPath = ("convert", "steps", index)
    name = raw.get("step") if isinstance(raw, dict) else None
    if name is None or (isinstance(name, str) and name in step_models):
        return judge(document, step_models.get(name, StepSection) if name else StepSection, raw or "", base)
    where = (*base, "step")
    hint = meant(name, step_models) if isinstance(name, str) else ""
    said = f"there is no step {yaml.printable(str(name))!r}{hint}"
    judged: Judged[StepSection] = Judged(document, None, [document.problem(where, said)], {where})
    label = raw.get("name") or name  # so that `after` is not called wrong as well
    if isinstance(label, str) and isinstance(name, str):
        judged.value = StepSection.model_construct(step=name, name=label)
    return judged


def _with_steps(instrument: Instrument, steps: Sequence[Judged[StepSection]]) -> Instrument:
    convert = instrument.convert or Convert()
    known = tuple(step.value for step in steps if step.value is not None)
    return instrument.model_copy(update={"convert": convert.model_copy(update={"steps": known})})


def _cross_checks(
    site_file: Document, site: Judged[Site], instruments: Sequence[Judged[Instrument]]
) -> Iterator[Problem]:
    hosts = _declared_hosts(site_file, site.value)
    for judged in instruments:
        if judged.value is not None:
            for finding in check_instrument(judged.value, hosts):
                if not judged.is_known(finding.path):
                    yield judged.document.problem(finding.path, finding.reason)
    whole = {judged.value.instrument: judged for judged in instruments if judged.value and _tells_its_shape(judged)}
    values = [judged.value for judged in whole.values() if judged.value is not None]
    for name, finding in check_together(values, hosts or {}):
        yield whole[name].document.problem(finding.path, finding.reason)


def _declared_hosts(site_file: Document, site: Site | None) -> Mapping[str, Host | None] | None:
    """Return the hosts by name, also those whose own keys are wrong; None where site.yaml does not tell."""
    written = site_file.at(("hosts",))
    if not isinstance(written, dict):
        return None
    return {name: site.hosts.get(name) if site else None for name in written}


def _tells_its_shape(judged: Judged[Instrument]) -> bool:
    spoilt = any(_SHAPE & {str(part) for part in fault} for fault in judged.faults)
    return not spoilt and judged.value is not None and chain_is_sound(judged.value)


def _secrets(site: Site | None, folder: Path) -> Iterator[tuple[KeyPath, str]]:
    """Refuse a password file that others can read; one that does not exist yet is doctor's to say."""
    name = site.mail.server.password_file if site and site.mail else None
    if name is None:
        return
    try:
        mode = local_path(name, folder).stat().st_mode
    except (OSError, RuntimeError):
        return
    if stat.S_IMODE(mode) & 0o007:
        yield ("mail", "server", "password_file"), f"{name} can be read by others: chmod 600 {name}"
