"""How the free pages lie together: runs, huge pages, chunks, and what fits without heap growth."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import (
    FREE,
    FREEING,
    IN_FLIGHT,
    IN_USE,
    KIND_NAMES,
    MANUAL,
    RELEASED,
    PageKinds,
    Pages,
)
from gdb_gospan.runtime.proc import PageCaches
from gdb_gospan.runtime.record import I64, U64, Mask

HUGE_BYTES = 2 << 20
"""A huge page on amd64, and on arm64 with base pages of 4 KiB."""

FEW = 4
"""Pages in use at most that a block is called nearly free with."""

CACHE_PAGES = 15
"""Pages at most that an allocation takes from its P's page cache (mheap.go, allocSpan: below pageCachePages/4)."""


@attrs.frozen
class Run:
    """One run of free pages: its first address, its pages, and how many of them are returned to the OS."""

    start: int
    npages: int
    released: int


@attrs.frozen(eq=False)
class Runs:
    """Runs of free pages, ascending by address, each as long as it can be.

    Attributes
    ----------
    first
        int64 (n,): position of each run's first page in `Pages`.
    npages
        int64 (n,): its pages.
    released
        int64 (n,): how many of them are returned to the OS, or were never touched.
    """

    first: I64
    npages: I64
    released: I64

    def __len__(self) -> int:
        return len(self.first)

    @property
    def largest(self) -> int | None:
        """Row of the longest run, of those the first: the one that the runtime would choose. None without runs."""
        return int(np.argmax(self.npages)) if len(self) else None


def free_pages(pages: Pages) -> Mask:
    """Which pages the page allocator can give, bool (n,): those whose bit is clear, scavenged or not.

    Pages in the Ps' page caches and padding are allocated to it (mpagealloc.go, mpagecache.go).
    """
    return ~pages.allocated & pages.known


def free_runs(pages: Pages, *, at_most: int = 0) -> Runs:
    """Find the runs of free pages, across chunks and across address ranges without a gap.

    So does the runtime: its summaries are merged over all of the address space (mpagealloc.go, find).

    Parameters
    ----------
    at_most
        Break the runs where the position is a multiple of this; 0 does not.
    """
    free = free_pages(pages)
    if not len(free):
        nothing = np.empty(0, np.int64)
        return Runs(nothing, nothing, nothing)
    begins = free.copy()
    begins[1:] &= ~free[:-1]
    gaps = pages.first[1:-1][pages.limit[:-1] != pages.base[1:]]
    begins[gaps] = free[gaps]
    if at_most:
        begins[::at_most] = free[::at_most]
    first: I64 = np.flatnonzero(begins)
    if not len(first):
        return Runs(first, first, first)
    # Between the beginnings of two runs there are the pages of the first one, and pages that are not free.
    return Runs(first, _added(free, first), _added(free & pages.scavenged, first))


def _added(mask: Mask, first: I64) -> I64:
    """Count what is set from each position up to the next."""
    total: I64 = np.add.reduceat(mask.view(np.uint8), first, dtype=np.int64)
    return total


@attrs.frozen(eq=False)
class Orders:
    """Free runs by power of two; row k is the runs of 2**k to 2**(k+1) - 1 pages, up to the longest.

    Attributes
    ----------
    runs, npages, released
        int64 (n,): runs, their pages, and those of them returned to the OS.
    unusable
        float64 (n,): share of all free pages, 0 to 1, that lie in runs of less than 2**k pages: of no use
        to an allocation of 2**k pages.
    """

    runs: I64
    npages: I64
    released: I64
    unusable: np.typing.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def order(self) -> I64:
        """The k of each row."""
        return np.arange(len(self), dtype=np.int64)

    @property
    def min_pages(self) -> I64:
        """Pages of the shortest run that belongs into each row."""
        pages: I64 = np.int64(1) << self.order
        return pages


