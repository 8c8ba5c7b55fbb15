"""go-spans classes: spans, objects and free slots by span class."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.analysis.occupancy import Classes, classes
from gdb_gospan.commands.rows import cut
from gdb_gospan.commands.session import Session
from gdb_gospan.views import classes as view
from gdb_gospan.views.style import Style

_TOTALS = (
    "spans", "nelems", "objects", "free_slots", "object_bytes", "free_bytes", "tail_bytes", "metadata_bytes", "span_bytes",
)  # fmt: skip


def rows_of(table: Classes, sort: str = "spanclass", limit: int = 0) -> list[dict[str, Any]]:
    """Return a row for each span class in use."""
    columns = {field.name: getattr(table, field.name) for field in attrs.fields(Classes)}
    columns["noscan"] = table.spanclass & 1 != 0
    return cut(columns, sort, limit)[0]


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Build the table of span classes, sorted and cut as asked, with the totals of all."""
    table = classes(session.heap)
    totals = {name: int(getattr(table, name).sum()) for name in _TOTALS}
    return {
        **session.envelope("classes"),
        "sort": arguments["sort"],
        "total_rows": len(table),
        "totals": totals,
        "classes": rows_of(table, arguments["sort"], arguments["limit"]),
        **session.provenance(),
    }


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
