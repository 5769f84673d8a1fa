"""Loading a folder: every problem of every file at once, each with its file, line, key path and reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observatory.errors import SpecificationError, UsageError
from observatory.spec.load import find_folder, load
from observatory.spec.models import Verify
from tests.unit.spec.folders import SITE, CommandSection, instrument, problems, write

FAULTY_SITE = """\
site: Sutherland
timezone: Africa/Johannesburgh
hosts:
  sha: {address: sha.suth.saao.ac.za, usr: observer, port: 22x}
  astro.suth: {local: auto}
  here: {local: yes}
  bad name: {address: x}
mail:
  from: "a b"
  to: ["a@b\\nBcc: c@d"]
  when: diferences
  server: {user: x}
schedule: {run: "0 25 * * *", sync: "8"}
database: postgresql+psycopg://u:secret@host/name
site: two
"""
FAULTY_SHA = """\
instrument: shaa
layuot: "%Y/%m%d"
layout: "%Y/%m"
settle_s: 5m
window_nights: 30 days
cameras:
  sha: {files: ["SHA_*.fits"], nights: no}
copies:
  - {host: sha, root: /data/74in/sha, adress: 3}
  - {host: astro.sut, root: /data/../74in/sha}
  - {host: astro.suth, root: "/data/{tel}/sha", after: fpack, from: shaa, origin: 1}
  - {root: data}
verify: {level: sise}
sequence: "SHA_{nite}.{number}.fits"
convert:
  steps:
    - {step: comand}
    - {step: command, run: [fpack], inputs: "*.fits", kep: true}
    - {step: command}
