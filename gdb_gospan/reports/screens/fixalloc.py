"""The table of fixallocs."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.fields import units
from gdb_gospan.fields.units import count
from gdb_gospan.render.provenance import cut_off, footer, heading, note
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, fitted


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the table out, with what an empty free list means."""

    def size(value: int | None) -> str:
        return units.nbytes(value, exact=style.exact)

    rows = [
        {
            **row,
            "walked": count(row["free"])
            if row["free"] is not None
            else f"broken after {count(row['free_at_least'])}",
        }
        for row in document["fixallocs"]
    ]
    columns = [
        Column("name", "fixalloc", left=True),
        Column("size", "size", size, rank=3),
        Column("inuse_objects", "in use", count),
        Column("inuse", "bytes", size, rank=2),
        Column("walked", "free list"),
        Column("free_bytes", "free bytes", size, rank=4),
        Column("chunk_left", "chunk left", size, rank=1),
    ]
    notes = [
        "spanalloc hands out span descriptors, not memory for objects. Its free list is reused, never returned.",
        "An empty free list means only that the next struct is cut from the chunk, and is no sign of fragmentation.",
        f"{count(document['mspancache'])} of the descriptors in use are in stock with the Ps (p.mspancache).",
    ]
    columns = [
        attrs.evolve(column, rank=0) if column.key == document["sort"] else column for column in columns
    ]
    body, left_out = fitted(columns, rows, None, style.room, of=document["total_rows"])
    parts = [heading(document, style), "", body]
    if left_out:
        parts.append(note(left_out, style.width))
    if cut := cut_off(document, len(rows), "fixallocs", style.width):
        parts.append(cut)
    parts += [note(text, style.width) for text in notes]
    return "\n".join([*parts, footer(document, style)]) + "\n"
