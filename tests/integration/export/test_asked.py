"""Which observations an export is asked for: by semester, time and title, over several roots, under any name."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path

from converters.stamps import day_folder
from tests.integration.export.night import Night, opened
from tests.magaox import at, files_below, observer, stamp


def test_the_last_root_need_not_be_the_one_that_holds_the_observers(night: Night) -> None:
    """Defect 5: only the last root with telem/observers counted, and an empty one hid all the others."""
    night.ordinary()
    for role in ("rtc", "icc"):
        (night.drive.roots[role] / "telem" / "observers").mkdir()
    for order in (("aoc", "rtc", "icc"), ("icc", "aoc", "rtc"), ("rtc", "icc", "aoc")):
        roots = [word for role in order for word in ("-X", str(night.drive.roots[role]))]
        assert len(night.spans("-s", "2025B", roots=roots)) == 1


def test_observers_telemetry_below_several_roots_is_one(night: Night) -> None:
    """A rise in a file of one root, its fall in a file of another; and the same file twice."""
    night.drive.observers([(0, observer(False)), (10, observer(False))], "aoc")
    path = night.drive.observers([(11, observer(True)), (21, observer(True))], "icc")
    night.drive.observers([(31, observer(False))], "rtc")
    copy = night.drive.roots["aoc"] / path.relative_to(night.drive.roots["icc"])
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, copy)
    (one,) = night.spans("-s", "2025B")
    assert (one["begin_utc"], one["end_utc"]) == ("2025-12-02T23:59:10.000000000Z", "2025-12-02T23:59:31.000000000Z")


def test_a_start_without_an_end_finds_everything_since(night: Night) -> None:
    """Defect 6: the end was taken from another year's semester, and nothing was found."""
    night.ordinary()
    assert len(night.spans("--utc-start", "2025-12-02T20:00")) == 1
    assert len(night.spans("--utc-start", "2024-06-01")) == 1
    assert night.spans("--utc-start", "2025-12-02T23:59:21") == []
    assert night.spans("--utc-end", "2025-12-03T00:00:39") == []


def test_a_change_of_target_is_another_observation(night: Night) -> None:
    """Defect 8: everything was filed under the first target."""
    said = [(t, observer(t >= 10, target="HD 1" if t < 45 else "HD 2")) for t in (0, 10, 20, 30, 40, 45, 50, 60, 70)]
    night.drive.observers([*said, (80, observer(False, target="HD 2"))])
    night.drive.archive([30, 40, 50, 60])
    assert night.export("-O").status == 0
    assert [path.split("/")[2:] for path in files_below(night.output)] == [
        ["2025-12-02_235900_HD_1_20251202_betaPic_deep", "camsci1", f"camsci1_{stamp(t)}.fits"] for t in (30, 40)
    ] + [["2025-12-02_235945_HD_2_20251202_betaPic_deep", "camsci1", f"camsci1_{stamp(t)}.fits"] for t in (50, 60)]


def test_an_observation_that_goes_on_is_exported_as_far_as_its_telemetry_reaches(night: Night) -> None:
    """Later archives may belong to anybody; once it is over, what lies beyond its end is taken back."""
    night.drive.observers([(t, observer(t >= 20)) for t in range(0, 60, 10)])
    night.drive.archive([30, 40, 60, 70])
    night.drive.archive([500, 510])
    assert night.spans("-s", "2025B")[0]["end_utc"] is None
    assert night.export("-O").status == 0
    assert night.made() == [stamp(t) for t in (30, 40, 60, 70)]
    night.drive.observers([(62, observer(False)), (72, observer(False))])
    assert night.export("-O").status == 0
    assert night.made() == [stamp(t) for t in (30, 40, 60)]


def test_titles_of_any_bytes_do_no_harm(night: Night) -> None:
    """Slashes, spaces, line ends and dots climb nowhere and inject nothing."""
    night.drive.observe(20, 100, title="../../../etc\n x'y\x00\udcff", target="/", email="")
    night.drive.archive([30])
    assert night.export("-O").status == 0
    (path,) = files_below(night.output)
    assert path.startswith("2025B/_no_email_/2025-12-02_235920_")
    assert path.count("/") == 4
    opened(night.output / path)


