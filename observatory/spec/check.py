"""What only several keys, or several files, can show to be wrong. Pure.

Takes models that are right key by key; says where a fault lies by its key path. Files and lines are load.py's,
and so is the one look at the disk (a password file that others can read).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from observatory.layouts import Layout
from observatory.spec import chain
from observatory.spec.fields import meant
from observatory.spec.models import Copy, Host, Instrument, Retention, StepSection
from observatory.spec.overlap import Territory, shared_path
from observatory.spec.owned import owned_faults
from observatory.spec.yaml import KeyPath

_BRACES = re.compile(r"\{([^{}]*)\}")
_TAKEN = ("camera", "night", "number", "stem", "input")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: the key path at which a person mends it, and the reason."""

    path: KeyPath
    reason: str


def check_instrument(instrument: Instrument, hosts: Collection[str] | None) -> Iterator[Finding]:
    """Yield what is wrong within one instrument.

    Parameters
    ----------
    instrument : Instrument
    hosts : collection of str or None
        The names that site.yaml declares; None where site.yaml could not be read, so that no host is judged.
    """
    for index, copy in enumerate(instrument.copies):
        yield from _host(index, copy, hosts)
        yield from _braces(instrument, index, copy)
        yield from _copy_cameras(instrument, index, copy)
        yield from _after(instrument, index, copy)
    yield from _names(instrument)
    yield from _sources(instrument)
    yield from _variants(instrument)
    yield from _layouts(instrument)
    yield from _steps(instrument)
    yield from _retention(instrument)
    yield from _sequence(instrument)
    yield from _all_excluded(instrument)
    yield from _something_to_do(instrument)
    for path, reason in owned_faults(instrument):
        yield Finding(path, reason)
    if chain_is_sound(instrument):
        yield from _same_root(instrument)
        yield from _empty_hops(instrument)


def _host(index: int, copy: Copy, hosts: Collection[str] | None) -> Iterator[Finding]:
    if hosts is not None and copy.host not in hosts:
        hint = meant(copy.host, hosts)
        yield Finding(("copies", index, "host"), f"host {copy.host!r} is not declared in site.yaml{hint}")


def _braces(instrument: Instrument, index: int, copy: Copy) -> Iterator[Finding]:
    for word in _BRACES.findall(copy.root):
        if word not in instrument.variants:
            where = "; {camera} belongs into layout" if word == "camera" else meant(word, instrument.variants)
            yield Finding(("copies", index, "root"), f"{{{word}}} is none of this instrument's variants{where}")
    if re.search(r"[{}]", _BRACES.sub("", copy.root)):
        yield Finding(("copies", index, "root"), "the braces do not match")


def _copy_cameras(instrument: Instrument, index: int, copy: Copy) -> Iterator[Finding]:
    for name in copy.cameras or ():
        if name not in instrument.cameras:
            yield Finding(("copies", index, "cameras"), f"there is no camera {name!r}{meant(name, instrument.cameras)}")


def _step_names(instrument: Instrument) -> list[str]:
    return [step.label for step in instrument.convert.steps] if instrument.convert else []


def _after(instrument: Instrument, index: int, copy: Copy) -> Iterator[Finding]:
    if copy.after is None:
        return
    path: KeyPath = ("copies", index, "after")
    names = _step_names(instrument)
    if copy.after not in names:
        hint = meant(copy.after, names) or "; convert has no steps"
        yield Finding(path, f"there is no step {copy.after!r}{hint}")
    if not chain.sources_of(instrument, index):
        yield Finding(path, "nothing moves to this copy: it is where data are born")
    elif copy.after in names and (works_on := _copy_of(instrument, copy.after)) in _filled_by(instrument, index):
        where = f"the step {copy.after!r} works on {works_on} (its `copy`; default: the last)"
        yield Finding(path, f"{where}, where no night is before it has come here: nothing would ever move")


def _copy_of(instrument: Instrument, step: str) -> str:
    """Return the name of the copy that a step works on."""
    steps = instrument.convert.steps if instrument.convert else ()
    return next(one.copy_ for one in steps if one.label == step) or instrument.copies[-1].label


