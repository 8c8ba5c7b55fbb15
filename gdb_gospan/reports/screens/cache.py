"""The table of the Ps' caches."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.fields import units
from gdb_gospan.fields.units import count
from gdb_gospan.render.provenance import cut_off, footer, heading, note
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, fitted
from gdb_gospan.reports.screens.list import span_class


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the table out; for one P, its spans below."""

    def size(value: int | None) -> str:
        return units.nbytes(value, exact=style.exact)

    columns = [
        Column("p", "P"),
        Column("status", "status", left=True, rank=5),
        Column("spans", "spans", count, rank=3),
        Column("free_slots", "free slots", count, rank=4),
        Column("free_bytes", "bytes", size, rank=2),
        Column("stack_bytes", "stacks", size, rank=1),
        Column("page_bytes", "pages", size, rank=1),
        Column("descriptors", "mspans", count, rank=6),
        Column("parked_bytes", "parked", size),
    ]
    totals = document["totals"]
    rows = list(document["caches"])
    total = {**totals, "p": "all", "status": ""} if document["p"] is None else None
    columns = [
        attrs.evolve(column, rank=0) if column.key == document["sort"] else column for column in columns
    ]
    body, left_out = fitted(columns, rows, total, style.room, of=document["total_rows"])
    parts = [heading(document, style), "", body]
    if left_out:
        parts.append(note(left_out, style.width))
    if cut := cut_off(document, len(document["caches"]), "Ps", style.width):
        parts.append(cut)
    if document["spans_cached"] is not None:
        parts += ["", _spans(document, style)]
    released = sum(row["released_page_bytes"] or 0 for row in document["caches"])
    if released:
        parts.append(note(f"pages: without {size(released)} that are returned or never touched", style.width))
    parts += [
        note(
            "parked: free slots, stacks, pages and descriptors that only this P can use, idle or not. The end of a GC cycle "
            "takes slots and stacks back, and from an idle P its pages (not in Go 1.19); lowering GOMAXPROCS takes all from "
            "the Ps that go",
            style.width,
        ),
        footer(document, style),
    ]
    return "\n".join(parts) + "\n"


def _spans(document: dict[str, Any], style: Style) -> str:
    rows = [
        {
            **row,
            "name": span_class(row),
            "slots": f"{row['objects']:,}/{row['nelems']:,}",
            "free": units.nbytes(row["free_bytes"], exact=style.exact),
        }
        for row in document["spans_cached"]
    ]
    if not rows:
        return f"  P {document['p']} has no span cached."
    columns = [
        Column("spanclass", "class", rank=2),
        Column("name", "size", left=True),
        Column("descriptor", "descriptor", rank=3),
        Column("start", "start"),
        Column("slots", "objects"),
        Column("free", "free", rank=1),
        Column("sweep", "sweep", left=True, rank=5),
    ]
    total = document["total_spans_cached"]
    body, left_out = fitted(columns, rows, None, style.room, of=total)
    cut = cut_off({"total_rows": total}, len(rows), "spans", style.width)
    return "\n".join(filter(None, [body, note(left_out, style.width), cut]))
