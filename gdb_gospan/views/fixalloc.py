"""The table of fixallocs."""

from __future__ import annotations

from typing import Any

from gdb_gospan.views import units
from gdb_gospan.views.provenance import footer, heading
from gdb_gospan.views.style import Style
from gdb_gospan.views.tables import Column, table
from gdb_gospan.views.units import count


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
        Column("size", "size", size),
        Column("inuse_objects", "in use", count),
        Column("inuse", "bytes", size),
        Column("walked", "free list"),
        Column("free_bytes", "bytes", size),
        Column("chunk_left", "chunk left", size),
    ]
    notes = [
        "  spanalloc hands out span descriptors, not memory for objects. Its free list is reused, never returned;",
        "  an empty one means only that the next descriptor is cut from the chunk, and is no sign of fragmentation.",
        f"  {count(document['mspancache'])} of the descriptors in use are in stock with the Ps (p.mspancache).",
    ]
    return (
        "\n".join([heading(document, style), "", table(columns, rows), *notes, footer(document, style)])
        + "\n"
    )
