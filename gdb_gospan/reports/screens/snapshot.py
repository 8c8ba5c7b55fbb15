"""What a snapshot holds, and what to do with it."""

from __future__ import annotations

from typing import Any

from gdb_gospan.fields import units
from gdb_gospan.fields.units import count
from gdb_gospan.render.gate import word
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note
from gdb_gospan.render.style import Style


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the facts out."""
    recorded = document["recorded"]

    def size(key: str) -> str:
        return units.nbytes(recorded[key], exact=style.exact)

    return (
        "\n".join(
            [
                heading(document, style),
                "",
                f"wrote {recorded['file']}",
                *filled(
                    f"{size('memory_bytes')} of metadata in {count(recorded['ranges'])} ranges, {size('file_bytes')} in the file",
                    style.width,
                ),
                note(
                    "It holds what the runtime keeps of the heap: no contents of the program's own objects, but addresses, "
                    "names of types and of the functions that threads are in, and the paths of the files. Only you may read it.",
                    style.width,
                ),
                *filled("Every report can be had from it, in a shell:", style.width),
                f"  go-spans summary {word(recorded['file'])}",
                footer(document, style),
            ]
        )
        + "\n"
    )
