"""What a device said is one series, whatever files, layouts, roots and forms it lies in."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from converters.stamps import NS_PER_S, day_folder, format_stamp
from converters.telemetry import (
    IMAGES,
    LOGS,
    Lines,
    Series,
    check_roots,
    devices,
    parse,
    parse_line,
    read_series,
    stamped_files,
)
from converters.telemetry.series import changed_bodies
from converters.telemetry.writer import raw_record, record
from observatory.errors import RootNotProven, UsageError
from tests.shared import shared

BEGIN_NS = 1_764_633_612_500_000_000  # 2025-12-02T00:00:12.5
DAY_NS = 86_400 * NS_PER_S
EVENT = "telem_observer"


def observer(at_ns: int, title: str = "beta Pic", **fields: object) -> bytes:
    """Return a record of the observers' device."""
    return record(at_ns, EVENT, {"email": "a@example.org", "obsName": title, "observing": True} | fields)


def put(
    root: Path, stamp_ns: int, content: bytes, layout: str = "days", kind: str = "telem", ext: str = "bintel"
) -> Path:
    """Write a file of the observers' device below a root, in one of the layouts."""
    folder = {
        "flat": root / kind,
        "device": root / kind / "observers",
        "days": root / kind / "observers" / day_folder(stamp_ns),
    }[layout]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"observers_{format_stamp(stamp_ns)}.{ext}"
    path.write_bytes(content)
    return path


def read(*roots: Path, begin_ns: int | None = None, end_ns: int | None = None) -> Series:
    """Read the observers' telemetry."""
    return read_series(roots, "observers", EVENT, begin_ns, end_ns)


def titles(series: Series) -> list[str]:
    """Return the title of every record."""
    return [message["obsName"] for _, message in series]


def test_files_of_both_layouts_and_several_roots_are_one_series(tmp_path: Path) -> None:
    """Old files lie flat, new ones in folders of days; a backup has one root for each computer."""
    one, two, three = tmp_path / "aoc", tmp_path / "rtc", tmp_path / "icc"
    put(one, BEGIN_NS, observer(BEGIN_NS, "1") + observer(BEGIN_NS + 3, "4"), "flat")
    put(two, BEGIN_NS + 1, observer(BEGIN_NS + 1, "2"))
    put(two, BEGIN_NS + 2, observer(BEGIN_NS + 2, "3"), "device")
    (three / "rawimages").mkdir(parents=True)
    series = read(three, two, one)
    assert titles(series) == ["1", "2", "3", "4"]
    assert series.times_ns.tolist() == [BEGIN_NS + n for n in range(4)]
    assert len(series.files) == 3
    assert (series.damage, series.malformed, series.growing, series.unreadable) == ((), 0, (), ())


def test_the_same_file_below_two_roots_counts_once(tmp_path: Path) -> None:
    """A backup beside the original; another record of the same instant is kept."""
    content = observer(BEGIN_NS) + observer(BEGIN_NS + 5, "x") + observer(BEGIN_NS + 5, "y")
    for root in ("one", "two"):
        put(tmp_path / root, BEGIN_NS, content)
    assert titles(read(tmp_path / "one", tmp_path / "two")) == ["beta Pic", "x", "y"]


def test_what_is_said_again_is_kept_once_and_its_edges_are_found(tmp_path: Path) -> None:
    """Cadences are quick, changes are rare: a thousand records, three messages, four edges."""
    said = ["a"] * 500 + ["b"] * 300 + ["a"] * 199 + ["c"]
    put(tmp_path, BEGIN_NS, b"".join(observer(BEGIN_NS + n, title) for n, title in enumerate(said)))
    series = read(tmp_path)
    assert len(series) == 1000
    assert [message["obsName"] for message in series.messages] == ["a", "b", "c"]
    assert series.edges().tolist() == [0, 500, 800, 999]
    assert series.message(999)["obsName"] == "c"


def test_only_bodies_that_differ_from_the_one_before_are_looked_into() -> None:
    """By bytes and many at a time, also where lengths change: that is what makes a year's telemetry quick."""
    said = ["a", "a", "b", "bb", "bb", "bb", "a", "c", "c"]
    records = parse(b"".join(observer(BEGIN_NS + n, title) for n, title in enumerate(said)))
    assert changed_bodies(records, np.arange(9)).tolist() == [0, 2, 3, 6, 7]
    assert changed_bodies(records, np.array([0, 1, 6, 7])).tolist() == [0, 3]
    assert changed_bodies(records, np.arange(0)).tolist() == []


