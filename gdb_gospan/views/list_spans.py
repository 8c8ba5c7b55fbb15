"""The list of spans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdb_gospan.views import units
from gdb_gospan.views.provenance import cut_off, footer, heading
from gdb_gospan.views.style import Style
from gdb_gospan.views.tables import Column, table


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the list out."""

    def size(value: int) -> str:
        return units.nbytes(value, exact=style.exact)

    rows = [_cells(row, size) for row in document["list"]]
    columns = [
        Column("descriptor", "descriptor"),
        Column("start", "start"),
        Column("bytes", "bytes"),
        Column("state", "state", left=True),
        Column("name", "size", left=True),
        Column("slots", "objects"),
        Column("filled", "occupied"),
        Column("free", "free bytes"),
        Column("tail", "tail"),
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


def _cells(row: dict[str, Any], size: Callable[[int], str]) -> dict[str, str]:
    """Turn a row into words; a dead descriptor has nothing but its address, for its fields are stale."""
    if row["state"] == "dead":
        return dict.fromkeys(
            ("start", "bytes", "name", "slots", "filled", "free", "tail", "sweep", "zero"), ""
        ) | {
            "descriptor": row["descriptor"],
            "state": "dead",
        }
    slots = bool(row["nelems"])
    return {
        "descriptor": row["descriptor"],
        "start": row["start"],
        "bytes": size(row["span_bytes"]),
        "state": row["state"],
        "name": span_class(row),
        "slots": f"{row['objects']:,}/{row['nelems']:,}" if slots else "",
        "filled": f"{row['occupied']:.1f} %" if slots else "",
        "free": size(row["free_bytes"]) if slots else "",
        "tail": size(row["tail_bytes"]) if slots else "",
        "sweep": row["sweep"],
        "zero": "yes" if row["needzero"] else "",
    }


def span_class(row: dict[str, Any]) -> str:
    """Name what a span holds: ``4,096 noscan``, ``large scan``, the size of its stacks, or nothing."""
    if row["state"] == "stack":
        return f"stacks of {row['elemsize']:,}"
    if row["state"] not in ("in use", "user arena"):
        return ""
    kind = "noscan" if row["noscan"] else "scan"
    return f"large {kind}" if row["spanclass"] <= 1 else f"{row['elemsize']:,} {kind}"
