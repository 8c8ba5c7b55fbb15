"""The runtime's types."""

from __future__ import annotations

from typing import Any

from gdb_gospan.fields.units import UNKNOWN, count
from gdb_gospan.render.provenance import footer, heading, note
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, fitted


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
            Column("size", "size", count, rank=2),
            Column("count", "elements", lambda value: "" if value is None else count(value), rank=1),
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
        *_recognised(document, style),
        note("fixallocs: " + " ".join(document["fixallocs"]), style.width),
        note("not in this Go release: " + (" ".join(missing) or "nothing that go-spans uses"), style.width),
    ]
    body, left_out = fitted(columns, rows, None, style.room)
    if left_out:
        notes.insert(0, note(left_out, style.width))
    return "\n".join([heading(document, style), "", body, *notes, footer(document, style)]) + "\n"


def _recognised(document: dict[str, Any], style: Style) -> list[str]:
    """Say how a layout without debug information was chosen; with ``--verbose`` by what evidence."""
    signature = document["layout"]["signature"]
    if signature is None:
        return []
    stated = document["stated"] or "nowhere to be found"
    also = f", the same in Go {' and '.join(signature['same_in'])}" if signature["same_in"] else ""
    lines = [
        note(
            f"no debug information: the bundled layout of Go {signature['release']}{also}; {signature['held']} of "
            f"{signature['pieces']} pieces of evidence hold; the version in the program: {stated}",
            style.width,
        )
    ]
    if document["verbose"]:
        columns = [
            Column("release", "layout of Go", left=True),
            Column("what", "evidence", left=True),
            Column("expected", "expected"),
            Column("found", "found", lambda value: UNKNOWN if value is None else value),
            Column("holds", "holds", lambda value: "yes" if value else "no", left=True),
        ]
        body, left_out = fitted(columns, document["evidence"], None, style.room)
        lines += ["", body, *([note(left_out, style.width)] if left_out else []), ""]
    return lines