def orders(runs: Runs) -> Orders:
    """Sort runs by power of two."""
    order = np.frexp(runs.npages.astype(np.float64))[1].astype(np.int64) - 1  # exact, unlike a logarithm
    size = int(order.max()) + 1 if len(runs) else 0

    def total(column: I64) -> I64:
        out = np.zeros(size, np.int64)
        np.add.at(out, order, column)
        return out

    npages = total(runs.npages)
    return Orders(
        runs=total(np.ones(len(runs), np.int64)),
        npages=npages,
        released=total(runs.released),
        unusable=(np.cumsum(npages) - npages) / max(int(npages.sum()), 1),
    )


@attrs.frozen(eq=False)
class HugeBlocks:
    """Aligned blocks of the size of a huge page, by how many of their pages are taken.

    A page is taken when the page allocator cannot give it: of a span, in a page cache, padding.

    Attributes
    ----------
    low, high
        int64 (n,): pages taken, from and to.
    blocks
        int64 (n,): blocks with so many.
    free, released
        int64 (n,): free pages in them, and those of them returned to the OS.
    whole
        Blocks wholly free with no page released: the OS can keep a huge page under each.
    few_free
        Free pages in blocks that are blocked by 1 to `FEW` pages.
    unknown
        Blocks with a page whose bitmap could not be read; in no row.
    """

    block_pages: int
    low: I64
    high: I64
    blocks: I64
    free: I64
    released: I64
    whole: int
    few_free: int
    unknown: int


def huge_blocks(pages: Pages) -> HugeBlocks:
    """Count the blocks; ranges begin and end at chunks, so that blocks tile them (mheap.go, grow)."""
    per_block = HUGE_BYTES // pages.page_size

    def each(mask: Mask) -> I64:
        total: I64 = mask.reshape(-1, per_block).sum(axis=1, dtype=np.int64)
        return total

    free = free_pages(pages)
    known = pages.known.reshape(-1, per_block).all(axis=1)
    left, released = each(free)[known], each(free & pages.scavenged)[known]
    taken = per_block - left
    low = np.array([0, 1, FEW + 1, 17, per_block], np.int64)
    low = np.insert(low, 2, 2)  # 1 and 2 to FEW apart: one page is the one worth finding
    row = np.searchsorted(low, taken, side="right") - 1

    def total(column: I64) -> I64:
        out = np.zeros(len(low), np.int64)
        np.add.at(out, row, column)
        return out

    return HugeBlocks(
        block_pages=per_block,
        low=low,
        high=np.append(low[1:] - 1, per_block),
        blocks=total(np.ones(len(taken), np.int64)),
        free=total(left),
        released=total(released),
        whole=int(np.count_nonzero((taken == 0) & (released == 0))),
        few_free=int(left[(taken >= 1) & (taken <= FEW)].sum()),
        unknown=int(np.count_nonzero(~known)),
    )


@attrs.frozen(eq=False)
class Chunks:
    """The page allocator's chunks (pallocChunkPages pages, 4 MiB on 64-bit Linux), ascending.

    Attributes
    ----------
    first
        int64 (n,): position of each chunk's first page.
    kinds
        int64 (n, 10): its pages by kind.
    largest
        int64 (n,): pages of the longest free run inside it; a run may go on in the next chunk.
    """

    chunk_pages: int
    first: I64
    kinds: I64
    largest: I64

    def of(self, kind: int) -> I64:
        """Pages of one kind in each chunk."""
        return self.kinds[:, kind]

    @property
    def other(self) -> I64:
        """Pages of each chunk that are neither of a span nor such as the page allocator can give."""
        pages: I64 = self.chunk_pages - self.kinds[:, [IN_USE, MANUAL, FREE, RELEASED]].sum(axis=1)
        return pages


