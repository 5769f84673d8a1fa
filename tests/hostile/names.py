"""Ten thousand names that somebody might give a file, to harm or by accident; from a seed.

Leaves to the tests what they go through.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

COUNT = 10_000
SPITEFUL = (
    b"$(touch harm)",
    b"`touch harm`",
    b"; touch harm;",
    b"| touch harm",
    b"&& touch harm",
    b"\ntouch harm\n",
    b"-rf",
    b"--delete",
    b"--rsh=touch harm",
    b"-e touch harm",
    b"<script>alert(1)</script>",
    b"<img src=x onerror=alert(1)>",
    b"&lt;b&gt;",
    b"{{ 7 * 7 }}",
    b"{% for x in y %}",
    b"%s%n%x",
    b"{0.__class__}",
    b"\r\nBcc: everybody@example.org\r\n",
    b"\r\n.\r\n",
    b"\nSubject: other",
    b"=?utf-8?q?encoded?=",
    b"\x1b[2J\x1b]0;title\x07",
    b"\xe2\x80\xae fdp.exe",
    b"\xff\xfe\x00"[:2],
    b"\xc0\xaf",
    b"..",
    b"...",
    b"~",
    b"~root",
    b"*",
    b"?",
    b"[a-z]",
    b"\\",
    b"\\#012",
    b"'",
    b'"',
    b" ",
    b"\t",
    b"#",
    b"host:",
    b"rsync://",
    b"CON",
    b".nightferry",
    b".NightFerry",
    b"lost+found",
    b"a" * 200,
)
"""Pieces that a shell, rsync, SSH, a template, a mail or a terminal could stumble over."""


def hostile_names(seed: int = 0, count: int = COUNT) -> list[bytes]:
    """Return so many different names; each is legal on a Unix disk, and ends in ``.fits``."""
    generator = random.Random(seed)  # noqa: S311 - a seed that replays is the point
    found: dict[bytes, None] = {}
    names = _names(generator)
    while len(found) < count:
        found[next(names)] = None
    return list(found)


def _names(generator: random.Random) -> Iterator[bytes]:
    while True:
        pieces = [generator.choice(SPITEFUL) for _ in range(generator.randrange(1, 4))]
        if generator.random() < 0.5:
            pieces.append(generator.randbytes(generator.randrange(1, 20)).replace(b"\0", b"").replace(b"/", b""))
        generator.shuffle(pieces)
        name = b"".join(pieces).replace(b"/", b"%")[:240] + b"%x.fits" % generator.randrange(1 << 20)
        yield name
