"""The tables of stacks: by size, and by who stands on them."""

from __future__ import annotations

from typing import Any

from gdb_gospan.views import units
from gdb_gospan.views.provenance import cut_off, footer, heading, note
from gdb_gospan.views.style import Style
from gdb_gospan.views.tables import Column, fitted
from gdb_gospan.views.units import count, share

_WHERE = (
    ("goroutines", "goroutine_bytes"),
    ("threads and runtime (g0, gsignal, gcrash)", "system_bytes"),
    ("other, changing hands", "other_bytes"),
    ("cached by Ps", "cached_bytes"),
    ("free in stack spans", "free_bytes"),
)


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the tables out."""

    def size(value: int | None) -> str:
        return units.nbytes(value, exact=style.exact)

    totals = document["totals"]
    where = [
        {"name": name, "bytes": size(totals[key]), "share": share(totals[key], totals["span_bytes"])}
        for name, key in _WHERE
        if totals[key] or key != "other_bytes"
    ]
    where.append({"name": "StackInuse", "bytes": size(totals["span_bytes"]), "share": ""})
    sizes = [
        {
            **row,
            "name": "large, one to a span" if row["large"] else f"{row['size']:,}",
            "free_text": "" if row["large"] else size(row["free_bytes"]),
        }
        for row in document["sizes"]
    ]
    states = [{**row, "bytes": size(row["stack_bytes"])} for row in document["goroutines"]]
    by_size = [
        Column("name", "size", left=True, wraps=True),
        Column("spans", "spans", count, rank=2),
        Column("span_bytes", "bytes", size),
        Column("capacity", "stacks", count, rank=3),
        Column("given_out", "given out", count, rank=1),
        Column("free", "free", count, rank=4),
        Column("free_text", "free bytes", rank=1),
    ]
    by_state = [
        Column("state", "goroutines", left=True, wraps=True),
        Column("count", "number", count),
        Column("bytes", "stack bytes"),
    ]
    whose = [
        Column("name", "stacks of", left=True, wraps=True),
        Column("bytes", "bytes"),
        Column("share", "of StackInuse", rank=1),
    ]
    parts = [heading(document, style), ""]
    for columns, rows, of in (
        (whose, where, 0),
        (by_size, sizes, document["total_rows"]),
        (by_state, states, 0),
    ):
        body, left_out = fitted(columns, rows, None, style.room, of=of)
        parts += [body, *([note(left_out, style.width)] if left_out else []), ""]
    parts.pop()
    if cut := cut_off(document, len(sizes), "sizes"):
        parts.append(cut)
    if not document["goroutines_complete"]:
        parts.append(style.paint("notice", "  some goroutines could not be read: these are lower bounds"))
    return "\n".join([*parts, footer(document, style)]) + "\n"