def _filled_by(instrument: Instrument, index: int) -> set[str]:
    """Return the names of a copy and of all that are filled from it, directly or through others."""
    found = {instrument.copies[index].label}
    for later in range(index + 1, len(instrument.copies)):
        sources = chain.sources_of(instrument, later)
        if sources and found.issuperset(sources):
            found.add(instrument.copies[later].label)
    return found


def _repeated(names: Iterable[str]) -> Iterator[tuple[int, str]]:
    seen: Counter[str] = Counter()
    for index, name in enumerate(names):
        if seen[name]:
            yield index, name
        seen[name] += 1


def _names(instrument: Instrument) -> Iterator[Finding]:
    for index, name in _repeated(copy.label for copy in instrument.copies):
        key = "name" if instrument.copies[index].name else "host"
        yield Finding(("copies", index, key), f"two copies are called {name!r}: give each its own name")


def _sources(instrument: Instrument) -> Iterator[Finding]:
    """A copy is filled from those before it; so there are no cycles."""
    names = [copy.label for copy in instrument.copies]
    for index, copy in enumerate(instrument.copies):
        for name, count in Counter(copy.from_ or ()).items():
            path: KeyPath = ("copies", index, "from")
            if count > 1:
                yield Finding(path, f"{name!r} stands twice")
            if name not in names:
                yield Finding(path, f"there is no copy {name!r} in this instrument{meant(name, names)}")
            elif name == names[index]:
                yield Finding(path, "a copy cannot be filled from itself")
            elif names.index(name) > index:
                yield Finding(path, f"{name!r} comes later in the chain: list copies in the order of filling")


def _variants(instrument: Instrument) -> Iterator[Finding]:
    for key, words in instrument.variants.items():
        if key in _TAKEN:
            yield Finding(("variants", key), f"{{{key}}} means something else already: choose another name")
        for index, word in _repeated(words):
            yield Finding(("variants", key, index), f"{word!r} stands twice")
        if not any("{" + key + "}" in copy.root for copy in instrument.copies):
            yield Finding(("variants", key), f"no root contains {{{key}}}: every variant would be the same chain")


def _layout_texts(instrument: Instrument) -> Iterator[tuple[KeyPath, str]]:
    if instrument.layout is not None:
        yield ("layout",), instrument.layout
    for name, camera in instrument.cameras.items():
        if camera.layout is not None:
            yield ("cameras", name, "layout"), camera.layout
    for index, copy in enumerate(instrument.copies):
        if copy.layout is not None:
            yield ("copies", index, "layout"), copy.layout


def _layouts(instrument: Instrument) -> Iterator[Finding]:
    for path, text in _layout_texts(instrument):
        known = {"camera"} if path[0] == "cameras" else {"camera", *instrument.variants}
        for word in _BRACES.findall(text):
            if word not in known:
                yield Finding(path, f"{{{word}}} stands for nothing here{meant(word, known)}")


def _steps(instrument: Instrument) -> Iterator[Finding]:
    steps = instrument.convert.steps if instrument.convert else ()
    for index, name in _repeated(step.label for step in steps):
        yield Finding(("convert", "steps", index), f"two steps are called {name!r}: give each its own name")
    copies = [copy.label for copy in instrument.copies]
    for index, step in enumerate(steps):
        if step.copy_ is not None and step.copy_ not in copies:
            hint = meant(step.copy_, copies)
            yield Finding(("convert", "steps", index, "copy"), f"there is no copy {step.copy_!r}{hint}")
    yield from _sealed(instrument, steps)


def _sealed(instrument: Instrument, steps: Iterable[StepSection]) -> Iterator[Finding]:
    """A manifest and a packed file say how headers are: what changes them afterwards would make them wrong."""
    last = instrument.copies[-1].label
    sealed_by: dict[str, str] = {}
    for index, step in enumerate(steps):
        where = step.copy_ or last
        if step.changes_headers and where in sealed_by:
            reason = f"{step.label} changes headers and comes after {sealed_by[where]}: put it before"
            yield Finding(("convert", "steps", index), reason)
        if step.seals:
            sealed_by.setdefault(where, step.label)


