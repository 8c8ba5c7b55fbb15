"""Every span descriptor of the program, as columns (runtime/mheap.go, type mspan)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.errors import MemoryReadError
from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.parallel import each_block
from gdb_gospan.runtime import bits
from gdb_gospan.runtime.columns import rows_where
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Record, Records

DEAD, IN_USE, MANUAL = 0, 1, 2
"""mSpanDead, mSpanInUse, mSpanManual (mheap.go). There is no other state: free memory has no span."""

# mspan.sweepgen relative to mheap.sweepgen (mheap.go, the comment at mspan.sweepgen).
NEEDS_SWEEP, BEING_SWEPT, SWEPT, CACHED_STALE, CACHED = -2, -1, 0, 1, 3


_MOST_PAGES = np.uint64(1 << 35)
"""Pages of 8 KiB in 48 bits of addresses (malloc.go, heapAddrBits)."""


def _bounded(npages: I64) -> I64:
    """Return numbers of pages with which one can reckon: damage may be any number of 64 bits."""
    pages: I64 = np.minimum(npages.view(np.uint64), _MOST_PAGES).view(np.int64)
    return pages


@attrs.frozen(eq=False, repr=False, slots=False)
class Spans:
    """All descriptors in ``mheap.allspans``, one row each, sorted by the descriptor's address.

    A row is a descriptor, not memory: most are dead, kept for reuse by
    spanalloc, and their fields are stale. Filter by `in_use` or `manual` first.

    Attributes
    ----------
    records
        The raw columns by Go's field names.
    heap_sweepgen
        ``mheap.sweepgen`` at the time.
    lost
        Descriptors whose address is unknown, because that part of allspans could not be read.
    """

    records: Records
    heap_sweepgen: int
    page_size: int
    lost: int

    def __len__(self) -> int:
        return len(self.records)

    @property
    def complete(self) -> bool:
        """Whether every descriptor is known."""
        return not self.lost and bool(self.records.readable.all())

    @property
    def addresses(self) -> U64:
        """Addresses of the descriptors: uint64 (n,), ascending."""
        return self.records.addresses

    @cached_property
    def state(self) -> npt.NDArray[np.int16]:
        """0 dead, 1 in use, 2 manual; -1 where the descriptor could not be read: int16 (n,)."""
        state = self.records.narrow("state").astype(np.int16)
        state[~self.records.readable] = -1
        return state

    @cached_property
    def in_use(self) -> Mask:
        """Spans that hold objects of the heap."""
        mask: Mask = self.state == IN_USE
        return mask

    @cached_property
    def manual(self) -> Mask:
        """Spans that the runtime manages by hand: stacks and GC work buffers."""
        mask: Mask = self.state == MANUAL
        return mask

    @cached_property
    def stack(self) -> Mask:
        """Manual spans that hold stacks: elemsize is set for those only (stack.go, mgcwork.go)."""
        mask: Mask = self.manual & (self.records["elemsize"] != 0)
        return mask

    @cached_property
    def work_buffer(self) -> Mask:
        """Manual spans that hold GC work buffers, or unrolled GC programs up to Go 1.24."""
        mask: Mask = self.manual & (self.records["elemsize"] == 0)
        return mask

    @cached_property
    def user_arena(self) -> Mask:
        """Chunks of a user arena (arena.go, Go 1.20 on)."""
        if "isUserArenaChunk" not in self.records:
            return np.zeros(len(self), np.bool_)
        mask: Mask = self.in_use & (self.records.narrow("isUserArenaChunk") != 0)
        return mask

    @cached_property
    def quarantined(self) -> Mask:
        """User arena chunks already set to fault: counted free, but in use until swept.

        setUserArenaChunkToFault makes them noscan and takes them off the
        counters (arena.go).
        """
        mask: Mask = self.user_arena & (self.records.narrow("spanclass") == 1)
        return mask

    @cached_property
    def counted(self) -> Mask:
        """In-use spans that HeapInuse counts: all but quarantined user arena chunks."""
        mask: Mask = self.in_use & ~self.quarantined
        return mask

    @cached_property
    def delta(self) -> npt.NDArray[np.int32]:
        """``sweepgen`` relative to the heap's: -2 needs sweep … 3 cached; meaningless unless in use. int32 (n,)."""
        # Unsigned arithmetic wraps as that of the runtime does.
        sweepgen = self.records.narrow("sweepgen").astype(np.uint32)
        delta: npt.NDArray[np.int32] = (sweepgen - np.uint32(self.heap_sweepgen)).view(np.int32)
        return delta

    @cached_property
    def unswept(self) -> Mask:
        """In-use spans whose allocCount still counts garbage of the last cycle."""
        mask: Mask = self.in_use & (
            (self.delta == NEEDS_SWEEP) | (self.delta == BEING_SWEPT) | (self.delta == CACHED_STALE)
        )
        return mask

    @property
    def start(self) -> U64:
        """First address of each span."""
        return self.records["startAddr"]

    @cached_property
    def nbytes(self) -> I64:
        """Size of each span in bytes, whole pages; capped at the address space if damaged."""
        return _bounded(self.records["npages"]) * self.page_size

    def bytes_of(self, rows: I64) -> I64:
        """Size of these spans in bytes: ``nbytes[rows]``, without computing the whole column."""
        return _bounded(self.records.at("npages", rows)) * self.page_size

    def total_bytes(self, mask: Mask) -> int:
        """Bytes of all these spans together."""
        return int(_bounded(self.records["npages"][mask]).sum()) * self.page_size

    @property
    def sizeclass(self) -> I64:
        """Size class of each span; 0 is large."""
        column: I64 = self.records["spanclass"] >> 1
        return column

    @property
    def free_slots(self) -> I64:
        """Slots without an object; unswept garbage counts as an object."""
        column: I64 = self.records["nelems"] - self.records["allocCount"]
        return column

    def large_tail(self, rows: I64) -> I64:
        """Bytes past the requested size of a large object's span, 0 for every other span, for each of these rows.

        ``limit`` is base + requested size for a large span, and lies in its last page (mcache.go, allocLarge);
        GODEBUG=efence sets it to 0, and then the tail is not known and left at 0.
        """
        tail = np.zeros(len(rows), np.int64)
        large = self.in_use[rows] & (self.records.narrow("spanclass")[rows] <= 1) & ~self.user_arena[rows]
        some = rows[large]
        past = self.bytes_of(some) - (self.records.at("limit", some) - self.start[some]).view(np.int64)
        tail[large] = np.where((past >= 0) & (past < self.page_size), past, 0)
        return tail

    def find(self, address: int) -> int | None:
        """Row of the in-use or manual span that contains the heap address, or None."""
        start = self.start
        inside = (self.in_use | self.manual) & (start <= np.uint64(address))
        inside &= (np.uint64(address) - start) < self.nbytes.astype(np.uint64)
        rows = np.flatnonzero(inside)
        return int(rows[0]) if len(rows) else None

    def rows_of(self, descriptors: U64) -> I64:
        """Row of each descriptor address, -1 for one that is not in allspans."""
        if not len(self):
            return np.full(len(descriptors), -1, np.int64)
        rows = self._near(descriptors)
        elsewhere = np.flatnonzero(self.addresses[rows] != descriptors)
        if len(elsewhere):
            rest = descriptors[elsewhere]
            found = np.minimum(np.searchsorted(self.addresses, rest), len(self) - 1)
            rows[elsewhere] = np.where(self.addresses[found] == rest, found, -1)
        return rows

    def holding(self, address: int) -> int:
        """Row of the descriptor that has this address in it, at its start or further on; -1 for none."""
        row = int(np.searchsorted(self.addresses, np.uint64(address), side="right")) - 1
        inside = row >= 0 and address - int(self.addresses[row]) < self.records.struct.size
        return row if inside else -1

    def _near(self, descriptors: U64) -> I64:
        """Where each would be if descriptors lay side by side in their chunk, as they nearly all do."""
        low, first = self._chunks
        last = np.uint64(len(first) - 1)
        chunk = np.minimum((descriptors >> _CHUNK) - low, last).astype(np.int64)  # below the first it wraps
        row = np.minimum(first[chunk], len(self) - 1)
        steps = (descriptors - self.addresses[row]) // np.uint64(self.records.struct.size)
        near: I64 = row + np.minimum(steps, np.uint64(len(self) - 1)).astype(np.int64)
        return np.minimum(near, len(self) - 1)

    @cached_property
    def _chunks(self) -> tuple[np.uint64, I64]:
        """Number of the first chunk, and for each the first row in it; one for all where they are far apart."""
        low = self.addresses[0] >> _CHUNK
        count = int(self.addresses[-1] >> _CHUNK) - int(low) + 1
        if count > len(self) + _FAR:
            return low, np.zeros(1, np.int64)
        chunks = (low + np.arange(count, dtype=np.uint64)) << _CHUNK
        return low, np.searchsorted(self.addresses, chunks).astype(np.int64)


