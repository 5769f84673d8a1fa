"""Observatories of every declared shape: cameras, variants, forks and joins, layouts, drives, steps in between.

What a shape means is INTERFACE's; here each is carried and proven over real hosts.
"""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from observatory.nights import night_text
from tests.hosts import Host, need
from tests.observatory import OLD_S, Observatory, age, fits_file, folder_of, tree

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def site(tmp_path: Path, three_hosts: tuple[Host, Host, Host], capsys: Capsys) -> Observatory:
    """Three hosts, nothing declared yet."""
    return Observatory(tmp_path, three_hosts, capsys)


def proven(site: Observatory, *words: str) -> None:
    """Every declared hop is proven by checksum."""
    answer = site.call("verify", "--level", "checksum", *words)
    assert answer.status == 0, answer


def test_cameras_with_folders_of_their_own(site: Observatory) -> None:
    """`{camera}/night`: each camera's pattern holds in its own folder; a foreign file there is unrecognised."""
    alpha, beta, _ = site.hosts
    cameras = {"red": {"files": ["r*.fits"]}, "blue": {"files": ["b*.fits"], "exclude": ["*tmp*"]}}
    copies = [site.copy(alpha), site.copy(beta)]
    site.declare("sha", cameras=cameras, layout="{camera}/%Y%m%d", copies=copies)
    night = night_text(site.night())
    for name in (f"red/{night}/r1.fits", f"blue/{night}/b1.fits", f"blue/{night}/b2.tmp.fits", f"red/{night}/b9.fits"):
        site.put(alpha, name, fits_file())
    site.fill()
    assert sorted(tree(site.root(beta))) == [f"blue/{night}/b1.fits", f"red/{night}/r1.fits"]
    answer = site.call("verify", "--json")
    assert (answer.status, answer.hop["unrecognised"]) == (0, [f"red/{night}/b9.fits"])


def test_cameras_that_live_on_different_computers_join(site: Observatory) -> None:
    """`cameras` per copy and `from: [a, b]`: each computer brings its own to one archive."""
    alpha, beta, gamma = site.hosts
    cameras = {"red": {"files": ["r*.fits"]}, "blue": {"files": ["b*.fits"]}}
    copies = [
        site.copy(alpha, cameras=["red"]),
        site.copy(beta, cameras=["blue"], origin=True),
        site.copy(gamma, from_=["alpha", "beta"]),
    ]
    site.declare("sha", cameras=cameras, copies=copies)
    folder = folder_of(site.night())
    site.put(alpha, f"{folder}/r1.fits", fits_file(seed=1))
    site.put(beta, f"{folder}/b1.fits", fits_file(seed=2))
    site.fill()
    assert sorted(tree(site.root(gamma))) == [f"{folder}/b1.fits", f"{folder}/r1.fits"]
    hops = [hop["hop"] for hop in site.call("verify", "--json").document["hops"]]
    assert hops == ["alpha:gamma", "beta:gamma"]
    proven(site)


def test_a_chain_forks(site: Observatory) -> None:
    """Two archives from one source, neither waiting for the other."""
    alpha, beta, gamma = site.hosts
    site.declare("sha", copies=[site.copy(alpha), site.copy(beta), site.copy(gamma, from_="alpha")])
    site.expose([alpha], [1])
    site.fill("--hop", "alpha:gamma")
    assert tree(site.root(gamma)) and not tree(site.root(beta))
    site.fill()
    proven(site)


def test_what_one_source_brought_is_not_replaced_by_another_s(site: Observatory) -> None:
    """Two sources of one copy, one name, other bytes: the first stays, the second is kept back and reported."""
    alpha, beta, gamma = site.hosts
    copies = [site.copy(alpha), site.copy(beta, origin=True), site.copy(gamma, from_=["alpha", "beta"])]
    site.declare("sha", copies=copies)
    (name,) = site.expose([alpha], [1])
    site.put(beta, name, fits_file(pixels=5000, seed=2))
    answer = site.call("sync", "--json", *site.new_roots())
    assert answer.status == 1
    assert site.path(gamma, name).read_bytes() == site.path(alpha, name).read_bytes()
    assert answer.document["hops"][1]["kept"] == [name]


def test_variants_are_chains_of_their_own(site: Observatory) -> None:
    """The instrument moves between telescopes: a root per telescope, each carried and reported by itself."""
    alpha, beta, _ = site.hosts
    copies = [{"host": host.name, "root": f"{site.root(host).parent}/{{telescope}}/sha"} for host in (alpha, beta)]
    site.declare("sha", variants={"telescope": ["74in", "40in"]}, copies=copies)
    night = site.night()
    new = []
    for telescope in ("74in", "40in"):
        name = f"{folder_of(night)}/SHA_{night_text(night)}.{telescope[:2]}.fits"
        site.put(alpha, name, fits_file(), instrument=f"{telescope}/sha")
        site.root(beta, telescope).mkdir(parents=True)
        new += ["--new-root", f"beta:{site.root(beta, telescope)}/sha"]
    assert site.call("sync", *new).status == 0
    for telescope in ("74in", "40in"):
        assert tree(site.root(beta, f"{telescope}/sha")) == tree(site.root(alpha, f"{telescope}/sha")) != {}
    answer = site.call("verify", "--json")
    assert answer.status == 0
    assert [hop["source_root"].split("/")[-3] for hop in answer.document["hops"]] == ["74in", "40in"]


