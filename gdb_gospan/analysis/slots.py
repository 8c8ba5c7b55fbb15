"""Every slot of the spans in use, numbered: an object is an int64, and address and number follow from each other.

The numbers run span class by span class, and within it by address, so that spans that are alike stand side by side and
what is read of them is a rectangle (runtime/mheap.go, mbitmap.go).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import attrs
import numpy as np

from gdb_gospan.analysis.pagetable import PageTable, page_table
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Mask


@attrs.frozen(eq=False, repr=False)
class Alike:
    """Spans side by side that are alike but for their address.

    Attributes
    ----------
    begin, end
        Which of the spans of `Slots`.
    first
        Number of their first slot.
    spanclass, elemsize, nelems, nbytes
        What they have in common; `nbytes` is the size of a span.
    inline
        They keep their marks inside (Green Tea).
    """

    begin: int
    end: int
    first: int
    spanclass: int
    elemsize: int
    nelems: int
    nbytes: int
    inline: bool

    @property
    def noscan(self) -> bool:
        """Whether the objects have no pointers."""
        return bool(self.spanclass & 1)


@attrs.frozen(eq=False, repr=False, slots=False)
class Slots:
    """The slots of all spans that HeapInuse counts, free ones among them.

    Attributes
    ----------
    rows
        int64 (s,): the spans, as rows of `Spans`.
    base
        uint64 (s,): where each begins.
    spanclass, elemsize, nelems, npages
        int64 (s,): of each.
    inline
        bool (s,): it keeps its marks inside.
    first
        int64 (s + 1,): number of the first slot of each; the last is the number of all slots.
    left_out
        int64 (k,): rows of spans of which it is not known what their bytes hold: the descriptor contradicts itself or
        could not be read, or the arenas do not have it.
    pages
        From addresses to spans, by their position here.
    """

    rows: I64
    base: U64
    spanclass: I64
    elemsize: I64
    nelems: I64
    npages: I64
    inline: Mask
    first: I64
    left_out: I64
    pages: PageTable

    def __len__(self) -> int:
        return int(self.first[-1])

    @cached_property
    def _sizes(self) -> tuple[U64, U64]:
        return self.elemsize.astype(np.uint64), self.nelems.astype(np.uint64)

    def at(self, addresses: U64) -> tuple[I64, Mask]:
        """Return the slot that each address lies in, and whether there is one; all are `PageTable.inside`."""
        elemsize, nelems = self._sizes
        span = self.pages.of(addresses)
        held = span >= 0
        span[~held] = 0
        number = (addresses - self.base[span]) // elemsize[span]
        held &= number < nelems[span]
        return np.where(held, self.first[span] + number.view(np.int64), 0), held

    def find(self, words: U64) -> tuple[I64, I64]:
        """Return which of these words point into a slot, and into which; words may be anything."""
        where = np.flatnonzero(self.pages.inside(words))
        slot, held = self.at(words[where])
        return where[held], slot[held]

    def spans_of(self, slots: I64) -> I64:
        """Return the span of each slot, by its position here."""
        found: I64 = np.searchsorted(self.first, slots, side="right") - 1
        return found

    def addresses(self, slots: I64) -> U64:
        """Return where each slot begins."""
        span = self.spans_of(slots)
        return self.base[span] + ((slots - self.first[span]) * self.elemsize[span]).view(np.uint64)

    def groups(self) -> Iterator[Alike]:
        """Yield the spans that are alike, in the order of their slots."""
        columns = (self.spanclass, self.elemsize, self.nelems, self.npages, self.inline)
        new = np.zeros(len(self.rows), np.bool_)
        new[:1] = True
        for column in columns:
            new[1:] |= column[1:] != column[:-1]
        begins = np.flatnonzero(new)
        ends = np.append(begins[1:], len(self.rows))[: len(begins)]
        page_size = 1 << self.pages.shift
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            yield Alike(
                begin=begin,
                end=end,
                first=int(self.first[begin]),
                spanclass=int(self.spanclass[begin]),
                elemsize=int(self.elemsize[begin]),
                nelems=int(self.nelems[begin]),
                nbytes=int(self.npages[begin]) * page_size,
                inline=bool(self.inline[begin]),
            )


def slots(heap: Heap) -> Slots:
    """Return the slots of the heap, numbered once."""
    return heap.trail.part("numbered slots", lambda: _slots(heap))


def _slots(heap: Heap) -> Slots:
    spans, columns = heap.spans, heap.spans.records
    every = np.flatnonzero(spans.counted)
    known = _known(heap, every)
    rows = every[known]
    base, npages = spans.start[rows], columns["npages"][rows]
    spanclass, elemsize, nelems = (columns.at(name, rows) for name in ("spanclass", "elemsize", "nelems"))
    inline = heap.span_map.inline_marks[rows]
    order = np.lexsort((base, inline, nelems, elemsize, npages, spanclass))
    first = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(nelems[order], out=first[1:])
    return Slots(
        rows=rows[order],
        base=base[order],
        spanclass=spanclass[order],
        elemsize=elemsize[order],
        nelems=nelems[order],
        npages=npages[order],
        inline=inline[order],
        first=first,
        left_out=every[~known],
        pages=page_table(heap.arenas, base[order], npages[order], spans.page_size),
    )


def _known(heap: Heap, rows: I64) -> Mask:
    """Which of these spans lie in the arenas as a whole, and have a descriptor that does not contradict itself."""
    spans, arenas = heap.spans, heap.arenas
    found = heap.span_map
    good: Mask = found.known[rows] & found.agrees[rows] & ~shapes(heap).contradictory[rows]
    if not len(arenas):
        return good
    low = spans.start[rows]
    high = low + (spans.bytes_of(rows) - 1).view(np.uint64)
    # Arenas may lie apart. Where no page is amiss, as many of them lie between the ends as the span is long.
    ends = arenas.of(low), arenas.of(high)
    between = (ends[1] - ends[0]) * arenas.nbytes
    reach = arenas.base[ends[1]].view(np.int64) - arenas.base[ends[0]].view(np.int64)
    good &= (ends[0] >= 0) & (ends[1] >= ends[0]) & (between == reach)
    return good
