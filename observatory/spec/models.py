"""The specification as frozen pydantic models: site.yaml and one file per instrument.

Says what keys there are, of which kind, with which defaults; the reference and the JSON Schema are made from it.
What only several keys or files together can show to be wrong (an undeclared host, two instruments in one folder)
is check.py's; the small forms of text are forms.py's; reading is load.py's.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from observatory.nights import MOST_NIGHTS
from observatory.spec import forms
from observatory.spec.kinds import (
    DAY_S,
    Bits,
    Cron,
    MailAddress,
    Night,
    TimeOfDay,
)
from observatory.spec.kinds import ONE_OR_MANY as ONE_OR_MANY
from observatory.spec.kinds import Clock as Clock
from observatory.spec.kinds import Line as Line
from observatory.spec.kinds import Name as Name
from observatory.spec.kinds import OneOrMore as OneOrMore
from observatory.spec.kinds import Owned as Owned
from observatory.spec.kinds import Pattern as Pattern
from observatory.spec.kinds import Section as Section
from observatory.spec.kinds import as_list as as_list


class Host(Section):
    """One machine: how it is reached."""

    address: Line | None = Field(None, description="host name, address, or alias of ~/.ssh/config")
    user: Line | None = Field(None, description="login name; default: as ssh would take it")
    port: int | None = Field(None, ge=1, le=65535, description="ssh port; default: as ~/.ssh/config says, else 22")
    identity: Line | None = Field(None, description="private key file, relative to the configuration folder")
    known_hosts: Line | None = Field(None, description="file of known host keys; default: what ssh itself uses")
    proxy_jump: Line | None = Field(None, description="host to go through, as ssh's ProxyJump")
    connect_timeout_s: float = Field(
        15.0, gt=0, le=DAY_S, description="seconds that a connection may take to come about"
    )
    rsync_path: Line | None = Field(None, description="rsync as called there, e.g. sudo -n rsync")
    local: bool | Literal["auto"] = Field(False, description="true: this machine; auto: the machine of that name")

    @model_validator(mode="after")
    def _reachable(self) -> Host:
        if self.address is None and self.local is not True:
            raise ValueError("needs an address, or local: true")
        if any(text is not None and text.startswith("-") for text in (self.address, self.user, self.proxy_jump)):
            raise ValueError("address, user and proxy_jump do not begin with a hyphen: ssh would read an option")
        return self


class MailServer(Section):
    """The server that takes our mail."""

    host: Line = Field("localhost", description="name or address")
    port: int = Field(25, ge=1, le=65535, description="usually 25, 587 with starttls, 465 with tls")
    security: Literal["none", "starttls", "tls"] = Field("none", description="how the connection is secured")
    user: Line | None = Field(None, description="login name, together with password_file")
    password_file: Line | None = Field(None, description="file that holds the password and that others cannot read")
    ca_file: Line | None = Field(None, description="certificates to trust instead of the system's")
    timeout_s: float = Field(30.0, gt=0, le=DAY_S, description="seconds to wait for each answer")

    @model_validator(mode="after")
    def _whole_login(self) -> MailServer:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("a login needs both, user and password_file")
        return self


class SiteMail(Section):
    """Who is told, through which server, and when."""

    server: MailServer = Field(MailServer(), description="the server that takes our mail")
    folder: Line | None = Field(None, description="write mails into this folder instead of sending them")
    from_: MailAddress = Field(alias="from", description="the sender")
    to: tuple[MailAddress, ...] = Field((), description="who gets the whole report")
    when: Literal["always", "differences", "change"] = Field(
        "differences", description="always; when there is something to say; or when that has changed"
    )
    repeat_days: int = Field(3, ge=1, description="with change: days after which the same is said again")
    alive: Literal["weekly"] | None = Field(None, description="weekly: say once a week that all is well")

    @model_validator(mode="after")
    def _one_way(self) -> SiteMail:
        if self.folder is not None and "server" in self.model_fields_set and self.server != MailServer():
            raise ValueError("either server or folder: mails are sent, or written into a folder")
        return self


class Schedule(Section):
    """Cron expressions in the site's zone."""

    run: Cron | None = Field(None, description="the nightly run: hops, steps, verify, report")
    sync: Cron | None = Field(None, description="sync alone")
    convert: Cron | None = Field(None, description="the steps alone")
    verify: Cron | None = Field(None, description="verify alone")
    prune: Cron | None = Field(None, description="free what retention allows")


