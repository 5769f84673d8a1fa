"""The specification as frozen pydantic models: site.yaml and one file per instrument.

Says what keys there are, of which kind, with which defaults. What only several keys or files together
can show to be wrong (an undeclared host, two instruments in one folder) is check.py's; reading is load.py's.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=64)]
"""A name of a host, copy, camera or instrument: fit for a folder, a mail subject and a command line."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) or value is None else [value]


OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
"""A text, or a list of texts."""


class Section(BaseModel):
    """What every section shares: frozen, and no key that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _absolute(root: str) -> str:
    if not root.startswith("/"):
        raise ValueError("a root is an absolute path")
    if ".." in PurePosixPath(root).parts:
        raise ValueError("a root must not contain '..'")
    return root


def _clock(text: str) -> str:
    if text != "utc" and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError("a time of day as HH:MM, or utc")
    return text


class Host(Section):
    """One machine: how it is reached."""

    address: str | None = Field(None, description="host name, address, or alias of ~/.ssh/config")
    user: str | None = None
    port: int | None = Field(None, ge=1, le=65535)
    identity: str | None = Field(None, description="private key file")
    known_hosts: str | None = Field(None, description="default: what ssh itself uses")
    proxy_jump: str | None = None
    connect_timeout_s: float = Field(15.0, gt=0)
    rsync_path: str | None = Field(None, description="e.g. sudo -n rsync")
    local: bool | Literal["auto"] = Field(False, description="auto: local on the machine of that name")

    @model_validator(mode="after")
    def _reachable(self) -> Host:
        if self.address is None and self.local is not True:
            raise ValueError("needs an address, or local: true")
        if self.address is not None and self.address.startswith("-"):
            raise ValueError("an address does not begin with a hyphen")
        return self


class MailServer(Section):
    """The server that takes our mail."""

    host: str = "localhost"
    port: int = Field(25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    user: str | None = None
    password_file: str | None = None
    ca_file: str | None = Field(None, description="certificates to trust instead of the system's")
    timeout_s: float = Field(30.0, gt=0)


class SiteMail(Section):
    """Who is told, through which server, and when."""

    server: MailServer = MailServer()
    folder: str | None = Field(None, description="write mails into this folder instead of sending them")
    from_: str = Field(alias="from")
    to: tuple[str, ...] = ()
    when: Literal["always", "differences", "change"] = "differences"
    repeat_days: int = Field(3, ge=1)
    alive: Literal["weekly"] | None = None


class Schedule(Section):
    """Cron expressions in the site's zone."""

    run: str | None = None
    sync: str | None = None
    convert: str | None = None
    verify: str | None = None
    prune: str | None = None


class Site(Section):
    """site.yaml."""

    site: str = Field(min_length=1)
    timezone: str
    state: str = Field("var", description="database, spool and reports; relative to site.yaml")
    database: str = Field("sqlite:///catalogue.db", description="relative to state; or postgresql+psycopg://...")
    hosts: dict[Name, Host] = Field(min_length=1)
    mail: SiteMail | None = None
    schedule: Schedule = Schedule()
    heartbeat_url: str | None = Field(None, description="called after each finished run")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is no IANA time zone, such as Africa/Johannesburg") from error
        return name


class Camera(Section):
    """One kind of files of an instrument; its name fills ``{camera}``."""

    files: tuple[str, ...] = Field(min_length=1, description="shell patterns")
    exclude: tuple[str, ...] = ()
    layout: str | None = None
    companions: tuple[str, ...] = Field((), description="patterns with {stem} of files that belong to each file")
    nights: Literal["none"] | None = Field(None, description="none: a tree without nights")


class Hours(Section):
    """A lower rate during some hours."""

    from_: Annotated[str, BeforeValidator(_clock)] = Field(alias="from")
    until: Annotated[str, BeforeValidator(_clock)]
    rate_bytes_per_s: int = Field(gt=0)


class TransferOptions(Section):
    """How a hop's bytes travel; chosen by itself where not said."""

    engine: Literal["rsync", "sftp", "local"] | None = None
    sessions: int | None = Field(None, ge=1, le=64)
    cipher: str | None = None
    compression: bool | None = None
    one_file_system: bool = True
    rate_bytes_per_s: int | None = Field(None, gt=0)
    hours: tuple[Hours, ...] = ()


