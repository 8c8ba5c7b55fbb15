"""The order of rows that are columns."""

from __future__ import annotations

import numpy as np

from gdb_gospan.runtime.record import I64, Column, Mask


def first_rows(values: Column, limit: int, *, ascending: bool = False) -> I64:
    """Return the first ``limit`` rows in the order of these values (0: all), by default the largest first.

    Equal rows keep the order that they have, so the output is the same each time; figures that are not known
    (None) come last.
    """
    descending, count = not ascending, len(values)
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