def test_where_nothing_was_said_there_is_neither_record_nor_edge(tmp_path: Path) -> None:
    """Another device's records are not this one's."""
    put(tmp_path, BEGIN_NS, observer(BEGIN_NS) + observer(BEGIN_NS + 5))
    assert len(read(tmp_path)) == 2
    silent = read_series([tmp_path], "observers", "telem_stage")
    assert (len(silent), silent.edges().tolist()) == (0, [])


def test_state_goes_over_from_file_to_file(tmp_path: Path) -> None:
    """An edge is an edge where a new file begins, and none is where nothing changes there."""
    put(tmp_path, BEGIN_NS, observer(BEGIN_NS, "a"))
    put(tmp_path, BEGIN_NS + 1, observer(BEGIN_NS + 1, "a") + observer(BEGIN_NS + 2, "b"))
    assert read(tmp_path).edges().tolist() == [0, 2]


def test_a_window_holds_the_last_record_before_it(tmp_path: Path) -> None:
    """What held when the window began was said earlier, perhaps days earlier."""
    for day in range(10):
        at_ns = BEGIN_NS + day * DAY_NS
        put(tmp_path, at_ns, observer(at_ns, f"{day}a") + observer(at_ns + NS_PER_S, f"{day}b"))
    begin_ns = BEGIN_NS + 7 * DAY_NS - 1
    series = read(tmp_path, begin_ns=begin_ns, end_ns=BEGIN_NS + 7 * DAY_NS)
    assert titles(series) == ["6a", "6b", "7a"]
    assert len(series.files) == 2
    assert (series.times_ns[:2] <= begin_ns).all() and series.times_ns[2] > begin_ns
    assert series.message(1)["obsName"] == "6b"


def test_days_beside_the_window_are_not_listed(tmp_path: Path) -> None:
    """The cost grows with what is asked for: a folder of any but the day before may even be unreadable."""
    for day in range(5):
        put(tmp_path, BEGIN_NS + day * DAY_NS, observer(BEGIN_NS + day * DAY_NS))
    listed: list[str] = []
    original = os.scandir

    def noted(path: Path) -> object:
        listed.append(Path(path).name)
        return original(path)

    with pytest.MonkeyPatch.context() as patch:  # counts what is listed; nothing is replaced by a fake
        patch.setattr(os, "scandir", noted)
        read(tmp_path, begin_ns=BEGIN_NS + 2 * DAY_NS, end_ns=BEGIN_NS + 2 * DAY_NS + 1)
    assert [name for name in listed if name[0] == "2"] == ["2025_12_04", "2025_12_03"]


def test_a_file_of_one_day_may_hold_records_of_the_next(tmp_path: Path) -> None:
    """Files are closed by their size: the stamp is only when they begin."""
    put(tmp_path, BEGIN_NS, b"".join(observer(BEGIN_NS + hour * 3600 * NS_PER_S, str(hour)) for hour in range(60)))
    series = read(tmp_path, begin_ns=BEGIN_NS + 2 * DAY_NS, end_ns=BEGIN_NS + 2 * DAY_NS + 1)
    assert titles(series)[-1] == "48"


@pytest.mark.parametrize("layout", ["days", "device", "flat"])
def test_a_file_that_goes_on_is_read_although_another_begins_after_it(tmp_path: Path, layout: str) -> None:
    """A clock that once ran ahead left a file with a stamp of later: when that hour comes it is not the last one."""
    hour_ns = 3600 * NS_PER_S
    goes_on = b"".join(observer(BEGIN_NS + hour * hour_ns, str(hour)) for hour in range(20))
    whole = put(tmp_path, BEGIN_NS, goes_on, layout)
    ahead = put(tmp_path, BEGIN_NS + 5 * hour_ns, observer(BEGIN_NS + 5 * hour_ns, "from ahead"), layout)
    for path, hours in ((whole, 19), (ahead, 0)):
        os.utime(path, ns=(0, BEGIN_NS + hours * hour_ns))
    series = read(tmp_path, begin_ns=BEGIN_NS + 10 * hour_ns, end_ns=BEGIN_NS + 11 * hour_ns)
    assert titles(series)[-2:] == ["10", "11"]
    assert read(tmp_path, begin_ns=BEGIN_NS + 30 * hour_ns).files == (ahead,)


def test_records_of_another_event_or_device_are_left_out(tmp_path: Path) -> None:
    """One file holds many kinds; names that only begin alike are other devices."""
    put(tmp_path, BEGIN_NS, observer(BEGIN_NS) + record(BEGIN_NS, "telem_stage", {"preset": 1.0}))
    other = tmp_path / "telem" / f"observers_two_{format_stamp(BEGIN_NS)}.bintel"
    other.write_bytes(observer(BEGIN_NS, "wrong"))
    assert titles(read(tmp_path)) == ["beta Pic"]
    assert devices([tmp_path]) == ("observers", "observers_two")


