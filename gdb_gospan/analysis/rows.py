"""Rows out of columns: sort, cut, and say what was cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gdb_gospan.runtime.record import I64, Column, Mask

ASCENDING = frozenset({"spanclass", "start", "descriptor", "state", "large_type"})
"""Columns that read naturally from the smallest up; all others start with the largest."""


def cut(columns: Mapping[str, Column], key: str, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Return the first ``limit`` rows by ``key`` as plain dicts (0: all), and how many there are in total."""
    order = first_rows(columns[key], key, limit)
    return as_rows({name: column[order] for name, column in columns.items()}), len(columns[key])


def first_rows(values: Column, key: str, limit: int) -> I64:
    """Return the first ``limit`` rows in the order of these values of ``key`` (0: all).

    Equal rows keep the order that they have, so the output is the same each time; figures that are not known
    (None) come last.
    """
    descending, count = key not in ASCENDING, len(values)
    if values.dtype == object:
        values = _comparable(values, last=-1 if descending else count)
    rows = np.arange(count)
    if 0 < limit < count:  # to sort a million for twenty takes most of the time of a list
        last = np.partition(values, count - limit if descending else limit - 1)
        edge = last[count - limit if descending else limit - 1]
        inside = np.flatnonzero(values > edge if descending else values < edge)
        rows = np.sort(np.append(inside, np.flatnonzero(values == edge)[: limit - len(inside)]))
    if not descending:
        return rows[np.argsort(values[rows], kind="stable")]
    return rows[::-1][np.argsort(values[rows][::-1], kind="stable")][::-1]


def _comparable(values: Column, last: int) -> Column:
    """Return numbers in the order of the values, texts by the alphabet; `last` for those that are not known."""
    unknown = values == None  # noqa: E711  # element by element
    if unknown.all() or not isinstance(values[~unknown][0], str):
        return np.where(unknown, last, values) if unknown.any() else values
    ranks = np.full(len(values), last, np.int64)
    ranks[~unknown] = np.unique(values[~unknown].astype(str), return_inverse=True)[1]
    return ranks


def unknown_where(unknown: Mask, column: Column) -> Column:
    """Return the column with None in these rows; where there are none, the column itself."""
    if not unknown.any():
        return column
    known = column.astype(object)
    known[unknown] = None
    return known


def as_rows(columns: Mapping[str, Column]) -> list[dict[str, Any]]:
    """Return the columns as plain dicts."""
    lists = (column.tolist() for column in columns.values())
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def ordered(rows: Sequence[dict[str, Any]], key: str | None, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Return the same of rows that are few and plain dicts; None keeps their order. What is unknown comes last."""
    if key is None:
        return list(rows[: limit or None]), len(rows)
    known = [row for row in rows if row[key] is not None]
    known.sort(key=lambda row: row[key], reverse=not (known and isinstance(known[0][key], str)))
    every = known + [row for row in rows if row[key] is None]
    return every[: limit or None], len(every)