def test_each_copy_may_lay_out_its_nights_in_its_own_way(site: Observatory) -> None:
    """Names below the root change on the way and back: found missing by their source name, proven after."""
    alpha, beta, gamma = site.hosts
    copies = [site.copy(alpha), site.copy(beta, layout="%Y%m%d"), site.copy(gamma, layout="%Y/%b/%d")]
    site.declare("sha", copies=copies)
    (name,) = site.expose([alpha], [1])
    site.fill()
    night = site.night()
    assert list(tree(site.root(beta))) == [f"{night_text(night)}/{Path(name).name}"]
    assert list(tree(site.root(gamma))) == [f"{folder_of(night, '%Y/%b/%d')}/{Path(name).name}"]
    proven(site)
    site.path(gamma, next(iter(tree(site.root(gamma))))).unlink()
    missing = site.call("verify", "--json").document["hops"][1]["missing"]
    assert missing == [f"{night_text(night)}/{Path(name).name}"]
    assert [hop["transferred"] for hop in site.call("sync", "--json").document["hops"]] == [0, 1]


def test_a_copy_that_somebody_else_fills_is_only_verified(site: Observatory) -> None:
    """`fill: external`: sync leaves it alone, verify says what it lacks."""
    alpha, beta, gamma = site.hosts
    copies = [site.copy(alpha), site.copy(beta), site.copy(gamma, fill="external")]
    site.declare("sha", copies=copies)
    site.mark(gamma)
    (name,) = site.expose([alpha], [1])
    synced = site.call("sync", "--json", *site.new_roots())
    assert [hop["hop"] for hop in synced.document["hops"]] == ["alpha:beta"]
    assert not tree(site.root(gamma))
    answer = site.call("verify", "--json")
    assert (answer.status, answer.document["hops"][1]["missing"]) == (1, [name])


def test_a_tree_without_nights_is_taken_whole(site: Observatory) -> None:
    """`nights: none`: calibrations of any age travel and are compared, outside every window."""
    alpha, beta, _ = site.hosts
    cameras = {"sha": {"files": ["SHA_*.fits"]}, "calib": {"files": ["*.fits"], "nights": "none"}}
    site.declare("sha", cameras=cameras, copies=[site.copy(alpha), site.copy(beta)])
    site.expose([alpha], [1])
    site.put(alpha, "calib/2010/flat.fits", fits_file(seed=3), age_s=3000 * 86400)
    site.fill()
    assert "calib/2010/flat.fits" in tree(site.root(beta))
    site.path(beta, "calib/2010/flat.fits").unlink()
    answer = site.call("verify", "--json")
    assert (answer.status, answer.hop["missing"]) == (1, ["calib/2010/flat.fits"])


def test_nights_in_names_need_no_folders(site: Observatory) -> None:
    """`night_in_name`: one flat folder, selected by the stamp in each name."""
    alpha, beta, _ = site.hosts
    new, old = night_text(site.night()), night_text(site.night(300))
    site.declare(
        "sha", layout=None, night_in_name=r"SHA_(?P<night>\d{8})\.", copies=[site.copy(alpha), site.copy(beta)]
    )
    for night in (new, old):
        site.put(alpha, f"SHA_{night}.0001.fits", fits_file())
    site.fill()
    assert list(tree(site.root(beta))) == [f"SHA_{new}.0001.fits"]
    assert site.call("verify").status == 0


def test_links_that_stay_inside_are_followed_and_others_listed(site: Observatory) -> None:
    """follow-inside: a night's folder that is a link below the root travels; one that leaves it is listed only."""
    alpha, beta, _ = site.hosts
    site.declare("sha", copies=[site.copy(alpha), site.copy(beta)])
    (name,) = site.expose([alpha], [1])
    night = folder_of(site.night())
    (site.path(alpha, night) / f"SHA_{night_text(site.night())}.0002.fits").symlink_to(Path(name).name)
    (site.path(alpha, night) / f"SHA_{night_text(site.night())}.0003.fits").symlink_to("/etc/hostname")
    site.fill()
    assert sorted(path[-9:] for path in tree(site.root(beta))) == ["0001.fits", "0002.fits"]
    answer = site.call("verify", "--json")
    assert answer.status == 0
    assert [path[-9:] for path in answer.hop["unrecognised"]] == ["0003.fits"]


