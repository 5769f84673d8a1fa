"""A far file as a stream: its end is believed only where its program ended well."""

import pytest

from observatory.endpoints import streams
from observatory.endpoints.running import LocalRunning
from observatory.errors import FileUnreadable, HostSilent


def stream_of(script: bytes) -> streams.FarStream:
    return streams.FarStream(LocalRunning((b"sh", b"-c", script), ()), "alpha", b"/data/f.fits")


def test_a_program_that_ends_well_gave_the_whole_file() -> None:
    with stream_of(b"printf abc") as stream:
        assert stream.read(10) == b"abc"
        assert stream.read(10) == b""


def test_a_program_that_fails_at_the_end_gave_no_whole_file() -> None:
    with stream_of(b"printf abc; echo 'cat: -: Input/output error' >&2; exit 1") as stream:
        assert stream.read(10) == b"abc"
        with pytest.raises(FileUnreadable, match="Input/output error"):
            stream.read(10)


def test_a_program_that_says_no_more_and_does_not_end_is_a_silent_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "ENDING_S", 0.2)
    with stream_of(b"printf abc; exec >&-; sleep 60") as stream:
        assert stream.read(10) == b"abc"
        with pytest.raises(HostSilent, match=r"reading the end of /data/f\.fits"):
            stream.read(10)