class Site(Section):
    """site.yaml."""

    site: Line = Field(description="the site's name, as mails and reports show it")
    timezone: Annotated[str, AfterValidator(forms.zone)] = Field(description="IANA name, e.g. Africa/Johannesburg")
    state: Line = Field("var", description="folder of database, spool and reports; relative to site.yaml")
    database: Annotated[str, AfterValidator(forms.database)] = Field(
        "sqlite:///catalogue.db", description="relative to state; or postgresql+psycopg://user@host/name"
    )
    hosts: dict[Name, Host] = Field(min_length=1, description="every machine by the name that copies use")
    mail: SiteMail | None = Field(None, description="without it nothing is mailed")
    schedule: Schedule = Field(Schedule(), description="when the daemon, crontab or systemd start what")
    heartbeat_url: Annotated[str, AfterValidator(forms.web_address)] | None = Field(
        None, description="called after each finished run: its silence is an alarm"
    )


class Camera(Section):
    """One kind of files of an instrument; its name fills ``{camera}``."""

    files: tuple[Pattern, ...] = Field(
        min_length=1, description="shell patterns of names; with a '/' of whole paths below the night's directory"
    )
    exclude: tuple[Pattern, ...] = Field((), description="patterns of what is not carried, compared or listed")
    layout: Line | None = Field(
        None,
        description="its night directories; default: the instrument's. With nights: none its folder; default: its name",
    )
    companions: tuple[Annotated[str, AfterValidator(forms.companion)], ...] = Field(
        (), description="patterns with {stem} of files that belong to each file"
    )
    nights: Literal["none"] | None = Field(
        None, description="none: a tree without nights, taken and compared whole, never pruned"
    )

    @property
    def taken(self) -> tuple[str, ...]:
        """The patterns of its files and of their companions; a companion's ``{stem}`` is its file's."""
        stems = [pattern.rpartition(".")[0] or pattern for pattern in self.files]
        companions = (companion.replace("{stem}", stem) for companion in self.companions for stem in stems)
        return tuple(dict.fromkeys([*self.files, *companions]))

    @model_validator(mode="after")
    def _layout_of_its_kind(self) -> Camera:
        if self.layout is not None:
            (forms.folder if self.nights == "none" else forms.layout)(self.layout)
        return self


class Hours(Section):
    """A lower rate during some hours."""

    from_: TimeOfDay = Field(alias="from", description="local time at which it begins, HH:MM")
    until: TimeOfDay = Field(description="local time at which it ends, HH:MM")
    rate_bytes_per_s: int = Field(gt=0, description="bytes per second during these hours")

    @model_validator(mode="after")
    def _some_time(self) -> Hours:
        if self.from_ == self.until:
            all_day = "All day is `rate_bytes_per_s` of transfer itself"
            raise ValueError(f"from and until are both {self.until}: it would never hold. {all_day}")
        return self


class TransferOptions(Section):
    """How a hop's bytes travel; chosen by itself where not said."""

    engine: Literal["pipe", "rsync", "sftp", "local"] | None = Field(
        None, description="default: the best both ends have"
    )
    sessions: int | None = Field(None, ge=1, le=64, description="transfers at a time over this hop")
    cipher: Line | None = Field(None, description="ssh cipher, e.g. aes128-gcm@openssh.com")
    compression: bool | None = Field(None, description="compress on the way; raw images seldom gain")
    one_file_system: bool = Field(True, description="do not enter other file systems below the root")
    rate_bytes_per_s: int | None = Field(None, gt=0, description="bytes per second at most")
    hours: tuple[Hours, ...] = Field((), description="other rates during some hours")


SET_ASIDE_DAYS = 30
"""So long is kept what was set aside, where no retention says otherwise."""


class Kind(Section):
    """What `prune` may free of one kind of files; what is not said here is as for the copy's other files."""

    files: tuple[Pattern, ...] = Field(min_length=1, description="shell patterns, as a camera's; the first kind counts")
    free: bool = Field(True, description="false: files of this kind are never freed")
    keep_nights: int | None = Field(None, ge=0, description="nights that stay whatever has been proven")
    copies: int | None = Field(None, ge=1, description="other copies, in so many places, that must hold a file")
    within_days: int | None = Field(None, ge=1, description="each of them read and hashed within so many days")
    manifest: bool | None = Field(None, description="true: only what stands in a manifest that was sent")
    confirmed_by: OneOrMore | None = Field(None, description="archives that must have confirmed a file (`confirm`)")