def _retention(instrument: Instrument) -> Iterator[Finding]:
    if instrument.retention is not None:
        yield from _freeable(instrument, 0, instrument.retention, ("retention",))
    for index, copy in enumerate(instrument.copies):
        if copy.retention is not None:
            yield from _freeable(instrument, index, copy.retention, ("copies", index, "retention"))


def _freeable(instrument: Instrument, index: int, retention: Retention, path: KeyPath) -> Iterator[Finding]:
    yield from _provable(instrument, index, retention.copies, (*path, "copies"))
    for name, kind in retention.kinds.items():
        if kind.free and kind.copies is not None:
            yield from _provable(instrument, index, kind.copies, (*path, "kinds", name, "copies"))


def _provable(instrument: Instrument, index: int, wanted: int, path: KeyPath) -> Iterator[Finding]:
    """A file is freed when it is proven in so many other places; more than there are can never be."""
    others = {chain.place_of(copy) for at, copy in enumerate(instrument.copies) if at != index}
    others.discard(chain.place_of(instrument.copies[index]))
    if wanted > len(others):
        yield Finding(path, f"{wanted} other places are asked for, but the chain has {len(others)}: nothing is freed")


def _sequence(instrument: Instrument) -> Iterator[Finding]:
    """A pattern that fits no file finds no hole, night after night: a check that is declared and never made."""
    if instrument.sequence is None:
        return
    pattern, nights = instrument.sequence.pattern, "/night"
    for name, camera in instrument.cameras.items():
        wanted = _filled(_literal(pattern), name, "[0-9]" * 8, "[0-9]*")
        if shared_path(Territory(nights, (wanted,)), Territory(nights, camera.taken, camera.exclude)) is not None:
            return
    such = _filled(pattern, next(iter(instrument.cameras)), "20160907", "0001")
    yield Finding(("sequence",), f"no camera takes a name such as {such!r}: no hole would ever be seen")


def _all_excluded(instrument: Instrument) -> Iterator[Finding]:
    """A camera of which `exclude` takes every file carries nothing, night after night, and is well."""
    for name, camera in instrument.cameras.items():
        named, left = Territory("/night", camera.taken), Territory("/night", camera.taken, camera.exclude)
        if camera.exclude and shared_path(named, left) is None:
            reason = (
                "takes every file that the camera's patterns take: nothing would be carried, and nothing found missing"
            )
            yield Finding(("cameras", name, "exclude"), reason)


def _filled(pattern: str, camera: str, night: str, number: str) -> str:
    return chain.fill(pattern, {"camera": camera, "night": night, "number": number})


def _something_to_do(instrument: Instrument) -> Iterator[Finding]:
    copies = instrument.copies
    if len(copies) == 1 and instrument.convert is None and not copies[0].origin:
        yield Finding(("copies",), "one copy alone: nothing to carry or prove. Add a second, convert, or origin: true")


def chain_is_sound(instrument: Instrument) -> bool:
    """Say whether hops can be made at all: every copy has a name of its own and is filled from earlier ones."""
    return not any(True for check in (_names, _sources) for _ in check(instrument))


def _same_root(instrument: Instrument) -> Iterator[Finding]:
    for index, copy in enumerate(instrument.copies):
        sources = [c for c in instrument.copies if c.label in chain.sources_of(instrument, index)]
        for source in sources:
            if (source.host, source.root) == (copy.host, copy.root):
                yield Finding(("copies", index, "root"), f"the same root on the same host as its source {source.label}")


def _empty_hops(instrument: Instrument) -> Iterator[Finding]:
    """A hop over which no camera travels compares nothing, night after night, and is well."""
    places = [copy.label for copy in instrument.copies]
    unknown = {name for copy in instrument.copies for name in copy.cameras or ()} - instrument.cameras.keys()
    empty = {} if unknown else {hop.name: hop for hop in chain.hops(instrument) if not hop.cameras}
    for hop in empty.values():
        reason = (
            f"no camera is kept both on {hop.source.name} and here: nothing would be carried, and nothing found missing"
        )
        yield Finding(("copies", places.index(hop.destination.name)), reason)


