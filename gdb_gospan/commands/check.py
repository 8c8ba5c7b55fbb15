"""go-spans check: every identity, one by one."""

from __future__ import annotations

from typing import Any

from gdb_gospan.commands.session import Session
from gdb_gospan.views import check as view
from gdb_gospan.views.style import Style


def document(session: Session, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Build the list of checks."""
    return {**session.envelope("check"), **session.provenance()}


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