def test_folders_whose_names_are_no_text_do_no_harm(night: Night) -> None:
    """Roots and outputs are bytes, to the ledger, to the terminal and to JSON."""
    night.ordinary()
    odd = Path(os.fsdecode(os.fsencode(night.drive.folder) + b"-\xff\n"))
    night.drive.folder.rename(odd)
    night.output = Path(os.fsdecode(os.fsencode(night.output) + b"\xfe"))
    roots = [word for role in ("aoc", "icc", "rtc") for word in ("-X", str(odd / role / "opt" / "MagAOX"))]
    bad = odd / "icc" / "opt" / "MagAOX" / "rawimages" / "camsci1" / "2025_12_02" / f"camsci1_{stamp(30)}.xrif"
    bad.write_bytes(bad.read_bytes()[:-1])
    answer = night.export(roots=roots)
    assert answer.status == 1
    assert "\\xff\\x0a" in answer.err
    assert len(night.made()) == 5
    assert night.export("--json", roots=roots).document["output"] == {
        "bytes": base64.b64encode(os.fsencode(night.output)).decode()
    }
    assert night.export("-i", roots=roots).status == 1
    bundle = night.call("bundle", "-s", "2025B", "-c", "camsci1", *roots, "-D", str(night.output / "bundle"))
    assert bundle.status == 0


def test_a_title_that_nobody_used_is_a_difference(night: Night) -> None:
    """Exit 1 where a title was named, 0 where only a semester without observations was asked for."""
    night.ordinary()
    assert night.export("-t", "betaPic").status == 1
    assert night.export("-t", "betaPic", "-p").status == 0


def test_a_time_without_telemetry_is_unknown(night: Night) -> None:
    """That nothing was observed cannot be told from nothing: neither before the telemetry nor after it."""
    night.ordinary()
    answer = night.call("spans", "--utc-start", "2025-01-01", "--utc-end", "2025-01-02", *night.drive.words)
    assert answer.status == 3
    assert "that begins in or before this time" in answer.err
    answer = night.call("spans", "--utc-start", "2026-03-01", "--utc-end", "2026-03-02", *night.drive.words)
    assert answer.status == 3
    assert (
        "the telemetry holds no word of the time from 2026-03-01T00:00:00Z until 2026-03-02T00:00:00Z:"
        " name another with -s or --utc-start, or with -X the root that has it"
    ) in answer.err
    answer = night.call("spans", "--utc-start", "2026-03-01", *night.drive.words)
    assert "no word of the time from 2026-03-01T00:00:00Z on:" in answer.err


def test_a_root_that_is_not_there_says_how_to_name_another(night: Night) -> None:
    """Somebody at home, who has the drive at another place, and does not know of -X yet."""
    answer = night.call("spans", "--data-root", str(night.drive.folder / "nowhere"))
    assert answer.status == 3
    assert "its disk may not be mounted. Mount it, or name with -X the root that holds the data" in answer.err


def test_usage_is_refused_before_anything_is_done(night: Night) -> None:
    """Both forms at once, a semester or an instant that is none, an instrument without the section."""
    night.ordinary()
    assert night.export("-C", "-S").status == 2
    assert night.call("export", "-s", "2025C", *night.drive.words).status == 2
    assert night.export("--utc-start", "yesterday").status == 2
    assert night.export("--instrument", "sha").status == 2
    assert not night.output.exists()


def test_the_lookback_ends_after_a_day(night: Night) -> None:
    """A damaged archive of last week is nobody's failure today."""
    night.ordinary()
    old = night.drive.place("icc", "rawimages", "camsci1", -7 * 86400, "xrif")
    old.write_bytes(b"xrif but cut")
    assert night.export().status == 0
    assert day_folder(at(-7 * 86400)) in str(old)
