"""The table of span classes."""

from __future__ import annotations

from typing import Any

from gdb_gospan.views import bars, units
from gdb_gospan.views.provenance import cut_off, footer, heading
from gdb_gospan.views.style import Style
from gdb_gospan.views.summary import class_name
from gdb_gospan.views.tables import Column, table
from gdb_gospan.views.units import count, share


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the table out."""

    def size(value: int) -> str:
        return units.nbytes(value, exact=style.exact)

    rows = [
        {**row, "name": class_name(row), "occupied": share(row["objects"], row["nelems"])}
        for row in document["classes"]
    ]
    totals = document["totals"]
    total = {
        **totals,
        "spanclass": "",
        "name": "all",
        "occupied": share(totals["objects"], totals["nelems"]),
        "deciles": [],
    }
    columns = [
        Column("spanclass", "class"),
        Column("name", "size", left=True),
        Column("spans", "spans", count),
        Column("objects", "objects", count),
        Column("free_slots", "free", count),
        Column("occupied", "occupied"),
        Column("object_bytes", "object bytes", size),
        Column("free_bytes", "free bytes", size),
        Column("tail_bytes", "tail", size),
        Column("metadata_bytes", "bitmaps", size),
        Column("deciles", "how full", bars.sparkline, left=True),
    ]
    parts = [
        heading(document, style),
        "",
        table(columns, [*rows, total]),
        cut_off(document, len(rows), "span classes"),
        footer(document, style),
    ]
    return "\n".join(part for index, part in enumerate(parts) if part or index == 1) + "\n"
