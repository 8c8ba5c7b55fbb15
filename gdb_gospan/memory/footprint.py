"""Memory that records which addresses are read: a rehearsal fills it, a capture copies them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from gdb_gospan.memory.model import Memory, Over, Rows, Unreadable
from gdb_gospan.memory.prefetched import PAGE, SHIFT, pages_of
from gdb_gospan.memory.segments import I64, LAST, U64, Mask, distinct, overlaps

_NONE: Final = np.empty(0, np.uint64)
_SPARSE: Final = 8
"""Records that fill less than such a part of their pages are noted as they are."""
_FEW: Final = 256
"""Unless their pages are no more than these."""


class Footprint(Over):
    """Another memory, with a record of the addresses read."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self._pages: list[U64] = []
        self._pieces: list[tuple[U64, int]] = []

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        if 0 <= address <= int(LAST) and size > 0:
            self.note(np.array([address], np.uint64), size)
        return self.memory.read(address, size)

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        if len(addresses) and size:
            self.note(addresses, size)
        return self.memory.read_many(addresses, size)

    def note(self, addresses: U64, size: int | I64) -> None:
        """Record ranges as if they had been read: addresses, and the bytes at each."""
        pages = distinct(pages_of(addresses, size))
        if (
            isinstance(size, int)
            and len(pages) > _FEW
            and _SPARSE * size * len(addresses) < len(pages) << SHIFT
        ):
            self._pieces.append((addresses, size))
        else:
            self._pages.append(pages)

    def places(self, arenas: tuple[U64, U64]) -> tuple[U64, tuple[U64, U64]]:
        """Return what was read.

        Parameters
        ----------
        arenas
            First addresses and bytes of the arenas, ascending: there are the program's objects, of whose pages no more is
            taken than was read.

        Returns
        -------
        uint64 (n,), (uint64 (m,), uint64 (m,))
            Numbers of the pages, ascending, each once; and pieces of the pages of arenas: addresses, and the bytes at
            each.
        """
        pages, starts, sizes = [_NONE, *self._pages], [_NONE], [_NONE]
        for addresses, size in self._pieces:
            own: Mask = overlaps(*arenas, addresses, size)
            pages.append(pages_of(addresses[~own], size))
            starts.append(addresses[own])
            sizes.append(np.full(len(starts[-1]), size, np.uint64))
        return distinct(np.concatenate(pages)), (np.concatenate(starts), np.concatenate(sizes))

    def lacking(self, has: Callable[[U64, int], Mask]) -> tuple[U64, U64]:
        """Return the ranges that were read, in part at least, and are not among those that `has` knows: addresses, and bytes.

        A record may lie across pages. So of pages that follow each other all are lacking, or none.
        """
        pages = distinct(np.concatenate([_NONE, *self._pages]))
        first = np.flatnonzero(np.append(True, pages[1:] - pages[:-1] != 1)[: len(pages)])
        lost = ~has(pages << np.uint64(SHIFT), PAGE)
        some = np.logical_or.reduceat(lost, first) if len(first) else first.astype(np.bool_)
        count = np.diff(np.append(first, len(pages))).astype(np.uint64)
        starts, sizes = [pages[first][some] << np.uint64(SHIFT)], [count[some] << np.uint64(SHIFT)]
        for addresses, size in self._pieces:
            starts.append(addresses[~has(addresses, size)])
            sizes.append(np.full(len(starts[-1]), size, np.uint64))
        return np.concatenate(starts), np.concatenate(sizes)
