"""What only several keys or files together show to be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.spec.load import load
from tests.unit.spec.folders import SITE, instrument, problems, write

TWO = "\n  - {host: sha, root: /a}\n  - {host: astro.suth, root: /b}"
STEPS = "{steps: [{step: command, run: [x]}]}"
FAULTS = {
    "an undeclared host": (
        {"copies": "\n  - {host: sha, root: /a}\n  - {host: astro_suth, root: /b}"},
        "7: copies.1.host: host 'astro_suth' is not declared in site.yaml; did you mean 'astro.suth'?",
    ),
    "two copies on one host": (
        {"copies": "\n  - {host: sha, root: /a}\n  - {host: sha, root: /b}"},
        "7: copies.1.host: two copies are called 'sha': give each its own name",
    ),
    "two copies of one name": (
        {"copies": "\n  - {host: sha, root: /a, name: x}\n  - {host: astro.suth, root: /b, name: x}"},
        "7: copies.1.name: two copies are called 'x': give each its own name",
    ),
    "from an unknown copy": (
        {"copies": TWO + "\n  - {host: astro.cape, root: /c, from: astro.such}"},
        "8: copies.2.from: there is no copy 'astro.such' in this instrument; did you mean 'astro.suth'?",
    ),
    "from itself": (
        {"copies": TWO + "\n  - {host: astro.cape, root: /c, from: astro.cape}"},
        "8: copies.2.from: a copy cannot be filled from itself",
    ),
    "from a later copy, and so in a circle": (
        {"copies": "\n  - {host: sha, root: /a, from: astro.suth}\n  - {host: astro.suth, root: /b}"},
        "6: copies.0.from: 'astro.suth' comes later in the chain: list copies in the order of filling",
    ),
    "from a copy twice": (
        {"copies": "\n  - {host: sha, root: /a}\n  - {host: astro.suth, root: /b, from: [sha, sha]}"},
        "7: copies.1.from: 'sha' stands twice",
    ),
    "an unknown camera": (
        {"copies": TWO + "\n  - {host: astro.cape, root: /c, cameras: [shaa]}"},
        "8: copies.2.cameras: there is no camera 'shaa'; did you mean 'sha'?",
    ),
    "a hop that carries nothing": (
        {
            "cameras": "\n  sha: {files: ['SHA_*']}\n  log: {files: ['*.log']}",
            "copies": "\n  - {host: sha, root: /a, cameras: [sha]}\n  - {host: astro.suth, root: /b, cameras: [log]}",
        },
        "8: copies.1: no camera is kept both on sha and here: nothing would be carried, and nothing found missing",
    ),
    "a camera of which all is excluded": (
        {"cameras": "\n  sha: {files: ['SHA_*.fits', 'raw/*'], exclude: ['*.fits', 'raw/*', x]}"},
        "4: cameras.sha.exclude: takes every file that the camera's patterns take: nothing would be carried,"
        " and nothing found missing",
    ),
    "two places that are one": (
        {
            "copies": "\n  - {host: sha, root: /a}\n  - {host: astro.suth, root: /b, place: Cape Town}"
            "\n  - {host: astro.cape, root: /c, place: 'cape  town'}",
            "retention": "{keep_nights: 30, copies: 2}",
        },
        "9: retention.copies: 2 other places are asked for, but the chain has 1: nothing is freed",
    ),
    "a word in a root that is no variant": (
        {"copies": "\n  - {host: sha, root: '/a/{telescope}'}\n  - {host: astro.suth, root: /b}"},
        "6: copies.0.root: {telescope} is none of this instrument's variants",
    ),
    "the camera in a root": (
        {"copies": "\n  - {host: sha, root: '/a/{camera}'}\n  - {host: astro.suth, root: /b}"},
        "6: copies.0.root: {camera} is none of this instrument's variants; {camera} belongs into layout",
    ),
    "a brace that stays open": (
        {"copies": "\n  - {host: sha, root: '/a/{camera'}\n  - {host: astro.suth, root: /b}"},
        "6: copies.0.root: the braces do not match",
    ),
    "a word in a layout that is no variant": (
        {"layout": "'{telescope}/%Y%m%d'"},
        "2: layout: {telescope} stands for nothing here; known here: camera",
    ),
    "a camera's layout without a day": (
        {"cameras": "\n  sha: {files: ['SHA_*'], layout: '%Y'}"},
        "4: cameras.sha: '%Y' does not say the day: it needs e.g. %Y, %m and %d",
    ),
    "a variant that no root holds": (
        {"variants": "{telescope: [1m]}"},
        "8: variants.telescope: no root contains {telescope}: every variant would be the same chain",
    ),
    "after a step that there is not": (
        {"copies": TWO + "\n  - {host: astro.cape, root: /c, after: fpack}"},
        "8: copies.2.after: there is no step 'fpack'; convert has no steps",
    ),
    "after a step, where data are born": (
        {"copies": "\n  - {host: sha, root: /a, after: command}\n  - {host: astro.suth, root: /b}", "convert": STEPS},
        "6: copies.0.after: nothing moves to this copy: it is where data are born",
    ),
    "after a step on a copy that is filled from it": (
        {
            "copies": "\n  - {host: sha, root: /a}\n  - {host: astro.suth, root: /b, after: command}"
            "\n  - {host: astro.cape, root: /side, name: side, from: sha}"
            "\n  - {host: astro.cape, root: /c, from: astro.suth}",
            "convert": STEPS,
        },
        "7: copies.1.after: the step 'command' works on astro.cape (its `copy`; default: the last), where no night is"
        " before it has come here: nothing would ever move",
    ),
    "after a step on the copy itself": (
        {"copies": TWO + "\n  - {host: astro.cape, root: /c, after: command}", "convert": STEPS},
        "8: copies.2.after: the step 'command' works on astro.cape (its `copy`; default: the last), where no night is"
        " before it has come here: nothing would ever move",
    ),
    "a step on an unknown copy": (
        {"convert": "{steps: [{step: command, run: [x], copy: astro.soth}]}"},
        "8: convert.steps.0.copy: there is no copy 'astro.soth'; did you mean 'astro.suth'?",
    ),
    "two steps of one name": (
        {"convert": "\n  steps:\n    - {step: command, run: [x]}\n    - {step: command, run: [y]}"},
        "11: convert.steps.1: two steps are called 'command': give each its own name",
    ),
    "more proofs than places": (
        {"retention": "{keep_nights: 60, copies: 2}"},
        "8: retention.copies: 2 other places are asked for, but the chain has 1: nothing is freed",
    ),
    "more proofs than places for one kind of files": (
        {"retention": "{keep_nights: 60, copies: 1, kinds: {raw: {files: ['*.fits'], copies: 2}}}"},
        "8: retention.kinds.raw.copies: 2 other places are asked for, but the chain has 1: nothing is freed",
    ),
    "proofs in one place only": (
        {
            "copies": TWO.replace("/b}", "/b, place: hill}") + "\n  - {host: astro.cape, root: /c, place: hill}",
            "retention": "{keep_nights: 60, copies: 2}",
        },
        "9: retention.copies: 2 other places are asked for, but the chain has 1: nothing is freed",
    ),
    "one copy and nothing to do": (
        {"copies": "\n  - {host: sha, root: /a}"},
        "5: copies: one copy alone: nothing to carry or prove. Add a second, convert, or origin: true",
    ),
    "frame numbers in names that no camera takes": (
        {"sequence": "'SHB_{night}.{number}.fits'"},
        "8: sequence: no camera takes a name such as 'SHB_20160907.0001.fits': no hole would ever be seen",
    ),
    "frame numbers in names that are excluded": (
        {
            "cameras": "\n  sha: {files: ['SHA_*'], exclude: ['*.fits']}",
            "sequence": "{pattern: 'SHA_{night}.{number}.fits', start: 1}",
        },
        "8: sequence: no camera takes a name such as 'SHA_20160907.0001.fits': no hole would ever be seen",
    ),
    "away that ends before it begins": (
        {"away": "[{from: 20160908, until: 2016-09-07, reason: aluminising}]"},
        "8: away.0: until (20160907) lies before from (20160908)",
    ),
    "away on no day": (
        {"away": "[{from: 20160230, until: 20160301, reason: x}]"},
        "8: away.0.from: a night as YYYYMMDD or YYYY-MM-DD, not '20160230'",
    ),
    "a night in no group": (
        {"night_in_name": "'SHA_([0-9]{8})'"},
        "8: night_in_name: needs a group (?P<night>...) or (?P<utc>...): which part of the name is the night?",
    ),
    "no expression": (
        {"night_in_name": "'(?P<night>'"},
        "8: night_in_name: no regular expression: missing ), unterminated subpattern at position 0",
    ),
    "a window of nothing": (
        {"window_nights": "0"},
        "8: window_nights: must be at least 1, or this-and-last-month, not '0'",
    ),
    "its source's root on its source's host": (
        {"copies": "\n  - {host: sha, root: /a}\n  - {host: sha, root: /a/, name: again}"},
        "7: copies.1.root: the same root on the same host as its source sha",
    ),
    "two cameras from two folders into one": (
        {
            "cameras": "\n  a: {files: ['*.fits']}\n  b: {files: ['B*']}",
            "copies": "\n  - {host: sha, root: /a, layout: '{camera}/%Y%m%d'}\n  - {host: astro.suth, root: /b}",
        },
        "5: cameras.b.files: would write the same names as sha camera a on astro.suth into one directory on one host,"
        " e.g. /b/0000/0000/B.fits",
    ),
    "variants that arrive in one place": (
        {
            "copies": "\n  - {host: sha, root: '/a/{telescope}'}\n  - {host: astro.suth, root: /b}",
            "variants": "{telescope: [1m, 40in]}",
        },
        "7: copies.1.root: sha 40in camera sha on astro.suth would write the same names as sha 1m camera sha on"
        " astro.suth into one directory on one host, e.g. /b/0000/0000/sha_.fits",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_where_it_is_mended(tmp_path: Path, name: str) -> None:
    """One sentence, at its line and key."""
    changes, problem = FAULTS[name]
    assert problems(write(tmp_path, sha=instrument(**changes))) == [f"instruments.d/sha.yaml:{problem}"]


SOUND = {
    "one copy with convert": {"copies": "\n  - {host: sha, root: /a}", "convert": "{workers: 2}"},
    "one copy where data are born": {"copies": "\n  - {host: sha, root: /a, origin: true}"},
    "a fork and a join": {
        "copies": TWO + "\n  - {host: astro.cape, root: /c, from: sha}"
        "\n  - {host: sha, root: /d, name: d, from: [astro.suth, astro.cape]}"
    },
    "cameras that share their folders on both sides": {"cameras": "\n  a: {files: ['*.fits']}\n  b: {files: ['B*']}"},
    "cameras in folders of their own": {
        "layout": "'{camera}/%Y%m%d'",
        "cameras": "\n  a: {files: ['*.fits']}\n  b: {files: ['*.fits']}",
    },
    "variants in every root": {
        "copies": "\n  - {host: sha, root: '/a/{t}'}\n  - {host: astro.suth, root: '/b/{t}'}",
        "variants": "{t: [1m, 40in]}",
    },
    "a camera of which some is excluded": {"cameras": "\n  sha: {files: ['*.fits', 'x*'], exclude: ['*.fits']}"},
    "a tree without nights": {"cameras": "\n  sha: {files: ['*']}\n  calib: {files: ['*'], nights: none, layout: c/d}"},
    "away for a night": {"away": "[{from: 20160907, until: 2016-09-07, reason: aluminising}]"},
    "nights in names": {"layout": "", "night_in_name": "'(?P<utc>[0-9]{8})'"},
    "a numbered sequence with its allowed holes": {
        "sequence": "{pattern: 'sha_{number}', start: 1, allowed: [3, 007]}"
    },
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_loaded(tmp_path: Path, name: str) -> None:
    """The checks refuse nothing that people need."""
    load(write(tmp_path, sha=instrument(**SOUND[name])))


def both(
    tmp_path: Path, first: str, second: str, host: str = "astro.suth", site: str = SITE, layout: str = "'%Y/%m%d'"
) -> Path:
    """Write two instruments whose destinations are one root."""
    texts = {}
    for name, files, where in (("sha", first, "astro.suth"), ("shd", second, host)):
        copies = f"\n  - {{host: sha, root: /data/{name}}}\n  - {{host: {where}, root: /data/all}}"
        cameras = f"\n  {name}: {{files: {files}}}"
        texts[name] = instrument(name, copies=copies, cameras=cameras, layout=layout if name == "shd" else "'%Y/%m%d'")
    return write(tmp_path, site, **texts)


def test_instruments_with_names_apart_may_share_a_directory(tmp_path: Path) -> None:
    """SHA_*.fits and SHD_*.fits have no name in common."""
    assert load(both(tmp_path, "['SHA_*.fits']", "['SHD_*.fits']")).instruments.keys() == {"sha", "shd"}


def test_instruments_that_would_write_the_same_names_into_one_directory_are_refused(tmp_path: Path) -> None:
    """With an example that both patterns take."""
    assert problems(both(tmp_path, "['SHA_*.fits']", "['SH?_*.0001.*']")) == [
        "instruments.d/shd.yaml:7: copies.1.root: shd camera shd on astro.suth would write the same names as sha camera"
        " sha on astro.suth into one directory on one host, e.g. /data/all/0000/0000/SHA_.0001.fits"
    ]


def test_two_names_of_one_machine_do_not_hide_a_shared_directory(tmp_path: Path) -> None:
    """Hosts are compared by their address."""
    site = SITE + "  other: {address: ASTRO.suth.saao.ac.za}\n"
    assert len(problems(both(tmp_path, "['*.fits']", "['*.fits']", host="other", site=site))) == 1


def test_the_same_directory_on_two_machines_or_in_other_nights_is_two(tmp_path: Path) -> None:
    """As roots are the same in Sutherland and Cape Town."""
    load(both(tmp_path / "hosts", "['*.fits']", "['*.fits']", host="astro.cape"))
    load(both(tmp_path / "layouts", "['*.fits']", "['*.fits']", layout="'shd/%Y/%m%d'"))


def test_a_broken_instrument_still_has_its_directory_compared(tmp_path: Path) -> None:
    """An unknown key elsewhere does not hide a collision."""
    folder = both(tmp_path, "['*.fits']", "['*.fits']")
    path = folder / "instruments.d" / "shd.yaml"
    path.write_text(path.read_text() + "titel: x\n")
    found = problems(folder)
    assert [problem.split(":")[1] for problem in found] == ["7", "8"]
    assert "did you mean 'title'" in found[1]
