"""What was freed on the source, held against what the destination has of it."""

from __future__ import annotations

import hashlib

from tests.worlds import host
from verifier.freed import Freed, of_other_content, of_other_size
from verifier.verdict import Finding

ROOT = b"/archive/sha"
ONE, TWO, THREE = b"2016/0907/SHA_1.fits", b"2016/0907/SHA_2.fits", b"2016/0907/SHA_3.fits"


def freed(data: bytes) -> Freed:
    """Return what is known of a file that was freed."""
    return Freed(len(data), hashlib.sha256(data).hexdigest())


def test_a_copy_of_another_size_is_told_and_what_was_never_freed_is_not() -> None:
    """What is gone there is somebody else's to tell."""
    known = {ONE: freed(b"one"), TWO: freed(b"two")}
    assert of_other_size(known, {ONE: 3, THREE: 9}) == ()
    assert of_other_size(known, {TWO: 2, ONE: 4}) == (ONE, TWO)


def test_a_copy_of_other_content_differs_and_one_that_cannot_be_read_is_unknown() -> None:
    """By the names that the destination gives them; the answer has the source's."""
    there = host("archive", ROOT, {b"x/" + ONE: b"one", b"x/" + TWO: b"twX", b"x/" + THREE: b"three"})
    there.unreadable.add(ROOT + b"/x/" + THREE)
    known = {ONE: freed(b"one"), TWO: freed(b"two"), THREE: freed(b"three")}
    found = of_other_content(known, sorted(known), (there, ROOT), lambda path: b"x/" + path)
    assert found.differing == {TWO}
    assert found.unreadable == (Finding(THREE, "destination", "Permission denied"),)
