"""Flows that make products: the steps of a night, undoing them, export, bundle and xrif2fits."""

from __future__ import annotations

import os
from pathlib import Path

from converters.workspace import sha256_of
from observatory.formats.whole import judge
from observatory.manifests import read_manifest
from tests import magaox, vampires
from tests.crash.flow import Flow, Ground
from tests.crash.moving import stage_of
from tests.crash.scenes import QuietStage, Scene, temporary
from tests.cubes import Night, frames_of
from tests.magaox import Drive, files_below

# ---- two cameras on one trigger


def exposed(ground: Ground) -> tuple[QuietStage, Night]:
    """Return a site with a night of one cube a camera, declared with all its steps."""
    stage = stage_of(ground)
    stage.add_local("sc5")
    steps = [{"copy": "sc5"} | step for step in vampires.STEPS if step["step"] != "summary"]
    vampires.declare(stage, convert={"workers": 1, "steps": steps})
    night = vampires.night(stage, frames=20, drops=0.0)
    night.expose(triggers=20)
    return stage, night


def night_steps(ground: Ground) -> Scene:
    """Have the steps of a night: syncdeint, summary, consolidate, fix-headers, frame-ids, compress, manifest."""
    stage, night = exposed(ground)
    assert stage.call("status").status in (0, 3)
    root = stage.root("sc5", vampires.NAME)

    def each_frame_once() -> None:
        assert vampires.frames_in(night.folder) == dict.fromkeys(night.truth, 1), "not each frame once"

    words = ("convert", "-i", vampires.NAME, "-d", vampires.DATE)
    return Scene(
        stage.folder, words, (root,), between=is_cube, sealed=lambda: ids_are_one_each(night), ends_well=each_frame_once
    )


def is_cube(path: Path) -> bool:
    """Let a step leave for the next one what is whole by its own format."""
    if path.suffix == ".fits":
        return judge(bytes(path), sums=True)[0] == "whole"
    return path.suffix == ".txt" and path.parent.name == "vgen2" and path.read_bytes().endswith(b"\n")


def ids_are_one_each(night: Night) -> None:
    """Assert that no frame id stands on two files, packed and unpacked ones of one task aside."""
    for path in (night.folder / "vgen2").glob("VMPA*.fits"):
        packed = path.with_name(path.name + ".fz")
        same = packed.exists() and list(frames_of(packed)) != list(frames_of(path))
        assert not same, f"{path.name} is two files"


def undone(ground: Ground) -> Scene:
    """Have the steps of a night undone."""
    stage, _ = exposed(ground)
    convert = ("convert", "-i", vampires.NAME, "-d", vampires.DATE)
    assert stage.call(*convert).status == 0
    root = stage.root("sc5", vampires.NAME)
    words = ("restore", "-i", vampires.NAME, "-d", vampires.DATE, "--yes")
    return Scene(stage.folder, words, (root,))


# ---- MagAO-X


def drive(ground: Ground) -> tuple[Drive, Path]:
    """Return a drive with one observation of one archive, and the output's folder."""
    made = Drive(ground.folder / "mnt" / "backup")
    made.observe(20, 100)
    made.camera_telemetry(0, 140)
    made.telescope_telemetry(0, 140)
    made.archive([30, 40])
    made.archive([65, 80])
    magaox.configure(ground.folder)
    output = ground.folder / "out"
    output.mkdir()
    return made, output


def scene_of(ground: Ground, made: Drive, output: Path, *words: str) -> Scene:
    """Return the scene of a command that makes files of the drive's in the output."""
    return Scene(ground.folder, words, (output, made.folder))


def export(ground: Ground, *more: str) -> Scene:
    """Have an observation exported, a file a frame."""
    made, output = drive(ground)
    words = ("export", "-s", "2025B", "-c", "camsci1", "-j", "1", *made.words, "-D", str(output), *more)
    scene = scene_of(ground, made, output, *words)

    def all_are_whole() -> None:
        paths = files_below(output)
        assert paths and all(judge(bytes(output / path), sums=True) == ("whole", "") for path in paths)

    scene.ends_well = all_are_whole
    return scene


def export_cubes(ground: Ground) -> Scene:
    """Have an observation exported, a cube an archive."""
    return export(ground, "-C")


def bundle(ground: Ground) -> Scene:
    """Have the archives and telemetry of an observation copied into a root of their own."""
    made, output = drive(ground)
    words = ("bundle", "-s", "2025B", "-c", "camsci1", *made.words, "-D", str(output))
    scene = scene_of(ground, made, output, *words)
    scene.between = lambda path: temporary(path) or is_true_list(path)
    return scene


def is_true_list(path: Path) -> bool:
    """Let a bundle that failed in part list what it holds, if that is so."""
    listed = read_manifest(path.read_bytes()).files if path.name == "bundle.sha256" else ()
    return bool(listed) and all(sha256_of(path.parent / os.fsdecode(one.name)) == one.digest for one in listed)


def xrif2fits(ground: Ground) -> Scene:
    """Have FITS files made of an archive that is named."""
    made, output = drive(ground)
    (archive, _) = sorted((made.roots["icc"] / "rawimages" / "camsci1").rglob("*.xrif"))
    return scene_of(ground, made, output, "xrif2fits", "-D", str(output), str(archive))


FLOWS = (
    Flow("the steps of a night", night_steps),
    Flow("the steps of a night undone", undone),
    Flow("export, a file a frame", export),
    Flow("export, a cube an archive", export_cubes),
    Flow("a bundle", bundle),
    Flow("xrif2fits", xrif2fits),
)
