"""go-spans central: the central lists by span class."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdb_gospan.analysis.rows import cut, unknown_where
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import central as view
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.record import I64, Mask


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Count the entries of each mcentral's four sets, and what is in none of them."""
    session.let_go()
    heap = session.heap
    spans, central = heap.spans, heap.central
    valid = central.valid
    classes = sizeclasses.SPAN_CLASSES

    def count(mask: Mask) -> I64:
        return np.bincount(central.spanclass[mask], minlength=classes)[:classes].astype(np.int64)

    reusable = valid & ~central.full
    slots = np.zeros(classes, np.int64)
    np.add.at(slots, central.spanclass[reusable], spans.free_slots[central.row[reusable]])
    # Of a span whose descriptor contradicts itself it is not known what is free, and so not of its class.
    contradictory = np.zeros(classes, np.bool_)
    contradictory[central.spanclass[reusable][shapes(heap).contradictory[central.row[reusable]]]] = True
    sizes = np.repeat(sizeclasses.sizes(), 2)
    cached_class = np.clip(spans.records["spanclass"][heap.cached], 0, classes - 1)
    columns = {
        "spanclass": np.arange(classes, dtype=np.int64),
        "elemsize": sizes,
        "noscan": np.arange(classes) % 2 == 1,
        "partial": count(valid & ~central.full),
        "full": count(valid & central.full),
        "partial_unswept": count(valid & ~central.full & central.unswept),
        "full_unswept": count(valid & central.full & central.unswept),
        "unswept": count(valid & central.unswept),
        "cached": np.bincount(cached_class, minlength=classes).astype(np.int64),
        "stale": count(~valid),
        "reusable": unknown_where(contradictory, slots),
        "reusable_bytes": unknown_where(contradictory, slots * sizes),
    }
    totals = {
        name: None if contradictory.any() and name in ("reusable", "reusable_bytes") else int(column.sum())
        for name, column in columns.items()
        if name not in ("spanclass", "elemsize", "noscan")
    }
    present = sum(columns[name] for name in ("partial", "full", "cached", "stale")) != 0
    shown = {name: column[present] for name, column in columns.items()}
    rows, total = cut(shown, arguments["sort"], arguments["limit"])
    return {
        **session.envelope("central"),
        "sort": arguments["sort"],
        "total_rows": total,
        "totals": totals,
        "in_use": int(spans.in_use.sum()),
        "holes": central.holes,
        "unreadable_entries": central.unreadable,
        "central": rows,
        **session.provenance(),
    }


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
