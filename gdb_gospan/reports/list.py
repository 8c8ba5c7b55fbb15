"""go-spans list: spans one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gdb_gospan.analysis.rows import first_rows
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.analysis.spancolumns import LATE_COLUMNS, columns_of
from gdb_gospan.errors import UsageError
from gdb_gospan.fields.command import WORST
from gdb_gospan.render.longtable import LongTable
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import low_high
from gdb_gospan.reports.screens import list as view
from gdb_gospan.reports.screens.summary import matters_most
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Mask


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """List the spans that pass every filter, sorted and cut as asked."""
    heap = session.heap
    _refuse_nonsense(arguments)
    heap.want(*LATE_COLUMNS)  # the rows are made when the target may have gone on
    rows = np.flatnonzero(_filter(heap, arguments))
    sort = arguments["sort"]
    if sort == WORST:
        sort = _worst(heap, rows)
    chosen = rows[first_rows(columns_of(heap, rows, [sort])[sort], sort, arguments["limit"])]
    columns_of(heap, chosen, ["large_type"])  # reads the types' names, while it may be read
    return {
        **session.envelope("list"),
        "sort": sort,
        "total_rows": len(rows),
        "list": LongTable(
            len(chosen), ("descriptor", "start"), lambda block: columns_of(heap, chosen[block])
        ),
        **session.provenance(),
    }


def _worst(heap: Heap, rows: I64) -> str:
    """Return what to sort these spans by, as summary chooses what to show the worst classes by."""
    some = rows[(heap.spans.in_use & ~shapes(heap).contradictory)[rows]]
    columns = heap.spans.records
    objects, elemsize = columns.at("allocCount", some), columns["elemsize"][some]
    taken, every = int((objects * elemsize).sum()), int((columns.at("nelems", some) * elemsize).sum())
    return matters_most(taken, every - taken)


def _refuse_nonsense(arguments: dict[str, Any]) -> None:
    """Raise `UsageError` for filters that no span of any program could pass."""
    small = arguments["size"] if arguments["state"] == "in-use" else None
    if small is not None and small <= sizeclasses.SIZES[-1] and small not in sizeclasses.SIZES[1:]:
        near = min(sizeclasses.SIZES[1:], key=lambda size: (size < small, abs(size - small)))
        raise UsageError(
            f"list: no size class has slots of {small} bytes (objects of that size are in slots of {near})"
        )
    if arguments["noscan"] and arguments["scan"]:
        raise UsageError("list: --noscan and --scan leave nothing; give one of them")
    occupancy = low_high("list", "occupancy", arguments["occupancy"])
    if occupancy is not None and occupancy[1] > 100:
        raise UsageError(f"list: --occupancy is in percent, 0 to 100, not {arguments['occupancy']}")


def _filter(heap: Heap, arguments: dict[str, Any]) -> Mask:
    spans, columns = heap.spans, heap.spans.records
    keep: Mask = {
        "in-use": spans.in_use,
        "manual": spans.manual,
        "stack": spans.stack,
        "work-buffer": spans.work_buffer,
        "user-arena": spans.user_arena,
        "dead": spans.state == 0,
        "all": np.ones(len(spans), np.bool_),
    }[arguments["state"]].copy()
    if arguments["class"] is not None:
        keep &= columns["spanclass"] == arguments["class"]
    if arguments["size"] is not None:
        keep &= columns["elemsize"] == arguments["size"]
    if arguments["noscan"] or arguments["scan"]:
        noscan = columns["spanclass"] & 1 != 0
        keep &= (noscan & arguments["noscan"]) | (~noscan & arguments["scan"])
    occupancy = low_high("list", "occupancy", arguments["occupancy"])
    if occupancy is not None:
        filled = 100 * columns["allocCount"] / np.maximum(columns["nelems"], 1)
        keep &= (occupancy[0] <= filled) & (filled <= occupancy[1])
    pages = low_high("list", "pages", arguments["pages"])
    if pages is not None:
        keep &= (pages[0] <= columns["npages"]) & (columns["npages"] <= pages[1])
    return keep


def text(document: dict[str, Any], style: Style) -> Iterator[str]:
    """Lay the document out."""
    return view.text(document, style)
