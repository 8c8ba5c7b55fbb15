"""The list of identities."""

from __future__ import annotations

from typing import Any

from gdb_gospan.fields.units import count
from gdb_gospan.render.provenance import cut_off, footer, heading, note
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, fitted

_NUMBERS = ("expected", "observed")


def _number(row: dict[str, Any], key: str) -> str:
    """Write a number with its unit, where the subject does not say what is counted."""
    unit = " B" if row["unit"] == "bytes" and row[key] is not None else ""
    return count(row[key]) + unit


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the list out; what is not exact stands out."""

    def status(value: str) -> str:
        role = {"broken": "bad", "transient": "notice", "unknown": "notice"}.get(value, "")
        return style.paint(role, value) if role else value

    columns = [
        Column("status", "status", status, left=True),
        Column("code", "check", left=True),
        Column("expected_text", "expected", rank=1),
        Column("observed_text", "observed", rank=2),
        Column("subject", "what must hold", left=True, wraps=True, rank=3),
    ]
    identities, samples = document["identities"], document["samples"]
    all_shown = len(identities) == document["total_rows"]
    rows = [
        {**row, **{f"{key}_text": _number(row, key) for key in _NUMBERS}}
        for row in (
            *identities,
            *([samples] if samples and (all_shown or samples["status"] != "exact") else []),
        )
    ]
    body, left_out = fitted(columns, rows, None, style.width, of=document["total_rows"])
    doubts = f"{samples['code']}: {samples['note']}" if samples and samples["note"] else ""
    below = [
        note(left_out, style.width),
        note(doubts, style.width),
        cut_off(document, len(identities), "identities", style.width),
    ]
    return (
        "\n".join([heading(document, style), "", body, *filter(None, below), footer(document, style)]) + "\n"
    )