class Retention(Section):
    """What `prune` may free."""

    keep_nights: int = Field(ge=0)
    copies: int = Field(2, ge=1)
    within_days: int = Field(30, ge=1)


class Copy(Section):
    """One place where an instrument's files are: an endpoint of its chain."""

    host: str
    root: Annotated[str, BeforeValidator(_absolute)]
    name: Name | None = Field(None, description="default: the host")
    place: str | None = None
    from_: OneOrMore | None = Field(None, alias="from", description="default: the copy before")
    origin: bool = False
    cameras: OneOrMore | None = None
    layout: str | None = None
    retention: Retention | None = None
    after: str | None = None
    fill: Literal["external"] | None = None
    removable: bool = False
    transfer: TransferOptions = TransferOptions()

    @property
    def label(self) -> str:
        """The copy's name: what hops and ``--hop`` call it."""
        return self.name or self.host


class Verify(Section):
    """How deep `verify` looks."""

    level: Literal["existence", "size", "checksum", "structure"] = "size"


class Sequence(Section):
    """Where a night's frame numbers stand in the names."""

    pattern: str
    start: int | None = Field(None, ge=0)
    gaps: Literal["fail", "warn"] = "fail"
    allowed: tuple[int, ...] = ()

    @field_validator("pattern")
    @classmethod
    def _has_number(cls, pattern: str) -> str:
        if "{number}" not in pattern:
            raise ValueError("the pattern needs {number}")
        return pattern


class InstrumentMail(Section):
    """Who gets this instrument's part of the report."""

    to: tuple[str, ...] = ()


class AwaySpan(Section):
    """Nights on which nothing is to be expected."""

    from_: str = Field(alias="from")
    until: str
    reason: str = Field(min_length=1)


class Modes(Section):
    """Permission bits of what is written."""

    files: str | None = Field(None, pattern=r"^0?[0-7]{3,4}$")
    directories: str | None = Field(None, pattern=r"^0?[0-7]{3,4}$")
    group: str | None = None


class StepSection(Section):
    """What every step of ``convert`` has; converters add their own keys."""

    step: str
    name: Name | None = None
    inputs: tuple[str, ...] = Field(("*",), min_length=1)
    outputs: tuple[str, ...] = ()
    copy_: str | None = Field(None, alias="copy", description="the copy it works on; default: the last local one")
    timeout_s: float = Field(3600.0, gt=0)

    @property
    def label(self) -> str:
        """What ``after`` and ``--step`` call it."""
        return self.name or self.step


class Convert(Section):
    """The steps that turn what arrived into products; `steps` are narrowed by the converters' own models."""

    workers: int | str = 1
    steps: tuple[StepSection, ...] = ()


class Instrument(Section):
    """One file of instruments.d."""

    instrument: Name
    title: str = ""
    layout: str | None = None
    night_in_name: str | None = None
    rollover: Annotated[str, BeforeValidator(_clock)] = "12:00"
    cameras: dict[Name, Camera] = Field(min_length=1)
    window_nights: Annotated[int, Field(ge=1)] | Literal["this-and-last-month"] = 30
    settle_s: float = Field(300.0, ge=0)
    settle_limit_s: float = Field(86400.0, ge=0)
    copies: tuple[Copy, ...] = Field(min_length=1)
    verify: Verify = Verify()
    sequence: Sequence | None = None
    retention: Retention | None = None
    convert: Convert | None = None
    mail: InstrumentMail = InstrumentMail()
    variants: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    away: tuple[AwaySpan, ...] = ()
    on_difference: Literal["version", "keep", "replace"] = "version"
    symlinks: Literal["follow-inside", "copy", "refuse"] = "follow-inside"
    modes: Modes = Modes()
    datastore: dict[str, Any] | None = None

    @field_validator("sequence", mode="before")
    @classmethod
    def _pattern_alone(cls, value: Any) -> Any:
        return {"pattern": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _knows_its_nights(self) -> Instrument:
        if self.layout is None and self.night_in_name is None:
            raise ValueError("needs layout or night_in_name: how else is a night found?")
        return self


class Specification(BaseModel):
    """Everything declared: the site and its instruments by name, and where it was read."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    folder: str
    site: Site
    instruments: dict[str, Instrument]

    @property
    def zone(self) -> dt.tzinfo:
        """The site's time zone."""
        return zoneinfo.ZoneInfo(self.site.timezone)
