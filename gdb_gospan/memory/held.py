"""Memory of a target that is about to go on: what is fetched of it now can be read later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from gdb_gospan.memory.model import Memory, Over, Rows, Unreadable
from gdb_gospan.memory.segments import I64, LAST, U64, Segments, disjoint, distinct, fewer

Places = tuple[U64, int | I64]
"""Addresses, uint64 (n,), and the bytes at each: one number for all or int64 (n,), at least 1."""

_SHIFT: Final = np.uint64(12)
_PAGE: Final = 1 << 12
"""The smallest page there is: all of one can be read, or nothing."""
_MOST: Final = 1 << 19
"""Pages that are held at most, 2 GiB: thirteen million descriptors, or what else is read of sixty million spans.
More is mostly wanted of damaged memory; what is not held can be read all the same."""


class Held(Over):
    """Another memory, of which some places have been fetched: those stay as they were, whatever becomes of it.

    Fetching is a copy of whole pages; the decoding of a million records, which takes longer, can wait.

    Parameters
    ----------
    memory
        What to fetch from, and to read all the rest from.
    wanted
        The nearer the neighbours in a column, the faster. A place that cannot be read is left to the memory.
    """

    def __init__(self, memory: Memory, wanted: Iterable[Places]) -> None:
        super().__init__(memory)
        pages: U64 = distinct(np.concatenate([np.empty(0, np.uint64), *(_pages(*place) for place in wanted)]))
        pages = pages[:_MOST]
        rows = memory.read_many(pages << _SHIFT, _PAGE)
        place = np.arange(len(pages), dtype=np.uint64) << _SHIFT
        known = rows.readable
        ranges = (pages << _SHIFT)[known], np.full(np.count_nonzero(known), _PAGE, np.uint64), place[known]
        self._segments = Segments(rows.data.reshape(-1), *disjoint(*ranges))

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        if 0 <= address <= int(LAST) and size > 0:
            data = self._segments.piece(address, size)
            if len(data) == size:
                return data
        return self.memory.read(address, size)

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        offset, inside = self._segments.locate(addresses, size)
        if inside.all() and len(addresses):
            return Rows(self._segments.gather(offset, size), inside)
        if not inside.any():
            return self.memory.read_many(addresses, size)
        elsewhere = self.memory.read_many(addresses[~inside], size)
        data = np.empty((len(addresses), size), np.uint8)
        data[inside] = self._segments.gather(offset[inside], size)
        data[~inside], inside[~inside] = elsewhere.data, elsewhere.readable
        return Rows(data, inside)


def _pages(addresses: U64, size: int | I64) -> U64:
    """Return the numbers of the pages that these places touch, some of them more than once."""
    room = LAST - addresses
    first, last = addresses, addresses + np.minimum(np.asarray(size - 1).astype(np.uint64), room)
    longest = int((last - first).max()) if len(addresses) else 0
    between = (np.minimum(first + np.uint64(step), last) for step in range(0, longest, _PAGE))
    return np.concatenate([np.empty(0, np.uint64), *(fewer(each >> _SHIFT) for each in (*between, last))])
