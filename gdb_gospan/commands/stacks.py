"""go-spans stacks: where the memory of stacks is."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.analysis.stacks import StackSizes, held_bytes, stack_sizes, standing
from gdb_gospan.commands.rows import ordered
from gdb_gospan.commands.session import Session
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.views import stacks as view
from gdb_gospan.views.style import Style


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Build a row for each size of stacks, and what the goroutines of each state stand on."""
    session.let_go("goroutines")
    heap, sort = session.heap, arguments["sort"]
    sizes, total = ordered(_sizes(heap), None if sort == "size" else sort, arguments["limit"])
    return {
        **session.envelope("stacks"),
        "sort": sort,
        "total_rows": total,
        "sizes": sizes,
        "totals": _totals(heap),
        "goroutines": [attrs.asdict(row) for row in standing(heap.goroutines)],
        "goroutines_complete": heap.goroutines.complete,
        **session.provenance(),
    }


def _sizes(heap: Heap) -> list[dict[str, Any]]:
    table = stack_sizes(heap)
    columns = {field.name: getattr(table, field.name).tolist() for field in attrs.fields(StackSizes)}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row in rows:
        row["large"] = row["size"] == 0
        row["free"] = row["capacity"] - row["given_out"]
        # Large stacks differ: their free bytes are those of the spans that wait in stackLarge.
        row["free_bytes"] = None if row["large"] else row["free"] * row["size"]
    return rows


def _totals(heap: Heap) -> dict[str, int]:
    stacks, spans = heap.stacks, heap.spans
    own, system = held_bytes(heap)
    total = spans.total_bytes(spans.stack)
    cached = int(stacks.cached_bytes.sum())
    return {
        "span_bytes": total,
        "in_use_bytes": stacks.in_use_bytes,
        "goroutine_bytes": own,
        "system_bytes": system,
        "other_bytes": stacks.in_use_bytes - own - system,
        "cached_bytes": cached,
        "free_bytes": total - stacks.in_use_bytes - cached,
    }


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
