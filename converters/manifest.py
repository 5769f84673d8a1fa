"""The step `manifest`: the list of a night's frames for the archive, and the letter that says so, one for all nights.

How a manifest is written and verified is manifests.py's; that the letter is mailed, the pipeline's.
"""

from __future__ import annotations

import json
import os
import re
import string
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from converters.base import Attachment, Done, Letter, NightFolder, Task
from converters.manifests import Dialect, decode, encode, merge, row_of, verify
from converters.nightstep import Desk, NamesItsProducts, Survey
from observatory.names import show
from observatory.spec import forms
from observatory.spec.models import Section

_ALMOST_AN_ID = re.compile(r"[A-Z][A-Z0-9]{2}[A-DF-Y][0-9]{8}.")
"""A copy that somebody made beside a frame, say: the archive would take it for a frame of its own."""
_WORDS = ("nights", "files", "bytes", "address", "manifest")
_SUBJECT = "manifest for {nights}"
_TEXT = """Dear archive team,

attached is {manifest}: {files} frames of {nights}, {bytes} bytes.
The address of the machine that they lie on is {address}.
"""


class ManifestMail(Section):
    """The letter to the archive; in its words {nights}, {files}, {bytes}, {address} and {manifest} are filled in."""

    to: tuple[str, ...] = Field(min_length=1, description="recipients")
    address: str = Field(description="the address of the host that the archive fetches from, as the letter states it")
    subject: str = Field(_SUBJECT, description="the subject's words")
    text: str = Field(_TEXT, description="the letter's words")

    @field_validator("to")
    @classmethod
    def _are_addresses(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(forms.mail_address(one) for one in to)

    @field_validator("subject", "text")
    @classmethod
    def _knows_its_words(cls, text: str) -> str:
        for _, name, _, _ in string.Formatter().parse(text):
            if name is not None and name not in _WORDS:
                told = " ".join("{" + word + "}" for word in _WORDS)
                raise ValueError(f"{{{name}}} is none of {told}")
        return text


class ManifestStep(NamesItsProducts):
    """Lists a night's frames for the archive."""

    seals: ClassVar[bool] = True

    step: Literal["manifest"] = Field(description="which converter")
    inputs: tuple[str, ...] = Field(
        ("vgen2/VMP*.fits.fz",), min_length=1, description="patterns of the files that are listed"
    )
    file: str = Field("manifest_VMP_{night}.csv", description="the manifest; {night} is YYYYMMDD")
    dialect: Dialect = Field("scxkw", description="scxkw: no head; gen2: with a head and sums")
    sums: tuple[Literal["sha256", "md5"], ...] = Field((), description="gen2: columns of sums")
    root: str | None = Field(
        None, description="the root under which the archive finds the files; default: this copy's root"
    )
    mail: ManifestMail | None = Field(None, description="the letter to the archive; none: no letter")

    def plan(self, folder: NightFolder, survey: Survey) -> Sequence[Task]:
        """Return the one task of a night that has frames."""
        inputs = tuple(folder.taken(self.inputs))
        if not inputs:
            return []
        product = os.fsencode(self.file.replace("{night}", f"{folder.night:%Y%m%d}"))
        return [Task(folder, folder.subject, inputs, (product,), self._arguments(folder))]

    def make(self, task: Task, outputs: Sequence[Path], desk: Desk) -> Done:
        """Write the manifest, read it again and verify it, and write the letter."""
        folder = task.folder
        root = os.fsencode(self.root or folder.root).rstrip(b"/")
        places = {root + b"/" + folder.below_root(path): folder.place_of(path) for path in task.inputs}
        sums = self.sums if self.dialect == "gen2" else ()
        rows = [row_of(path, place, sums) for path, place in places.items()]
        strange = [row.path for row in rows if _ALMOST_AN_ID.match(row.frame_id)]
        if strange:
            return Done(f"{show(os.fsencode(strange[0]))}: its name is no frame id but begins like one; move it away")
        outputs[0].write_bytes(encode(merge([rows]), self.dialect))
        written = outputs[0].read_bytes()
        for row, wrong in verify(decode(written)[0], lambda row: places[os.fsencode(row.path)]):
            return Done(f"{show(os.fsencode(row.path))}: {wrong}")
        letters = () if self.mail is None else (self._letter(self.mail, os.fsdecode(task.outputs[0]), written),)
        return Done(letters=letters)

    def merged(self, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Return one letter with one manifest for all nights of a run."""
        if self.mail is None or len(letters) < 2:
            return letters
        attached = [one for letter in letters for one in letter.attachments]
        nights = [night for one in attached for night in self._nights(one.name)]
        name = self.file.replace("{night}", f"{min(nights)}-{max(nights)}") if nights else attached[0].name
        rows = merge(decode(one.content)[0] for one in attached)
        return [self._letter(self.mail, name.rpartition("/")[2], encode(rows, self.dialect), sorted(set(nights)))]

    def _letter(self, mail: ManifestMail, path: str, content: bytes, nights: Sequence[str] = ()) -> Letter:
        rows, name = decode(content)[0], path.rpartition("/")[2]
        words = {
            "nights": ", ".join(nights or self._nights(name)),
            "files": str(len(rows)),
            "bytes": str(sum(row.size_bytes for row in rows)),
            "address": mail.address,
            "manifest": name,
        }
        return Letter(
            mail.to, mail.subject.format_map(words), mail.text.format_map(words), (Attachment(name, content),)
        )

    def _nights(self, name: str) -> list[str]:
        """Return the nights that a manifest's name tells."""
        return re.findall(r"(?<![0-9])[0-9]{8}(?![0-9])", name)

    def _arguments(self, folder: NightFolder) -> str:
        mail = None if self.mail is None else self.mail.model_dump()
        return json.dumps([self.dialect, self.sums, self.root or os.fspath(folder.root), mail])
