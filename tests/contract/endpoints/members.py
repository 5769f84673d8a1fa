"""The endpoints that keep the contract, each with a root of its own and a hand that places files there.

This machine (by script and folder by folder), SSH with a shell, SSH without GNU tools, SFTP alone, and memory.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from observatory import records
from observatory.endpoints.contract import Act, HostAccess, RootFacts, Selection, SurveyRequest, Trouble
from observatory.endpoints.local import LocalEndpoint
from observatory.endpoints.memory import MemoryEndpoint
from observatory.endpoints.ssh import SshEndpoint

MEMBERS = ("script", "scandir", "ssh", "plain", "sftp", "memory")
WITH_SHELL = tuple(kind for kind in MEMBERS if kind not in ("sftp", "memory"))
"""Those that run programs."""
NIGHT = b"2016/0907"
GLOBS = (b"[0-9][0-9][0-9][0-9]/[0-9][0-9][0-9][0-9]",)
STAMP_S = 1473280496
_numbers = itertools.count()


@dataclass
class Member:
    """One endpoint with an empty root of its own, and a hand that places files there behind its back."""

    kind: str
    endpoint: Act
    root: bytes

    def path(self, below: bytes) -> bytes:
        """Return an absolute path."""
        return self.root + b"/" + below

    def put(self, below: bytes, data: bytes = b"", mtime_s: int = STAMP_S) -> None:
        """Place a file."""
        path = self.path(below)
        if isinstance(self.endpoint, MemoryEndpoint):
            self.endpoint.put(path, data, mtime_s)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as stream:  # noqa: PTH123
            stream.write(data)
        os.utime(path, (mtime_s, mtime_s))

    def put_folder(self, below: bytes) -> None:
        """Place a folder."""
        if isinstance(self.endpoint, MemoryEndpoint):
            self.endpoint.put_folder(self.path(below))
        else:
            os.makedirs(self.path(below), exist_ok=True)  # noqa: PTH103

    def put_link(self, below: bytes, target: bytes) -> None:
        """Place a link."""
        if isinstance(self.endpoint, MemoryEndpoint):
            self.endpoint.put_other(self.path(below), "link", target)
        else:
            os.makedirs(os.path.dirname(self.path(below)), exist_ok=True)  # noqa: PTH103, PTH120
            os.symlink(target, self.path(below))  # noqa: PTH211

    def put_pipe(self, below: bytes) -> None:
        """Place a named pipe."""
        if isinstance(self.endpoint, MemoryEndpoint):
            self.endpoint.put_other(self.path(below))
        else:
            os.mkfifo(self.path(below))

    def request(self, *folders: bytes, **changes: object) -> SurveyRequest:
        """Return a question about some folders, every file taken."""
        said: dict[str, object] = {
            "root": self.root,
            "selections": (Selection(folders or (NIGHT,), (b"*",)),),
            "night_globs": GLOBS,
        }
        return SurveyRequest(**(said | changes))  # type: ignore[arg-type]

    def survey(self, request: SurveyRequest) -> tuple[list[bytes], list[Trouble], RootFacts]:
        """Return records, troubles and facts of a listing."""
        survey = self.endpoint.survey(request)
        chunks = list(survey)
        assert all(chunk.endswith(b"\0") for chunk in chunks)
        found = b"".join(chunks).split(b"\0")[:-1]
        keys = [records.key_of(record) for record in found]
        assert all(one < next_one for one, next_one in itertools.pairwise(keys))
        return found, survey.troubles, survey.facts

    def kinds(self, request: SurveyRequest) -> dict[bytes, bytes]:
        """Return kind by path; the listing must be whole."""
        found, troubles, _ = self.survey(request)
        assert troubles == []
        return {records.path_of(record): record[:1] for record in found}


def local(by_script: bool) -> LocalEndpoint:
    """Return this machine as an endpoint."""
    return LocalEndpoint(HostAccess("here", "here", is_local=True), by_script)


def _make(kind: str, request: pytest.FixtureRequest) -> tuple[Act, Path]:
    if kind in ("script", "scandir"):
        return local(kind == "script"), request.getfixturevalue("tmp_path_factory").mktemp(kind)
    fixture = "three_hosts" if kind == "ssh" else f"{kind}_host"
    found = request.getfixturevalue(fixture)
    host = found[0] if kind == "ssh" else found
    return SshEndpoint(host.access), host.root


def fresh(kind: str, request: pytest.FixtureRequest, endpoints: dict[str, tuple[Act, Path]]) -> Member:
    """Return a member with a new and empty root."""
    if kind == "memory":
        endpoint = MemoryEndpoint()
        endpoint.put_folder(b"/root")
        return Member(kind, endpoint, b"/root")
    if kind not in endpoints:
        endpoints[kind] = _make(kind, request)
    act, folder = endpoints[kind]
    root = folder / f"root {next(_numbers)}"
    root.mkdir()
    return Member(kind, act, os.fsencode(root))