def test_a_removable_drive_is_away_until_it_is_back(site: Observatory) -> None:
    """Known by its marker; unplugged: away with the date last seen, exit 0; another drive is not taken for it."""
    alpha, _, _ = site.hosts
    site.add_local("drive")
    site.declare("sha", copies=[site.copy(alpha), site.copy("drive", removable=True)])
    site.expose([alpha], [1])
    site.fill()
    assert site.call("verify").status == 0
    drive, shelf = site.root("drive"), site.root("drive").with_name("shelf")
    drive.rename(shelf)
    gone = site.call("verify", "--json")
    assert (gone.status, gone.hop["state"]) == (0, "away")
    assert "last seen" in gone.hop["reason"]
    assert site.call("sync").status == 0
    drive.mkdir()
    assert site.call("sync").status == 0, "an empty mount point is the same as no drive"
    site.mark("drive", identity="another drive")
    assert not tree(drive)
    site.call("sync")
    assert not tree(drive), "another drive is not filled"
    shutil.rmtree(drive)
    shelf.rename(drive)
    site.expose([alpha], [2])
    assert site.call("sync").status == 0
    assert site.call("verify", "--json").hop["state"] == "ok"


@pytest.mark.parametrize(("days", "words"), [(20, None), (31, "a month"), (100, "three months"), (400, "a year")])
def test_a_drive_that_stays_away_is_told_and_told_again(site: Observatory, days: int, words: str | None) -> None:
    """It was away each morning, after a year too, and nobody was mailed."""
    alpha, _, _ = site.hosts
    site.add_local("drive")
    site.declare("sha", copies=[site.copy(alpha), site.copy("drive", removable=True)])
    site.expose([alpha], [1])
    site.fill()
    assert site.call("verify").status == 0
    shutil.rmtree(site.root("drive"))
    with closing(sqlite3.connect(site.state / "catalogue.db")) as records, records:
        seen = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        records.execute("UPDATE roots SET last_seen_utc = ? WHERE host = 'drive'", [f"{seen:%Y-%m-%d %H:%M:%S.%f}"])
    for command in ("verify", "sync", "run"):
        answer = site.call(command)
        assert answer.status == 0
        assert (f"last seen {seen:%Y-%m-%d}, more than" in answer.out) == (words is not None)
        assert f"more than {words} ago" in answer.out or words is None
    assert bool(site.call("verify", "-q").out) == (words is not None), "what is mailed is not silent"


def step(copy: str, **settings: object) -> dict[str, object]:
    """Return a compression step on a copy."""
    return {
        "steps": [
            {"step": "command", "run": ["fpack", "-r", "{input}"], "inputs": ["*.fits"], "outputs": ["{input}.fz"]}
            | {"copy": copy}
            | settings
        ]
    }


def test_a_run_does_the_step_between_two_hops(site: Observatory) -> None:
    """`after: command`: compressed on the machine here, and only then sent on, originals and products."""
    need(shutil.which("fpack"), "fpack (libcfitsio-bin)")
    alpha, _, gamma = site.hosts
    site.add_local("here")
    copies = [site.copy(alpha), site.copy("here"), site.copy(gamma, after="command")]
    cameras = {"sha": {"files": ["SHA_*.fits", "SHA_*.fits.fz"]}}
    site.declare("sha", cameras=cameras, copies=copies, convert=step("here"))
    site.mark("here")
    site.mark(gamma)
    (name,) = site.expose([alpha], [1])
    fits.PrimaryHDU(np.arange(4000, dtype=np.int16).reshape(40, 100)).writeto(site.path(alpha, name), overwrite=True)
    age(site.path(alpha, name), OLD_S)
    first = site.call("run", "--json")
    assert first.status == 0, first
    assert [(row["step"], row["done"], row["failed"]) for row in first.document["steps"]] == [("command", 1, 0)]
    assert f"{name}.fz" in tree(site.root("here"))
    assert name in tree(site.root(gamma))
    again = site.call("run", "--json")
    assert again.status == 0
    assert sum(row["done"] for row in again.document["steps"]) == 0, "what succeeded on the same bytes is skipped"


def test_a_night_whose_step_failed_does_not_go_on(site: Observatory) -> None:
    """The step fails on every file: the next hop moves nothing, the reason is in the report, and the exit is 1."""
    alpha, _, gamma = site.hosts
    site.add_local("here")
    copies = [site.copy(alpha), site.copy("here"), site.copy(gamma, after="command")]
    site.declare("sha", copies=copies, convert=step("here", run=["false", "{input}"]))
    site.mark("here")
    site.mark(gamma)
    (name,) = site.expose([alpha], [1])
    answer = site.call("run")
    assert answer.status == 1
    assert list(tree(site.root("here"))) == [name]
    assert not tree(site.root(gamma))
    assert "1 failed" in answer.out
    assert f"{name}: " in answer.out, "the reason names the file"