@dataclass(frozen=True, slots=True)
class _Writer:
    """One camera of one variant of one instrument, as it arrives at one copy."""

    instrument: str
    variant: str
    copy: str
    index: int
    camera: str
    machine: str
    territory: Territory
    sources: frozenset[tuple[str, str]]
    """Where its files come from: the copies, and the folder there."""

    @property
    def who(self) -> str:
        """How a sentence calls it."""
        return " ".join(filter(None, (self.instrument, self.variant, f"camera {self.camera} on {self.copy}")))


def check_together(
    instruments: Iterable[Instrument], hosts: Mapping[str, Host | None]
) -> Iterator[tuple[str, Finding]]:
    """Yield, with the instrument's name, where two would write the same names into one directory.

    Each instrument must be sound by `chain_is_sound`. Not refused: one copy filled from several others (which
    names collide there only a listing can tell, and the plan refuses those), and two cameras of one instrument
    that share their folders on both sides (a file that both take is one file on both sides).
    """
    writers = [writer for instrument in instruments for writer in _writers(instrument, hosts)]
    told = set()
    for at, later in enumerate(writers):
        for earlier in writers[:at]:
            key = (earlier.instrument, earlier.index, earlier.camera, later.instrument, later.index, later.camera)
            if key not in told and (path := _clash(earlier, later)) is not None:
                told.add(key)
                yield later.instrument, _told(earlier, later, path)


def _clash(earlier: _Writer, later: _Writer) -> str | None:
    is_one_file = earlier.sources == later.sources and earlier.territory.folder == later.territory.folder
    if earlier.machine != later.machine or is_one_file:
        return None
    return shared_path(earlier.territory, later.territory)


def _told(earlier: _Writer, later: _Writer, path: str) -> Finding:
    reason = f"would write the same names as {earlier.who} into one directory on one host, e.g. {path}"
    is_within = (earlier.instrument, earlier.index) == (later.instrument, later.index)
    if is_within and earlier.camera != later.camera:
        return Finding(("cameras", later.camera, "files"), reason)
    return Finding(("copies", later.index, "root"), f"{later.who} {reason}")


def _machine(name: str, host: Host | None) -> str:
    """Return what is equal for two names of one machine, as far as the names tell."""
    if host is None:
        return f"host {name}"
    if host.address is None:
        return "this machine"
    return host.address.lower()


def _writers(instrument: Instrument, hosts: Mapping[str, Host | None]) -> Iterator[_Writer]:
    labels = [copy.label for copy in instrument.copies]
    hops_to: dict[tuple[str, str, str], list[chain.Hop]] = {}
    for hop in chain.hops(instrument):
        for name in hop.cameras:
            hops_to.setdefault((hop.variant, hop.destination.name, name), []).append(hop)
    for (variant, label, name), hops in hops_to.items():
        place = hops[0].destination
        yield _Writer(
            instrument=instrument.instrument,
            variant=variant,
            copy=label,
            index=labels.index(label),
            camera=name,
            machine=_machine(place.host, hosts.get(place.host)),
            territory=_territory(hops[0], place, name),
            sources=frozenset((_key(hop), _territory(hop, hop.source, name).folder) for hop in hops),
        )


def _key(hop: chain.Hop) -> str:
    return f"{hop.instrument.instrument} {hop.key}"


def _territory(hop: chain.Hop, place: chain.Place, name: str) -> Territory:
    """Return the paths that a camera has at one end of a hop."""
    camera = hop.cameras[name]
    layout = camera.layout or place.layout
    root = _literal(place.root)
    if camera.nights == "none":
        below = chain.fill(camera.layout or name, {"camera": name})
        return Territory(f"{root}/{_literal(below)}", camera.taken, camera.exclude)
    folder = f"{root}/{Layout(layout).glob(name).decode()}" if layout else root
    return Territory(folder, camera.taken, camera.exclude)


def _literal(path: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", path)
