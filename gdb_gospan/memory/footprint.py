"""Memory that notes which pages are read of it: what a rehearsal touches, and a capture takes."""

from __future__ import annotations

import numpy as np

from gdb_gospan.memory.held import pages_of
from gdb_gospan.memory.model import Memory, Over, Rows, Unreadable
from gdb_gospan.memory.segments import I64, LAST, U64, distinct


class Footprint(Over):
    """Another memory, and the pages that were read of it."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self._pages: list[U64] = []

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
        """Note places as if they had been read: addresses, and the bytes at each."""
        self._pages.append(distinct(pages_of(addresses, size)))

    @property
    def pages(self) -> U64:
        """Numbers of the pages, ascending, each once: uint64 (n,)."""
        return distinct(np.concatenate([np.empty(0, np.uint64), *self._pages]))
