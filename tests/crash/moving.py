"""Flows that move files, free them, remember and write mails, each over a handful of frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from observatory.nights import night_text
from tests.crash.flow import Flow, Ground
from tests.crash.scenes import QuietStage, Scene, temporary
from tests.faults.stage import MAIL_FOLDER
from tests.observatory import fits_file, ours, tree

OLDER = fits_file(50, seed=77)
"""What the archive holds of the third frame: an older version of other bytes."""
LARGE = fits_file(1_400_000, seed=78)
"""More than a pipe holds, and than its sender takes in at once."""


def stage_of(ground: Ground) -> QuietStage:
    """Return an empty stage."""
    return QuietStage(ground.folder, ground.hosts, ground.no_host, ground.no_host)


def scene(stage: QuietStage, *words: str, **more: Any) -> Scene:
    """Return the scene of a stage whose two ends are its roots."""
    return Scene(stage.folder, words, **({"roots": (stage.source, stage.destination)} | more))


def work_to_do(stage: QuietStage, missing: bytes | None = None) -> None:
    """Leave one frame missing (of these bytes), one older version, one cut short, and something to sweep."""
    if missing is not None:
        stage.put(stage.ends[0], stage.frames[0], missing, age_s=5e5)
    stage.there(0).unlink()
    stage.put(stage.ends[1], stage.frames[2], OLDER, age_s=5e5)
    stage.put(stage.ends[1], stage.frames[3], b"short", age_s=5e5)
    left = stage.destination / ".nightferry" / "tmp"
    left.mkdir()
    (left / "of-a-dead-run").write_bytes(b"x")


def old_version_is_kept(stage: QuietStage) -> None:
    """Bytes that were replaced are set aside, or still there: never gone."""
    held = {(stage.destination / ".nightferry" / path).read_bytes() for path in ours(stage.destination)}
    held |= {path.read_bytes() for path in stage.destination.rglob("*.fits") if path.is_file()}
    assert OLDER in held, "the older version is gone"


def hop(stage: QuietStage, **transfer: Any) -> list[dict[str, Any]]:
    """Return the two copies, the second filled by some engine in one session."""
    settings = {"transfer": {"sessions": 1} | transfer}
    return [stage.copy(stage.ends[0]), stage.copy(stage.ends[1], **settings)]


def remembered(stage: QuietStage) -> None:
    """Have the ledger made before: its making is a flow of its own."""
    assert stage.call("status").status == 0


# ---- carrying


def local_run(ground: Ground) -> Scene:
    """Have a nightly run on this machine, mail included."""
    stage = stage_of(ground)
    stage.set_up(copies=hop(stage))
    stage.write_site(mail=MAIL_FOLDER)
    remembered(stage)
    work_to_do(stage)

    def mailed() -> None:
        assert stage.call("report").status == 0
        letters = list((stage.config / "mail").iterdir())
        assert letters and all(path.read_bytes().startswith(b"Subject:") for path in letters if path.suffix == ".eml")
        assert not list((stage.state / "spool").glob("*.mail"))

    return scene(stage, "run", "--mail", sealed=lambda: old_version_is_kept(stage), ends_well=mailed)


def sync_by(
    engine: str | None, source: bool = False, destination: bool = False, fresh: bool = False
) -> Callable[[Ground], Scene]:
    """Have a sync by an engine; `source`, `destination`: that end is another machine; `fresh`: with a new ledger."""

    def make(ground: Ground) -> Scene:
        stage = stage_of(ground)
        if source or destination:
            alpha, beta, _ = ground.hosts()
            stage.use(alpha if source else stage.ends[0], beta if destination else stage.ends[1])
        stage.set_up(copies=hop(stage, **({"engine": engine} if engine else {})))
        if not fresh:
            remembered(stage)
        work_to_do(stage, LARGE if engine == "pipe" else None)
        syncs_first = engine not in ("pipe", "rsync")  # these bring a batch to disk at once, before it counts
        return scene(stage, "sync", sealed=lambda: old_version_is_kept(stage), syncs_first=syncs_first)

    return make


def spool(ground: Ground) -> Scene:
    """Have letters that nobody takes: they wait in the spool, and the next run delivers them."""
    stage = stage_of(ground)
    stage.set_up(copies=hop(stage))
    nobody = {"host": "127.0.0.1", "port": 1}
    mail = {key: value for key, value in MAIL_FOLDER.items() if key != "folder"}
    stage.write_site(mail=mail | {"server": nobody})
    assert stage.call("verify", "--mail").status == 1
    stage.write_site(mail=mail | {"server": nobody, "when": "always"})
    assert len(list((stage.state / "spool").glob("*.mail"))) == 1

    def delivered() -> None:
        letters = [path for path in (stage.config / "mail").iterdir() if path.suffix == ".eml"]
        assert len(letters) >= 2, "a letter was lost"
        assert all(path.read_bytes().startswith(b"Subject:") for path in letters)
        assert not list((stage.state / "spool").glob("*.mail"))

    def door_opens() -> None:
        stage.write_site(mail=MAIL_FOLDER)

    return scene(stage, "verify", "--mail", expected=1, prepared=door_opens, ends_well=delivered)


# ---- freeing, and bringing back


def prune(ground: Ground) -> Scene:
    """Have frames at the telescope that may be freed: each is proven on the archive by hash."""
    stage = stage_of(ground)
    retention = {"keep_nights": 0, "copies": 1, "within_days": 30}
    stage.set_up(copies=[stage.copy(end) for end in stage.ends], retention=retention)

    def proven() -> None:
        assert stage.call("verify", "--level", "checksum").status == 0

    def freed() -> None:
        assert not tree(stage.source), tree(stage.source)

    return scene(stage, "prune", "--yes", renewed=proven, ends_well=freed)


def bring_back(ground: Ground) -> Scene:
    """Have a night of which the telescope lost a half, and an archive that was read lately."""
    stage = stage_of(ground)
    stage.set_up(copies=hop(stage))

    def proven() -> None:
        assert stage.call("verify", "--level", "checksum").status == 0
        stage.here(0).unlink()
        stage.here(1).unlink()

    words = ("restore", "-i", "sha", "-d", night_text(stage.night()), "--from", stage.ends[1])
    return scene(stage, *map(str, words), renewed=proven)


# ---- remembering


def new_ledger(ground: Ground) -> Scene:
    """Have no ledger yet: whoever asks first makes it, migration by migration."""
    stage = stage_of(ground)
    stage.set_up(copies=hop(stage))
    return scene(stage, "status")


def accept(ground: Ground) -> Scene:
    """Have a frame that is nowhere, and a person who knows."""
    stage = stage_of(ground)
    stage.set_up(copies=hop(stage))
    for end in (stage.here(1), stage.there(1)):
        end.unlink()
    assert stage.call("verify").status == 1
    words = ("accept", "-i", "sha", "-d", night_text(stage.night()), "--frames", "2", "--reason", "the shutter stuck")

    def believed() -> None:
        assert stage.call("verify").status == 0

    return scene(stage, *words, ends_well=believed)


def read_again(ground: Ground) -> Scene:
    """Have a verify by hash, whose evidence prune will lean on."""
    stage = stage_of(ground)
    retention = {"keep_nights": 0, "copies": 1, "within_days": 30}
    stage.set_up(copies=[stage.copy(end) for end in stage.ends], retention=retention)
    remembered(stage)
    stage.there(0).write_bytes(stage.there(0).read_bytes()[::-1])

    def damaged_frame_is_kept() -> None:
        stage.call("prune", "--yes")
        freed = set(stage.frames) - set(tree(stage.source))
        assert stage.frames[0] not in freed, "freed, and the archive's frame is damaged"

    def others_are_freed() -> None:
        damaged_frame_is_kept()
        assert list(tree(stage.source)) == [stage.frames[0]], "kept, with a proof"

    words = ("verify", "--level", "checksum")
    ends: dict[str, Any] = {"sealed": damaged_frame_is_kept, "ends_well": others_are_freed}
    return scene(stage, *words, roots=(), expected=1, expected_again=1, **ends)


def command_step(is_named: bool) -> Callable[[Ground], Scene]:
    """Have a step that makes a product of each frame; `is_named`: at the place that it is told."""

    def make(ground: Ground) -> Scene:
        stage = stage_of(ground)
        told = "{output}" if is_named else "{input}.twice"
        step = {
            "step": "command",
            "run": ["sh", "-c", 'cat "$1" "$1" > "$2"', "twice", "{input}", told],
            "inputs": ["*.fits"],
            "outputs": ["{input}.twice"],
            "copy": stage.ends[1],
        }
        stage.set_up(copies=[stage.copy(end) for end in stage.ends], convert={"steps": [step]})
        for frame in stage.frames[2:]:
            for end in stage.ends:
                stage.path(end, frame).unlink()
        remembered(stage)
        between = temporary if is_named else is_beside
        return scene(stage, "convert", between=between)

    return make


def is_beside(path: Path) -> bool:
    """Let a program that names its product itself leave it half there: the ledger knows that it has not ended."""
    return path.name.endswith(".twice")


FLOWS = (
    Flow("a nightly run on this machine", local_run),
    Flow("the very first sync, with a new ledger", sync_by(None, fresh=True)),
    Flow("a new ledger", new_ledger),
    Flow("the pipe on this machine", sync_by("pipe")),
    Flow("rsync on this machine", sync_by("rsync")),
    Flow("rsync to another machine", sync_by("rsync", destination=True)),
    Flow("sftp to another machine", sync_by("sftp", destination=True)),
    Flow("sftp from another machine", sync_by("sftp", source=True)),
    Flow("the pipe to another machine", sync_by("pipe", destination=True)),
    Flow("the pipe from another machine", sync_by("pipe", source=True)),
    Flow("the spool of letters", spool),
    Flow("verify by hash, and what prune makes of it", read_again),
    Flow("accept", accept),
    Flow("prune", prune),
    Flow("a night brought back from the archive", bring_back),
    Flow("a step of convert", command_step(is_named=True)),
    Flow("a step whose program names its product itself", command_step(is_named=False)),
)
