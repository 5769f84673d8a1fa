"""Files of a window out of a folder that holds everything: the same as if every name were looked at."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from converters.stamps import NS_PER_S, format_stamp, parse_name
from converters.telemetry import stamped_files

BEGIN = 1764633612_500000000
DEVICES = ("cam", "cam_2", "camsci1", "2")
names = st.builds(
    lambda device, step, ending: f"{device}_{format_stamp(BEGIN + step * NS_PER_S)}{ending}",
    st.sampled_from(DEVICES),
    st.integers(-12, 12),
    st.sampled_from([".bintel", ".ndjson", ".binlog", ".bintel.part", ""]),
)
strange = st.sampled_from(["cam_", "cam_2025", "cam_99999999999999999999999.bintel", "readme", "cam_" + "0" * 23])
instants = st.none() | st.integers(-15, 15)


def by_looking_at_all(folder: Path, device: str, begin_ns: int | None, end_ns: int | None) -> list[str]:
    """Return what belongs to a window, and the last before it, from every single name."""
    parsed = [(parse_name(os.fsencode(name)), name) for name in (path.name for path in folder.iterdir())]
    stamps = sorted(
        (one.stamp_ns, name)
        for one, name in parsed
        if one is not None and one.device == device.encode() and one.extension in ("bintel", "ndjson")
    )
    stamps = [(at_ns, name) for at_ns, name in stamps if end_ns is None or at_ns <= end_ns]
    if begin_ns is not None:
        last_ns = max((at_ns for at_ns, _ in stamps if at_ns <= begin_ns), default=begin_ns)
        stamps = [(at_ns, name) for at_ns, name in stamps if at_ns >= last_ns]
    return [name for _, name in stamps]


@given(st.lists(names | strange, max_size=25, unique=True), st.sampled_from(DEVICES), instants, instants)
def test_a_window_of_names_is_what_looking_at_all_of_them_gives(
    held: list[str], device: str, begin: int | None, end: int | None
) -> None:
    """Devices whose names begin alike, other endings, stamps that are none; before, at and after the window's ends."""
    begin_ns, end_ns = (None if step is None else BEGIN + step * NS_PER_S for step in (begin, end))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "telem"
        folder.mkdir()
        for one in held:
            (folder / one).touch()
            os.utime(folder / one, (0, 0))  # written last before the window: none of them goes on into it
        found = stamped_files([Path(name)], device, ("bintel", "ndjson"), begin_ns=begin_ns, end_ns=end_ns)
        assert [file.path.name for file in found.files] == by_looking_at_all(folder, device, begin_ns, end_ns)


def test_a_file_that_comes_to_a_folder_is_found_at_once(tmp_path: Path) -> None:
    """The folder's own time tells that its list is another."""
    folder = tmp_path / "telem"
    folder.mkdir()
    for step in range(3):
        os.utime(folder, (time.time() - 100 + step,) * 2)
        assert len(stamped_files([tmp_path], "cam", ("bintel",)).files) == step
        (folder / f"cam_{format_stamp(BEGIN + step)}.bintel").touch()
        assert len(stamped_files([tmp_path], "cam", ("bintel",)).files) == step + 1
