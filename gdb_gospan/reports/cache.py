"""go-spans cache: what each P keeps for itself."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from gdb_gospan.analysis.caches import P_STATUS, Caches, cached_rows, caches
from gdb_gospan.analysis.rows import ordered
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.spancolumns import columns_of, hexadecimal
from gdb_gospan.errors import UsageError
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import cache as view
from gdb_gospan.runtime.heap import Heap

_SUMS = (
    "spans", "free_slots", "free_bytes", "tiny_left", "stack_bytes", "page_bytes", "released_page_bytes",
    "descriptors", "descriptor_bytes", "parked_bytes",
)  # fmt: skip


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Build a row for each P; with a P as argument, the spans that it has cached too."""
    if arguments["argument"] is None:  # the rows of the spans need columns of their own
        session.let_go()
    heap = session.heap
    rows = cache_rows(heap)
    chosen, sort = _chosen(arguments["argument"], [row["p"] for row in rows]), arguments["sort"]
    asked = [row for row in rows if chosen in (None, row["p"])]
    shown, total = ordered(asked, None if sort == "p" else sort, arguments["limit"])
    spans = [] if chosen is None else _spans(heap, chosen)
    return {
        **session.envelope("cache"),
        "p": chosen,
        "sort": sort,
        "total_rows": total,
        "caches": shown,
        "totals": {name: _sum(rows, name) for name in _SUMS},
        "spans_cached": None if chosen is None else spans[: arguments["limit"] or None],
        "total_spans_cached": None if chosen is None else len(spans),
        **session.provenance(),
    }


def cache_rows(heap: Heap) -> list[dict[str, Any]]:
    """Return a row for each P; what could not be read is None."""
    table = caches(heap)
    names = [field.name for field in attrs.fields(Caches) if field.name not in ("id", "status", "known")]
    columns = {name: getattr(table, name).tolist() for name in names}
    page, size = heap.pages.page_size, heap.layout["mspan"].size
    rows = []
    for index, known in enumerate(table.known.tolist()):
        values = {name: column[index] if known else None for name, column in columns.items()}
        pages, released, descriptors = (values[key] for key in ("pages", "released_pages", "descriptors"))
        values |= {
            "page_bytes": None if pages is None else (pages - released) * page,
            "released_page_bytes": None if released is None else released * page,
            "descriptor_bytes": None if descriptors is None else descriptors * size,
        }
        status = int(table.status[index])
        state = P_STATUS.get(status, f"status {status}") if known else None
        rows.append({"p": int(table.id[index]), "status": state, **values})
    return rows


def _sum(rows: list[dict[str, Any]], name: str) -> int | None:
    values = [row[name] for row in rows]
    return None if None in values else sum(values)


def _chosen(text: str | None, known: list[int]) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or int(text) not in known:
        raise UsageError(f"cache: no P {text} (they are 0 to {len(known) - 1}; cache alone shows all)")
    return int(text)


def _spans(heap: Heap, p: int) -> list[dict[str, Any]]:
    owner = np.flatnonzero(heap.ps.owners == p)
    rows = cached_rows(heap)[owner].ravel()
    columns = columns_of(heap, rows[rows >= 0])
    names, values = list(columns), zip(*(column.tolist() for column in columns.values()), strict=True)
    return [hexadecimal(dict(zip(names, row, strict=True)), "descriptor", "start") for row in values]


def csv_rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the report is about: the Ps, or the spans of the one that was asked for."""
    rows: list[dict[str, Any]] = document["caches" if document["p"] is None else "spans_cached"]
    return rows


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
