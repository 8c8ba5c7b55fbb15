"""The table of central lists."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.fields import units
from gdb_gospan.fields.units import count
from gdb_gospan.render.provenance import cut_off, footer, heading, note
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, fitted
from gdb_gospan.reports.screens.summary import class_name


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the table out, and reconcile it with the spans."""

    def size(value: int) -> str:
        return units.nbytes(value, exact=style.exact)

    rows = [{**row, "name": class_name(row)} for row in document["central"]]
    totals = document["totals"]
    columns = [
        Column("spanclass", "class", rank=2),
        Column("name", "size", left=True),
        Column("partial", "partial", count),
        Column("full", "full", count),
        Column("unswept", "unswept", count, rank=3),
        Column("cached", "cached", count, rank=1),
        Column("stale", "stale", count, rank=4),
        Column("reusable", "reusable slots", count),
        Column("reusable_bytes", "bytes", size),
    ]
    listed = totals["partial"] + totals["full"]
    sum_line = note(
        f"{count(totals['partial'])} partial + {count(totals['full'])} full + {count(totals['cached'])} cached = "
        f"{count(listed + totals['cached'])} of {count(document['in_use'])} spans in use",
        style.width,
    )
    notes = [
        sum_line,
        note(
            "partial was called nonempty before Go 1.15; the old empty held full and cached spans together.",
            style.width,
        ),
    ]
    if document["holes"]:
        notes.append(note(f"{count(document['holes'])} entries were claimed and not filled yet", style.width))
    if document["unreadable_entries"]:
        lost = note(f"{count(document['unreadable_entries'])} entries could not be read", style.width)
        notes.append(style.paint("bad", lost))
    cut = cut_off(document, len(rows), "span classes", style.width)
    columns = [
        attrs.evolve(column, rank=0) if column.key == document["sort"] else column for column in columns
    ]
    body, left_out = fitted(
        columns, rows, {**totals, "spanclass": "", "name": "all"}, style.room, of=document["total_rows"]
    )
    cuts = [cut, note(left_out, style.width)]
    parts = [heading(document, style), "", body, *filter(None, cuts), *notes, footer(document, style)]
    return "\n".join(parts) + "\n"
