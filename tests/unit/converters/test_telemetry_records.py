"""Records of telemetry are found in the bytes of a file: all of them, past damage, up to a growing tail."""

from __future__ import annotations

import random
import struct
import time

import flatbuffers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.stamps import NS_PER_S
from converters.telemetry import Records, decode, parse
from converters.telemetry.flatbuffer import Malformed, read_root
from converters.telemetry.schemas import CODE_BY_EVENT, EVENT_BY_CODE, schema_of
from converters.telemetry.writer import body, raw_record, record

BEGIN_NS = 1_764_633_612_500_000_000
CADENCE_NS = 10 * NS_PER_S


def observer(number: int, **fields: object) -> bytes:
    """Return the record of the observers' device at its n-th cadence."""
    said = {"email": "observer@example.org", "obsName": "beta Pic", "observing": True} | fields
    return record(BEGIN_NS + number * CADENCE_NS, "telem_observer", said)


def night(count: int) -> bytes:
    """Return so many records, of lengths that change now and then."""
    return b"".join(observer(number, tgt_name="x" * (number // 40 % 5)) for number in range(count))


def times_of(records: Records) -> list[int]:
    """Return the number of each record's cadence."""
    return ((records.times_ns - BEGIN_NS) // CADENCE_NS).tolist()


def test_every_record_of_a_whole_file_is_found() -> None:
    """Codes, priorities, times to the nanosecond, bodies; no damage and no tail."""
    records = parse(night(1000))
    assert times_of(records) == list(range(1000))
    assert (records.damage, records.tail_bytes) == ((), 0)
    assert set(records.codes.tolist()) == {20070}
    assert set(records.priorities.tolist()) == {64}
    said = decode(20070, records.body(999))
    assert said == {
        "email": "observer@example.org",
        "obsName": "beta Pic",
        "observing": True,
        "tgt_name": "x" * (999 // 40 % 5) or None,
        "operator_email": None,
    }


@pytest.mark.parametrize("size", [0, 1, 253, 254, 255, 300, 65534, 65535, 65536, 100_000])
def test_every_form_of_length_is_read(size: int) -> None:
    """One byte up to 253, two up to 65535, then eight."""
    content = bytes(index % 251 for index in range(size))
    records = parse(b"".join(raw_record(BEGIN_NS + number, 20070, content) for number in range(3)))
    assert [records.body(number) for number in range(3)] == [content] * 3
    assert records.times_ns.tolist() == [BEGIN_NS, BEGIN_NS + 1, BEGIN_NS + 2]


@pytest.mark.parametrize("form", [(0xFE, "<H"), (0xFF, "<Q")])
def test_a_short_length_in_a_long_form_is_a_length_all_the_same(form: tuple[int, str]) -> None:
    """Whichever form a writer chose, what it says counts."""
    mark, pattern = form
    one = struct.pack("<bHIIB", 64, 20070, BEGIN_NS // NS_PER_S, 0, mark) + struct.pack(pattern, 5) + b"01234"
    records = parse(one * 30)
    assert len(records) == 30
    assert records.body(29) == b"01234"


def test_a_growing_file_is_read_up_to_its_tail_at_any_length() -> None:
    """What is not yet whole is counted, not called damage: the same file is read again later."""
    content = night(30)
    ends = np.cumsum([len(observer(number, tgt_name="")) for number in range(30)])
    for length in range(len(content)):
        records = parse(content[:length])
        assert records.damage == ()
        whole = int(np.searchsorted(ends, length, side="right"))
        assert len(records) == whole
        assert records.tail_bytes == length - (int(ends[whole - 1]) if whole else 0)


def test_the_first_growing_record_is_a_tail() -> None:
    """A file that has only just been opened holds no damage."""
    assert parse(b"").tail_bytes == 0
    assert parse(b"\x40").tail_bytes == 1
    assert len(parse(observer(0)[:20])) == 0


@pytest.mark.parametrize("seed", range(60))
def test_behind_damage_the_records_go_on(seed: int) -> None:
    """One bit, some bytes or a hole: at most the records that it touches and their neighbours are lost."""
    chance = random.Random(seed)  # noqa: S311 (noise, not a secret)
    content, size = bytearray(night(400)), chance.choice([1, 1, 4, 60, 700])
    place = chance.randrange(len(content) - size)
    content[place : place + size] = chance.choice([chance.randbytes(size), bytes(size), b"\xff" * size])
    records = parse(bytes(content), BEGIN_NS)
    touched = size // 70 + 3
    good = set(range(400)) & set(times_of(records))
    assert len(good) >= 400 - touched
    assert len(records) <= 400


@pytest.mark.parametrize("seed", range(20))
def test_bytes_that_were_lost_cost_no_more_than_their_records(seed: int) -> None:
    """A hole in the middle: lengths no longer lead from one to the next."""
    chance = random.Random(seed)  # noqa: S311 (noise, not a secret)
    content, size = night(200), chance.randrange(1, 400)
    place = chance.randrange(1000, len(content) - 1000)
    records = parse(content[:place] + content[place + size :], BEGIN_NS)
    assert len(set(range(200)) & set(times_of(records))) >= 200 - size // 70 - 3
    assert len(records.damage) >= 1 or len(records) >= 200 - size // 70 - 2


def test_a_wrong_length_in_the_middle_is_not_taken_for_a_growing_tail() -> None:
    """It leads beyond the end of the file; the records behind it are still found."""
    first, second = bytearray(observer(0)), bytearray(observer(1))
    for wrong in (first, second):
        wrong[11:12] = b"\xff" + struct.pack("<Q", 1 << 40)
    records = parse(bytes(first) + b"".join(observer(number) for number in range(2, 20)))
    assert times_of(records) == list(range(2, 20))
    assert records.tail_bytes == 0
    assert records.damage[0].offset == 0


def test_a_length_that_leads_into_the_next_record_costs_its_own() -> None:
    """Too long by some bytes: the record itself cannot be believed, its followers can."""
    wrong = bytearray(observer(5))
    wrong[11] += 30
    content = b"".join(bytes(wrong) if number == 5 else observer(number) for number in range(40))
    records = parse(content)
    assert times_of(records) == [number for number in range(40) if number != 5]
    assert [(span.offset, span.length) for span in records.damage] == [(5 * len(wrong), len(wrong))]
    assert "length" in records.damage[0].reason


def test_zeros_and_noise_at_the_end_are_damage_not_records() -> None:
    """A file system that lost its last blocks leaves zeros under a good length."""
    for noise in (bytes(5000), np.random.default_rng(1).bytes(5000)):
        records = parse(night(50) + noise, BEGIN_NS)
        assert times_of(records) == list(range(50))
        assert sum(span.length for span in records.damage) + records.tail_bytes == 5000


def test_a_code_that_we_do_not_know_is_kept_where_it_stands_in_a_chain() -> None:
    """Newer devices write newer events; they are passed over by their lengths."""
    parts = [raw_record(BEGIN_NS + number * CADENCE_NS, 31000 + number % 2, bytes(9)) for number in range(40)]
    records = parse(b"".join(parts))
    assert len(records) == 40
    assert records.damage == ()
    assert decode(31000, records.body(0)) is None


def test_a_clock_that_was_set_by_years_is_no_damage() -> None:
    """A computer that came up with a wrong clock and was put right."""
    early = b"".join(record(946_700_000 * NS_PER_S + n, "telem_observer", {"email": "x"}) for n in range(10))
    records = parse(early + night(30))
    assert len(records) == 40
    assert records.damage == ()


def test_many_kinds_between_one_another_are_all_found() -> None:
    """Lengths that change with each record."""
    chance = random.Random(3)  # noqa: S311 (noise, not a secret)
    parts = []
    for number in range(3000):
        event = chance.choice(sorted(CODE_BY_EVENT))
        parts.append(record(BEGIN_NS + number * CADENCE_NS, event, {}))
    records = parse(b"".join(parts))
    assert times_of(records) == list(range(3000))
    assert [EVENT_BY_CODE[code] for code in records.codes.tolist()[:5]] == [
        EVENT_BY_CODE[int.from_bytes(part[1:3], "little")] for part in parts[:5]
    ]


@given(st.binary(max_size=400), st.integers(0, 3000), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_answered(noise: bytes, place: int, over: bool) -> None:
    """Nothing is raised, and every byte is a record's, damage's or the tail's."""
    content = night(30)
    spoilt = content[:place] + noise + content[place + (len(noise) if over else 0) :]
    records = parse(spoilt, BEGIN_NS)
    spans = [(int(at), int(at + size)) for at, size in zip(records.body_offsets, records.body_lengths, strict=True)]
    assert all(0 <= begin <= end <= len(spoilt) for begin, end in spans)
    assert sum(span.length for span in records.damage) + records.tail_bytes <= len(spoilt)
    for number, code in enumerate(records.codes.tolist()):
        try:
            decode(code, records.body(number))
        except Malformed:
            continue


def test_what_pretends_to_be_a_header_at_every_byte_ends_soon() -> None:
    """The worst that a file can hold for whoever looks for headers in it."""
    seconds = struct.pack("<I", 0x40404040)
    content = (b"\x40" * 4 + seconds) * 20_000
    begun = time.perf_counter()
    parse(content)
    parse(b"\x40" * 200_000)
    assert time.perf_counter() - begun < 30


def official_observer(fields: dict[str, object]) -> bytes:
    """Build a telem_observer with the flatbuffers package of its makers, as the instrument's own library does."""
    builder = flatbuffers.Builder(0)
    names = ["email", "obsName", "observing", "tgt_name", "operator_email"]
    texts = {name: builder.CreateString(str(fields[name])) for name in names if isinstance(fields.get(name), str)}
    builder.StartObject(len(fields))
    for slot, name in enumerate(names):
        if name in texts:
            builder.PrependUOffsetTRelativeSlot(slot, texts[name], 0)
        elif name == "observing":
            builder.PrependBoolSlot(slot, bool(fields.get(name)), False)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


@given(st.text(max_size=300), st.text(max_size=20), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_bodies_of_the_official_library_are_read(email: str, title: str, observing: bool, is_old: bool) -> None:
    """Records of three fields, as they were, and of five."""
    fields: dict[str, object] = {"email": email, "obsName": title, "observing": observing}
    newer = {} if is_old else {"tgt_name": title, "operator_email": email}
    said = decode(20070, official_observer(fields | newer))
    assert said == fields | ({"tgt_name": None, "operator_email": None} if is_old else newer)


def test_tables_and_vectors_of_the_official_library_are_read() -> None:
    """A camera's record holds tables, a mirror's vectors."""
    builder = flatbuffers.Builder(0)
    builder.StartObject(6)
    builder.PrependFloat32Slot(0, 512.5, 0)
    builder.PrependInt32Slot(2, 64, 0)
    roi = builder.EndObject()
    mode = builder.CreateString("fast")
    builder.StartObject(11)
    builder.PrependUOffsetTRelativeSlot(0, mode, 0)
    builder.PrependUOffsetTRelativeSlot(1, roi, 0)
    builder.PrependFloat32Slot(2, 0.25, 0)
    builder.PrependInt8Slot(10, 0, -1)
    builder.Finish(builder.EndObject())
    camera = decode(CODE_BY_EVENT["telem_stdcam"], bytes(builder.Output()))
    assert camera is not None
    assert (camera["mode"], camera["exptime"], camera["cropMode"], camera["shutter"]) == ("fast", 0.25, 0, None)
    assert camera["roi"] == {"xcen": 512.5, "ycen": 0.0, "w": 64, "h": 0, "xbin": 0, "ybin": 0}
    builder = flatbuffers.Builder(0)
    amplitudes = builder.CreateNumpyVector(np.array([1.5, -2.5], np.float32))
    builder.StartObject(7)
    builder.PrependUOffsetTRelativeSlot(5, amplitudes, 0)
    builder.Finish(builder.EndObject())
    speckles = decode(CODE_BY_EVENT["telem_dmspeck"], bytes(builder.Output()))
    assert speckles is not None
    assert (speckles["amplitudes"], speckles["angles"], speckles["trigger"]) == ((1.5, -2.5), None, False)


def value_of(form: str) -> st.SearchStrategy[object]:
    """Draw a value of a field that is not its default."""
    if form == "s":
        return st.text(max_size=20)
    if form.startswith("["):
        return st.lists(value_of(form[1]), max_size=5).map(tuple)
    if form == "?":
        return st.just(True)
    if form in "fd":
        return st.floats(width=32 if form == "f" else 64, allow_nan=False).filter(bool)
    size = struct.calcsize("<" + form)
    low, high = (-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1) if form.islower() else (0, (1 << 8 * size) - 1)
    return st.integers(low, high).filter(lambda value: value not in (0, -1))


@pytest.mark.parametrize("event", sorted(CODE_BY_EVENT))
def test_every_event_that_is_listed_is_written_and_read_again(event: str) -> None:
    """Each field in its slot, absent ones with their defaults."""

    @given(st.data())
    @settings(max_examples=6, deadline=None)
    def there_and_back(data: st.DataObject) -> None:
        fields = {
            field.name: {one.name: data.draw(value_of(one.form)) for one in field.fields}
            if field.fields
            else data.draw(value_of(field.form))
            for field in schema_of(event)
            if data.draw(st.booleans())
        }
        said = decode(CODE_BY_EVENT[event], body(event, fields))
        assert said == {field.name: fields.get(field.name, field.default) for field in schema_of(event)}

    there_and_back()


@given(st.binary(max_size=120), st.sampled_from(sorted(CODE_BY_EVENT)))
@settings(max_examples=300, deadline=None)
def test_a_body_of_any_bytes_is_read_or_refused(content: bytes, event: str) -> None:
    """No distance leads outside, whatever it says."""
    try:
        decode(CODE_BY_EVENT[event], content)
    except Malformed:
        return


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x04\x00\x00",
        struct.pack("<I", 0xFFFFFFFF),
        struct.pack("<Ii", 4, 0x7FFFFFFF),
        struct.pack("<Ii", 4, 100),
        struct.pack("<IiHHH", 4, -4, 6, 8, 0xFFFF),
        struct.pack("<IiHHHxxI", 4, -4, 6, 12, 12, 0xFFFFFF00),
        struct.pack("<IiHHHxxII", 4, -4, 6, 12, 12, 4, 0x7FFFFFFF),
        struct.pack("<IiHH", 4, -4, 0xFFFF, 8),
    ],
)
def test_distances_that_lead_outside_are_refused(content: bytes) -> None:
    """Of the root, of the list of fields, of a field, of a string, of its length."""
    with pytest.raises(Malformed):
        read_root(content, schema_of("telem_observer"))
