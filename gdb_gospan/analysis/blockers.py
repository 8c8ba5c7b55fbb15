"""What keeps a block of the size of a huge page from being wholly free: the few spans that lie in it."""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from gdb_gospan.analysis.contiguity import FEW, HUGE_BYTES, free_pages
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import PageKinds
from gdb_gospan.runtime.record import I64, U64, Mask


@attrs.frozen(eq=False)
class Blocked:
    """Aligned blocks of which 1 to `FEW` pages are taken, those with the fewest first, then by address.

    Attributes
    ----------
    kinds
        What every page of the heap is.
    free
        bool: pages that can be allocated.
    first
        int64 (n,): the first page of each block.
    taken
        int64 (n,): pages of it that cannot be allocated.
    block_pages
        Pages of a block.
    """

    kinds: PageKinds
    free: Mask
    first: I64
    taken: I64
    block_pages: int

    @cached_property
    def start(self) -> U64:
        """Address of each block."""
        return self.kinds.pages.addresses(self.first)

    def spans(self, block: int) -> I64:
        """Rows of the spans that lie in one of the blocks, in the order of their descriptors."""
        pages = slice(int(self.first[block]), int(self.first[block]) + self.block_pages)
        owner = self.kinds.owner[pages][~self.free[pages]]
        return distinct(owner[owner >= 0]).astype(np.int64)

    def others(self, block: int) -> int:
        """Pages of one of the blocks that are taken, and of no span: of a page cache, padding, or in flight."""
        pages = slice(int(self.first[block]), int(self.first[block]) + self.block_pages)
        return int(np.count_nonzero(self.kinds.owner[pages][~self.free[pages]] < 0))


def blocked(heap: Heap) -> Blocked:
    """Find the blocks; ranges begin and end at chunks, so that blocks tile them (mheap.go, grow)."""
    pages = heap.pages
    per_block = HUGE_BYTES // pages.page_size
    free = free_pages(pages)
    known = pages.known.reshape(-1, per_block).all(axis=1)
    taken = per_block - free.reshape(-1, per_block).sum(axis=1, dtype=np.int64)
    block = np.flatnonzero(known & (taken >= 1) & (taken <= FEW))
    block = block[np.argsort(taken[block], kind="stable")]
    return Blocked(heap.page_kinds, free, block * per_block, taken[block], per_block)
