"""The page allocator's bitmaps, one entry for each page of the heap (runtime/mpagealloc.go)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.errors import MemoryReadError
from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.runtime.columns import Ranges
from gdb_gospan.runtime.losses import unread
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.proc import PageCaches
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Record

# What a page is, in the order in which the classification decides.
FREE = 0  # free and kept
RELEASED = 1  # free and returned to the OS, or never touched
CACHED = 2  # free, in a P's page cache
CACHED_RELEASED = 3  # free and returned, in a P's page cache
IN_USE = 4  # of a span in use
MANUAL = 5  # of a manual span: stacks, work buffers
PADDING = 6  # before the first span, never usable (1.26 on: the heap's base is randomised in pages)
IN_FLIGHT = 7  # allocated but owned by nobody: being allocated, freed or scavenged in this moment, or damage
FREEING = 8  # free in the bitmap, but a span still claims it: a span being freed in this moment, or damage
UNKNOWN = 9  # its bitmap could not be read, or nor could what may own it

KIND_NAMES = (
    "free", "released", "cached", "cached and released", "in use", "manual",
    "padding", "in flight", "being freed", "unknown",
)  # fmt: skip

Kinds = npt.NDArray[np.uint8]
SpanRows = npt.NDArray[np.int32]
"""Rows of the spans: allspans is not believed to be longer than this type can count."""


@attrs.frozen(eq=False, repr=False, slots=False)
class Pages:
    """Every page of ``mheap.pages.inUse``, ascending; n pages in r address ranges.

    Attributes
    ----------
    base, limit
        uint64 (r,): the ranges, multiples of a chunk (4 MiB on 64-bit Linux).
    first
        int64 (r + 1,): position of each range's first page in the columns.
    allocated, scavenged
        bool (n,): the chunk bitmaps.
    known
        bool (n,): False for the pages of a chunk whose bitmap could not be read.
    page_size, chunk_bytes
        Bytes of a page, and of the heap that one chunk of the bitmaps covers.
    """

    base: U64
    limit: U64
    first: I64
    allocated: Mask
    scavenged: Mask
    known: Mask
    page_size: int
    chunk_bytes: int

    def __len__(self) -> int:
        return len(self.allocated)

    @property
    def nbytes(self) -> int:
        """Bytes of all ranges."""
        return len(self) * self.page_size

    @cached_property
    def _ranges(self) -> Ranges:
        return Ranges(self.base, self.limit)

    def positions(self, addresses: U64) -> I64:
        """Position of the page of each address, -1 outside the ranges (a user arena, say)."""
        if not len(self.base):
            return np.full(len(addresses), -1, np.int64)
        row = self._ranges.of(addresses)
        page = ((addresses - self.base[row]) // np.uint64(self.page_size)).astype(np.int64)
        return np.where(row >= 0, self.first[row] + page, -1)

    def addresses(self, positions: I64) -> U64:
        """Address of the page at each position."""
        row = np.searchsorted(self.first, positions, side="right") - 1
        addresses: U64 = self.base[row] + (positions - self.first[row]).astype(np.uint64) * np.uint64(
            self.page_size
        )
        return addresses


def read_pages(reader: Reader, mheap: Record) -> Pages:
    """Read the bitmaps of every chunk in use."""
    layout = reader.layout
    page_size = layout.platform.page_size
    chunk = layout["pallocData"]
    words = chunk["pallocBits"]
    bitmap_bytes = (words.count or 1) * words.size
    chunk_bytes = bitmap_bytes * 8 * page_size
    base, limit = _ranges(reader, mheap, chunk_bytes)

    counts = ((limit - base) // np.uint64(chunk_bytes)).astype(np.int64)
    starts = np.repeat(base, counts)
    within = np.arange(counts.sum(), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    chunk_base = starts + within.astype(np.uint64) * np.uint64(chunk_bytes)
    index = (chunk_base - np.uint64(layout.platform.arena_base_offset)) // np.uint64(chunk_bytes)

    tables = mheap.array("pages.chunks")
    level2 = mheap.struct["pages.chunks[].*"]
    length = np.uint64(level2.count or 1)
    slot = (index // length).astype(np.int64)
    table = np.where(slot < len(tables), tables[np.minimum(slot, len(tables) - 1)], 0).astype(np.uint64)
    data = reader.read_many(table + (index % length) * np.uint64(level2.stride), chunk.size)
    known = data.readable & (table != 0)
    for row in np.flatnonzero(~data.readable & (table != 0))[:1].tolist():
        source = mheap.address_of("pages.chunks") + int(slot[row]) * mheap.struct["pages.chunks"].stride
        reader.lead(f"runtime.mheap_.pages.chunks[{int(slot[row])}]", source, int(table[row]))

    def column(path: str) -> Mask:
        offset = chunk[path].offset
        part = np.ascontiguousarray(data.data[:, offset : offset + bitmap_bytes])
        return np.unpackbits(part.ravel(), bitorder="little").view(np.bool_)

    pages_each = ((limit - base) // np.uint64(page_size)).astype(np.int64)
    return Pages(
        base=base,
        limit=limit,
        first=np.concatenate([[0], np.cumsum(pages_each)]),
        allocated=column("pallocBits"),
        scavenged=column("scavenged"),
        known=np.repeat(known, bitmap_bytes * 8),
        page_size=page_size,
        chunk_bytes=chunk_bytes,
    )


def _ranges(reader: Reader, mheap: Record, chunk_bytes: int) -> tuple[U64, U64]:
    ranges = mheap.slice("pages.inUse.ranges")
    layout, struct = reader.layout, reader.layout["addrRange"]
    # The heap grows within its arenas, chunk by chunk (mheap.go, grow): what exceeds them is damage, and
    # must not be given memory.
    arena_bytes = (layout["heapArena"]["spans"].count or 0) * layout.platform.page_size
    most = mheap.slice("heapArenas").length * arena_bytes
    damaged = MemoryReadError(
        f"runtime.mheap_.pages.inUse at {ranges.array:#x} holds no valid address ranges (damaged memory, "
        "or the wrong executable for this core?)"
    )
    if ranges.length > most // chunk_bytes:
        raise damaged
    where = np.uint64(ranges.array) + np.arange(ranges.length, dtype=np.uint64) * np.uint64(struct.size)
    rows = reader.records("addrRange", where)
    if not rows.readable.all():
        found = reader.memory.read(ranges.array, 1)
        reason = found.reason if isinstance(found, Unreadable) else "part of it is missing"
        source = mheap.address_of("pages.inUse.ranges")
        raise unread("runtime.mheap_.pages.inUse", source, ranges.array, reason)
    base, limit = rows["base"], rows["limit"]
    total = sum((limit - base).tolist())
    unaligned = ((base | limit) % np.uint64(chunk_bytes) != 0).any()
    if (limit < base).any() or (base[1:] < limit[:-1]).any() or unaligned or total > most:
        raise damaged
    return base, limit


@attrs.frozen(eq=False, repr=False, slots=False)
class PageKinds:
    """What each page is; columns match those of `Pages`.

    Attributes
    ----------
    kinds
        uint8 (n,): FREE … UNKNOWN.
    owner
        int32 (n,): row of the span that the page belongs to, -1 for none.
    shared
        Pages that more than one span claims; always 0 in a healthy heap.
    """

    pages: Pages
    kinds: Kinds
    owner: SpanRows
    shared: int

    @cached_property
    def counts(self) -> I64:
        """Pages by kind: int64, shape (10,)."""
        return np.bincount(self.kinds, minlength=len(KIND_NAMES)).astype(np.int64)

    def nbytes(self, *kinds: int) -> int:
        """Bytes of all pages of these kinds together."""
        return int(self.counts[list(kinds)].sum()) * self.pages.page_size


def classify(pages: Pages, spans: Spans, caches: PageCaches, *, complete: bool) -> PageKinds:
    """Decide what each page is, from the bitmaps, the spans and the Ps' page caches.

    Parameters
    ----------
    complete
        Whether every span and page cache could be read. If not, an allocated page
        that none of the known ones claims may well be of an unknown one.
    """
    owner, claimed, shared = _owners(pages, spans)
    owned = claimed != FREE
    allocated, scavenged = pages.allocated, pages.scavenged

    kinds = np.where(scavenged, np.uint8(RELEASED), np.uint8(FREE))
    kinds[allocated] = IN_FLIGHT if complete else UNKNOWN
    padding, gaps = _padding(pages)
    kinds[padding] = PADDING
    kinds[gaps] = IN_FLIGHT
    addresses, released = caches.pages(pages.page_size)
    position = pages.positions(addresses)
    inside = position >= 0
    kinds[position[inside]] = np.where(released[inside], CACHED_RELEASED, CACHED)
    np.copyto(kinds, claimed, where=owned)
    kinds[owned & ~allocated & pages.known] = FREEING
    kinds[~pages.known & ~owned] = UNKNOWN
    return PageKinds(pages, kinds, owner, shared)


def _padding(pages: Pages) -> tuple[I64, I64]:
    """Return the positions of the pages before a random heap base, which are allocated, scavenged and never of a span.

    They begin with the first range, are fewer than a chunk, and are marked once (mheap.go, grow; Go 1.26 on). Elsewhere no
    page is both: allocating one takes it out of the scavenged ones (mpagealloc.go, allocRange). A single one between them
    that is not both is damage, not the end: those come second.
    """
    chunk = pages.chunk_bytes // pages.page_size
    position = pages.first[:-1][np.diff(pages.first) > 0, np.newaxis] + np.arange(chunk)
    both = pages.allocated[position] & pages.scavenged[position]
    ends = ~both & ~np.roll(both, -1, axis=1)
    before = ~np.logical_or.accumulate(ends, axis=1)
    return position[before & both], position[before & ~both]


def _owners(pages: Pages, spans: Spans) -> tuple[SpanRows, Kinds, int]:
    """Return the span of each page, whether it is in use or manual (FREE where there is none), and pages claimed twice."""
    owner, kinds = np.full(len(pages), -1, np.int32), np.full(len(pages), FREE, np.uint8)
    claims = 0
    for rows, position in _claims(pages, spans):
        owner[position] = rows
        kinds[position] = np.where(spans.in_use[rows], np.uint8(IN_USE), np.uint8(MANUAL))
        claims += len(position)
    if claims == np.count_nonzero(kinds):
        return owner, kinds, 0
    times = np.zeros(len(pages), np.int32)
    for _, position in _claims(pages, spans):
        np.add.at(times, position, 1)
    return owner, kinds, int(np.count_nonzero(times > 1))


def _claims(pages: Pages, spans: Spans) -> Iterator[tuple[I64, I64]]:
    """Give rows of spans and positions of pages that these claim, in the order of the rows, some at a time."""
    live = np.flatnonzero(spans.in_use | spans.manual)
    long_ones = len(pages) // _LONG + 1
    for block in blocks(len(live)):
        rows = live[block]
        position = pages.positions(spans.start[rows])
        rows, position = rows[position >= 0], position[position >= 0]
        # A damaged npages must not run past the end, nor may many of them together take the memory.
        count = np.clip(spans.records["npages"][rows], 0, len(pages) - position)
        long = np.flatnonzero(count > _LONG)
        count[long[long_ones:]] = 1
        long_ones -= min(len(long), long_ones)
        if (count != 1).any():
            within = np.arange(count.sum(), dtype=np.int64) - np.repeat(np.cumsum(count) - count, count)
            rows, position = np.repeat(rows, count), np.repeat(position, count) + within
        yield rows, position


_LONG = 1 << 12
"""Pages of a span of which a healthy heap has no more than fit into it side by side."""