def test_damage_tails_and_malformed_bodies_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    """Each file says its own; the good records of all are there."""
    good = b"".join(observer(BEGIN_NS + n) for n in range(20))
    put(tmp_path, BEGIN_NS, good[:100] + b"\0" * 100 + good[100:])
    put(tmp_path, BEGIN_NS + 20, observer(BEGIN_NS + 20) + observer(BEGIN_NS + 21)[:-5])
    put(tmp_path, BEGIN_NS + 30, observer(BEGIN_NS + 30) + raw_record(BEGIN_NS + 31, 20070, b"\xff" * 40))
    series = read(tmp_path)
    assert len(series) >= 20
    assert [one.path.name[-14:] for one in series.damage] == [series.files[0].name[-14:]] * len(series.damage)
    assert series.damage
    assert series.malformed == 1
    assert series.growing == (series.files[1],)


def test_what_cannot_be_read_is_named_and_is_not_taken_for_absent(tmp_path: Path) -> None:
    """A file that cannot be opened, here a link that leads to itself: unknown, and the others are read."""
    good = put(tmp_path, BEGIN_NS, observer(BEGIN_NS))
    bad = good.with_name(f"observers_{format_stamp(BEGIN_NS + 1)}.bintel")
    bad.symlink_to(bad.name)
    folder = tmp_path / "telem" / "observers" / "2025_12_03"
    folder.symlink_to(folder.name)
    series = read(tmp_path)
    assert titles(series) == ["beta Pic"]
    assert len(series.unreadable) == 2
    assert all(": " in sentence for sentence in series.unreadable)


def test_an_event_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """A typing error must not look like silence."""
    with pytest.raises(UsageError, match="no event 'telem_obsrver' is known"):
        read_series([tmp_path], "observers", "telem_obsrver")


def test_a_root_that_is_none_is_not_an_empty_archive(tmp_path: Path) -> None:
    """An absent one, and a mount point whose disk is not there."""
    (tmp_path / "mounted" / "logs").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    check_roots([tmp_path / "mounted"])
    for root in ("empty", "absent"):
        with pytest.raises(RootNotProven, match="may not be mounted"):
            check_roots([tmp_path / "mounted", tmp_path / root])


def test_images_are_found_by_the_same_rule(tmp_path: Path) -> None:
    """The one archive before the window too, over midnight, whose frames may reach into it."""
    stamps = [BEGIN_NS - DAY_NS, BEGIN_NS - 20 * NS_PER_S, BEGIN_NS, BEGIN_NS + NS_PER_S]
    for stamp_ns in stamps:
        put(tmp_path, stamp_ns, b"", kind=IMAGES, ext="xrif")
    put(tmp_path, BEGIN_NS, b"", kind=IMAGES, ext="part")
    found = stamped_files([tmp_path], "observers", ("xrif",), IMAGES, BEGIN_NS - NS_PER_S, BEGIN_NS)
    assert [file.stamp_ns for file in found.files] == stamps[1:3]


