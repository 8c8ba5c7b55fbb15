"""What is known when a command is stopped half-way: the parts that were read whole. Nothing more is read."""

from __future__ import annotations

from gdb_gospan.commands.session import Session
from gdb_gospan.errors import Interrupted
from gdb_gospan.runtime.mpagealloc import KIND_NAMES
from gdb_gospan.runtime.mstats import possible
from gdb_gospan.views.pagewords import page_words
from gdb_gospan.views.provenance import wrapped
from gdb_gospan.views.style import Style
from gdb_gospan.views.units import count, nbytes

_COUNTERS = ("HeapInuse", "HeapIdle", "HeapReleased", "Sys")


def known_so_far(session: Session, style: Style) -> Interrupted:
    """Return what to raise: some lines, ready for the terminal, and the facts in them."""
    known = _facts(session, style)
    if not known:
        return Interrupted()
    lines = [
        style.paint("notice", "Interrupted. Known so far, and not checked against the runtime's counters:")
    ]
    lines += [wrapped(name, parts, style.width) for name, parts in known.items()]
    return Interrupted(style.finish("\n".join(lines) + "\n"), known)


def _facts(session: Session, style: Style) -> dict[str, list[str]]:
    heap, known = session.heap, session.heap.trail.known
    facts = {}
    if known("spans"):
        spans = heap.spans
        size = nbytes(spans.total_bytes(spans.in_use), exact=style.exact)
        facts["Spans"] = [
            f"{count(int(spans.in_use.sum()))} in use, {size}",
            f"{count(int(spans.manual.sum()))} manual",
            f"{count(int((spans.state == 0).sum()))} dead descriptors",
        ]
    if known("page_kinds"):
        counts = zip(KIND_NAMES, heap.page_kinds.counts.tolist(), strict=True)
        facts["Pages"] = [f"{count(number)} {page_words(name)}" for name, number in counts if number]
    if known("mem_stats"):
        stats = possible(heap.mem_stats)
        facts["MemStats"] = [f"{name} {nbytes(stats[name], exact=style.exact)}" for name in _COUNTERS]
    return facts
