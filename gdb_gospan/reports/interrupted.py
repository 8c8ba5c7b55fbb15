"""What is known when a command is stopped half-way: the parts that were read whole. Nothing more is read."""

from __future__ import annotations

from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import Interrupted
from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.fields.units import count, nbytes
from gdb_gospan.render.provenance import wrapped
from gdb_gospan.render.style import Style
from gdb_gospan.runtime.mpagealloc import KIND_NAMES
from gdb_gospan.runtime.mstats import possible

_COUNTERS = ("HeapInuse", "HeapIdle", "HeapReleased", "Sys")


def interrupted(session: Session, style: Style, *, data: bool) -> Interrupted:
    """Return what to raise for a report that was stopped; who waits for `data` gets no words in between."""
    return Interrupted("" if data else known_so_far(session, style), facts(session, style))


def known_so_far(session: Session, style: Style) -> str:
    """Return some lines, ready for the terminal; none when nothing is known."""
    return in_words(facts(session, style), style)


def in_words(known: dict[str, list[str]], style: Style) -> str:
    """Lay the facts out; the text is empty when there are none."""
    if not known:
        return ""
    lines = [
        style.paint("notice", "Interrupted. Known so far, and not checked against the runtime's counters:")
    ]
    lines += [wrapped(name, parts, style.width) for name, parts in known.items()]
    return style.finish("\n".join(lines) + "\n")


def facts(session: Session, style: Style) -> dict[str, list[str]]:
    """Return what has been read whole, by what it is about."""
    heap, known = session.heap, session.heap.trail.known
    found = {}
    if known("spans"):
        spans = heap.spans
        size = nbytes(spans.total_bytes(spans.in_use), exact=style.exact)
        found["Spans"] = [
            f"{count(int(spans.in_use.sum()))} in use, {size}",
            f"{count(int(spans.manual.sum()))} manual",
            f"{count(int((spans.state == 0).sum()))} dead descriptors",
        ]
    if known("page_kinds"):
        counts = zip(KIND_NAMES, heap.page_kinds.counts.tolist(), strict=True)
        found["Pages"] = [f"{count(number)} {page_words(name)}" for name, number in counts if number]
    if known("mem_stats"):
        stats = possible(heap.mem_stats)
        found["MemStats"] = [f"{name} {nbytes(stats[name], exact=style.exact)}" for name in _COUNTERS]
    return found
