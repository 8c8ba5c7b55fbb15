"""Rows out of columns: sort, cut, and say what was cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gdb_gospan.runtime.record import Column

ASCENDING = frozenset({"spanclass", "start", "descriptor"})
"""Columns that read naturally from the smallest up; all others start with the largest."""


def cut(columns: Mapping[str, Column], key: str, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Return the first ``limit`` rows by ``key`` as plain dicts (0: all), and how many there are in total.

    Equal rows keep the order of the columns, so the output is the same each time.
    """
    values = columns[key]
    total = len(values)
    order = np.argsort(values, kind="stable")
    if key not in ASCENDING:
        # Largest first, but ties still in the columns' own order.
        order = np.lexsort((np.arange(total), -values.astype(np.float64)))
    if limit:
        order = order[:limit]
    lists = {name: column[order].tolist() for name, column in columns.items()}
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)], total
