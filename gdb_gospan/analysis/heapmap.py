"""The heap as a row of cells, each a run of pages: what they are, and how full the spans on them."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import (
    CACHED,
    CACHED_RELEASED,
    FREE,
    FREEING,
    IN_FLIGHT,
    IN_USE,
    KIND_NAMES,
    MANUAL,
    PADDING,
    RELEASED,
    UNKNOWN,
    PageKinds,
)
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import I64, U64, Mask

LEVELS = 4
"""Steps of occupancy: up to a quarter, up to a half, up to three quarters, more."""

# What a cell is, by the first of these kinds that occurs in it: what matters most, or is rarest, wins, and
# only a cell without anything else is free.
PRECEDENCE = (UNKNOWN, IN_USE, MANUAL, IN_FLIGHT, CACHED, PADDING, FREE, RELEASED)
_SAME = {FREEING: IN_FLIGHT, CACHED_RELEASED: CACHED}


_LAST = (1 << 64) - 1


@attrs.frozen
class Window:
    """Part of the address space, first and last + 1 address."""

    low: int
    high: int


@attrs.frozen
class Arena:
    """One of the heap's arenas: its number, counted from 0 by address, of how many, and where it is."""

    number: int
    count: int
    window: Window


@attrs.frozen
class Gap:
    """Addresses of a window where the heap has no pages; ``reserved`` for it to grow into, or not its own."""

    start: int
    nbytes: int
    reserved: bool


@attrs.frozen(eq=False)
class HeapMap:
    """Cells of a window, ascending; n cells.

    Attributes
    ----------
    cell_pages, line_cells
        Pages of one cell (fewer in the last cell before a gap), and cells of one line.
    start
        uint64 (n,): first address of each cell.
    npages
        int64 (n,): its pages.
    kinds
        int64 (n, 10): its pages by kind.
    allocated
        int64 (n,): bytes of the objects of the spans on its pages, each span's spread evenly over its own
        pages, and all of the pages of stacks and work buffers; -1 where that is not known.
    state
        int64 (n,): the first kind of `PRECEDENCE` that occurs in it; UNKNOWN where a span contradicts itself.
    level
        int64 (n,): with spans in use, 0 to LEVELS - 1 by allocated bytes of all its bytes; -1 for the others.
    gaps
        What of the window the heap does not have, ascending.
    """

    cell_pages: int
    line_cells: int
    start: U64
    npages: I64
    kinds: I64
    allocated: I64
    state: I64
    level: I64
    gaps: tuple[Gap, ...]

    def __len__(self) -> int:
        return len(self.start)


def whole(kinds: PageKinds, arena: tuple[int, int] | None) -> Window:
    """Return the window of all pages, and of what is reserved for the heap to grow into."""
    pages = kinds.pages
    ends = [int(pages.base[0]), int(pages.limit[-1])] if len(pages.base) else []
    ends += arena if arena and arena[0] < arena[1] else ()
    return Window(min(ends, default=0), max(ends, default=0))


def arena_of(heap: Heap, number: int) -> Arena | None:
    """Return the arena of that number, or around that address; None where there is none."""
    arenas, row = heap.arenas, number
    if number >= len(arenas):
        row = int(arenas.of(np.array([number], np.uint64))[0])
    if row < 0 or not len(arenas):
        return None
    base = int(arenas.base[row])
    return Arena(row, len(arenas), Window(base, base + arenas.nbytes))


