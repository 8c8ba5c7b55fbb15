"""Documents as JSON: a long table block by block, everything else at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from gdb_gospan.fields.document import Document, fields_of
from gdb_gospan.fields.table import Table
from gdb_gospan.render.longtable import Kinds, lines
from gdb_gospan.render.plain import plainer


def json_pieces(answer: Document) -> Iterator[str]:
    """Yield the document as json.dumps with an indent of 1 would write it, in pieces of whole lines."""
    comma = "{\n"
    for name, kind, value in _values(answer):
        yield f"{comma} {json.dumps(name)}: "
        comma = ",\n"
        if isinstance(value, Table) and value:
            before = "["
            for made in lines(Kinds(value), _form(value)):
                yield before + "\n"
                before = ",\n".join(made) + ","
            yield before.removesuffix(",") + "\n ]"
        else:
            yield json.dumps(plainer(kind)(value), indent=1).replace("\n", "\n ")
    yield "\n}\n"


def _values(answer: Document) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the type and the value of what stands at the top of the document."""
    for each in fields_of(type(answer)):
        value = getattr(answer, each.name)
        if each.column.inline:
            yield from _values(value)
        elif value is not None or not each.column.optional:
            yield each.name, each.type, value


def _form(rows: Table[Any]) -> Callable[[Any], str]:
    """Return what makes the JSON of a row, with a place for each of its addresses."""
    kind: Any = rows.row
    of, names = plainer(kind), rows.names

    def form(row: Any) -> str:
        values = of(row)
        fields = (
            f"   {json.dumps(name)}: "
            + ('"%s"' if name in rows.addresses else json.dumps(values[name]).replace("%", "%%"))
            for name in names
            if name in values  # what is optional may not be
        )
        return "  {\n" + ",\n".join(fields) + "\n  }"

    return form