class Retention(Section):
    """What `prune` may free."""

    keep_nights: int = Field(ge=0, description="nights that stay whatever has been proven")
    copies: int = Field(2, ge=1, description="other copies, in so many places, that must hold a file")
    within_days: int = Field(30, ge=1, description="each of them read and hashed within so many days")
    reread: bool = Field(False, description="true: each of them is read and hashed once more just before a file goes")
    count_absent: bool = Field(False, description="true: a removable drive that is not there counts by its last hash")
    manifest: bool = Field(False, description="true: only what stands in a manifest that was sent")
    confirmed_by: OneOrMore | None = Field(None, description="archives that must have confirmed a file (`confirm`)")
    kinds: dict[Name, Kind] = Field(default_factory=dict, description="other rules for some kinds of files")
    set_aside_days: int = Field(
        SET_ASIDE_DAYS, ge=0, description="days that what was replaced, or set aside by `restore`, is kept there"
    )


class Copy(Section):
    """One place where an instrument's files are: an endpoint of its chain."""

    host: str = Field(description="a name below hosts in site.yaml")
    root: Annotated[str, AfterValidator(forms.root)] = Field(description="absolute path; variants in braces")
    name: Name | None = Field(None, description="default: the host; needed where two copies share one")
    place: Line | None = Field(None, description="copies in one place count once for retention; default: the host")
    from_: OneOrMore | None = Field(None, alias="from", description="the copies it is filled from; default: the last")
    origin: bool = Field(False, description="true: a further place where data are born")
    cameras: OneOrMore | None = Field(None, description="those that are here; default: all")
    layout: Annotated[str, AfterValidator(forms.layout)] | None = Field(
        None, description="night directories of this copy; default: the instrument's"
    )
    retention: Retention | None = Field(None, description="what prune may free on this copy")
    after: str | None = Field(None, description="a night moves here only when this step of it is complete")
    fill: Literal["external"] | None = Field(None, description="external: somebody else fills it; only verified")
    removable: bool = Field(False, description="true: a drive that comes and goes")
    transfer: TransferOptions = Field(TransferOptions(), description="how bytes travel to this copy")

    @property
    def label(self) -> str:
        """The copy's name: what hops and ``--hop`` call it."""
        return self.name or self.host


class Verify(Section):
    """How deep `verify` looks."""

    level: Literal["existence", "size", "checksum", "structure"] = Field("size", description="how deep to look")


class Sequence(Section):
    """Where a night's frame numbers stand in the names."""

    pattern: Annotated[str, AfterValidator(forms.sequence)] = Field(
        description="the name with {number}, and where they stand {night} and {camera}"
    )
    start: int | None = Field(None, ge=0, description="the first number of a night; default: the lowest there is")
    gaps: Literal["fail", "warn"] = Field("fail", description="whether a hole is a difference or only said")
    allowed: tuple[int, ...] = Field((), description="numbers that may be absent")


class InstrumentMail(Section):
    """Who gets this instrument's part of the report."""

    to: tuple[MailAddress, ...] = Field((), description="addresses, beside the site's list")


class AwaySpan(Section):
    """Nights on which nothing is to be expected."""

    from_: Night = Field(alias="from", description="first night, YYYYMMDD or YYYY-MM-DD")
    until: Night = Field(description="last night")
    reason: Line = Field(description="why, as the report says it")

    @model_validator(mode="after")
    def _in_order(self) -> AwaySpan:
        if self.until < self.from_:
            raise ValueError(f"until ({self.until}) lies before from ({self.from_})")
        return self


class Modes(Section):
    """Permission bits of what is written."""

    files: Bits | None = Field(None, description='of files, in octal, e.g. "0440"; default: as on the source')
    directories: Bits | None = Field(None, description='of directories, in octal, e.g. "2750"')
    group: Line | None = Field(None, description="group of both")


