"""go-spans classes: spans, objects and free slots by span class."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from gdb_gospan.analysis.occupancy import Classes, classes
from gdb_gospan.analysis.rows import cut
from gdb_gospan.analysis.session import Session
from gdb_gospan.fields.command import WORST
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import classes as view
from gdb_gospan.reports.screens.summary import matters_most
from gdb_gospan.runtime.record import Column

_TOTALS = (
    "spans", "nelems", "objects", "free_slots", "object_bytes", "free_bytes", "tail_bytes", "metadata_bytes",
    "large_tail_bytes", "span_bytes", "contradictory", "contradictory_bytes",
)  # fmt: skip


def rows_of(table: Classes) -> list[dict[str, Any]]:
    """Return a row for each span class in use."""
    return cut(_columns(table), "spanclass", 0)[0]


def _columns(table: Classes) -> dict[str, Column]:
    columns = {field.name: getattr(table, field.name) for field in attrs.fields(Classes)}
    occupied = np.round(100 * table.objects / np.maximum(table.nelems, 1), 1)
    return {**columns, "noscan": table.spanclass & 1 != 0, "occupied": occupied}


def chosen_sort(table: Classes, asked: str) -> str:
    """Return the column to sort by: that which was asked for, or what summary shows the worst classes by."""
    if asked != WORST:
        return asked
    return matters_most(int(table.object_bytes.sum()), int(table.free_bytes.sum()))


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Build the table of span classes, sorted and cut as asked, with the totals of all."""
    session.let_go()
    table = classes(session.heap)
    sort = chosen_sort(table, arguments["sort"])
    rows, total = cut(_columns(table), sort, arguments["limit"])
    totals: dict[str, Any] = {name: int(getattr(table, name).sum()) for name in _TOTALS}
    # By bytes: slots of all sizes counted alike would make a heap of the smallest slots.
    taken, every = totals["object_bytes"], totals["object_bytes"] + totals["free_bytes"]
    totals["occupied"] = round(100 * taken / max(every, 1), 1)
    return {
        **session.envelope("classes"),
        "sort": sort,
        "total_rows": total,
        "totals": totals,
        "classes": rows,
        **session.provenance(),
    }


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
