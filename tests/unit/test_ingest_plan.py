"""What is to become of each file of an ingest, decided from facts alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from syncer.ingest.model import Bin, Candidate, Planned, Present, Result, Source, Transfer
from syncer.ingest.plan import hold_back, plan

IDS = [uuid.UUID(int=number) for number in range(10)]
HERE = Present(100, 1, 77)
NOTHING = Present()


def file(
    path: str, id_: int = 0, size: int = 100, inode: int = 1, destination: str | None = None, **more: object
) -> Candidate:
    """Return a candidate; its destination is its name in the folder ``run``."""
    name = path.rpartition("/")[2]
    source = Source(path.encode(), path.encode(), size, 0, 1, inode)
    placed = (destination if destination is not None else f"run/{name}").encode()
    facts = {"exposure": id_, "transfer": Transfer.LINK} | more
    return Candidate(source, IDS[id_], destination=placed, **facts)  # type: ignore[arg-type]


def never(source: bytes, held: bytes) -> str:
    """Fail: nobody should have to ask."""
    raise AssertionError(f"{source!r} was compared with {held!r}")


def says(answer: str) -> Callable[[bytes, bytes], str]:
    """Return a comparison that always answers so."""
    return lambda source, held: answer


def one(planned: tuple[Planned, ...]) -> Planned:
    """Return the only one."""
    (found,) = planned
    return found


def test_a_file_that_is_nowhere_is_new() -> None:
    """Neither recorded nor there."""
    found = one(plan([file("/in/a")], {}, {}, {b"run/a": NOTHING}, never))
    assert (found.result, found.reason, found.at) == (Result.NEW, None, None)


def test_a_recorded_file_is_identical_by_inode_or_by_its_bytes() -> None:
    """The inode decides without reading; equal sizes are read; the place is the recorded one."""
    recorded = {IDS[0]: b"old/a"}
    same_inode = plan([file("/in/a", inode=77)], recorded, {}, {b"old/a": HERE, b"run/a": NOTHING}, never)
    same_bytes = plan([file("/in/a")], recorded, {}, {b"old/a": HERE, b"run/a": NOTHING}, says("same"))
    assert one(same_inode).result is one(same_bytes).result is Result.IDENTICAL
    assert one(same_bytes).at == b"old/a"


def test_other_bytes_under_the_same_data_id_are_changed() -> None:
    """By size without reading, else by reading; never taken and never passed over."""
    recorded, present = {IDS[0]: b"run/a"}, {b"run/a": HERE}
    by_size = one(plan([file("/in/a", size=99)], recorded, {}, present, never))
    by_bytes = one(plan([file("/in/a")], recorded, {}, present, says("different")))
    assert by_size.result is by_bytes.result is Result.CHANGED
    assert "99 bytes given, 100 held" in (by_size.reason or "")


def test_what_cannot_be_compared_is_unreadable() -> None:
    """The reason is the comparison's or the look's; it is never called changed or identical."""
    recorded = {IDS[0]: b"run/a"}
    asked = one(plan([file("/in/a")], recorded, {}, {b"run/a": HERE}, says("Input/output error")))
    looked = one(plan([file("/in/a")], recorded, {}, {b"run/a": Present(reason="Stale file handle")}, never))
    assert (asked.result, asked.reason) == (Result.UNREADABLE, "Input/output error")
    assert (looked.result, looked.reason) == (Result.UNREADABLE, "run/a: Stale file handle")


def test_a_recorded_file_that_is_gone_is_placed_again() -> None:
    """Tracked but absent: its like is welcome."""
    found = one(plan([file("/in/a")], {IDS[0]: b"run/a"}, {b"run/a": IDS[0]}, {b"run/a": NOTHING}, never))
    assert found.result is Result.NEW


def test_an_unrecorded_file_in_the_place_is_found_or_in_the_way() -> None:
    """Equal it is what a killed ingest left; other content belongs to somebody."""
    present = {b"run/a": HERE}
    assert one(plan([file("/in/a")], {}, {}, present, says("same"))).result is Result.FOUND
    refused = one(plan([file("/in/a")], {}, {}, present, says("different")))
    assert (refused.result, refused.bin) == (Result.REFUSED, Bin.FILE)
    folder = one(plan([file("/in/a")], {}, {}, {b"run/a": Present(100, 1, 5, is_file=False)}, never))
    assert folder.result is Result.REFUSED


def test_a_place_that_another_dataset_has_is_refused() -> None:
    """The catalogue knows whose it is."""
    found = one(plan([file("/in/a")], {}, {b"run/a": IDS[3]}, {b"run/a": HERE}, never))
    assert (found.result, str(IDS[3]) in (found.reason or "")) == (Result.REFUSED, True)


def test_two_datasets_of_one_path_are_both_refused() -> None:
    """The later would silently replace the earlier (B1); names that a file system may fold count as one."""
    present = {b"run/a": NOTHING, b"run/A": NOTHING}
    for other in ("run/a", "run/A"):
        both = plan([file("/in/a"), file("/in/b", 1, destination=other)], {}, {}, present, never)
        assert [found.result for found in both] == [Result.REFUSED, Result.REFUSED]
        assert "/in/b" in (both[0].reason or "")


def test_two_files_of_one_data_id_are_one_or_refused() -> None:
    """Equal, the second is identical; different, neither is taken; unread, it cannot be told."""
    candidates = [file("/in/a"), file("/more/a", inode=2)]
    present = {b"run/a": NOTHING}
    equal = plan(candidates, {}, {}, present, says("same"))
    assert [found.result for found in equal] == [Result.NEW, Result.IDENTICAL]
    different = plan(candidates, {}, {}, present, says("different"))
    assert [found.result for found in different] == [Result.REFUSED, Result.REFUSED]
    third = plan([*candidates, file("/third/a", inode=1)], {}, {}, present, says("different"))
    assert {found.result for found in third} == {Result.REFUSED}
    unread = plan(candidates, {}, {}, present, says("Permission denied"))
    assert [found.result for found in unread] == [Result.NEW, Result.UNREADABLE]


def test_a_file_that_stays_where_it_is_needs_no_place() -> None:
    """Direct and inside: its own path is where it lies."""
    for way in (Transfer.DIRECT, Transfer.INSIDE):
        found = one(plan([file("/in/a", transfer=way)], {}, {}, {b"run/a": HERE}, never))
        assert found.result is Result.NEW


def test_the_new_files_of_a_broken_exposure_are_held_back_and_no_others() -> None:
    """A change breaks nothing: an earlier version is there."""
    planned = (
        Planned(file("/in/a", 0, exposure="x"), Result.NEW),
        Planned(file("/in/b", 1, exposure="x"), Result.REFUSED, "why", Bin.EXPOSURE),
        Planned(file("/in/c", 2, exposure="x"), Result.IDENTICAL),
        Planned(file("/in/d", 3, exposure="y"), Result.NEW),
        Planned(file("/in/e", 4, exposure="y"), Result.CHANGED, "why", Bin.FILE),
        Planned(file("/in/f", 5, exposure="z"), Result.FOUND),
    )
    held = [one.result for one in hold_back(planned, {"z"})]
    assert held == [Result.HELD_BACK, Result.REFUSED, Result.IDENTICAL, Result.NEW, Result.CHANGED, Result.HELD_BACK]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), max_size=8),
    st.dictionaries(st.integers(0, 3), st.integers(0, 3), max_size=4),
    st.dictionaries(st.integers(0, 3), st.integers(0, 2), max_size=4),
)
def test_no_two_files_are_ever_placed_at_one_path(
    files: list[tuple[int, int, int]], recorded: dict[int, int], there: dict[int, int]
) -> None:
    """Whatever is given, recorded and there: new files have places and data ids of their own, and none is occupied."""
    contents: dict[bytes, int] = {}
    candidates = []
    for number, (id_, place, content) in enumerate(files):
        path = f"/in/{number}"
        contents[path.encode()] = content
        candidates.append(file(path, id_, inode=number + 1, destination=f"p{place}"))
    present = {f"p{place}".encode(): NOTHING for place in range(4)}
    for place, content in there.items():
        present[f"p{place}".encode()] = Present(100, 2, place + 100)
        contents[f"p{place}".encode()] = content
    paths = {IDS[id_]: f"p{place}".encode() for id_, place in recorded.items()}
    taken = {path: id_ for id_, path in paths.items()}

    def compare(source: bytes, held: bytes) -> str:
        return "same" if contents[source] == contents[held] else "different"

    planned = plan(candidates, paths, taken, present, compare)
    new = [one.candidate for one in planned if one.result is Result.NEW]
    assert len({one.destination for one in new}) == len({one.id for one in new}) == len(new)
    assert all(present[one.destination].size_bytes is None for one in new)
    assert len(planned) == len(candidates)
    assert all(one.reason for one in planned if not one.result.is_good)