def around(heap: Heap, address: int, npages: int, line_cells: int) -> Window | None:
    """Return a window of so many pages around the address; None where no page of the heap is.

    It begins and ends with whole lines, of cells of a page, and does not go past the ends of the heap. The padding
    before the heap's first page would take many lines to say nothing.
    """
    page = heap.pages.page_size
    if int(heap.pages.positions(np.array([address], np.uint64))[0]) < 0:
        return None
    every, line = whole(heap.page_kinds, heap.current_arena), line_cells * page
    used = np.flatnonzero(heap.page_kinds.kinds != PADDING)
    first = int(heap.pages.addresses(used[:1])[0]) if len(used) else every.low
    if first <= address:  # else it is the padding itself that is looked at
        every = attrs.evolve(every, low=first)
    low = (address - npages * page // 2) // line * line
    low = max(min(low, -(-every.high // line) * line - npages * page), every.low // line * line)
    return Window(max(low, every.low), min(low + npages * page, every.high))


def heap_map(
    kinds: PageKinds,
    spans: Spans,
    arena: tuple[int, int] | None,
    window: Window,
    *,
    contradictory: Mask,
    lines: int,
    line_cells: int,
    cell_pages: int = 0,
) -> HeapMap:
    """Divide a window into cells.

    Parameters
    ----------
    arena
        What is reserved for the heap to grow into, first and last + 1 address.
    contradictory
        bool, a row for each span: its descriptor contradicts itself (`Shapes`).
    lines, line_cells
        How many lines, about, of how many cells. Each range of addresses has lines of its own.
    cell_pages
        Pages of a cell; 0 for the smallest power of two with which it all fits.
    """
    page = kinds.pages.page_size
    low, high = _segments(kinds, window)
    count = ((high - low) // np.uint64(page)).astype(np.int64)
    if not cell_pages:
        cell_pages = 1
        while (
            cell_pages * line_cells < count.max(initial=0) and _lines(count, cell_pages, line_cells) > lines
        ):
            cell_pages *= 2
    cells = -(-count // cell_pages)
    within = np.arange(cells.sum(), dtype=np.int64) - np.repeat(np.cumsum(cells) - cells, cells)
    start = np.repeat(low, cells) + (within * cell_pages * page).astype(np.uint64)
    npages = np.minimum(np.repeat(count, cells) - within * cell_pages, cell_pages)
    by_kind, objects = _added(kinds, spans, contradictory, start, npages)
    unknown = np.isnan(objects)
    allocated = np.rint(np.where(unknown, 0.0, objects)).astype(np.int64) + by_kind[:, MANUAL] * page
    state = np.where(unknown, UNKNOWN, _state(by_kind))
    level = np.clip(-(-LEVELS * allocated // (npages * page)) - 1, 0, LEVELS - 1)
    return HeapMap(
        cell_pages=cell_pages,
        line_cells=line_cells,
        start=start,
        npages=npages,
        kinds=by_kind,
        allocated=np.where(unknown, -1, allocated),
        state=state,
        level=np.where(state == IN_USE, level, -1),
        gaps=_gaps(low, high, window, arena),
    )


def _segments(kinds: PageKinds, window: Window) -> tuple[U64, U64]:
    """First and last + 1 address of each stretch of pages in the window; adjacent ranges are one."""
    base, limit = kinds.pages.base, kinds.pages.limit
    apart = base[1:] != limit[:-1]
    low = base[np.append(True, apart)[: len(base)]]
    high = limit[np.append(apart, True)[-len(limit) or 1 :]]
    last = np.uint64(min(window.high, _LAST))
    low, high = np.maximum(low, np.uint64(window.low)), np.minimum(high, last)
    inside = low < high
    return low[inside], high[inside]


def _lines(count: I64, cell_pages: int, line_cells: int) -> int:
    return int((-(-count // (cell_pages * line_cells))).sum()) + len(count) - 1


def _added(
    kinds: PageKinds, spans: Spans, contradictory: Mask, start: U64, npages: I64
) -> tuple[I64, np.typing.NDArray[np.float64]]:
    """Pages by kind, and bytes of objects, of each cell; NaN where these are not known."""
    by_kind = np.zeros((len(start), len(KIND_NAMES)), np.int64)
    if not len(start):
        return by_kind, np.zeros(0)
    first = kinds.pages.positions(start)
    low, high = int(first[0]), int(first[-1] + npages[-1])
    first = first - low  # the cells are all pages of the window, one after the other
    here, owner = kinds.kinds[low:high], kinds.owner[low:high]
    for kind in np.flatnonzero(kinds.counts).tolist():
        by_kind[:, kind] = np.add.reduceat((here == kind).view(np.uint8), first, dtype=np.int64)
    columns = spans.records
    nbytes = np.where(spans.in_use, columns["allocCount"] * columns["elemsize"], 0)
    each = np.append(nbytes / np.maximum(columns["npages"], 1), 0.0)  # the last one is for no owner, -1
    each[:-1][contradictory] = np.nan
    return by_kind, np.add.reduceat(each[owner], first)


def _state(by_kind: I64) -> I64:
    merged = by_kind.copy()
    for kind, same in _SAME.items():
        merged[:, same] += merged[:, kind]
    state: I64 = np.array(PRECEDENCE, np.int64)[np.argmax(merged[:, list(PRECEDENCE)] > 0, axis=1)]
    return state


def _gaps(low: U64, high: U64, window: Window, arena: tuple[int, int] | None) -> tuple[Gap, ...]:
    """Return what of the window lies between the stretches of pages: a few, as many as address ranges."""
    gaps: list[Gap] = []
    at = window.low
    for first, last in [*zip(low.tolist(), high.tolist(), strict=True), (window.high, window.high)]:
        reserved = (max(at, arena[0]), min(first, arena[1])) if arena else (first, first)
        if reserved[0] < reserved[1]:
            pieces = [(at, reserved[0], False), (*reserved, True), (reserved[1], first, False)]
        else:
            pieces = [(at, first, False)]
        gaps += [Gap(start, end - start, is_reserved) for start, end, is_reserved in pieces if start < end]
        at = last
    return tuple(gaps)
