"""What a person at a terminal may do next about what a verification found, as commands to copy.

The report itself has one form for everybody and says what is; this stands below it, and only on a terminal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from observatory.spec.chain import Hop
from observatory.truth import State
from verifier.verdict import HopVerdict


def next_steps(verdicts: Sequence[HopVerdict], hops: Iterable[Hop]) -> Iterator[str]:
    """Yield a line for each command that may help; `hops` are those that were asked for.

    What somebody else's program fills (`fill: external`) is not ours to sync.
    """
    ours = {(hop.instrument.instrument, hop.key) for hop in hops if hop.destination.declared.fill is None}
    filled = [verdict for verdict in verdicts if (verdict.instrument, verdict.hop) in ours]
    lacking = {verdict.instrument for verdict in filled if verdict.missing or verdict.size_differs}
    if lacking:
        yield f"next: `nightferry sync{_named(lacking)}` carries what is missing"
    changed = {verdict.instrument for verdict in filled if verdict.checksum_differs}
    if changed:
        command = f"nightferry sync --level checksum{_named(changed)}"
        yield f"next: look at both sides of what differs in content; `{command}` carries the source's"
    strange = {verdict.instrument: verdict.unrecognised for verdict in verdicts if verdict.unrecognised}
    for name, paths in sorted(strange.items()):
        yield f"next: what is unrecognised is not carried: name it in `files` or `exclude` of {name}.yaml{_sign(paths)}"
    if any(verdict.state is State.UNKNOWN for verdict in verdicts):
        yield "next: `nightferry doctor` goes through what could not be looked at, with the remedy"


def _named(instruments: Collection[str]) -> str:
    return "".join(f" -i {name}" for name in sorted(instruments))


def _sign(paths: Collection[bytes]) -> str:
    """Return how a pattern has what stands for a set of characters in it."""
    return "; a pattern has [[] for a [" if any(b"[" in path for path in paths) else ""