def read_spans(
    reader: Reader, mheap: Record, addresses: U64, lost: int, columns: Iterable[str] = ()
) -> Spans:
    """Read the descriptors that `descriptors` found, in a few bulk reads: the usual columns, and these."""
    free = ["next"] if _some_are_free(mheap) else []
    records = reader.records("mspan", addresses, [*_FIRST, *free, *columns])
    if not records.readable.all():
        _lead(reader, mheap, int(addresses[~records.readable][0]))
    return Spans(
        records=records,
        heap_sweepgen=mheap["sweepgen"],
        page_size=reader.layout.platform.page_size,
        lost=lost,
    )


def descriptors(reader: Reader, mheap: Record, *, mspan_sys: int) -> tuple[U64, int]:
    """Return the descriptor addresses in ``mheap.allspans``: uint64 (n,), ascending; and how many are unknown.

    Parameters
    ----------
    mspan_sys
        Bytes that the runtime took for descriptors (memstats.mspan_sys): there cannot be more.
    """
    allspans = mheap.slice("allspans")
    if allspans.length > mspan_sys // reader.layout["mspan"].size + _UNCOUNTED:
        raise MemoryReadError(
            f"runtime.mheap_.allspans at {mheap.address_of('allspans'):#x} has {allspans.length} entries, which do not fit in MSpanSys "
            f"({mspan_sys} bytes): damaged memory, or the wrong executable?"
        )
    addresses, lost = _pointers(reader, allspans.array, allspans.length)
    if lost:
        reader.lead("runtime.mheap_.allspans", mheap.address_of("allspans"), allspans.array)
    # recordspan makes the slice longer before it stores the element (mheap.go).
    if (addresses == 0).any():
        addresses = addresses[addresses != 0]
    if (addresses[1:] < addresses[:-1]).any():
        addresses = np.sort(addresses, kind="stable")  # in runs already, which this kind makes use of
    return addresses, lost


