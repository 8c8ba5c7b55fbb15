"""The table of span classes."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.fields import units
from gdb_gospan.fields.units import count, counted, share
from gdb_gospan.render import bars
from gdb_gospan.render.provenance import cut_off, footer, heading, note
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, fitted
from gdb_gospan.reports.screens.summary import class_name


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
        "occupied": share(totals["object_bytes"], totals["object_bytes"] + totals["free_bytes"]),
        "deciles": [],
    }
    columns = [
        Column("spanclass", "class", rank=4),
        Column("name", "size", left=True),
        Column("spans", "spans", count, rank=1),
        Column("objects", "objects", count, rank=2),
        Column("free_slots", "free", count, rank=5),
        Column("occupied", "occupied"),
        Column("object_bytes", "object bytes", size),
        Column("free_bytes", "free bytes", size),
        Column("tail_bytes", "tail", size, rank=7),
        Column("metadata_bytes", "bitmaps", size, rank=8),
        Column("deciles", "how full", bars.sparkline, left=True, rank=3),
    ]
    # What it is sorted by stays.
    columns = [
        attrs.evolve(column, rank=0) if column.key == document["sort"] else column for column in columns
    ]
    body, left_out = fitted(columns, rows, total, style.room, of=document["total_rows"])
    wrong = totals["contradictory"]
    unknown = f"{counted(wrong, 'span')} of {size(totals['contradictory_bytes'])} with a wrong descriptor (see check) count only as spans"
    large = totals["large_tail_bytes"]
    past = f"{size(large)} of the bytes of large objects lie past the size that was asked for"
    parts = [
        heading(document, style),
        "",
        body,
        cut_off(document, len(rows), "span classes", style.width),
        note(past, style.width) if large else "",
        note(unknown, style.width) if wrong else "",
        note(left_out, style.width),
        footer(document, style),
    ]
    return "\n".join(part for index, part in enumerate(parts) if part or index == 1) + "\n"
