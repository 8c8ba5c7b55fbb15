"""go-spans layout: the runtime's types as this program has them."""

from __future__ import annotations

from typing import Any

from gdb_gospan.commands.session import Session
from gdb_gospan.views import layout as view
from gdb_gospan.views.style import Style


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """List the structs; with ``--verbose`` every field too."""
    layout = session.heap.layout
    return {
        **session.envelope("layout"),
        "fixallocs": list(layout.fixallocs),
        "symbols": {name: f"{address:#x}" for name, address in session.heap.symbols.addresses.items()},
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


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
