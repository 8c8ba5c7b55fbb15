"""go-spans list: spans one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdb_gospan.commands.arguments import low_high
from gdb_gospan.commands.rows import cut
from gdb_gospan.commands.session import Session
from gdb_gospan.commands.spans import columns_of, hexadecimal
from gdb_gospan.errors import UsageError
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import Mask
from gdb_gospan.views import list_spans as view
from gdb_gospan.views.style import Style


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """List the spans that pass every filter, sorted and cut as asked."""
    heap = session.heap
    _refuse_nonsense(arguments)
    rows = np.flatnonzero(_filter(heap, arguments))
    spans, total = cut(columns_of(heap, rows), arguments["sort"], arguments["limit"])
    return {
        **session.envelope("list"),
        "sort": arguments["sort"],
        "total_rows": total,
        "list": [hexadecimal(span, "descriptor", "start") for span in spans],
        **session.provenance(),
    }


def _refuse_nonsense(arguments: dict[str, Any]) -> None:
    """Raise `UsageError` for filters that no span of any program could pass."""
    if arguments["class"] is not None and arguments["class"] >= sizeclasses.SPAN_CLASSES:
        raise UsageError(
            f"list: no span class {arguments['class']} (they are 0 to {sizeclasses.SPAN_CLASSES - 1})"
        )
    small = arguments["size"] if arguments["state"] == "in-use" else None
    if small is not None and small <= sizeclasses.SIZES[-1] and small not in sizeclasses.SIZES[1:]:
        near = min(sizeclasses.SIZES[1:], key=lambda size: (size < small, abs(size - small)))
        raise UsageError(
            f"list: no size class has slots of {small} bytes (objects of that size are in slots of {near})"
        )
    if arguments["noscan"] and arguments["scan"]:
        raise UsageError("list: --noscan and --scan leave nothing; give one of them")
    occupancy = low_high("list", "occupancy", arguments["occupancy"])
    if occupancy is not None and occupancy[0] > 100:
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


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
