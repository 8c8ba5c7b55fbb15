"""go-spans check: every identity, one by one."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.analysis.rows import ordered
from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import FOUND, NOT_TOLD
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import check as view

_WORST_FIRST = ("broken", "unknown", "transient", "exact")


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Build the list of checks: all of them as proof, and those to show; in a debugger, samples of its own values."""
    samples = None if session.samples is None else attrs.asdict(session.samples())
    session.let_go("goroutines")
    sort, proof = arguments["sort"], session.provenance(scheduler=True)
    rows = sorted(proof["checks"], key=lambda row: _WORST_FIRST.index(row["status"]))
    shown, total = ordered(rows, None if sort == "status" else sort, arguments["limit"])
    return {
        **session.envelope("check"),
        "sort": sort,
        "total_rows": total,
        "identities": shown,
        "samples": samples,
        **proof,
    }


def exit_status(document: dict[str, Any]) -> int:
    """Return what the checks come to: a transient one is explained, and no finding."""
    samples = document.get("samples")
    found = {row["status"] for row in (*document["checks"], *([samples] if samples else []))}
    return FOUND if "broken" in found else NOT_TOLD if "unknown" in found else 0


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