class StepSection(Section):
    """What every step of ``convert`` has; converters add their own keys.

    Two traits belong to a converter as such and are no keys: `changes_headers`, and `seals`: what it makes says how
    its inputs are, to the byte, so that no later step may change their headers.
    """

    changes_headers: ClassVar[bool] = False
    seals: ClassVar[bool] = False

    step: str = Field(description="which converter")
    name: Name | None = Field(None, description="what after and --step call it; default: the step")
    inputs: tuple[Pattern, ...] = Field(("*",), min_length=1, description="patterns of the files it works on")
    outputs: tuple[str, ...] = Field((), description="what it makes of each input")
    copy_: str | None = Field(None, alias="copy", description="the copy it works on; default: the last local one")
    timeout_s: float = Field(3600.0, gt=0, description="seconds that one invocation may take")
    hold: Literal["review"] | None = Field(
        None, description="review: later steps of the night wait until a person says `convert --approve`"
    )

    @property
    def label(self) -> str:
        """What ``after`` and ``--step`` call it."""
        return self.name or self.step


class Convert(Section):
    """The steps that turn what arrived into products; `steps` are narrowed by the converters' own models."""

    workers: Annotated[int | str, BeforeValidator(forms.workers)] = Field(
        1, description="local processes, or tcp://scheduler:8786"
    )
    steps: tuple[StepSection, ...] = Field((), description="in their order")


WITHOUT_NIGHTS = "needs layout or night_in_name: how else is a night found?"


class Instrument(Section):
    """One file of instruments.d."""

    instrument: Name = Field(description="its name; the file's stem")
    title: Annotated[str, AfterValidator(forms.one_line)] = Field("", description="as people know it")
    formerly: Name | None = Field(None, description="the name it had: what is known of it is taken over, once")
    layout: Annotated[str, AfterValidator(forms.layout)] | None = Field(
        None, description="a night's directory below every root: strftime of the night, and {camera}"
    )
    night_in_name: Annotated[str, AfterValidator(forms.night_expression)] | None = Field(
        None, description="regular expression with a group night or utc, where folders do not tell the night"
    )
    rollover: Clock = Field("12:00", description="local time at which a night begins; utc where folders count UT dates")
    cameras: dict[Name, Camera] = Field(min_length=1, description="kinds of files; telemetry and logs are some too")
    window_nights: Annotated[int, Field(ge=1, le=MOST_NIGHTS)] | Literal["this-and-last-month"] = Field(
        30, description="the present night and those before it"
    )
    settle_s: float = Field(300.0, ge=0, description="seconds; younger files are in progress")
    settle_limit_s: float = Field(86400.0, ge=0, description="seconds after which in progress is stuck")
    copies: tuple[Copy, ...] = Field(min_length=1, description="a chain: each is filled from the one before it")
    verify: Verify = Field(Verify(), description="how deep verify looks")
    sequence: Sequence | None = Field(None, description="frame numbers; a pattern, or a section")
    retention: Retention | None = Field(None, description="what prune may free on the first copy")
    convert: Convert | None = Field(None, description="steps that make products")
    mail: InstrumentMail = Field(InstrumentMail(), description="who gets this instrument's part of the report")
    variants: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]] = Field(
        default_factory=dict, description="words for {key} in roots: every combination is a chain of its own"
    )
    away: tuple[AwaySpan, ...] = Field((), description="nights on which nothing is to be expected")
    on_difference: Literal["version", "keep", "replace"] = Field(
        "version", description="same name, other bytes: set the old one aside, keep it, or replace it"
    )
    symlinks: Literal["follow-inside", "copy", "refuse"] = Field(
        "follow-inside", description="links below the root are followed, copied as links, or only listed"
    )
    modes: Modes = Field(Modes(), description="permission bits of what is written")

    @field_validator("sequence", mode="before")
    @classmethod
    def _pattern_alone(cls, value: Any) -> Any:
        return {"pattern": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _knows_its_nights(self) -> Instrument:
        if self.layout is None and self.night_in_name is None:
            raise ValueError(WITHOUT_NIGHTS)
        return self

    def section(self, model: type[Owned]) -> Owned | None:
        """Return the section of another package (see owned.py), None where the file does not hold it."""
        held = (getattr(self, name) for name in type(self).model_fields)
        return next((section for section in held if isinstance(section, model)), None)


class Specification(BaseModel):
    """Everything declared: the site and its instruments by name, where it was read, and on which machine."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    folder: str
    site: Site
    instruments: dict[str, Instrument]
    hostname: str = ""

    @property
    def zone(self) -> dt.tzinfo:
        """The site's time zone."""
        return zoneinfo.ZoneInfo(self.site.timezone)

    @property
    def mails_reports(self) -> bool:
        """Whether mail is declared and `to` names somebody, of the site or of an instrument."""
        mail = self.site.mail
        return mail is not None and bool(mail.to or any(one.mail.to for one in self.instruments.values()))
