"""L2: pages of the database file are damaged, at its beginning, within and at its end, or it is cut short."""

from __future__ import annotations

from pathlib import Path

from tests.faults.battery import Fault, Found, Stage, verdict_of

PAGE_BYTES = 4096


def make(stage: Stage) -> None:
    """Fill the ledger by a nightly run, note it, and then lose a frame on the archive."""
    assert stage.call("run").status == 0
    assert stage.call("status").status == 0
    stage.seen["database"] = {
        path.name: path.read_bytes() for path in stage.state.glob("catalogue.db*") if path.stat().st_size
    }
    stage.there(2).unlink()


def damaged(whole: bytes, page: int) -> bytes:
    """Return the file with one page of rubbish."""
    start = page * PAGE_BYTES
    return whole[:start] + b"rubbish." * (PAGE_BYTES // 8) + whole[start + PAGE_BYTES :]


def ask(stage: Stage) -> Found:
    """Verify with each damage: the missing frame is said, or that the records are damaged; nothing is green."""
    whole = stage.seen["database"]["catalogue.db"]
    pages = len(whole) // PAGE_BYTES
    chosen = range(pages) if stage.is_full else range(0, pages, max(pages // 6, 1))
    for content in [*(damaged(whole, page) for page in chosen), whole[: len(whole) // 2], whole[:-PAGE_BYTES], b""]:
        restore(stage, content)
        answer = stage.call("verify", "--json")
        found = verdict_of(answer)
        assert found.words == "different: 1 missing" or answer.status == 3, (len(content), answer)
        assert "error" not in answer.document or found.reason, answer
    return Found("the missing frame, or could not tell", 3)


def restore(stage: Stage, content: bytes) -> None:
    """Put this database in place, without a journal."""
    for path in stage.state.glob("catalogue.db*"):
        path.unlink()
    Path(stage.state / "catalogue.db").write_bytes(content)


def after(stage: Stage, found: Found) -> None:
    """Moved aside, the next run starts a new one by looking."""
    for path in stage.state.glob("catalogue.db*"):
        path.unlink()
    stage.mended()


FAULT = Fault(
    "L2b",
    "any page of the database file is damaged, or it is cut short, and a frame is missing",
    make,
    ask,
    "the missing frame, or could not tell",
    after=after,
)
