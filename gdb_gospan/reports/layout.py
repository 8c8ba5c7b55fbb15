"""go-spans layout: the runtime's types as this program has them."""

from __future__ import annotations

from typing import Any

from gdb_gospan.analysis.session import Session
from gdb_gospan.layout.signature import Recognised
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import layout as view


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """List the structs; with ``--verbose`` every field too."""
    layout = session.heap.layout
    return {
        **session.envelope("layout"),
        "fixallocs": list(layout.fixallocs),
        "symbols": {name: f"{address:#x}" for name, address in session.heap.symbols.addresses.items()},
        "stated": None if session.heap.evidence is None else session.heap.evidence.stated,
        "evidence": _evidence(session.heap.evidence),
        "verbose": arguments["verbose"],
        "structs": [
            {
                "name": struct.name,
                "size": struct.size,
                "fields": [
                    {
                        "path": path,
                        "offset": field.offset,
                        "size": field.size,
                        "count": field.count,
                        "kind": field.kind,
                    }
                    for path, field in struct.fields.items()
                ],
            }
            for struct in layout.structs.values()
        ],
        **session.provenance(),
    }


def _evidence(recognised: Recognised | None) -> list[dict[str, Any]]:
    """List what spoke for the layout in use, and what spoke against others at the same address."""
    if recognised is None:
        return []
    signatures = (recognised.signature, *recognised.refused)
    return [
        {
            "release": ".".join(map(str, signature.table.release)),
            "what": piece.what,
            "expected": f"{piece.expected:#x}",
            "found": None if piece.found is None else f"{piece.found:#x}",
            "holds": piece.holds,
        }
        for signature in signatures
        for piece in signature.evidence
        if signature is recognised.signature or not piece.holds
    ]


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
