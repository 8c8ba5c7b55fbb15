"""The list of spans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from gdb_gospan.fields import units
from gdb_gospan.fields.units import percent
from gdb_gospan.render.longtable import LongTable, laid_out
from gdb_gospan.render.provenance import cut_off, footer, heading, note
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, chosen

_LONGEST_NAME = 32
_COLUMNS = (
    Column("descriptor", "descriptor"),
    Column("start", "start", rank=2),
    Column("bytes", "bytes", rank=3),
    Column("state", "state", left=True, rank=5),
    Column("class", "class", rank=6),
    Column("name", "size", left=True),
    Column("slots", "objects", rank=1),
    Column("taken", "object bytes", rank=11),
    Column("filled", "occupied", rank=1),
    Column("free", "free bytes"),
    Column("tail", "tail", rank=7),
    Column("sweep", "sweep", left=True, rank=8),
    Column("zero", "zero", left=True, rank=9),
    Column("new", "new", left=True, rank=10),
    Column("type", "type", left=True, rank=4),
)
_SORTED_BY = {
    "span_bytes": "bytes", "npages": "bytes", "spanclass": "class", "tail_bytes": "tail", "large_tail_bytes": "tail",
    "start": "start", "object_bytes": "taken", "occupied": "filled", "objects": "slots", "nelems": "slots", "free_slots": "slots",
    "state": "state", "sweepgen": "sweep", "needzero": "zero", "new": "new", "large_type": "type",
}  # fmt: skip
"""Columns that stay because the rows are sorted by them."""


def text(document: dict[str, Any], style: Style) -> Iterator[str]:
    """Lay the list out, in pieces of whole lines."""

    def size(value: int | None) -> str:
        return units.nbytes(value, exact=style.exact)

    def cells(row: dict[str, Any]) -> dict[str, str]:
        return _cells(row, size)

    rows: LongTable = document["list"]
    left_out = ""
    yield heading(document, style) + "\n\n"
    if rows:
        measures = rows.measure(cells)
        sort = _SORTED_BY.get(document["sort"])
        columns = [
            attrs.evolve(column, rank=0) if column.key == sort else column
            for column in _COLUMNS
            if column.key != "type" or measures["type"].width
        ]
        state = measures["state"]
        if state.same and state.first == "dead":  # nothing else is known of these
            columns = [column for column in columns if column.key in ("descriptor", "state")]
        columns, left_out = chosen(columns, measures, len(rows), style.room, of=document["total_rows"])
        yield from laid_out(columns, rows, cells, measures, room=style.room)
    else:
        yield "  No span passes these filters.\n"
    parts = [
        cut_off(document, len(rows), "spans", style.width),
        note(left_out, style.width),
        footer(document, style),
    ]
    yield "\n".join(filter(None, parts)) + "\n"


def _cells(row: dict[str, Any], size: Callable[[int | None], str]) -> dict[str, str]:
    """Turn a row into words; a dead descriptor has nothing but its address, for its fields are stale."""
    if row["state"] == "dead":
        return dict.fromkeys(
            (
                "start",
                "bytes",
                "class",
                "name",
                "slots",
                "taken",
                "filled",
                "free",
                "tail",
                "sweep",
                "zero",
                "new",
                "type",
            ),
            "",
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
        "class": str(row["spanclass"]) if row["state"] == "in use" else "",
        "name": span_class(row),
        "slots": f"{row['objects']:,}/{row['nelems']:,}" if slots else "",
        "taken": size(row["object_bytes"]) if slots else "",
        "filled": percent(row["occupied"]) if slots else "",
        "free": size(row["free_bytes"]) if slots else "",
        "tail": size(tail_of(row)) if slots else "",
        "sweep": row["sweep"],
        "zero": "yes" if row["needzero"] else "",
        "new": "yes" if row["new"] else "",
        "type": _shortened(row["large_type"] or ""),
    }


def tail_of(row: dict[str, Any]) -> int | None:
    """Return the bytes at the end of a span that no object has: past the last slot, or past the size asked for."""
    tail, past = row["tail_bytes"], row["large_tail_bytes"]
    return None if tail is None or past is None else tail + past


def _shortened(name: str) -> str:
    """Keep the end of a long name, which tells types of one package apart."""
    return name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]


def span_class(row: dict[str, Any]) -> str:
    """Name what a span holds: ``4,096 noscan``, ``large scan``, the size of its stacks, or nothing."""
    if row["state"] == "stack":
        return f"stacks of {row['elemsize']:,}"
    if row["state"] not in ("in use", "user arena", "quarantined"):
        return ""
    kind = "noscan" if row["noscan"] else "scan"
    return f"large {kind}" if row["spanclass"] <= 1 else f"{row['elemsize']:,} {kind}"
