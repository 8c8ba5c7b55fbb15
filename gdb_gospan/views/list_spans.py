"""The list of spans."""

from __future__ import annotations

from typing import Any

from gdb_gospan.views import units
from gdb_gospan.views.provenance import cut_off, footer, heading
from gdb_gospan.views.style import Style
from gdb_gospan.views.tables import Column, table
from gdb_gospan.views.units import count


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the list out."""

    def size(value: int) -> str:
        return units.nbytes(value, exact=style.exact)

    rows = [
        {
            **row,
            "name": span_class(row),
            "filled": f"{row['occupied']:.1f} %" if row["nelems"] else "",
            "slots": f"{row['objects']:,}/{row['nelems']:,}" if row["nelems"] else "",
            "zero": "needs zero" if row["needzero"] else "",
        }
        for row in document["list"]
    ]
    columns = [
        Column("descriptor", "descriptor"),
        Column("start", "start"),
        Column("npages", "pages", count),
        Column("state", "state", left=True),
        Column("name", "size", left=True),
        Column("slots", "objects"),
        Column("filled", "occupied"),
        Column("free_bytes", "free bytes", size),
        Column("tail_bytes", "tail", size),
        Column("sweep", "sweep", left=True),
        Column("zero", "zero", left=True),
    ]
    body = table(columns, rows) if rows else "  No span passes these filters."
    parts = [
        heading(document, style),
        "",
        body,
        cut_off(document, len(rows), "spans"),
        footer(document, style),
    ]
    return "\n".join(part for index, part in enumerate(parts) if part or index == 1) + "\n"


def span_class(row: dict[str, Any]) -> str:
    """Name what a span holds: ``4,096 noscan``, ``large scan``, the size of its stacks, or nothing."""
    if row["state"] == "stack":
        return f"stacks of {row['elemsize']:,}"
    if row["state"] not in ("in use", "user arena"):
        return ""
    kind = "noscan" if row["noscan"] else "scan"
    return f"large {kind}" if row["spanclass"] <= 1 else f"{row['elemsize']:,} {kind}"
