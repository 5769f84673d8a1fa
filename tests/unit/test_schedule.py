"""cron and systemd are told the same jobs at the same times, in words that neither of them misreads."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from nightferry.schedule import crontab_lines, jobs_of, machine_zone, program, systemd_units
from observatory.errors import UsageError
from observatory.spec.models import Site, Specification

PROGRAM = ["/opt/night ferry/bin/nightferry"]


def specification(folder: str = "/etc/nightferry", zone: str = "Africa/Johannesburg", **schedule: str) -> Specification:
    """Return a site with a schedule and no instruments."""
    site = Site.model_validate(
        {"site": "100 % Sky", "timezone": zone, "hosts": {"here": {"local": "true"}}, "schedule": schedule}
    )
    return Specification(folder=folder, site=site, instruments={})


def test_the_jobs_come_in_their_order() -> None:
    """Those that are scheduled, and no others."""
    assert list(jobs_of(specification(verify="0 9 * * *", run="0 8 * * *"))) == ["run", "verify"]


def test_a_schedule_of_nothing_is_a_usage_error() -> None:
    """It is said with an example."""
    with pytest.raises(UsageError, match="names no job"):
        jobs_of(specification())


def test_prune_of_the_schedule_frees() -> None:
    """By hand it only says what it might do; a schedule that only said so would be of no use."""
    scheduled = specification(prune="0 12 * * *")
    (line,) = (line for line in crontab_lines(scheduled, PROGRAM) if " prune " in line)
    assert line.split(">")[0].rstrip().endswith(" prune --yes --scheduled")
    assert any(" prune --yes --scheduled" in unit for unit in systemd_units(scheduled, PROGRAM))


def test_crontab_has_a_line_per_job_with_its_signs_escaped() -> None:
    """A per cent sign would end the command; blanks are quoted."""
    lines = list(crontab_lines(specification("/etc/100%", run="0 8 * * 1-5"), PROGRAM))
    assert lines[-1].startswith(
        "0 8 * * 1-5 '/opt/night ferry/bin/nightferry' --quiet --config /etc/100\\% run --scheduled"
    )
    assert "CRON_TZ=Africa/Johannesburg" in lines


def test_crontab_of_the_machines_own_zone_needs_no_word_of_it() -> None:
    """Debian's cron would ignore it."""
    zone = machine_zone()
    lines = list(crontab_lines(specification(zone=zone or "Africa/Johannesburg", run="0 8 * * *"), PROGRAM))
    assert any(line.startswith("CRON_TZ") for line in lines) == (zone is None)


def test_systemd_gets_a_service_and_a_timer_per_job() -> None:
    """Its own signs are doubled: per cent, dollar and backslash."""
    units = list(systemd_units(specification("/etc/$HOME\\%", run="0 8 * * *", sync="*/10 * * * *"), PROGRAM))
    assert len(units) == 4
    assert "Description=nightferry run, site 100 %% Sky\n" in units[0]
    assert "--config '/etc/$$HOME\\\\%%' run --scheduled\n" in units[0]
    assert "OnCalendar=*-*-* *:0/10:00 Africa/Johannesburg\n" in units[3]


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """Asked of systemd itself where it is installed; everywhere no line is left half."""
    units = list(systemd_units(specification(run="0 8 1 * fri"), ["/bin/true"]))
    assert all("{" not in unit and unit.endswith("\n") for unit in units)
    asked = shutil.which("systemd-analyze")
    if asked is None:
        return
    names = [tmp_path / "nightferry-run.service", tmp_path / "nightferry-run.timer"]
    for name, unit in zip(names, units, strict=True):
        name.write_text(unit, encoding="utf-8")
    said = subprocess.run([asked, "verify", "--man=no", *map(str, names)], capture_output=True, text=True, check=False)
    assert "nightferry-run" not in said.stderr


def test_the_program_is_this_installation() -> None:
    """What is printed can be started."""
    assert Path(program()[0]).exists()


def test_an_instrument_that_is_watched_has_a_service_of_its_own() -> None:
    """Started anew when it ends, with nothing else scheduled too."""
    (unit,) = systemd_units(specification(), PROGRAM, ["magaox"])
    assert "ExecStart='/opt/night ferry/bin/nightferry' --config /etc/nightferry export --watch --inst" in unit
    assert "Restart=always" in unit
    assert "100 %% Sky" in unit


def test_services_run_as_who_asked_for_them_and_not_as_root() -> None:
    """Whose keys and known_hosts the hosts know; a service that says nothing of it is root's."""
    units = list(systemd_units(specification(run="0 8 * * *"), PROGRAM, ["magaox"], user="observer"))
    services = [unit for unit in units if "[Service]" in unit]
    assert len(services) == 2
    assert all("\nUser=observer\n" in unit for unit in services)
    assert not any("User=" in unit for unit in units if "[Timer]" in unit)
