"""The table of central lists."""

from __future__ import annotations

from typing import Any

from gdb_gospan.views import units
from gdb_gospan.views.provenance import cut_off, footer, heading
from gdb_gospan.views.style import Style
from gdb_gospan.views.summary import class_name
from gdb_gospan.views.tables import Column, table
from gdb_gospan.views.units import count


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the table out, and reconcile it with the spans."""

    def size(value: int) -> str:
        return units.nbytes(value, exact=style.exact)

    rows = [{**row, "name": class_name(row)} for row in document["central"]]
    totals = document["totals"]
    columns = [
        Column("spanclass", "class"),
        Column("name", "size", left=True),
        Column("partial", "partial", count),
        Column("full", "full", count),
        Column("unswept", "unswept", count),
        Column("cached", "cached", count),
        Column("stale", "stale", count),
        Column("reusable", "reusable slots", count),
        Column("reusable_bytes", "bytes", size),
    ]
    listed = totals["partial"] + totals["full"]
    sum_line = (
        f"  {count(totals['partial'])} partial + {count(totals['full'])} full + {count(totals['cached'])} cached = "
        f"{count(listed + totals['cached'])} of {count(document['in_use'])} spans in use"
    )
    notes = [
        sum_line,
        "  partial was called nonempty before Go 1.15; the old empty held full and cached spans together.",
    ]
    if document["holes"]:
        notes.append(f"  {count(document['holes'])} entries were claimed and not filled yet")
    if document["unreadable_entries"]:
        notes.append(
            style.paint("bad", f"  {count(document['unreadable_entries'])} entries could not be read")
        )
    cut = cut_off(document, len(rows), "span classes")
    body = [heading(document, style), "", table(columns, [*rows, {**totals, "spanclass": "", "name": "all"}])]
    return "\n".join([*body, *([cut] if cut else []), *notes, footer(document, style)]) + "\n"
