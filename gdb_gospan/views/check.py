"""The list of identities."""

from __future__ import annotations

from typing import Any

from gdb_gospan.views.provenance import footer, heading
from gdb_gospan.views.style import Style
from gdb_gospan.views.tables import Column, table
from gdb_gospan.views.units import count


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the list out; what is not exact stands out."""

    def status(value: str) -> str:
        role = {"broken": "bad", "transient": "notice", "unknown": "notice"}.get(value, "")
        return style.paint(role, value) if role else value

    columns = [
        Column("status", "status", status, left=True),
        Column("code", "check", left=True),
        Column("expected", "expected", count),
        Column("observed", "observed", count),
        Column("subject", "what must hold", left=True),
    ]
    return (
        "\n".join([heading(document, style), "", table(columns, document["checks"]), footer(document, style)])
        + "\n"
    )
