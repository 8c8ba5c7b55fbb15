"""go-spans fixalloc: the runtime's allocators of fixed-size structs."""

from __future__ import annotations

from typing import Any

from gdb_gospan.analysis.rows import ordered
from gdb_gospan.analysis.session import Session
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import fixalloc as view
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within


def fixalloc_rows(heap: Heap) -> list[dict[str, Any]]:
    """Return a row for each fixalloc of mheap, in the order of its fields; spanalloc is the first."""
    return [
        {
            "name": entry.name,
            "address": f"{entry.address:#x}",
            "size": entry.size,
            "inuse": (inuse := within(entry.inuse, ADDRESS_SPACE)),
            "inuse_objects": None if inuse is None else inuse // entry.size if entry.size else 0,
            "free": entry.free,
            "free_at_least": entry.free_at_least,
            "free_bytes": None if entry.free is None else entry.free * entry.size,
            "chunk_left": entry.chunk_left,
        }
        for entry in heap.fixallocs
    ]


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Build the table of fixallocs."""
    session.let_go()
    sort = arguments["sort"]
    rows, total = ordered(
        fixalloc_rows(session.heap), None if sort == "address" else sort, arguments["limit"]
    )
    return {
        **session.envelope("fixalloc"),
        "sort": sort,
        "total_rows": total,
        "mspancache": session.heap.ps.mspancache,
        "fixallocs": rows,
        **session.provenance(),
    }


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
