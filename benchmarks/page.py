"""docs/benchmarks.md out of what was measured: a summary against the targets, then every row with its contenders.

Leaves arithmetic to results.py.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.peers import PROJECT
from benchmarks.results import Ratio, Result, Run, kind_of, median_s
from benchmarks.rows import Row

INTRODUCTION = """\
# nightferry beside its peers

Written by `make bench`, which makes the trees, lays the line and lets all contenders run by turns; `make bench
ROWS="fresh-a idle-a-100"` measures some rows again.
What else is measured: [growth](benchmarks-growth.md), [start of the command](benchmarks-start.md), [whether a FITS
file is whole](benchmarks-fits.md).

* A ratio is nightferry's median over the peer's, with the lowest and the highest of the pairs of runs; below 1
  nightferry is faster. Start-up is included.
* Runs per contender, by how long it takes: five below 5 s, three below 15 s, two below a minute, else one; what is
  shorter than 15 s runs once more before, to warm the caches.
* A peer still at work after a minute, in some rows after 90 s, is stopped: "> 60 s". Where it carries files, "~" is
  what the whole would have taken, by the share of the bytes that had arrived.
* Processor seconds are those of both ends together; memory is the highest sum over all processes of each end, pages
  that they share counted in each.
* A distance is made between two network namespaces on this machine, without a limit to the rate; both ends share
  its processors at any distance.
* Trees: a 100,000 files of 5,760 bytes in 60 nights, b 1,500 of 2 MiB in 30, c 4 of 1 GiB, d 1,000,000 empty ones
  in 1,000 nights.
* "By hand": so many rsyncs at once, each given its share of the nights by a list that was made beforehand, and the
  quickest cipher.
"""


def shown_s(runs: Sequence[Run]) -> str:
    """Return a contender's time: the median with the lowest and the highest, or what is known of it."""
    kind = kind_of(runs)
    if kind == "bound":
        return f"> {max(run.wall_s for run in runs):.0f}"
    if kind == "estimated":
        return f"~ {median_s(runs):.0f} (stopped)"
    walls = [run.wall_s for run in runs]
    return spread(min(walls), statistics.median(walls), max(walls))


def spread(low: float, middle: float, high: float) -> str:
    """Return three figures as one cell; a single one where there was one run."""
    if low == high:
        return f"{middle:.2f}"
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def shown_ratio(ratio: Ratio | None) -> str:
    """Return a ratio's cell."""
    if ratio is None:
        return ""
    if ratio.kind == "bound":
        return f"< {ratio.middle:.2f}"
    sign = "~ " if ratio.kind == "estimated" else ""
    return sign + spread(ratio.low, ratio.middle, ratio.high)


WORDS = {True: "reached", False: "**falls short**", None: "not seen"}


def verdicts(row: Row, result: Result) -> Iterator[tuple[str, str, bool | None]]:
    """Yield what a row must reach: against whom, by how much, and whether it does."""
    for peer, target in row.targets.items():
        yield peer, f"≤ {target:.3g}", result.reaches(peer, target)
    if row.peak_limit_bytes is not None and PROJECT in result.runs:
        yield PROJECT, f"< {row.peak_limit_bytes / 1e6:.0f} MB", result.peak_bytes < row.peak_limit_bytes


def _cells(row: Row, result: Result, name: str) -> str:
    runs = result.runs[name]
    asked = [f"{target}: {WORDS[is_reached]}" for peer, target, is_reached in verdicts(row, result) if peer == name]
    known = [run for run in runs if run.share is None]
    peaks = [max(getattr(run, part) for run in runs) / 1e6 for part in ("near_peak_bytes", "far_peak_bytes")]
    cells = [
        name if name == PROJECT else f"`{name}`",
        shown_s(runs),
        f"{statistics.median(run.cpu_s for run in known):.2f}" if known else "",
        f"{peaks[0]:.0f} + {peaks[1]:.0f}",
        str(len(runs)),
        shown_ratio(result.ratio(name)),
        ", ".join(asked),
    ]
    return "| " + " | ".join(cells) + " |"


def table(row: Row, result: Result) -> str:
    """Return one row's section."""
    head = [f"## {row.name}: {row.title}", ""]
    if result.failure:
        return "\n".join([*head, f"Not measured: {result.failure}"])
    scaled = f", with {result.scale:g} of the files" if result.scale != 1 else ""
    head += [f"{result.measured_utc}, load average before {result.load:.1f}{scaled}.", ""]
    head += [
        "| command | wall s | processor s | peak MB, here + far end | runs | nightferry / this | target |",
        "|---|---|---|---|---|---|---|",
    ]
    tail = [f"{name} was left out: {why}." for name, why in result.left_out.items()]
    if row.bound and any(is_reached is False for _, _, is_reached in verdicts(row, result)):
        tail.append(row.bound)
    lines = [*head, *(_cells(row, result, name) for name in result.runs)]
    return "\n".join([*lines, *(f"\n{paragraph}" for paragraph in tail)])


def _summary_line(row: Row, result: Result | None) -> Iterator[str]:
    if result is None or result.failure or PROJECT not in result.runs:
        yield f"| {row.name} | | | | {'failed' if result and result.failure else 'not measured'} |"
        return
    mine = shown_s(result.runs[PROJECT])
    found = list(verdicts(row, result))
    for peer, target, is_reached in found:
        ratio = f"{result.peak_bytes / 1e6:.0f} MB" if peer == PROJECT else shown_ratio(result.ratio(peer))
        against = "memory" if peer == PROJECT else f"`{peer}`"
        yield f"| {row.name} | {mine} | {against} | {ratio} | {target}: {WORDS[is_reached]} |"
    if not found:
        best = min((name for name in result.runs if name != PROJECT), key=lambda name: median_s(result.runs[name]))
        yield f"| {row.name} | {mine} | `{best}` | {shown_ratio(result.ratio(best))} | none was set |"


def summary(rows: Sequence[Row], results: Mapping[str, Result]) -> str:
    """Return the table of targets: what was asked, and whether it is reached."""
    lines = [
        "| row | nightferry, s | beside | ratio | target |",
        "|---|---|---|---|---|",
        *(line for row in rows for line in _summary_line(row, results.get(row.name))),
    ]
    return "\n".join(lines)


def document(rows: Sequence[Row], results: Mapping[str, Result], facts: Sequence[str]) -> str:
    """Return the whole page."""
    intro = "\n".join([INTRODUCTION, "Measured on:\n", *(f"* {fact}" for fact in facts)])
    sections = [table(row, results[row.name]) for row in rows if row.name in results]
    return "\n\n".join([intro, "## What was asked, and what is reached", summary(rows, results), *sections]) + "\n"