_CHUNK = np.uint64(14)
"""fixalloc takes memory in chunks of 16 KiB (malloc.go, _FixAllocChunk)."""
_FAR = 1 << 20

_FIRST = (
    "state", "spanclass", "nelems", "allocCount", "startAddr", "npages", "sweepgen", "elemsize",
    "freeindex", "allocBits", "limit", "needzero", "isUserArenaChunk",
)  # fmt: skip
"""Columns that nearly every command needs."""

_UNCOUNTED = 1 << 10
"""Descriptors that may be there before their memory is counted, generously: fixalloc takes 16 KiB at a time."""


def _some_are_free(mheap: Record) -> bool:
    """Whether spanalloc has a free list, whose links are in the columns (mfixalloc.go)."""
    layout = mheap.layout
    offset = layout.fixallocs["spanalloc"]
    fixalloc = Record(layout, layout["fixalloc"], mheap.address + offset, mheap.data[offset:])
    return bool(fixalloc["list"])


def _lead(reader: Reader, mheap: Record, descriptor: int) -> None:
    """Name the entry of allspans that leads to a descriptor which cannot be read."""
    array, length, _ = mheap.slice("allspans")
    entries = reader.words(array, length)
    if not isinstance(entries, Unreadable):
        index = int(np.flatnonzero(entries == np.uint64(descriptor))[0])
        source = array + index * reader.layout.platform.pointer_size
        reader.lead(f"runtime.mheap_.allspans[{index}]", source, descriptor)