mail: {to: not-an-address}
"""


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """One pass is enough to mend everything: nothing hides behind another fault, in whichever file."""
    write(tmp_path, FAULTY_SITE, sha=FAULTY_SHA, shd=instrument("shd", copies="", settle_s="-1"))
    assert problems(tmp_path) == [
        "instruments.d/sha.yaml:1: instrument: 'shaa' stands in sha.yaml: the file's stem is the instrument's name",
        "instruments.d/sha.yaml:2: layuot: unknown key; did you mean 'layout'?",
        "instruments.d/sha.yaml:3: layout: '%Y/%m' does not say the day: it needs e.g. %Y, %m and %d",
        "instruments.d/sha.yaml:4: settle_s: a number of seconds is needed, without a unit, not '5m': write 300",
        "instruments.d/sha.yaml:5: window_nights: a whole number of nights or this-and-last-month is needed,"
        " without a unit, not '30 days': write 30",
        "instruments.d/sha.yaml:7: cameras.sha.nights: none is needed, not 'no'; did you mean 'none'?",
        "instruments.d/sha.yaml:9: copies.0.adress: unknown key; known here: after, cameras, fill, from, host, layout,"
        " name, origin, place, removable, retention, root, transfer",
        "instruments.d/sha.yaml:10: copies.1.host: host 'astro.sut' is not declared in site.yaml;"
        " did you mean 'astro.suth'?",
        "instruments.d/sha.yaml:10: copies.1.root: a root must not contain '..': '/data/../74in/sha'",
        "instruments.d/sha.yaml:11: copies.2.after: there is no step 'fpack'; known here: comand, command",
        "instruments.d/sha.yaml:11: copies.2.from: there is no copy 'shaa' in this instrument; did you mean 'sha'?",
        "instruments.d/sha.yaml:11: copies.2.origin: true or false is needed, not '1'",
        "instruments.d/sha.yaml:11: copies.2.root: {tel} is none of this instrument's variants",
        "instruments.d/sha.yaml:12: copies.3.host: is required",
        "instruments.d/sha.yaml:12: copies.3.root: a root is an absolute path: it begins with '/', unlike 'data'",
        "instruments.d/sha.yaml:13: verify.level: existence, size, checksum or structure is needed, not 'sise';"
        " did you mean 'size'?",
        "instruments.d/sha.yaml:14: sequence: {nite} is none of {night}, {number} and {camera}",
        "instruments.d/sha.yaml:17: convert.steps.0.step: there is no step 'comand'; did you mean 'command'?",
        "instruments.d/sha.yaml:18: convert.steps.1.inputs: a list is needed, such as [first, second], not '*.fits'",
        "instruments.d/sha.yaml:18: convert.steps.1.kep: unknown key; did you mean 'keep'?",
        "instruments.d/sha.yaml:19: convert.steps.2.run: is required",
        "instruments.d/sha.yaml:20: mail.to: a list is needed, such as [first, second], not 'not-an-address'",
        "instruments.d/shd.yaml:1: copies: is required",
        "instruments.d/shd.yaml:5: settle_s: must be at least 0.0, not '-1'",
        "site.yaml:2: timezone: 'Africa/Johannesburgh' is no IANA time zone, such as Africa/Johannesburg",
        "site.yaml:4: hosts.sha.port: a whole number is needed, not '22x'",
        "site.yaml:4: hosts.sha.usr: unknown key; did you mean 'user'?",
        "site.yaml:5: hosts.astro.suth: needs an address, or local: true",
        "site.yaml:6: hosts.here.local: true, false or auto is needed, not 'yes'",
        "site.yaml:7: hosts.bad name: 'bad name' is not a name of at most 64 letters, digits and '_', '.', '+', '-',"
        " beginning with a letter or digit",
        "site.yaml:9: mail.from: a mail address such as data-managers@saao.ac.za, not 'a b'",
        "site.yaml:10: mail.to.0: a mail address such as data-managers@saao.ac.za, not 'a@b\\nBcc: c@d'",
        "site.yaml:11: mail.when: always, differences or change is needed, not 'diferences';"
        " did you mean 'differences'?",
        "site.yaml:12: mail.server: a login needs both, user and password_file",
        "site.yaml:13: schedule.run: '25' is no hour: 0 to 23, '*', ranges, lists and steps",
        "site.yaml:13: schedule.sync: a cron expression has five fields, such as \"0 8 * * *\"; '8' has 1",
        "site.yaml:14: database: a password does not belong here: use ~/.pgpass or PGPASSFILE",
        "site.yaml:15: site: stands twice; first on line 1",
    ]


def test_the_password_in_a_database_url_is_not_repeated_in_the_problem(tmp_path: Path) -> None:
    """Problems go into logs and mails."""
    assert "secret" not in "".join(problems(write(tmp_path, FAULTY_SITE)))


def test_a_good_folder_becomes_a_specification_with_its_defaults(tmp_path: Path) -> None:
    """What is not said has the default of the interface."""
    loaded = load(write(tmp_path), hostname="astro.suth.saao.ac.za")
    sha = loaded.instruments["sha"]
    assert loaded.folder == str(tmp_path)
    assert loaded.hostname == "astro.suth.saao.ac.za"
    assert (sha.rollover, sha.window_nights, sha.settle_s, sha.settle_limit_s) == ("12:00", 30, 300.0, 86400.0)
    assert (sha.verify, sha.on_difference, sha.symlinks) == (Verify(level="size"), "version", "follow-inside")
    assert (loaded.site.state, loaded.site.database) == ("var", "sqlite:///catalogue.db")
    assert [copy.label for copy in sha.copies] == ["sha", "astro.suth"]


def test_the_example_of_the_interface_loads(tmp_path: Path) -> None:
    """Word for word what the interface shows, with every key of its two files."""
    site = """\
site: Sutherland
timezone: Africa/Johannesburg          # IANA
state: /var/lib/nightferry
database: sqlite:///catalogue.db
hosts:
  sha:        {address: sha.suth.saao.ac.za, user: observer, port: 22, identity: ~/.ssh/id_ed25519}
  astro.suth: {address: astro.suth.saao.ac.za, local: auto}
  astro.cape: {address: astro.cape.saao.ac.za, local: auto}
  here:       {local: true}
mail:
  server: {host: localhost, port: 25, security: none}
  from: nightferry@saao.ac.za
  to: [data-managers@saao.ac.za]
  when: differences
schedule:
  run: "0 8 * * *"
"""
    text = """\
instrument: sha
title: SHOC'n'Awe on the 74-inch
layout: "%Y/%m%d"
rollover: "12:00"
cameras:
  sha: {files: ["SHA_*.fits"]}
