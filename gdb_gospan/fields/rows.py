"""Rows of documents out of columns: sorted, and cut to a limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from gdb_gospan.analysis.rows import first_rows
from gdb_gospan.fields.document import UP, Document, fields_of, made_of
from gdb_gospan.runtime.record import I64, Column

R = TypeVar("R", bound=Document)


def order_of(cls: type[Document], values: Column, key: str, limit: int) -> I64:
    """Return the first ``limit`` rows by these values of the field ``key`` (0: all), as its `Column.sorts` says."""
    ascending = any(each.name == key and each.column.sorts == UP for each in fields_of(cls))
    return first_rows(values, limit, ascending=ascending)


def cut(cls: type[R], columns: Mapping[str, Column], key: str, limit: int) -> tuple[tuple[R, ...], int]:
    """Return the first ``limit`` rows by ``key`` (0: all), and how many there are in total."""
    order = order_of(cls, columns[key], key, limit)
    return rows_of(cls, {name: column[order] for name, column in columns.items()}), len(columns[key])


def rows_of(cls: type[R], columns: Mapping[str, Column]) -> tuple[R, ...]:
    """Return the columns as rows, in their order; columns that the class has no field for are left out."""
    lists = [column.tolist() for column in columns.values()]
    return tuple(made_of(cls, dict(zip(columns, values, strict=True))) for values in zip(*lists, strict=True))


def ordered(rows: Iterable[R], key: str | None, limit: int) -> tuple[tuple[R, ...], int]:
    """Return the first rows of a few by the field ``key``: texts from the smallest, figures from the largest.

    None keeps the order that they have. What is not known comes last.
    """
    every: Sequence[R] = tuple(rows)
    if key is not None:
        known = [row for row in every if getattr(row, key) is not None]
        texts = bool(known) and isinstance(getattr(known[0], key), str)
        known.sort(key=lambda row: getattr(row, key), reverse=not texts)
        every = (*known, *(row for row in every if getattr(row, key) is None))
    return tuple(every[: limit or None]), len(every)
