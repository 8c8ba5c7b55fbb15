"""What each P keeps for itself, so that no other can use it."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Column, Mask

_TINY = 16
"""Bytes of the tiny allocator's block (malloc.go, maxTinySize)."""


@attrs.frozen(eq=False)
class Caches:
    """A row for each P that is there, in the order of allp.

    Attributes
    ----------
    id
        int64 (n,).
    status
        int64 (n,): p.status, as `platform.P_STATUS` has words for it.
    spans, free_slots, free_bytes
        Spans that the P allocates from, and what is free in them. Truly cached ones only: an entry of
        mcache.alloc whose sweepgen says so (mcache.go, mheap.go).
    tiny_left
        Bytes left of the tiny allocator's 16-byte block; it counts as one object already.
    stack_bytes
        Free stacks in mcache.stackcache.
    pages, released_pages
        Free pages in p.pcache, and how many of them are returned to the OS.
    page_bytes, released_page_bytes
        Bytes of those that are not returned, and of those that are.
    descriptors, descriptor_bytes
        Span descriptors in p.mspancache, and their bytes: objects, for a length that damage has made times their
        size may be more than an int64 holds.
    parked_bytes
        Of all these, the memory that is not returned: free slots, stacks, pages, descriptors.
    known
        bool (n,): False where the P or its mcache could not be read, or the descriptor of a span that it
        has cached contradicts itself (`Shapes`).
    """

    id: I64
    status: I64
    spans: I64
    free_slots: I64
    free_bytes: I64
    tiny_left: I64
    stack_bytes: I64
    pages: I64
    released_pages: I64
    page_bytes: I64
    released_page_bytes: I64
    descriptors: I64
    descriptor_bytes: Column
    parked_bytes: I64
    known: Mask

    def __len__(self) -> int:
        return len(self.id)


def caches(heap: Heap) -> Caches:
    """Add up what each P has."""
    ps, columns = heap.ps, heap.ps.ps
    count = len(ps)

    def by_p(column: Column) -> I64:
        """Spread a column of the mcaches over their Ps; a P that never ran has none."""
        out = np.zeros(count, np.int64)
        out[ps.owners] = column
        return out

    row = cached_rows(heap)
    spans, slots = heap.spans, np.maximum(row, 0)
    free = np.where(row >= 0, spans.free_slots[slots], 0) if len(spans) else np.zeros_like(row)
    contradictory = (row >= 0) & shapes(heap).contradictory[slots] if len(spans) else row >= 0
    elemsize = spans.records["elemsize"][slots] if len(spans) else np.zeros_like(row)
    free_bytes = by_p((free * elemsize).sum(axis=1))
    tiny, offset = ps.mcaches.get("tiny"), ps.mcaches.get("tinyoffset")
    tiny_left = 0 if tiny is None or offset is None else np.where(tiny != 0, _TINY - offset, 0)
    stack_bytes = by_p(heap.stacks.cached_bytes)
    pages = np.bitwise_count(columns["pcache.cache"]).astype(np.int64)
    released = np.bitwise_count(columns["pcache.cache"] & columns["pcache.scav"]).astype(np.int64)
    page_bytes = (pages - released) * heap.pages.page_size
    descriptors, descriptor_size = columns["mspancache.len"], heap.layout["mspan"].size
    known = columns.readable.copy()
    known[ps.owners] &= ps.mcaches.readable & ~contradictory.any(axis=1)
    return Caches(
        id=np.arange(len(columns)),  # a P is numbered by its place in allp (proc.go, procresize)
        status=columns["status"],
        spans=by_p(np.count_nonzero(row >= 0, axis=1)),
        free_slots=by_p(free.sum(axis=1)),
        free_bytes=free_bytes,
        tiny_left=by_p(np.broadcast_to(tiny_left, len(ps.owners))),
        stack_bytes=stack_bytes,
        pages=pages,
        released_pages=released,
        page_bytes=page_bytes,
        released_page_bytes=released * heap.pages.page_size,
        descriptors=descriptors,
        descriptor_bytes=descriptors.astype(object) * descriptor_size,
        parked_bytes=free_bytes + stack_bytes + page_bytes + descriptors * descriptor_size,
        known=known,
    )


def cached_rows(heap: Heap) -> I64:
    """Row of the span that each mcache has cached in each span class: int64 (mcaches, 136), -1 for none."""
    alloc = heap.ps.mcaches["alloc"]
    rows = heap.spans.rows_of(alloc.ravel()).reshape(alloc.shape)
    if not len(heap.spans):
        return rows
    return np.where((rows >= 0) & heap.cached[np.maximum(rows, 0)], rows, -1)
