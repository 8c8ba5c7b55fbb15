"""Rows as CSV under the names of their fields."""

from __future__ import annotations

import csv
import io
import types
import typing
from collections import abc
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from gdb_gospan.fields.document import Document, Field, fields_of, is_document, part_of
from gdb_gospan.fields.report import Figure, Report
from gdb_gospan.fields.table import Table
from gdb_gospan.render.gate import cell
from gdb_gospan.render.longtable import Kinds, lines
from gdb_gospan.render.plain import plain, plainer

D = TypeVar("D", bound=Document)


def csv_pieces(report: Report[D], answer: D) -> Iterator[str]:
    """Yield the rows of the answer in pieces of whole lines."""
    yield from rows_as_csv(report.csv(answer) if report.csv else _rows(answer, report.rows))


def _rows(answer: Document, names: Sequence[str]) -> Sequence[Document]:
    """Return the rows of a table, or of several sections a row for each figure."""
    sections = {name: getattr(part_of(answer, name), name) for name in names}
    first = next(iter(sections.values()))
    if len(names) == 1 and isinstance(first, Sequence):
        return first
    return [
        Figure(section=section, name=name, value=value)
        for section, part in sections.items()
        for name, value in (plain(part) if part is not None else {}).items()
        if not isinstance(value, (dict, list))
    ]


def rows_as_csv(rows: Sequence[Document]) -> Iterator[str]:
    """Yield these rows; what is nested in them is left out."""
    if not rows:
        return
    if isinstance(rows, Table):
        yield from _of_columns(rows)
        return
    fields = [each for each in fields_of(type(rows[0])) if not _nested(each) and _there(each, rows)]
    names, writers = [each.name for each in fields], [plainer(each.type) for each in fields]
    yield _line(names) + "\n"
    for row in rows:
        values = (of(getattr(row, name)) for name, of in zip(names, writers, strict=True))
        yield _line(map(cell, values)) + "\n"


def _there(each: Field, rows: Sequence[Document]) -> bool:
    """Whether some row has a field: what is optional may be in none."""
    return not each.column.optional or any(getattr(row, each.name) is not None for row in rows)


def _nested(each: Field) -> bool:
    """Whether a field has values in it that have no cell of their own."""
    kinds = (
        typing.get_args(each.type) if typing.get_origin(each.type) in (typing.Union, types.UnionType) else ()
    )
    return any(
        is_document(kind) or typing.get_origin(kind) in (tuple, abc.Mapping) for kind in (each.type, *kinds)
    )


def _of_columns(rows: Table[Any]) -> Iterator[str]:
    def form(row: Any) -> str:
        return _line(
            "%s"
            if name in rows.addresses
            else None
            if (value := getattr(row, name)) is None
            else str(cell(value)).replace("%", "%%")
            for name in rows.names
        )

    yield _line(rows.names) + "\n"
    for made in lines(Kinds(rows), form):
        yield "\n".join(made) + "\n"


def _line(values: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(values)
    return out.getvalue()