def _pointers(reader: Reader, array: int, length: int) -> tuple[U64, int]:
    """Read ``length`` pointers; those that cannot be read are counted, not invented."""
    whole = reader.words(array, length)
    if not isinstance(whole, Unreadable):
        return whole, 0
    width = reader.layout.platform.pointer_size
    each, known = reader.pointers(np.uint64(array) + np.arange(length, dtype=np.uint64) * np.uint64(width))
    return each[known], int(np.count_nonzero(~known))


@attrs.frozen(eq=False, repr=False)
class SlotBits:
    """What the bitmaps say about some spans; the rows match ``rows`` of `Spans`.

    Attributes
    ----------
    rows
        int64 (n,): which spans.
    counts
        int64 (n,): slots.
    known
        bool (n,): False where a bitmap could not be read.
    bits
        int64 (n,): set bits of the whole bitmap. In allocBits of a swept span these are the objects that survived the
        last cycle (mgcsweep.go, sweep).
    """

    rows: I64
    counts: I64
    known: Mask
    bits: I64


def places_of_slots(spans: Spans, which: Mask) -> Iterator[tuple[U64, I64]]:
    """Yield the ranges that `allocated_slots` reads for these spans: addresses, and the bytes at each."""
    columns = spans.records
    for rows in rows_where(which):
        yield columns["allocBits"][rows], bits.bytes_of(columns.at("nelems", rows))


def allocated_slots(reader: Reader, spans: Spans, rows: I64) -> SlotBits:
    """Slots in use by freeindex and allocBits: ``i < freeindex`` or bit i set (mbitmap.go, isFree)."""
    columns = spans.records
    counts, every = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    known = np.zeros(len(rows), np.bool_)

    def work(block: slice) -> None:
        some = rows[block]
        first, end = columns.at("freeindex", some), columns.at("nelems", some)
        firsts = first, np.zeros_like(first)
        (after, every[block]), known[block] = bits.popcounts(reader, columns["allocBits"][some], firsts, end)
        counts[block] = after + first

    each_block(len(rows), work, memory=reader.memory)
    return SlotBits(rows, counts, known, every)


def inline_marks_at(reader: Reader, spans: Spans, rows: I64) -> tuple[U64, int]:
    """Return the addresses of inline marks (spanInlineMarkBits.marks) in these spans: uint64 (n,), and the bytes at each."""
    struct = reader.layout["spanInlineMarkBits"]
    last = spans.start[rows] + (spans.bytes_of(rows) - struct.size).astype(np.uint64)
    offset = struct["marks"].offset
    return last + np.uint64(offset), struct.size - offset  # as bitmaps are read, in words of 8 bytes


def marked_slots(reader: Reader, spans: Spans, rows: I64, inline: Mask) -> SlotBits:
    """Slots marked in the last or running cycle, by gcmarkBits or the marks inside the span.

    Parameters
    ----------
    inline
        bool (len(rows),): which of these spans keep their marks inside
        (spanInlineMarkBits, Green Tea); those marks move to gcmarkBits when the
        span is swept (mgcmark_greenteagc.go, moveInlineMarks).
    """
    columns = spans.records
    end = columns.at("nelems", rows)
    counts, known = bits.popcount_between(reader, columns.at("gcmarkBits", rows), np.zeros_like(end), end)
    where = np.flatnonzero(inline)
    if len(where):
        marks, _ = inline_marks_at(reader, spans, rows[where])
        more, readable = bits.popcount_between(reader, marks, np.zeros_like(end[where]), end[where])
        counts[where] += more
        known[where] &= readable
    return SlotBits(rows, counts, known, counts)
