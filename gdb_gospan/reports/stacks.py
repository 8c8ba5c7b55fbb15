"""go-spans stacks: where the memory of stacks is."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from gdb_gospan.analysis.rows import ordered
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.stacks import StackSizes, holders, stack_sizes, standing
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import stacks as view
from gdb_gospan.runtime.heap import Heap


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
        "goroutines": [attrs.asdict(row) for row in standing(heap)],
        "goroutines_complete": heap.goroutines.complete,
        "goroutines_damaged": int(np.count_nonzero(heap.goroutines.damaged)),
        "threads": _threads(session),
        **session.provenance(scheduler=True),
    }


def _sizes(heap: Heap) -> list[dict[str, Any]]:
    table = stack_sizes(heap)
    columns = {field.name: getattr(table, field.name).tolist() for field in attrs.fields(StackSizes)}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row in rows:
        row["large"] = row["size"] == 0
        row["free"] = _within(row["capacity"] - row["given_out"], row["capacity"])
        # Large stacks differ: their free bytes are those of the spans that wait in stackLarge.
        row["free_bytes"] = None if row["large"] or row["free"] is None else row["free"] * row["size"]
    return rows


def _totals(heap: Heap) -> dict[str, int | None]:
    stacks, spans = heap.stacks, heap.spans
    found, total = holders(heap), spans.total_bytes(spans.stack)
    cached, in_use = int(stacks.cached_bytes.sum()), stacks.in_use_bytes
    totals = {
        "in_use_bytes": in_use,
        "goroutine_bytes": found.living + found.dead,
        "dead_goroutine_bytes": found.dead,
        "system_bytes": found.system,
        "exited_bytes": found.exited,
        "other_bytes": in_use - found.living - found.dead - found.system - (found.exited or 0),
        "cached_bytes": cached,
        "free_bytes": total - in_use - cached,
    }
    return {"span_bytes": total, **{name: _within(value, total) for name, value in totals.items()}}


def _within(value: int | None, whole: int) -> int | None:
    """Return a part of a whole; None for what is none, which damage alone brings about: the checks name it."""
    return value if value is not None and 0 <= value <= whole else None


def _threads(session: Session) -> dict[str, int | None]:
    """Count the threads: those with an M, and those of C, which have none."""
    ms, exited = session.heap.ms, session.heap.goroutines.exited
    lwps = session.lwps() if session.lwps else None
    go = None if ms is None or not ms.complete else int(np.count_nonzero(~ms.spare))
    return {
        "go": go,
        "c": None if ms is None or go is None or lwps is None else ms.strangers(lwps),
        "exited": None if exited is None else len(exited),
    }


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
