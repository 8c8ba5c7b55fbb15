"""An answer as text: its screen, or its table between the lines that every report has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.document import Document, Looks
from gdb_gospan.fields.report import Report, TableOf
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out

D = TypeVar("D", bound=Document)


def text_pieces(report: Report[D], answer: D, looks: Looks) -> Iterator[str]:
    """Yield the answer as text for people, in pieces of whole lines."""
    if report.screen is not None:
        shown = report.screen(answer, looks)
        yield from [shown] if isinstance(shown, str) else shown
    elif report.table is not None and isinstance(answer, Listed):
        yield _table(report.table, answer, looks)


def _table(table: TableOf[Any], answer: Listed, looks: Looks) -> str:
    from gdb_gospan.render.tables import columns_of, fitted, there, total_of  # noqa: PLC0415  # some screens have none

    rows = table.rows(answer)
    columns = there(columns_of(table.row, looks, sort=answer.sort), rows)
    total = None if table.total is None else total_of(columns, *table.total(answer))
    body, left_out = fitted(columns, rows, total, looks.room, of=answer.total_rows)
    below = [
        rows_left_out(answer.total_rows, len(rows), table.noun, looks.width),
        note(left_out, looks.width),
        *(note(line, looks.width) for line in (table.notes(answer, looks) if table.notes else ())),
    ]
    return "\n".join([heading(answer, looks), "", body, *filter(None, below), footer(answer, looks)]) + "\n"
