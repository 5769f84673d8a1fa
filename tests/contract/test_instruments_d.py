"""Every file that is shipped in instruments.d: it loads, its nights are found again, its patterns take its names.

One suite over all of them; a new file joins it by being there, and by a row of names in NAMES.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from converters.base import step_models
from converters.export.section import ExportSection
from nightferry.sections import section_models
from observatory.layouts import Layout
from observatory.listing import camera_layout
from observatory.spec import yaml
from observatory.spec.chain import Hop, hops, sources_of
from observatory.spec.load import load
from observatory.spec.models import Camera, Instrument, Specification
from observatory.spec.show import effective_files
from tests.shared import REPOSITORY

FOLDER = REPOSITORY / "instruments.d"
FILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
NIGHTS = [dt.date(2016, 9, 7), dt.date(2024, 2, 29), dt.date(2025, 1, 1), dt.date(2025, 12, 31)]

NAMES: dict[str, dict[str, list[str]]] = {
    # instrument: camera (or "none of them"): names as they lie below the night's directory
    "sha": {
        "sha": ["SHA_20160907.0122.fits", "SHA_20160907.3a.fits"],
        "none of them": ["SHD_20160907.0122.fits", "sha_20160907.0122.fits", "SHA_20160907.0122.fits.tmp", "info.txt"],
    },
    "shd": {"shd": ["SHD_20160907.0001.fits"], "none of them": ["SHA_20160907.0001.fits", "SHH_20160907.0001.fits"]},
    "spupnic": {"spupnic": ["a2160907.fits", "anything at all.fits"], "none of them": ["a2160907.fit", "notes.txt"]},
    "vampires": {
        "vcam1": ["vcam1/vcam1_10:20:00.509403978.fits"],
        "vcam2": ["vcam2/vcam2_23:59:59.999999999.fits"],
        "vgen2": ["vgen2/VMPA01234567.fits.fz", "vgen2/vcam1_10:20:00.509403978.fits.fz", "vgen2/VMPA01234567.txt"],
        "paperwork": ["manifest_VMP_20250603.csv", "20250603_process.log", "syncdeint_20250603.json"],
        "none of them": ["vcam1/vcam1_10:20:00.509403978.fits.1234.5678.tmp", "vsync/vcam1_10:20:00.5.fits"],
    },
    "vampires-engineering": {
        "vcam1": ["vcam1/vcam1_10:20:00.509403978.fits"],
        "vcam2": ["vcam2/vcam2_23:59:59.999999999.fits"],
        "vgen2": ["vgen2/vcam1_10:20:00.509403978.fits.fz", "vgen2/vsync_10:20:00.509403.cam1.A.fits.fz"],
        "paperwork": ["summary_20240131.txt", "summary_20240131.svg", "20240131_process.log"],
        "none of them": ["vcam1/vcam1_10:20:00.509403978.fits.1234.5678.tmp", "manifest_VMP_20240131.csv"],
    },
    "magaox": {
        "camsci1": ["camsci1_20251202000012500000000.xrif"],
        "camwfs": ["camwfs_20251202000012500000000.xrif"],
        "dm00disp": ["dm00disp_20250419062518322827132.xrif"],
        "telem-observers": ["observers_20251202000012500000000.bintel"],
        "logs-observers": ["observers_20251202000012500000000.binlog"],
        "tcsi": ["tcsi_20251202000012500000000.bintel"],
        "calib": ["dm/flat.fits", "README"],
        "none of them except calib": ["camtest_20251202000012500000000.xrif", "camsci1_20251202.xrif.part"],
    },
    "desi": {
        "spectro": ["00111388/desi-00111388.fits.fz"],
        "guide": ["00111388/guide-00111388.fits.fz", "00111388/guide-00111388-0001.fits",
                  "00111388/guide-rois-00111388.fits.fz"],
        "fvc": ["00111388/fvc-00111388.fits.fz", "00111388/fvc-00111388.fits"],
        "focal": ["00111388/gfa-00111388.fits.fz", "00111388/sky-00111388.fits.fz", "00111388/focus-00111388.fits.fz"],
        "positions": ["00111388/coordinates-00111388.fits", "00111388/centroids-00111388.json",
                      "00111388/pm-00111388.fits"],
        "requests": ["00111388/request-00111388.json", "00111388/fiberassign-001234.fits.gz",
                     "00111388/etc-00111388.json"],
        "manifests": ["00111388/checksum-00111388.sha256sum", "00111388/checksum-20211129-00111388.sha256sum",
                      "00111388/manifest_00111388.json"],
        "none of them": ["00111388/desi-00111388.fits", "00111388/.desi-00111388.fits.fz.Xa3fQ1", "00111388/core"],
    },
    "pfs": {
        "science": ["sps/PFSA12345611.fits", "sps/PFFA00000144.fits"],
        "ramps": ["sps/PFSB12345623.fits"],
        "metrology": ["mcs/PFSC12345600.fits"],
        "guider": ["agcc/agcc_123456_00001234.fits"],
        "pfsConfig": ["pfsConfig/pfsConfig-0xad349fe21234abcd-123456.fits", "pfsConfig/PFSF12345600.fits"],
        "none of them": ["sps/PFSA12345611.fits.tmp", "sps/PFSA12345651.fits", "sps/PFSA1234561.fits",
                         "pfsA12345611.fits", "pfsDesign-0xad349fe21234abcd.fits"],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Specification:
    """All shipped instruments together, below a site that declares their hosts."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(FOLDER, folder / "instruments.d")
    lines = ["site: Everywhere", "timezone: UTC", "hosts:"]
    lines += [f"  {host}: {{address: {host}.example.org}}" for host in sorted(set(_hosts()))]
    (folder / "site.yaml").write_text("\n".join(lines) + "\n")
    return load(folder, hostname="elsewhere", step_models=step_models(), section_models=section_models())


