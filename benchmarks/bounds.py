"""What bounds the project where a row falls short of what was asked, as measured, and what was tried.

Said beneath a row's table as long as it does fall short; leaves rows and targets to rows.py.
"""

from __future__ import annotations

from collections.abc import Mapping

_SIZE = (
    "What bounds it: both cores. Of 1.2 s of processor the start takes 0.4 (Python with the specification and the"
    " ledger), each listing 0.25, and the login shell of this machine's root 0.2 (its .bashrc, which every far command"
    " runs, rsync's too). The far end is asked as soon as the specification is read, before the ledger is loaded: a"
    " listing that turns out to want other nights is made anew. This machine's own listing begins when all is loaded:"
    " begun early it took from the far one what it gained. Tried: nothing is imported that a command does not need,"
    " `sort` with more memory or one thread, a shorter interval between Python's threads. Five runs of this row on one"
    " day, before the far end was asked early, gave 1.32 to 1.46, those of `idle-a-0` 1.30 to 1.44. A machine whose"
    " system calls take half the time (2026-11-22): 0.61 s beside 0.46, 1.31."
)
_FRESH_SMALL = (
    "What bounds it: the bytes take 2.6 s, in which both cores are busy (creating, writing and naming a file is half of"
    " it); the rest is what is done for each name around them, in Python: 0.6 s of start and listing, 0.5 s of"
    " planning, 0.7 s in which every file is looked at afresh on both sides, and 0.4 s of records. What took it from"
    " 1.58 to 1.26 on 2026-11-22: the programs log in while the plan is made, a new root is looked for on the source"
    " meanwhile, and a small file has no name until it is whole. Tried: rsync given the same exact names; two sessions"
    " (a fifth longer); looking at the first files while the others still travel (both cores are busy by then)."
    " A machine whose system calls take a third of the time gave 2.40 before these changes (3.56 s beside 1.48): where"
    " calls and fresh memory are cheap, Python counts for more."
)
_FRESH_SMALL_FAR = (
    "What bounds it: the eight sessions take 6 of 10 s, 1.3 s of which is ssh's greeting, and each lets 2 MiB through a"
    " round trip; before them lie 2.5 s of reaching the host, listing and planning (rsyncs by hand were given lists"
    " that were made before the clock ran), after them 1.5 s in which every file is looked at on both sides and"
    " recorded. Tried: twelve and sixteen sessions (a tenth less if all greet at once, which sshd turns away;"
    " nothing if eight at a time do)."
)
_CHECKSUM = (
    "What bounds it: SHA-256 is asked for here, by the processor's own instructions; rsync 3.5 compares by xxHash where"
    " it may choose, which is several times as quick and no proof against anyone. MD5 is what rsyncs without xxHash"
    " compare by."
)
_FRESH_LARGE = (
    "What bounds it: the processors, 4.4 s of both cores in 2.75 s, most of it for the cipher; rsync by its default is"
    " itself three times as quick here as when the target was set. On top of the bytes come 0.6 s before the first"
    " (start, listing both ends, asking what the hosts can do) and 0.15 s after the last (looking at both sides afresh,"
    " `sync -f`, records). Kept: pipes of 1 MiB and no sum of our own beside ssh's (a sixth less"
    " together), two sessions instead of one (a twentieth less)."
)
_HUGE = (
    "What bounds it: one session a file, and a window of about 2 MiB a session. Why a file is not sent in ranges over"
    " several sessions is [decided](decisions/0017-one-session-a-file.md)."
)
_EXISTENCE = (
    "What bounds it: of 1.55 s 0.45 pass until both ends list, and 0.9 until their first sorted names are there: `find`"
    " with the patterns of the specification takes 0.65 s for a million names (0.4 s without them), and both ends share"
    " two cores; 0.2 s are the way here and the comparison. Tried: more and less memory for `sort`, one thread and two"
    " (no difference), and the tests of `find` in another order (0.1 s of processor, at a price for files that"
    " bear our own folder's name)."
)
_EXISTENCE_FAR = (
    "What bounds it: `find`, `sort` and `zstd` put together by hand, which no listing of two sides can do without, take"
    " 2.7 s of it; the rest is our start and, over one connection that proves its host and opens one channel, the"
    " questions without which an empty mount point would pass for a root."
)
BOUNDS: Mapping[str, str] = {
    "size-a-0": _SIZE,
    "fresh-a-0": _FRESH_SMALL,
    "fresh-a-100": _FRESH_SMALL_FAR,
    "checksum-b-0": _CHECKSUM,
    "fresh-b-0": _FRESH_LARGE,
    "fresh-c-100": _HUGE,
    "existence-d-0": _EXISTENCE,
    "existence-d-100": _EXISTENCE_FAR,
}
"""By the row's name; seen on 2026-11-21 on the machine of docs/benchmarks.md."""