window_nights: 30
settle_s: 300
copies:
  - {host: sha,        root: /data/74in/sha}
  - {host: astro.suth, root: /data/telescopedata/74in/sha}
  - {host: astro.cape, root: /data/telescopedata/74in/sha}
verify: {level: size}
sequence: "SHA_{night}.{number}.fits"
retention: {keep_nights: 60, copies: 2, within_days: 30}
convert:
  workers: 2
  steps:
    - {step: command, run: [fpack, -r, "{input}"], inputs: ["*.fits"], outputs: ["{input}.fz"], copy: astro.suth,
       timeout_s: 600}
mail: {to: [shoc-team@saao.ac.za]}
"""
    loaded = load(write(tmp_path, site, sha=text), step_models={"command": CommandSection})
    convert = loaded.instruments["sha"].convert
    assert convert is not None
    assert convert.workers == 2
    assert convert.steps == (
        CommandSection(
            step="command",
            run=("fpack", "-r", "{input}"),
            inputs=("*.fits",),
            outputs=("{input}.fz",),
            copy_="astro.suth",
            timeout_s=600,
        ),
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("from_: x", "from_: unknown key; did you mean 'from'?"),
        ("transfer: {rate_bytes_per_s: 10M}", "transfer.rate_bytes_per_s: a whole number of bytes per second is needed,"
         " without a unit, not '10M': write 10000000"),
        ("retention: {keep_nights: 2 weeks}", "retention.keep_nights: a whole number of nights is needed,"
         " without a unit, not '2 weeks': write 14"),
        ("retention: {keep_nights: 1, copies: 1, within_days: 1.5}", "retention.within_days: a whole number of days is"
         " needed, without a unit, not '1.5'"),
        ("transfer: {compression: on}", "transfer.compression: true or false is needed, not 'on'"),
        ("transfer: {sessions: 0}", "transfer.sessions: must be at least 1, not '0'"),
        ("place:", None),
        ("removable:", "removable: has no value; give it one, or leave the key out"),
        ("from: []", "from: at least one is needed"),
        ("name: [a]", "name: one text is needed, not a list"),
        ("transfer: fast", "transfer: a section with keys of its own is needed, not 'fast'"),
        ("transfer: {hours: [{from: '8:00', until: '18:00', rate_bytes_per_s: 1}]}",
         "transfer.hours.0.from: a time of day as HH:MM, not '8:00'"),
        ("transfer: {hours: [{from: '08:00', until: utc, rate_bytes_per_s: 1}]}",
         "transfer.hours.0.until: a time of day as HH:MM, not 'utc'"),
        ("transfer: {hours: [{from: '08:00', until: '08:00', rate_bytes_per_s: 1}]}", "transfer.hours.0: from and until"
         " are both 08:00: it would never hold. All day is `rate_bytes_per_s` of transfer itself"),
        ("place: ''", "place: must not be empty"),
    ],
)  # fmt: skip
def test_each_kind_of_fault_is_a_plain_sentence(tmp_path: Path, line: str, problem: str | None) -> None:
    """People read these: no word of the library's."""
    copies = f"\n  - {{host: sha, root: /a}}\n  - host: astro.suth\n    root: /b\n    {line}"
    write(tmp_path, sha=instrument(copies=copies))
    if problem is None:
        load(tmp_path)
    else:
        assert problems(tmp_path) == [f"instruments.d/sha.yaml:9: copies.1.{problem}"]


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_a_time_that_is_no_number_of_seconds_is_refused(tmp_path: Path, text: str) -> None:
    """A settle time without end would copy nothing, quietly."""
    write(tmp_path, sha=instrument(settle_s=text))
    assert problems(tmp_path) == [
        f"instruments.d/sha.yaml:8: settle_s: a number of seconds is needed, without a unit, not '{text}'"
    ]


def test_a_number_that_no_calendar_and_no_system_call_knows_is_refused(tmp_path: Path) -> None:
    """By check-config, not by a run at night."""
    site = SITE.replace("address: sha", "connect_timeout_s: 1.0e300, address: sha")
    write(tmp_path, site=site, sha=instrument(window_nights="100001"))
    assert [fault.partition(": ")[2] for fault in problems(tmp_path)] == [
        "window_nights: must be at most 100000, or this-and-last-month, not '100001'",
        "hosts.sha.connect_timeout_s: must be at most 86400.0, not '1.0e300'",
    ]


