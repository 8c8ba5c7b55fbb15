"""Small operations on columns that numpy has only at a price.

``np.unique`` imports masked arrays at its first call, some 20 ms: a tenth of
what the whole summary of a small heap takes.
"""

from __future__ import annotations

import numpy as np

from gdb_gospan.runtime.record import I64, Column


def distinct(values: Column) -> Column:
    """Return the values that occur, ascending, each once."""
    return grouped(values)[0]


def grouped(values: Column) -> tuple[Column, I64]:
    """Return the values that occur, ascending, and for each element the position of its value there."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.ones(len(values), np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    group = np.empty(len(values), np.int64)
    group[order] = np.cumsum(new) - 1
    return ordered[new], group
