"""Small operations on columns that are expensive in numpy.

``np.unique`` imports masked arrays at its first call, some 20 ms: a tenth of
what the whole summary of a small heap takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from gdb_gospan.memory.parallel import blocks

if TYPE_CHECKING:
    from gdb_gospan.runtime.record import I64, U64, Mask


def rows_where(mask: Mask) -> Iterator[I64]:
    """Yield the rows where the mask is True, block by block."""
    for block in blocks(len(mask)):
        yield block.start + np.flatnonzero(mask[block])


_WIDEST = 1 << 22
"""Entries of a table at most; address ranges that are further apart are found by bisection."""


class Ranges:
    """Disjoint ranges of addresses, ascending, that begin and end at multiples of some power of two.

    Parameters
    ----------
    base, limit
        uint64 (r,): first addresses, and one past the last.
    """

    def __init__(self, base: U64, limit: U64) -> None:
        self._base, self._limit = base, limit
        edges = int(np.bitwise_or.reduce(base) | np.bitwise_or.reduce(limit)) if len(base) else 0
        self._shift = np.uint64((edges & -edges).bit_length() - 1) if edges else np.uint64(0)
        self._table: I64 | None = None
        if len(base) and edges:
            self._low = base[0] >> self._shift
            width = (int(limit[-1]) >> int(self._shift)) - int(self._low)
            if 0 < width <= _WIDEST:
                self._table = np.full(width + 1, -1, np.int64)
                counts = ((limit - base) >> self._shift).astype(np.int64)
                first = ((base >> self._shift) - self._low).astype(np.int64)
                within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
                self._table[np.repeat(first, counts) + within] = np.repeat(np.arange(len(base)), counts)

    def of(self, addresses: U64) -> I64:
        """Row of the range that contains each address, -1 for none."""
        if not len(self._base):
            return np.full(len(addresses), -1, np.int64)
        if self._table is not None:
            entry = (addresses >> self._shift) - self._low  # below the first it wraps, to beyond the last
            found: I64 = self._table[np.minimum(entry, np.uint64(len(self._table) - 1)).astype(np.int64)]
            return found
        row = np.searchsorted(self._base, addresses, side="right") - 1
        inside = (row >= 0) & (addresses < self._limit[np.maximum(row, 0)])
        return np.where(inside, row, -1).astype(np.int64)