def _hosts() -> Iterator[str]:
    for path in FOLDER.glob("*.yaml"):
        yield from (copy["host"] for copy in yaml.read(path, path.name).value["copies"])


def takes(camera: Camera, path: str) -> bool:
    """Say whether a camera takes a path below its night's directory, as the interface words it."""
    matches = [
        fnmatch.fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern) for pattern in camera.files
    ]
    excluded = [
        fnmatch.fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern) for pattern in camera.exclude
    ]
    return any(matches) and not any(excluded)


def layouts(hop: Hop) -> Iterator[tuple[Layout, str]]:
    """Yield every night layout of both ends of a hop with its camera."""
    for name, camera in hop.cameras.items():
        if camera.nights != "none":
            yield Layout(camera_layout(hop.source, name, camera)), name
            yield Layout(camera_layout(hop.destination, name, camera)), name


def test_the_examples_that_are_promised_are_there() -> None:
    """With a row of names each."""
    assert {"sha", "shd", "spupnic", "vampires", "magaox", "desi", "pfs"} <= set(FILES)
    assert set(NAMES) == set(FILES)


@pytest.mark.parametrize("name", FILES)
class TestEveryInstrument:
    """What holds for every file of instruments.d."""

    @pytest.fixture
    def instrument(self, shipped: Specification, name: str) -> Instrument:
        """The instrument that a file declares."""
        return shipped.instruments[name]

    def test_it_teaches(self, name: str) -> None:
        """It begins with a comment that says what it is, and has a title."""
        text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
        assert text.startswith("# ")
        assert text.count("#") >= 3
        assert "\ntitle: " in text

    def test_it_has_a_hop_from_every_place_where_data_are_born(self, instrument: Instrument) -> None:
        """Every copy is filled or an origin, every hop carries something, every camera travels or is made anew."""
        found = hops(instrument)
        filled = {hop.destination.name for hop in found}
        origins = {copy.label for at, copy in enumerate(instrument.copies) if not sources_of(instrument, at)}
        assert filled | origins == {copy.label for copy in instrument.copies}
        assert origins <= {hop.source.name for hop in found}
        assert all(hop.cameras for hop in found)
        carried = {camera for hop in found for camera in hop.cameras}
        assert carried == set(instrument.cameras) or (instrument.convert is not None and carried)
        assert len({hop.key for hop in found}) == len(found)

    def test_its_nights_are_found_again_in_its_folders(self, instrument: Instrument) -> None:
        """From a night to its folder and back, and by the pattern that proves a root."""
        for hop in hops(instrument):
            for layout, camera in layouts(hop):
                for night in NIGHTS:
                    folder = layout.folder(night, camera)
                    located = layout.night_of(folder + b"/sub/name.fits")
                    assert located is not None
                    assert located[0] == night
                    assert fnmatch.fnmatchcase(folder, layout.glob(camera))

    def test_its_patterns_take_its_own_names_and_no_others(self, instrument: Instrument, name: str) -> None:
        """Real names as their own documentation has them."""
        for camera, paths in NAMES[name].items():
            for path in paths:
                takers = {key for key, candidate in instrument.cameras.items() if takes(candidate, path)}
                if camera.startswith("none"):
                    assert takers <= {"calib"}, path
                else:
                    assert camera in takers, path
                    assert takers <= {camera, "calib"}, path

    def test_what_is_in_force_is_written_as_it_is_read(self, shipped: Specification, name: str) -> None:
        """`check-config --show` of it is strict YAML again."""
        text = effective_files(shipped)[f"instruments.d/{name}.yaml"]
        assert yaml.parse(text.encode(), name).problems == ()