def test_all_that_a_bare_file_lacks_is_told_at_once(tmp_path: Path) -> None:
    """One at a time would be three rounds."""
    assert problems(write(tmp_path, sha="instrument: sha\n")) == [
        "instruments.d/sha.yaml:1: needs layout or night_in_name: how else is a night found?",
        "instruments.d/sha.yaml:1: cameras: is required",
        "instruments.d/sha.yaml:1: copies: is required",
    ]


def test_a_missing_layout_is_told_beside_faults_further_down(tmp_path: Path) -> None:
    """The whole-file question does not hide an undeclared host."""
    text = instrument(layout="").replace("astro.suth", "astro.soth")
    assert problems(write(tmp_path, sha=text)) == [
        "instruments.d/sha.yaml:1: needs layout or night_in_name: how else is a night found?",
        "instruments.d/sha.yaml:6: copies.1.host: host 'astro.soth' is not declared in site.yaml;"
        " did you mean 'astro.suth'?",
    ]


def test_a_name_that_is_not_the_files_is_told_beside_what_makes_the_file_none(tmp_path: Path) -> None:
    """Without cameras there is no instrument to speak of; its name is wrong all the same."""
    told = problems(write(tmp_path, sha=instrument("shaa", cameras="{}")))
    assert [problem.split(": ")[1] for problem in told] == ["instrument", "cameras"]


def test_files_that_are_no_yaml_leave_the_others_to_be_judged(tmp_path: Path) -> None:
    """A broken site.yaml does not hide a broken instrument, nor make its hosts undeclared."""
    write(tmp_path, "site: [", sha=instrument(settle_s="x"), shd="", she="[1]")
    assert [problem.split(": ", 1)[0] for problem in problems(tmp_path)] == [
        "instruments.d/sha.yaml:8",
        "instruments.d/shd.yaml:1",
        "instruments.d/she.yaml:1",
        "site.yaml:1",
    ]


def test_nothing_is_silently_not_an_instrument(tmp_path: Path) -> None:
    """An instrument that is not read would never be missed; editors' own files do not matter."""
    write(tmp_path)
    (tmp_path / "instruments.d" / "shd.yml").write_text(instrument("shd"))
    (tmp_path / "instruments.d" / ".sha.yaml.swp").write_text("x")
    (tmp_path / "instruments.d" / "sha.yaml~").write_text("x")
    assert problems(tmp_path) == ["instruments.d/shd.yml:1: only *.yaml is read: rename it to shd.yaml"]


