"""Building blocks of the search for variables without symbols: numbers in structs, slices, pointers."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from gdb_gospan.layout.signature import Signature
from gdb_gospan.layout.structs import Structs
from gdb_gospan.layout.word_image import I64, U64, Known, Words
from gdb_gospan.memory import Memory

SMALL_PAGE: Final = 4096
"""Of the system; larger ones are multiples."""
_HIGHEST: Final = 1 << 48
"""Go's heapAddrBits (malloc.go); programs have no more."""


class Looking(Structs):
    """The words of a program's writable image, and the memory that they point into."""

    def __init__(self, memory: Memory, words: Words, signature: Signature) -> None:
        super().__init__(memory, signature.table.layout)
        self._words = words
        self._signature = signature

    def _spans(self) -> U64:
        at = self._signature.mheap + self._layout["mheap"]["allspans"].offset
        header = self._pointers(at, 2)
        return self._pointers(int(header[0]), int(header[1])) if len(header) == 2 else header

    @cached_property
    def _pointing(self) -> I64:
        """Rows of the words that may be pointers to words: reading all others from a process would be slow and fail."""
        unaligned = np.uint64(self._words.width - 1)
        return self._words.where(
            lambda value, _: (
                (value >= np.uint64(SMALL_PAGE)) & (value < np.uint64(_HIGHEST)) & (value & unaligned == 0)
            )
        )

    @cached_property
    def _whole_pages(self) -> I64:
        """Rows of the words that may be the address of memory that the system gave."""
        return self._words.where(lambda value, _: (value & np.uint64(SMALL_PAGE - 1) == 0) & (value > 0))

    def _slices(self, most: int) -> tuple[I64, U64, U64]:
        """Return rows, arrays and lengths of what looks like a slice of at most so many elements."""
        width, value, address = self._words.width, self._words.value, self._words.address
        rows = self._pointing[self._pointing < len(value) - 2]
        length, room = value[rows + 1], value[rows + 2]
        fits = (length > 0) & (length <= room) & (room <= np.uint64(most))
        rows = rows[fits]
        rows = rows[address[rows + 2] - address[rows] == np.uint64(2 * width)]
        return rows, value[rows], value[rows + 1]

    def _beside(self, rows: I64, struct: str, base: str, path: str) -> U64:
        """Return a field of the structs whose field `base` is each of these words; 0 where there is none."""
        fields = self._layout[struct]
        value, known = self._words.beside(rows, fields[path].offset - fields[base].offset, fields[path].size)
        return np.where(known, value, np.uint64(0))

    def _only(self, addresses: U64) -> int | None:
        return int(addresses[0]) if len(addresses) == 1 else None

    @staticmethod
    def _among(values: U64, some: U64) -> Known:
        """Which of many values are among few others, which are in order."""
        if not len(some):
            return np.zeros(len(values), np.bool_)
        same: Known = np.zeros(len(values), np.bool_)
        near = np.flatnonzero((values >= some[0]) & (values <= some[-1]))
        same[near] = some[np.searchsorted(some, values[near])] == values[near]
        return same
