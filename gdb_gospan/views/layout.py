"""The runtime's types."""

from __future__ import annotations

from typing import Any

from gdb_gospan.views.provenance import footer, heading
from gdb_gospan.views.style import Style
from gdb_gospan.views.tables import Column, table
from gdb_gospan.views.units import count


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the structs out, or every field of them."""
    if document["verbose"]:
        rows = [
            {**field, "struct": struct["name"]}
            for struct in document["structs"]
            for field in sorted(struct["fields"], key=lambda field: field["offset"])
        ]
        columns = [
            Column("struct", "struct", left=True),
            Column("path", "field", left=True),
            Column("offset", "offset", count),
            Column("size", "size", count),
            Column("count", "elements", lambda value: "" if value is None else count(value)),
        ]
    else:
        rows = [{**struct, "resolved": len(struct["fields"])} for struct in document["structs"]]
        columns = [
            Column("name", "struct", left=True),
            Column("size", "bytes", count),
            Column("resolved", "fields used", count),
        ]
    missing = document["layout"]["missing"]
    notes = [
        "  fixallocs: " + " ".join(document["fixallocs"]),
        "  not in this Go release: " + (" ".join(missing) if missing else "nothing that go-spans uses"),
    ]
    return (
        "\n".join([heading(document, style), "", table(columns, rows), *notes, footer(document, style)])
        + "\n"
    )
