"""What an observer does at a simulated telescope with files that lie nowhere else: some go, are renamed, or come late.

What has to be said of it is seen.py's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.truth import night_of
from tests.simulation.weather import files_below

if TYPE_CHECKING:
    import datetime as dt

    from tests.simulation.kept import KeptSite


@dataclass(frozen=True, slots=True)
class _Renamed:
    """What a file is called now, and what it looked like then."""

    path: bytes
    size_bytes: int
    mtime_ns: int


class Observer:
    """Somebody at the telescope.

    Parameters
    ----------
    site : KeptSite
    seed : int
        Of a generator of its own: what else happens does not depend on what is done here.
    """

    def __init__(self, site: KeptSite, seed: int) -> None:
        self._site = site
        self._random = random.Random(f"{seed} observer")  # noqa: S311
        self._renamed: dict[bytes, _Renamed] = {}

    def tidies(self, origin: str) -> None:
        """Clear the origin of a few files that lie nowhere else: less of a night than is a sudden loss.

        Others of the night may be given another name, or come late.
        """
        site = self._site
        if not site.is_there(origin):
            return
        for alone, count in list(self._alone(origin)):
            lost = site.random.sample(alone, min(len(alone), (count - 1) // 2))
            site.tell(f"cleared on {origin}: {lost}")
            site.spoil(lost)
            for path in lost:
                site.truth.take(origin, site.root(origin), path)
                site.telling(origin).harm(site.root(origin) + b"/" + path)
            for path in alone:
                if path not in lost and self._random.random() < 0.3:
                    self._rename(origin, path)
            if alone and self._random.random() < 0.5:
                site.write(alone[0].rpartition(b"/")[0] + b"/SHA_late%d.raw" % len(site.story), 1000.0)

    def _alone(self, origin: str) -> Iterator[tuple[list[bytes], int]]:
        """Yield the files of each night that lie nowhere but on the origin, with how many it has of that night."""
        site = self._site
        others = [(name, host) for name, host in site.hosts.items() if name != origin]
        elsewhere = {path for name, host in others for path, _ in files_below(host, site.root(name))}
        nights: dict[dt.date | None, list[bytes]] = {}
        for path, _ in files_below(site.hosts[origin], site.root(origin)):
            nights.setdefault(night_of(path), []).append(path)
        for night, paths in nights.items():
            if night is not None:
                yield [path for path in paths if path not in elsewhere], len(paths)

    def _rename(self, name: str, path: bytes) -> None:
        """Give a file another name, at times that of another night."""
        site, host, start = self._site, self._site.telling(name), self._site.root(name) + b"/"
        thing = host.things[start + path]
        folders = sorted({other.rpartition(b"/")[0] for other, _ in files_below(host, site.root(name))})
        folder = self._random.choice(folders) if self._random.random() < 0.3 else path.rpartition(b"/")[0]
        new = folder + b"/SHA_renamed%d.raw" % len(site.story)
        site.tell(f"renamed on {name}: {path!r} to {new!r}")
        site.spoil([path, new])
        site.truth.take(name, site.root(name), path)
        site.truth.put(name, site.root(name), new, thing.data, thing.mtime_ns / 1e9)
        self._renamed[path] = _Renamed(new, len(thing.data), thing.mtime_ns)
        for one in (path, new):
            host.harm(start + one)

    def calls(self, path: bytes) -> list[bytes]:
        """Return what a file was called from then on, the name that it has now last."""
        names = [path]
        while names[-1] in self._renamed:
            names.append(self._renamed[names[-1]].path)
        return names

    def is_itself(self, name: str, path: bytes) -> bool:
        """Say whether a file that was renamed on a host is there and looks as it did, under whatever name."""
        known = self._renamed.get(path)
        if known is None:
            thing = self._site.hosts[name].things.get(self._site.root(name) + b"/" + path)
            return thing is not None
        thing = self._site.hosts[name].things.get(self._site.root(name) + b"/" + known.path)
        looks_so = thing is not None and (len(thing.data), thing.mtime_ns) == (known.size_bytes, known.mtime_ns)
        return looks_so or self.is_itself(name, known.path)