def lines_of(*said: dict[str, object]) -> bytes:
    """Return lines of JSON."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in said)


def line(title: str, second: int, **fields: object) -> dict[str, object]:
    """Return one line as logdump prints it."""
    msg = {"email": "a@example.org", "obsName": title, "observing": True} | fields
    return {"ts": f"2025-12-02T00:00:{second:02d}.000000001", "prio": "TELM", "ec": EVENT, "msg": msg}


@pytest.mark.parametrize("ext", ["ndjson", "ndjson.gz"])
def test_lines_of_json_and_records_are_one_series(tmp_path: Path, ext: str) -> None:
    """The same message in both forms is the same message; what an older line leaves out is absent."""
    content = lines_of(line("beta Pic", 12), line("other", 14, tgt_name="HR 1"))
    put(tmp_path, BEGIN_NS - 1, gzip.compress(content) if ext.endswith("gz") else content, ext=ext)
    put(tmp_path, BEGIN_NS, observer(BEGIN_NS))
    series = read(tmp_path)
    assert titles(series) == ["beta Pic", "beta Pic", "other"]
    assert series.edges().tolist() == [0, 2]
    assert [message["tgt_name"] for message in series.messages] == [None, "HR 1"]


def test_bad_lines_are_counted_and_the_last_may_be_growing(tmp_path: Path) -> None:
    """No JSON, no object, no instant, no event; a line that has not been written to its end is no damage."""
    good = lines_of(line("a", 1))
    bad = b"{\n[]\n" + lines_of({"ts": "yesterday", "ec": EVENT, "msg": {}}, {"ts": "2025-12-02T00:00:00", "msg": {}})
    path = tmp_path / "some.ndjson"
    path.write_bytes(good + bad + b"\n" + good + good[:-20])
    lines = Lines(path)
    assert len(list(lines)) == 2
    assert [span.reason for span in lines.damage] == [
        "the line is no JSON",
        "the line is no object",
        "ts is no instant",
        "the line lacks ec or msg",
    ]
    assert lines.tail_bytes == len(good) - 20
    path.write_bytes(good[:-1])
    assert len(list(Lines(path))) == 1


def test_a_log_that_cannot_be_unpacked_to_its_end_keeps_what_it_has(tmp_path: Path) -> None:
    """Cut short within gzip, or spoilt there."""
    whole = gzip.compress(b"".join(lines_of(line(os.urandom(20).hex(), n % 60)) for n in range(2000)))
    for content in (whole[: len(whole) // 2], whole[: len(whole) // 2] + b"\0" * 5000):
        path = tmp_path / "some.ndjson.gz"
        path.write_bytes(content)
        lines = Lines(path)
        assert 0 < len(list(lines)) < 2000
        assert len(lines.damage) >= 1


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    """Megabytes without a line end are damage, piece by piece."""
    path = tmp_path / "some.ndjson"
    path.write_bytes(b"x" * (2 << 20) + b"\n" + lines_of(line("a", 1)))
    lines = Lines(path)
    assert [one.fields["obsName"] for one in lines] == ["a"]
    assert sum(span.length for span in lines.damage) == 2 << 20


def test_real_lines_of_the_instrument_are_read() -> None:
    """Nine of the observers' device, 10 s apart, and one of every other kind, those that we do not know too."""
    lines = Lines(shared("samples/magaox/telemetry_lines.ndjson"))
    read_lines = list(lines)
    assert lines.damage == []
    observers = [one for one in read_lines if one.event == EVENT]
    assert len(observers) == 9
    assert observers[0].time_ns == 1_706_159_967_194_553_509
    assert set(np.diff([one.time_ns for one in observers]) // NS_PER_S) == {10}
    assert observers[0].fields == {
        "email": "observer@example.org",
        "obsName": "sync_300pwdth",
        "observing": False,
        "tgt_name": None,
        "operator_email": None,
    }
    assert {one.device for one in observers} == {"observers"}
    cooler = next(one for one in read_lines if one.event == "telem_cooler")
    assert cooler.fields["pumpSpeed"] == 5671
    assert len(read_lines) == 20


def test_lines_that_name_another_device_are_not_this_devices(tmp_path: Path) -> None:
    """A file of lines may be a collection."""
    content = lines_of(line("mine", 1) | {"device": "observers"}, line("other", 2) | {"device": "labCool"})
    put(tmp_path, BEGIN_NS, content, ext="ndjson")
    assert titles(read(tmp_path)) == ["mine"]


def test_logs_of_the_instrument_are_read_like_its_telemetry(tmp_path: Path) -> None:
    """A .binlog holds records too, of other priorities."""
    content = b"".join(record(BEGIN_NS + n, "text_log", {"message": f"line {n}"}, priority=6) for n in range(5))
    put(tmp_path, BEGIN_NS, content, kind=LOGS, ext="binlog")
    series = read_series([tmp_path], "observers", "text_log", kind=LOGS)
    assert [message["message"] for _, message in series] == [f"line {n}" for n in range(5)]
    assert devices([tmp_path], LOGS) == ("observers",)


def test_logs_of_python_devices_lie_in_the_devices_own_folder(tmp_path: Path) -> None:
    """Without a folder of the day, below logs."""
    put(tmp_path, BEGIN_NS, gzip.compress(lines_of(line("a", 1))), "device", LOGS, "ndjson.gz")
    assert titles(read_series([tmp_path], "observers", EVENT, kind=LOGS)) == ["a"]


@pytest.mark.parametrize(
    "text", ["2025-12-02T00:00:12.5Z", "2025-12-02T00:00:12.500000000+00:00", "2025-12-02T00:00:12.5"]
)
def test_instants_are_utc_and_exact(text: str) -> None:
    """With or without a zone, with as many decimals as there are."""
    assert parse_line(json.dumps({"ts": text, "ec": "x", "msg": {}})).time_ns == BEGIN_NS
