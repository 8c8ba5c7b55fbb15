"""Which spans: those that pass filters."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.occupancy import matters_most
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Mask

Range = tuple[float, float]


@attrs.frozen
class Filter:
    """What a span has to be; None and False ask for nothing.

    Attributes
    ----------
    state
        ``in-use``, ``manual``, ``stack``, ``work-buffer``, ``user-arena``, ``dead`` or ``all``.
    spanclass
        Number of a span class.
    size
        Bytes of a slot.
    occupancy
        Percent of the slots that are taken, both ends included.
    pages
        Pages of the span, likewise.
    """

    state: str
    spanclass: int | None = None
    size: int | None = None
    noscan: bool = False
    scan: bool = False
    occupancy: Range | None = None
    pages: Range | None = None


def passing(heap: Heap, asked: Filter) -> I64:
    """Return the rows of `heap.spans` that pass, ascending."""
    spans, columns = heap.spans, heap.spans.records
    keep: Mask = {
        "in-use": spans.in_use,
        "manual": spans.manual,
        "stack": spans.stack,
        "work-buffer": spans.work_buffer,
        "user-arena": spans.user_arena,
        "dead": spans.state == 0,
        "all": np.ones(len(spans), np.bool_),
    }[asked.state].copy()
    if asked.spanclass is not None:
        keep &= columns["spanclass"] == asked.spanclass
    if asked.size is not None:
        keep &= columns["elemsize"] == asked.size
    if asked.noscan or asked.scan:
        noscan = columns["spanclass"] & 1 != 0
        keep &= (noscan & asked.noscan) | (~noscan & asked.scan)
    if asked.occupancy is not None:
        filled = 100 * columns["allocCount"] / np.maximum(columns["nelems"], 1)
        keep &= (asked.occupancy[0] <= filled) & (filled <= asked.occupancy[1])
    if asked.pages is not None:
        keep &= (asked.pages[0] <= columns["npages"]) & (columns["npages"] <= asked.pages[1])
    return np.flatnonzero(keep)


def worst_first(heap: Heap, rows: I64) -> str:
    """Return what to sort these spans by, as summary chooses what to show the worst classes by."""
    some = rows[(heap.spans.in_use & ~shapes(heap).contradictory)[rows]]
    columns = heap.spans.records
    objects, elemsize = columns.at("allocCount", some), columns["elemsize"][some]
    taken, every = int((objects * elemsize).sum()), int((columns.at("nelems", some) * elemsize).sum())
    return matters_most(taken, every - taken)
