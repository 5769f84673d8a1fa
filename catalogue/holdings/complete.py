"""Whether all data of an exposure are on disk: the instrument's rules, each held against what is there.

True only where every rule was looked at and holds. Looking at bytes is asked of the caller, and only where the rules
that need none hold.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from catalogue.holdings.records import FileState
from catalogue.holdings.section import Complete, ManifestRule
from observatory.manifests import Listed, Manifest, read_manifest
from observatory.names import matcher, show


@dataclass(frozen=True, slots=True)
class Present:
    """One file of an exposure as it lies in one place.

    Attributes
    ----------
    path : bytes
        Below the night's folder, of which every camera may have one of its own.
    place : bytes
        Below the root, which no other file bears.
    since_utc : datetime
        Since when it has had this size and time, as far as anybody looked.
    counts : tuple of (found, wanted)
        HDUs by each rule that counts in it.
    """

    path: bytes
    place: bytes
    size_bytes: int
    mtime_s: float
    since_utc: dt.datetime
    state: FileState
    reason: str | None = None
    counts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Eyes:
    """How the rules look at what lies in the place.

    Attributes
    ----------
    content : callable
        Gives the bytes of a file; raises OSError.
    digest : callable
        Gives the hexadecimal digest of a file by an algorithm of hashlib; raises OSError.
    agreed : callable
        Told the SHA-256 of a file that is what a list says.
    is_link : callable
        Says whether a path below the night's folder is a link; None where that cannot be looked at.
    """

    content: Callable[[Present], bytes]
    digest: Callable[[Present, str], str]
    agreed: Callable[[Present, str], None]
    is_link: Callable[[str], bool | None]


def waits_for(
    rules: Complete, exposure: str, files: Sequence[Present], eyes: Eyes, stable_s: float, now_utc: dt.datetime
) -> str | None:
    """Return what an exposure still waits for, a sentence; None: all its data are on disk.

    Parameters
    ----------
    exposure : str
        As names write it, with its leading zeros.
    files : sequence of Present
        All that lie in the place.
    stable_s : float
        Seconds for which nothing may have changed.
    now_utc : datetime
    """
    try:
        return next(_reasons(rules, exposure, files, eyes, stable_s, now_utc), None)
    except OSError as error:
        return f"could not be looked at: {error.strerror or error}"


def _reasons(
    rules: Complete, exposure: str, files: Sequence[Present], eyes: Eyes, stable_s: float, now_utc: dt.datetime
) -> Iterator[str]:
    if not files:
        yield "no file is there"
        return
    yield from _unread(files)
    yield from (
        f"{_filled(pattern, exposure)} is absent" for pattern in rules.needs if not _found(pattern, exposure, files)
    )
    if rules.trigger is not None and not _found(rules.trigger, exposure, files):
        yield f"its trigger {_filled(rules.trigger, exposure)} is absent"
    yield from _counted(files)
    yield from _changing(files, stable_s, now_utc)
    if rules.published is not None:
        yield from _unpublished(_filled(rules.published.link, exposure), eyes)
    if rules.manifest is not None:
        yield from _listed(rules, rules.manifest, exposure, files, eyes)


def _filled(pattern: str, exposure: str) -> str:
    return pattern.replace("{exposure}", exposure)


def _found(pattern: str, exposure: str, files: Sequence[Present]) -> list[Present]:
    takes = matcher((_filled(pattern, exposure).encode(),))
    return [file for file in files if takes(file.path) == "taken"]


def _unread(files: Sequence[Present]) -> Iterator[str]:
    for file in files:
        if file.state in (FileState.GROWING, FileState.UNREADABLE):
            yield f"{show(file.path)}: {file.reason}"


def _counted(files: Sequence[Present]) -> Iterator[str]:
    for file in files:
        for found, wanted in file.counts:
            if found != wanted:
                yield f"{show(file.path)} holds {found} of {wanted} HDUs"


def _changing(files: Sequence[Present], stable_s: float, now_utc: dt.datetime) -> Iterator[str]:
    """A file is at rest when its time says so, or, where its clock runs ahead, when we have seen it so for long."""
    for file in files:
        rested_s = max(now_utc.timestamp() - file.mtime_s, (now_utc - file.since_utc).total_seconds())
        if rested_s < stable_s:
            yield f"{show(file.path)} changed less than {stable_s:g} s ago"


def _unpublished(link: str, eyes: Eyes) -> Iterator[str]:
    is_link = eyes.is_link(link)
    if is_link is None:
        yield f"whether {link} is published could not be looked at"
    elif not is_link:
        yield f"it is not published: {link} is no link"


def _listed(rules: Complete, rule: ManifestRule, exposure: str, files: Sequence[Present], eyes: Eyes) -> Iterator[str]:
    manifests = [file for pattern in rule.files for file in _found(pattern, exposure, files)]
    if not manifests:
        if rule.required:
            yield f"its list of checksums {_filled(rule.files[0], exposure)} is absent"
        return
    named = {*manifests}
    for manifest in manifests:
        read = read_manifest(eyes.content(manifest))
        meant = _meant(manifest, read.files, files)
        named |= {file for _, file in meant if file is not None}
        yield from _against(manifest, read, meant, rule, eyes)
    needed = (file for pattern in rules.needs for file in _found(pattern, exposure, files))
    yield from (
        f"{show(file.path)} is needed, and no list of checksums names it" for file in needed if file not in named
    )


def _against(
    manifest: Present, read: Manifest, meant: Sequence[tuple[Listed, Present | None]], rule: ManifestRule, eyes: Eyes
) -> Iterator[str]:
    """Hold the files that a list names against it; a list of nothing proves nothing."""
    name = show(manifest.path)
    if read.unread_lines:
        yield f"{name}: line {read.unread_lines[0]} cannot be read"
    if not read.files:
        yield f"{name} lists no file"
    missing = [_beside(manifest.path, listed) for listed, file in meant if file is None]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield f"{name} lists {show(missing[0])}{others}, which is absent"
    if rule.hashes:
        for listed, file in meant:
            if file is not None:
                yield from _hashed(name, listed, file, eyes)


def _meant(
    manifest: Present, listed: Sequence[Listed], files: Sequence[Present]
) -> list[tuple[Listed, Present | None]]:
    """Return the file that each line of a list means: that beside it, else one of another night's folder."""
    by_place = {file.place: file for file in files}
    by_path: dict[bytes, Present] = {file.path: file for file in files}
    return [
        (one, by_place.get(_beside(manifest.place, one)) or by_path.get(_beside(manifest.path, one))) for one in listed
    ]


def _beside(path: bytes, listed: Listed) -> bytes:
    folder = path.rpartition(b"/")[0]
    return folder + b"/" + listed.name if folder else listed.name


def _hashed(name: str, listed: Listed, file: Present, eyes: Eyes) -> Iterator[str]:
    if eyes.digest(file, listed.algorithm) == listed.digest:
        if listed.algorithm == "sha256":
            eyes.agreed(file, listed.digest)
    else:
        yield f"{show(file.path)} is not what {name} says"