def chunks(kinds: PageKinds, chunk_pages: int) -> Chunks:
    """Count the pages of each chunk by kind."""
    pages = kinds.pages
    count = len(pages) // chunk_pages
    columns = [
        (kinds.kinds == kind).reshape(-1, chunk_pages).sum(axis=1, dtype=np.int64)
        for kind in range(len(KIND_NAMES))
    ]
    runs = free_runs(pages, at_most=chunk_pages)
    largest = np.zeros(count, np.int64)
    np.maximum.at(largest, runs.first // chunk_pages, runs.npages)
    return Chunks(
        chunk_pages, np.arange(count, dtype=np.int64) * chunk_pages, np.stack(columns, axis=1), largest
    )


def largest_cached(caches: PageCaches) -> int:
    """Pages of the longest run in any P's page cache."""
    bit = np.arange(65, dtype=np.uint64)
    free = np.zeros((len(caches.base), 66), np.int8)
    free[:, 1:65] = (caches.cache[:, None] >> bit[:64]) & np.uint64(1)
    step = np.diff(free, axis=1)
    begins, ends = np.nonzero(step == 1)[1], np.nonzero(step == -1)[1]
    return int((ends - begins).max(initial=0))


@attrs.frozen
class Contiguity:
    """Everything at once.

    Attributes
    ----------
    unknown
        Pages whose bitmap could not be read.
    cached_run
        Pages of the longest run in a P's page cache.
    arena
        What is reserved for the heap to grow into, first and last + 1 address; None when that is unknown or damaged.
    growth_bytes
        The heap grows by multiples of this (a chunk).
    doubts
        Why an allocation larger than the longest run may yet succeed without heap growth, or why one of its
        size may not; empty when the run is the exact answer.

        ``unswept``: before the heap grows the runtime sweeps, and frees spans (mheap.go, alloc calls reclaim).
        ``in flight``: pages are being allocated, freed or scavenged right now.
        ``unknown``: some bitmaps could not be read.
        ``page caches``: it is so small that it would come from the page cache of the P that asks.
    """

    kinds: PageKinds
    runs: Runs
    orders: Orders
    blocks: HugeBlocks
    chunks: Chunks
    unknown: int
    cached_run: int
    arena: tuple[int, int] | None
    growth_bytes: int
    doubts: tuple[str, ...]

    @property
    def largest_run(self) -> Run | None:
        """The longest run, of several the first; None when no page is known to be free."""
        row = self.runs.largest
        if row is None:
            return None
        start = self.kinds.pages.addresses(self.runs.first[row : row + 1])
        return Run(int(start[0]), int(self.runs.npages[row]), int(self.runs.released[row]))

    @property
    def chunk_starts(self) -> U64:
        """First address of each chunk."""
        return self.kinds.pages.addresses(self.chunks.first)


def contiguity(heap: Heap) -> Contiguity:
    """Answer how the free pages of this heap lie together."""
    pages, kinds = heap.pages, heap.page_kinds
    bitmap = heap.layout["pallocData"]["pallocBits"]
    chunk_pages = (bitmap.count or 1) * bitmap.size * 8
    runs = free_runs(pages)
    unknown = int(np.count_nonzero(~pages.known))
    arena = heap.current_arena
    longest = int(runs.npages.max(initial=0))
    doubts = {
        "unswept": not heap.sweep.done,
        "in flight": bool(kinds.counts[[IN_FLIGHT, FREEING]].any()),
        "unknown": unknown > 0,
        "page caches": longest <= CACHE_PAGES,
    }
    return Contiguity(
        kinds=kinds,
        runs=runs,
        orders=orders(runs),
        blocks=huge_blocks(pages),
        chunks=chunks(kinds, chunk_pages),
        unknown=unknown,
        cached_run=largest_cached(heap.ps.page_cache),
        arena=arena if arena and arena[0] <= arena[1] else None,
        growth_bytes=chunk_pages * pages.page_size,
        doubts=tuple(name for name, doubtful in doubts.items() if doubtful),
    )