def test_a_folder_without_any_instrument_is_refused(tmp_path: Path) -> None:
    """A run over nothing would be green."""
    write(tmp_path)
    (tmp_path / "instruments.d" / "sha.yaml").unlink()
    assert problems(tmp_path) == [
        "instruments.d: holds no *.yaml, so no instrument is declared; `nightferry init DIR` writes an example into a"
        " new folder: copy its instruments.d/*.yaml here and change it"
    ]
    (tmp_path / "instruments.d").rmdir()
    assert problems(tmp_path)[0].startswith("instruments.d: could not be read: No such file")


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Relative to the folder; one that does not exist yet is no fault of the specification."""
    mail = "mail: {from: a@b, server: {user: u, password_file: secret}}\n"
    write(tmp_path, SITE + mail)
    load(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o644)
    assert problems(tmp_path) == [
        "site.yaml:7: mail.server.password_file: secret can be read by others: chmod 600 secret"
    ]
    secret.chmod(0o640)
    load(tmp_path)


def test_the_folder_is_the_first_that_holds_a_site(tmp_path: Path) -> None:
    """Named ones are taken or refused, the usual ones looked through in their order; how it was found is said."""
    etc, home, cwd = tmp_path / "etc", tmp_path / "home", tmp_path / "cwd"
    user = home / ".config" / "nightferry"
    with pytest.raises(UsageError, match="`nightferry init`"):
        find_folder(None, {}, home, cwd, etc)
    write(cwd)
    assert find_folder(None, {}, home, cwd, etc)[0] == cwd
    write(user)
    assert find_folder(None, {}, home, cwd, etc)[0] == user
    write(etc)
    assert find_folder(None, {"NIGHTFERRY_CONFIG": ""}, home, cwd, etc)[0] == etc
    assert find_folder(None, {"NIGHTFERRY_CONFIG": str(cwd)}, home, cwd, etc) == (cwd, "$NIGHTFERRY_CONFIG")
    assert find_folder("~/.config/nightferry", {"NIGHTFERRY_CONFIG": str(cwd)}, home, cwd, etc) == (user, "--config")
    assert find_folder("../cwd", {}, home, cwd, etc)[0] == cwd / ".." / "cwd"  # cron begins in another folder
    with pytest.raises(UsageError, match=r"--config: .*nowhere holds no site\.yaml"):
        find_folder(str(tmp_path / "nowhere"), {}, home, cwd, etc)


def test_an_unreadable_file_is_a_problem_and_not_an_absent_instrument(tmp_path: Path) -> None:
    """Root reads everything, so the fault is a dangling link."""
    write(tmp_path)
    (tmp_path / "instruments.d" / "shd.yaml").symlink_to(tmp_path / "nowhere")
    assert problems(tmp_path) == ["instruments.d/shd.yaml:1: does not exist"]


LINES = st.lists(
    st.sampled_from([*instrument().splitlines(), *SITE.splitlines(), "  - {host: sha, root: /x}", "  x: [1, {a: b}]",
                     "convert: {steps: [{step: command, run: [x]}, 1, {}]}", "sequence: {pattern: '{number}'}",
                     "away: [{from: '20160101'}]", "variants: {t: [a, a]}", "    from: sha", "mail: {from: a@b}"])
    | st.text(max_size=30),
    max_size=14,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(site=LINES, first=LINES)
def test_no_text_escapes_as_anything_but_a_specification_error(
    tmp_path: Path, site: list[str], first: list[str]
) -> None:
    """Whatever people write, they get sentences."""
    write(tmp_path)
    for name, lines in (("site.yaml", site), ("instruments.d/sha.yaml", first)):
        (tmp_path / name).write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        load(tmp_path, hostname="x", step_models={"command": CommandSection})
    except SpecificationError as refused:
        assert refused.problems
        assert all("\n" not in problem.key_path for problem in refused.problems)


TREES = st.recursive(
    st.none() | st.sampled_from(["1", "sha", "*", "/x", "%Y%m%d", "true", "none", "{number}", "", "-1", "a@b"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["host", "root", "files", "from", "until", "step", "steps", "level", "sha", "to", "pattern",
                         "server", "hours", "layout", "nights", "cameras", "name", "address", "local"]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
KEYS = ["instrument", "layout", "cameras", "copies", "verify", "sequence", "retention", "convert", "mail", "variants",
        "away", "modes", "rollover", "window_nights", "night_in_name"]  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=st.dictionaries(st.sampled_from(KEYS), TREES, max_size=3))
def test_any_value_of_any_shape_is_loaded_or_refused_with_sentences(tmp_path: Path, changes: dict[str, object]) -> None:
    """Lists where texts belong, texts where sections belong: never a traceback."""
    whole = {**yaml.safe_load(instrument()), **changes}
    write(tmp_path, sha=yaml.safe_dump(whole))
    try:
        load(tmp_path, hostname="x", step_models={"command": CommandSection})
    except SpecificationError as refused:
        assert refused.problems


def test_a_machine_is_told_by_its_full_name_where_it_calls_itself_by_its_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its resolver says; one that knows nothing leaves the short name as it is."""
    answers = {"astro": [(0, 0, 0, "astro.suth.saao.ac.za.", ())]}

    def ask(name: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if name not in answers:
            raise OSError("Name or service not known")
        return list(answers[name])

    monkeypatch.setattr("socket.getaddrinfo", ask)
    monkeypatch.setattr("socket.gethostname", lambda: "astro")
    site = SITE.replace("{address: astro.suth.", "{local: auto, address: astro.suth.")
    assert load(write(tmp_path, site=site)).hostname == "astro.suth.saao.ac.za"
    answers.clear()
    assert load(tmp_path).hostname == "astro"
