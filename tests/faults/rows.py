"""What stands for each row of the field's tables of weak points: a case, a test of another part, or why neither.

The rows' letters are those of the field notes: D a large survey's data flows, S the two-sided checks of an
observatory, B the ingest into a registry, V the conversion of a high-speed imager, X the export of observations.
Leaves to page.py how they are shown; tests/faults/test_page.py sees to it that everything named exists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Row:
    """One weak point of a peer.

    Attributes
    ----------
    name : str
    says : str
        What goes wrong there, briefly.
    stands : tuple of str
        Names of cases (``F10a``), or of tests anywhere below tests/.
    why : str
        Why nothing can stand for it, where nothing does.
    """

    name: str
    says: str
    stands: tuple[str, ...]
    why: str = ""


ROWS = (
    Row("D1", "a step fails and is recorded as a success", ("D1",)),
    Row("D2", "a check is configured and never made", ("D2", "D2b")),
    Row("D3", "an outage counts as no changes, and the night as done", ("D3",)),
    Row("D4", "a lock that cannot be read counts as free", ("D4", "L4", "L5")),
    Row("D5", "leftovers of a crash count as transferred", ("D5", "F8a", "F8b")),
    Row(
        "D6",
        "a manifest with nothing in it passes, and forms of lines are misread",
        (
            "D6",
            "test_every_dialect_of_a_line_is_read",
            "test_a_line_that_says_nothing_is_counted",
            "test_a_folder_without_a_list_cannot_be_told",
        ),
    ),
    Row("D7", "a night of two years is split", ("D7",)),
    Row("D8", "a state file is half written, and the history is dropped", ("D8", "L2")),
    Row("D9", "a zone's oldest entry shifts the night by 28 minutes", ("D9", "C3", "C4")),
    Row("D10", "two rules of nights in one program", ("D10", "C2", "C6")),
    Row("D11", "a wrong argument leaves a setting unset", ("D11",)),
    Row("D12", "years are written into a program", ("D12",)),
    Row("D13", "a mirror of an empty source erases the copy", ("D13", "F10a", "F10b", "F10c")),
    Row("D14", "only yesterday is caught up", ("D14", "D14b", "S4")),
    Row("D15", "what repeats is mailed each time", ("D15",)),
    Row("S1", "existence alone is looked at", ("F1", "F2", "F3", "F4")),
    Row("S2", "one direction alone is looked at", ("S2", "D6")),
    Row("S3", "a host that is down looks like nothing missing", ("S3", "H1", "H2", "H7", "H8")),
    Row("S4", "sync and verify look at different nights", ("S4",)),
    Row("S5", "what is still written is called missing", ("S5", "F9")),
    Row("S6", "other names than .fits are not seen", ("S6",)),
    Row("S7", "a mail of 42 lines every day", ("S7", "D15")),
    Row("S8", "the job does not run, and nobody notices", ("S8",)),
    Row("S9", "holes in the numbers are not seen", ("S9", "F6")),
    Row(
        "B1",
        "two units of one templated path: the second overwrites the first",
        (
            "B1",
            "N14",
            "N15",
            "test_two_datasets_of_one_path_are_both_refused",
            "test_no_two_files_are_ever_placed_at_one_path",
        ),
    ),
    Row(
        "B2",
        "a file delivered again with other bytes is skipped",
        ("B2", "test_a_file_delivered_again_with_other_content_is_reported"),
    ),
    Row(
        "B3",
        "what is there already is counted as done now",
        ("B3", "test_what_is_there_already_is_identical"),
    ),
    Row(
        "B4",
        "failures are listed without their causes",
        ("B4", "test_what_cannot_be_read_is_unknown_and_holds_its_exposure_back"),
    ),
    Row(
        "B5",
        "an error is a traceback",
        ("test_what_is_unknown_is_one_line_and_exit_2",),
    ),
    Row(
        "B6",
        "an exposure is taken in part",
        ("test_an_exposure_is_taken_whole_or_not_at_all",),
    ),
    Row(
        "B7",
        "a quoted pattern registers itself, and one that matches nothing is silent",
        (
            "test_a_quoted_pattern_means_the_files_and_not_itself",
            "test_a_pattern_that_matches_nothing_fails",
        ),
    ),
    Row("B8", "methods of a base class were copied and fell behind", (), "how that program is written; none is copied"),
    Row("B9", "an offset is made a whole number, wrongly below nought", (), "offsets stay real numbers here"),
    Row(
        "B10",
        "a move deletes what was not verified",
        ("B10", "P1", "test_a_move_removes_an_original_only_for_a_copy_that_holds_its_bytes"),
    ),
    Row(
        "B11",
        "an ingest that is interrupted is undone as far as it goes",
        (
            "test_a_killed_ingest_is_gone_on_with",
            "test_a_killed_move_loses_no_file",
        ),
    ),
    Row(
        "B12",
        "checking a configuration crashes on one of one's own",
        ("test_every_type_has_names_to_be_tried_with",),
    ),
    Row(
        "V1",
        "frames whose times are damaged are deleted",
        (
            "test_frames_without_usable_times_are_kept_and_say_why",
            "test_a_damaged_file_says_what_is_wrong",
        ),
    ),
    Row(
        "V2",
        "the last frames without a partner are dropped",
        ("test_whatever_the_cameras_lose_every_frame_is_somewhere_once",),
    ),
    Row(
        "V3",
        "an offset between cameras gives no pairs, or wrong ones",
        (
            "test_an_offset_beyond_the_tolerance_hides_nothing",
            "test_however_frames_are_lost_no_pair_is_wrong",
        ),
    ),
    Row(
        "V4",
        "a checksum calls safe what is corrupt",
        (
            "F1",
            "P2",
            "test_whatever_happens_to_the_archive_the_night_is_no_longer_safe",
        ),
    ),
    Row("V5", "an exclude pattern hides frames", ("V5",)),
    Row(
        "V6",
        "a second run is another one, and ids are burnt",
        (
            "test_a_second_run_makes_nothing",
            "test_killed_with_the_ids_in_hand_the_same_ids_are_used",
        ),
    ),
    Row(
        "V7",
        "renaming in a circle destroys files",
        (
            "test_a_plan_that_makes_one_file_twice_is_refused",
            "test_a_file_of_somebody_else_in_a_product_s_place_is_kept",
        ),
    ),
    Row(
        "V8",
        "a backup of hard links changes with its originals",
        ("P3", "P3b", "test_an_original_is_never_consumed"),
    ),
    Row(
        "V9",
        "a filter changes within a cube, whose header is that of its end",
        (
            "test_new_cubes_begin_where_the_instrument_changed",
            "test_a_cubes_header_is_that_of_its_own_frames",
        ),
    ),
    Row(
        "V10",
        "clocks and days are mixed",
        (
            "test_a_night_past_midnight_is_one_night",
            "test_two_clocks_are_never_paired",
            "test_without_acquisition_times_the_loggers_are_taken",
        ),
    ),
    Row(
        "V11",
        "tables are edited by position, by several programs",
        ("test_many_that_ask_at_a_time_get_different_numbers",),
    ),
    Row("V12", "a folder that is still written is processed", ("V12",)),
    Row(
        "V13",
        "a program is waited for without end",
        ("V13", "test_a_command_that_does_not_answer_is_ended"),
    ),
    Row(
        "V14",
        "what no archive confirmed is deleted",
        (
            "test_what_archives_must_confirm_stays_until_all_of_them_did",
            "test_only_what_stands_in_a_manifest_that_was_sent_is_freed",
        ),
    ),
    Row("V15", "only a full disk is mailed", ("S7", "D15", "M1", "F12")),
    Row(
        "V16",
        "tables put together repeat their heads",
        ("test_manifests_put_together_by_hand_are_read_and_doubles_fall_away",),
    ),
    Row(
        "X1",
        "an observation begins at the last change",
        ("test_an_observation_begins_at_the_last_record_before_its_rise",),
    ),
    Row("X2", "the history erases itself", ("test_a_second_export_does_nothing_and_loses_nothing",)),
    Row(
        "X3",
        "to ignore the history means to stop writing it",
        ("test_ignoring_the_history_makes_everything_again_and_remembers_it",),
    ),
    Row("X4", "a rise at the edge of a file is lost", ("test_where_files_end_and_begin_changes_nothing",)),
    Row(
        "X5",
        "of several roots the last one counts",
        (
            "test_the_last_root_need_not_be_the_one_that_holds_the_observers",
            "test_observers_telemetry_below_several_roots_is_one",
        ),
    ),
    Row(
        "X6",
        "a start without an end finds nothing",
        ("test_a_start_without_an_end_finds_everything_since",),
    ),
    Row(
        "X7",
        "an archive across midnight is missed",
        (
            "test_frames_are_chosen_by_their_own_times_in_both_layouts",
            "test_the_lookback_ends_after_a_day",
        ),
    ),
    Row("X8", "a change of target splits nothing", ("test_a_change_of_target_is_another_observation",)),
    Row(
        "X9",
        "files without telemetry are recorded as failed for ever",
        ("test_missing_telemetry_leaves_cards_out_and_is_made_good_when_it_comes",),
    ),
    Row(
        "X10",
        "a bundle crashes as soon as there is a file",
        ("test_a_bundle_is_a_root_of_its_own_that_proves_itself",),
    ),
    Row("X11", "the number of processes is a text", ("test_several_processes_make_what_one_makes",)),
    Row(
        "X12",
        "damage in the telemetry goes unseen",
        ("test_damaged_observers_telemetry_is_unknown_unless_it_is_to_be_ignored",),
    ),
    Row("X13", "several at work write one file", ("test_two_exports_into_one_output_do_not_meet",)),
    Row(
        "X14",
        "no look at the room, no lock, nothing is verified, nobody is told",
        (
            "test_too_little_room_is_refused_before_the_first_byte",
            "test_a_disk_that_takes_no_more_leaves_nothing_half",
            "test_a_damaged_archive_stops_nothing_and_is_named",
        ),
    ),
)


@cache
def where_tests_lie() -> Mapping[str, str]:
    """Return where each test lies: its file, relative to the repository, by its name."""
    files = sorted(TESTS.rglob("test_*.py"))
    found = ((name, path) for path in files for name in re.findall(r"^ *def (test_\w+)", path.read_text("utf-8"), re.M))
    return {name: path.relative_to(TESTS.parent).as_posix() for name, path in found}
