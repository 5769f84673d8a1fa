"""The faults of a drill: what goes wrong with frames and roots, made by the writing half of an endpoint alone.

Playing them is drill.py's. The whole battery, with what cannot be tried on an installation, is in tests/faults.
"""

from __future__ import annotations

import posixpath

from nightferry.drills.drill import Fault, Scratch

SOURCE, DESTINATION = 0, 1


def flip(scratch: Scratch) -> None:
    """Change the last byte of a frame's data on the destination, size and time kept."""
    path = scratch.path_of(2)
    data = bytearray(scratch.frames[path])
    data[2880 + 100] ^= 1
    scratch.put(DESTINATION, path, bytes(data))


def cut(scratch: Scratch) -> None:
    """Cut a frame on the destination short; it is newer than the source's."""
    path = scratch.path_of(2)
    scratch.put(DESTINATION, path, scratch.frames[path][:4000], age_s=3600)


def empty(scratch: Scratch) -> None:
    """Leave a frame without bytes on the destination, as a full disk does."""
    scratch.put(DESTINATION, scratch.path_of(3), b"", age_s=3600)


def missing(scratch: Scratch) -> None:
    """Take a frame from the destination."""
    scratch.take(DESTINATION, scratch.path_of(4))


def odd_names(scratch: Scratch) -> None:
    """Put frames with a newline, quotes and bytes that are no UTF-8 on the source."""
    folder = posixpath.dirname(scratch.path_of(1))
    for name in (b"DRILL_a\nb.fits", b"DRILL_'$(id)\".fits", b"DRILL_\xe9.fits"):
        scratch.put(SOURCE, folder + b"/" + name, scratch.frames[scratch.path_of(1)])


def without_odd_names(scratch: Scratch) -> None:
    """Take them away again, on both ends."""
    folder = posixpath.dirname(scratch.path_of(1))
    for name in (b"DRILL_a\nb.fits", b"DRILL_'$(id)\".fits", b"DRILL_\xe9.fits"):
        for end in (SOURCE, DESTINATION):
            scratch.take(end, folder + b"/" + name)


def extra(scratch: Scratch) -> None:
    """Take a frame from the source, as somebody who frees space does."""
    scratch.take(SOURCE, scratch.path_of(6))


def lost(scratch: Scratch) -> None:
    """Take a frame from both ends: no comparison of the two can see that."""
    for end in (SOURCE, DESTINATION):
        scratch.take(end, scratch.path_of(3))


def damaged(scratch: Scratch) -> None:
    """Cut the same frame short on both ends."""
    path = scratch.path_of(5)
    for end in (SOURCE, DESTINATION):
        scratch.put(end, path, scratch.frames[path][:4000])


def writing(scratch: Scratch) -> None:
    """Begin a frame on the source: it is neither copied nor missing."""
    path = scratch.path_of(7)
    scratch.put(SOURCE, path, scratch.frames[scratch.path_of(1)], age_s=1)


def not_writing(scratch: Scratch) -> None:
    """Take that frame away."""
    scratch.take(SOURCE, scratch.path_of(7))


def _unmount(scratch: Scratch, end: int) -> None:
    endpoint, root = scratch.ends[end]
    endpoint.rename(root, root + b".disk")
    parent, _, name = root.rpartition(b"/")
    endpoint.make_folders(parent, [name])


def _mount(scratch: Scratch, end: int) -> None:
    endpoint, root = scratch.ends[end]
    endpoint.remove(root)
    endpoint.rename(root + b".disk", root)


def unmounted_source(scratch: Scratch) -> None:
    """Put an empty folder in the place of the source's root."""
    _unmount(scratch, SOURCE)


def mounted_source(scratch: Scratch) -> None:
    """Put the root back."""
    _mount(scratch, SOURCE)


def unmounted_destination(scratch: Scratch) -> None:
    """Put an empty folder in the place of the destination's root."""
    _unmount(scratch, DESTINATION)


def mounted_destination(scratch: Scratch) -> None:
    """Put the root back."""
    _mount(scratch, DESTINATION)


FAULTS = (
    Fault("missing", "a frame is missing on the destination", missing, {"missing": 1}),
    Fault("cut", "a frame is cut short on the destination, and newer", cut, {"size_differs": 1}),
    Fault("empty", "a frame is empty on the destination", empty, {"size_differs": 1}),
    Fault("flip", "one bit flips on the destination", flip, {"checksum_differs": 1}, level="checksum"),
    Fault("odd-names", "names with newline, quotes, no UTF-8", odd_names, {"missing": 3}, undo=without_odd_names),
    Fault("extra", "a frame was lost on the source", extra, {"extra": 1}, undo=Scratch.restore),
    Fault("lost", "a frame was lost on both ends", lost, {"sequence_gaps": 1}, undo=Scratch.restore),
    Fault("damaged", "a frame is cut short on both ends", damaged, {"damaged": 2}, "structure", undo=Scratch.restore),
    Fault("writing", "a frame is still being written", writing, {"in_progress": 1}, undo=not_writing),
    Fault("unmounted-source", "its disk is not mounted", unmounted_source, None, undo=mounted_source),
    Fault("unmounted-destination", "its disk is not mounted", unmounted_destination, None, undo=mounted_destination),
)
"""The order is the one in which they are tried; each leaves all well behind it."""
