"""go-spans memstats: what runtime.ReadMemStats would return now."""

from __future__ import annotations

from typing import Any

from gdb_gospan.analysis.session import Session
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import memstats as view
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.mstats import Flush, possible, within

CHANGED_BY_READING = (
    "HeapIdle",
    "HeapSys",
    "HeapReleased",
    "StackInuse",
    "StackSys",
    "MSpanInuse",
    "GCSys",
    "OtherSys",
)
"""Fields that ReadMemStats' own flush of the mcaches may move: it returns cached stacks, and spans of which
nothing is left, to the heap, and takes metadata from persistent memory for longer lists (mcache.go, flushmcache).
HeapReleased moves whenever the background scavenger works, between any stop and any reading."""


def document(session: Session, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Compute all fields of runtime.MemStats."""
    session.let_go()
    return {
        **session.envelope("memstats"),
        "memstats": possible(session.heap.mem_stats),
        "changed_by_reading": list(CHANGED_BY_READING),
        "held_by_mcaches": _held(session.heap.flush),
        **session.provenance(),
    }


def _held(flush: Flush) -> dict[str, int | None]:
    """Return what the counters do not have before the flush: runtime/metrics reads them as they are (metrics.go, compute)."""
    objects = int(flush.small_allocs.sum())
    held = {
        "bytes": int((flush.small_allocs * sizeclasses.sizes()).sum()),
        "objects": objects,
        "mallocs": objects + flush.tiny_allocs,
        "frees": flush.tiny_allocs,
    }
    return {name: within(value) if flush.complete else None for name, value in held.items()}


def csv_rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each field; those of BySize are named as in Go: BySize[3].Mallocs."""
    stats = document["memstats"]
    fields = {name: value for name, value in stats.items() if not isinstance(value, (dict, list))}
    for number, row in enumerate(stats["BySize"] or ()):
        fields |= {f"BySize[{number}].{name}": value for name, value in row.items()}
    return [{"section": "memstats", "name": name, "value": value} for name, value in fields.items()]


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