def test_what_is_in_force_can_be_put_in_place_of_what_was_written(shipped: Specification, tmp_path: Path) -> None:
    """`check-config --show`, written into a folder, is the same specification."""
    (tmp_path / "instruments.d").mkdir()
    for name, text in effective_files(shipped).items():
        (tmp_path / name).write_text(text)
    again = load(tmp_path, hostname=shipped.hostname, step_models=step_models(), section_models=section_models())
    assert effective_files(again) == effective_files(shipped)


def test_saao_has_two_hops_each_with_the_same_roots_on_both_archives(shipped: Specification) -> None:
    """Instrument to astro.suth, astro.suth to astro.cape, as seed 002 has it."""
    for name in ("sha", "shd", "spupnic"):
        found = hops(shipped.instruments[name])
        assert [hop.name for hop in found] == [f"{name}:astro.suth", "astro.suth:astro.cape"]
        assert [hop.source.root for hop in found] == [f"/data/74in/{name}", f"/data/telescopedata/74in/{name}"]


def test_the_example_site_serves_the_saao_instruments(tmp_path: Path) -> None:
    """docs/examples/site.yaml with sha, shd and spupnic is a whole configuration."""
    (tmp_path / "instruments.d").mkdir()
    for name in ("sha", "shd", "spupnic"):
        shutil.copy(FOLDER / f"{name}.yaml", tmp_path / "instruments.d")
    shutil.copy(REPOSITORY / "docs" / "examples" / "site.yaml", tmp_path)
    loaded = load(
        tmp_path, hostname="astro.suth.saao.ac.za", step_models=step_models(), section_models=section_models()
    )
    assert loaded.site.timezone == "Africa/Johannesburg"
    assert sorted(loaded.instruments) == ["sha", "shd", "spupnic"]


def test_magaox_joins_three_computers_without_mixing_their_files(shipped: Specification) -> None:
    """Each has a folder of its own on the archive, and is asked for everything: devices move between them."""
    instrument = shipped.instruments["magaox"]
    assert len({(hop.destination.host, hop.destination.root) for hop in hops(instrument)}) == 3
    assert all(set(hop.cameras) == set(instrument.cameras) for hop in hops(instrument))


def test_magaox_carries_the_telemetry_of_every_device_that_its_headers_name(shipped: Specification) -> None:
    """What stays behind is missed by nobody until an export from the archive lacks its cards."""
    instrument = shipped.instruments["magaox"]
    section = instrument.section(ExportSection)
    assert section is not None
    models = [*section.lists.values(), *section.headers.values()]
    named = {device for model in models for device in model.devices} - {"{camera}"} | {section.observers}
    (hop, *_) = hops(instrument)
    folders = {camera_layout(hop.source, name, camera) for name, camera in hop.cameras.items()}
    assert {f"telem/{device}/%Y_%m_%d" for device in named | set(section.automatic)} - folders == set()
