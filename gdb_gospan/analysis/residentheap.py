"""The resident bytes of the heap, by what its pages are, and of spans by what is in them and by their class."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np

from gdb_gospan.analysis.occupancy import SPAN_CLASSES
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.analysis.span_overhead import decided, span_metadata
from gdb_gospan.memory.runs import Runs
from gdb_gospan.runtime.bitmaps import read_bitmaps
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import (
    CACHED,
    CACHED_RELEASED,
    FREE,
    IN_USE,
    KIND_NAMES,
    MANUAL,
    PADDING,
    RELEASED,
)
from gdb_gospan.runtime.record import I64, U64, Mask

OBJECTS, GARBAGE, FREE_SLOTS, TAIL, METADATA, UNKNOWN = range(6)
"""What is in a span; the rows of `InSpans`."""
_CONTENTS = 6
_SLOTS = 1 << 20
"""Slots that are looked at at a time."""


@attrs.frozen(eq=False, repr=False)
class InSpans:
    """Of the spans in use the bytes that lie in some runs of pages, by class.

    Attributes
    ----------
    by_class
        int64 (6, 256): OBJECTS … UNKNOWN by span class. UNKNOWN is of spans whose descriptor contradicts itself, or
        whose bitmap could not be read.
    """

    by_class: I64

    @property
    def sums(self) -> list[int]:
        """Over all classes: OBJECTS … UNKNOWN."""
        found: list[int] = self.by_class.sum(axis=1).tolist()
        return found


@attrs.frozen(eq=False, repr=False)
class HeapPages:
    """The bytes of the heap that lie in some runs of pages.

    Attributes
    ----------
    stacks, work_buffers
        Of manual spans.
    idle
        Of free pages that the runtime keeps.
    returned
        Of free pages that it has returned, or never touched.
    other
        Of pages that are moving, or are not known.
    beyond
        Of the arenas, outside of what the page allocator has, and of no span.
    """

    in_spans: InSpans
    stacks: int
    work_buffers: int
    idle: int
    returned: int
    other: int
    beyond: int

    @property
    def total(self) -> int:
        """All together."""
        rest = self.stacks + self.work_buffers + self.idle + self.returned + self.other + self.beyond
        return rest + sum(self.in_spans.sums)


def heap_pages(heap: Heap, runs: Runs) -> HeapPages:
    """Add up the bytes of the heap that lie in these runs."""
    spans, by_kind = heap.spans, _by_kind(heap, runs)
    counted = np.flatnonzero(spans.counted)
    resident = runs.within(spans.start[counted], spans.bytes_of(counted))
    stacks, buffers = (_of_spans(heap, runs, rows) for rows in (spans.stack, spans.work_buffer))
    arenas, pages = heap.arenas, heap.pages
    whole = int(runs.within(arenas.base, np.full(len(arenas), arenas.nbytes, np.int64)).sum())
    allocator = int(runs.within(pages.base, (pages.limit - pages.base).astype(np.int64)).sum())
    # The chunks of user arenas are spans that the page allocator does not have (arena.go).
    apart = heap.pages.positions(spans.start[counted]) < 0
    moving = [kind for kind in range(len(KIND_NAMES)) if kind not in _SORTED]
    return HeapPages(
        in_spans=_in_spans(heap, runs, counted, resident),
        stacks=stacks,
        work_buffers=buffers,
        idle=int(by_kind[[FREE, CACHED]].sum()),
        returned=int(by_kind[[RELEASED, CACHED_RELEASED, PADDING]].sum()),
        other=int(by_kind[moving].sum()),
        beyond=whole - allocator - int(resident[apart].sum()),
    )


_SORTED = (FREE, CACHED, RELEASED, CACHED_RELEASED, PADDING, IN_USE, MANUAL)


def _of_spans(heap: Heap, runs: Runs, which: Mask) -> int:
    rows = np.flatnonzero(which)
    return int(runs.within(heap.spans.start[rows], heap.spans.bytes_of(rows)).sum())


def _by_kind(heap: Heap, runs: Runs) -> I64:
    """Bytes of the runs by kind of page: int64 (10,); neighbours of one kind are looked at together."""
    pages, kinds = heap.pages, heap.page_kinds.kinds
    if not len(kinds):
        return np.zeros(len(KIND_NAMES), np.int64)
    new = np.append(True, kinds[1:] != kinds[:-1])
    new[pages.first[:-1][np.diff(pages.first) > 0]] = True
    first: I64 = np.flatnonzero(new)
    size = np.diff(np.append(first, len(kinds))) * pages.page_size
    found = np.zeros(len(KIND_NAMES), np.int64)
    np.add.at(found, kinds[first], runs.within(pages.addresses(first), size))
    return found


def _in_spans(heap: Heap, runs: Runs, rows: I64, resident: I64) -> InSpans:
    """Split what is in these spans; only those that lie in the runs in part need a look at each slot."""
    spans, columns = heap.spans, heap.spans.records
    found = np.zeros((_CONTENTS, SPAN_CLASSES), np.int64)
    spanclass = np.clip(columns.at("spanclass", rows), 0, SPAN_CLASSES - 1)

    def add(content: int, which: I64 | Mask, values: I64) -> None:
        np.add.at(found[content], spanclass[which], values)

    sound = ~shapes(heap).contradictory[rows]
    add(UNKNOWN, ~sound, resident[~sound])
    nbytes = spans.bytes_of(rows)
    whole, part = sound & (resident == nbytes), sound & (resident > 0) & (resident < nbytes)
    metadata, elemsize = span_metadata(heap, rows), columns["elemsize"][rows]
    slots = columns.at("nelems", rows) * elemsize
    taken = columns.at("allocCount", rows) * elemsize
    garbage, marked = np.zeros(len(rows), np.int64), _marked(heap)
    unswept = heap.unswept_marks.rows
    place = np.searchsorted(rows, unswept)
    ours = (
        (place < len(rows)) & (rows[np.minimum(place, max(len(rows) - 1, 0))] == unswept)
        if len(rows)
        else None
    )
    if ours is not None:
        dead = (
            np.maximum(columns.at("allocCount", unswept) - heap.unswept_marks.counts, 0)
            * columns["elemsize"][unswept]
        )
        garbage[place[ours & marked]] = dead[ours & marked]
    add(OBJECTS, whole, (taken - garbage)[whole])
    add(GARBAGE, whole, garbage[whole])
    add(FREE_SLOTS, whole, (slots - taken)[whole])
    add(METADATA, whole, metadata[whole])
    add(TAIL, whole, (nbytes - slots - metadata)[whole])
    some = np.flatnonzero(part)
    of_slots = np.zeros(len(rows), np.int64)
    splits = np.isin(rows, unswept[marked])
    for block in _blocks(columns.at("nelems", rows[some])):
        each = some[block]
        contents, known = _slots(heap, runs, rows[each], splits[each])
        of_slots[each] = contents.sum(axis=0)
        for content in (OBJECTS, GARBAGE, FREE_SLOTS):
            add(content, each, np.where(known, contents[content], 0))
        add(UNKNOWN, each, np.where(known, 0, of_slots[each]))
    ends = spans.start[rows[some]] + (nbytes - metadata)[some].astype(np.uint64)
    own = runs.within(ends, metadata[some])
    add(METADATA, some, own)
    add(TAIL, some, resident[some] - of_slots[some] - own)
    return InSpans(found)


def _marked(heap: Heap) -> Mask:
    """Which rows of `Heap.unswept_marks` tell garbage from objects."""
    return decided(heap) & heap.spans.counted[heap.unswept_marks.rows]


def _blocks(nelems: I64) -> Iterator[slice]:
    """Cut spans into blocks of so many slots."""
    ends, begin = np.cumsum(nelems), 0
    while begin < len(nelems):
        done = int(ends[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(ends, done + _SLOTS)), begin + 1)
        yield slice(begin, end)
        begin = end


def _slots(heap: Heap, runs: Runs, rows: I64, unswept: Mask) -> tuple[I64, Mask]:
    """Add up the slots of these spans: int64 (3, n) OBJECTS, GARBAGE, FREE_SLOTS, and which spans are known."""
    spans, columns = heap.spans, heap.spans.records
    nelems, elemsize = columns.at("nelems", rows), columns["elemsize"][rows]
    first = np.cumsum(nelems) - nelems
    span = np.repeat(np.arange(len(rows)), nelems)
    number = np.arange(len(span)) - first[span]
    start: U64 = spans.start[rows][span] + (number * elemsize[span]).astype(np.uint64)
    resident = runs.within(start, elemsize[span])
    bitmaps = read_bitmaps(heap.reader, columns.at("allocBits", rows), nelems)
    known = bitmaps.known
    taken = bitmaps[span, number] | (number < columns.at("freeindex", rows)[span])
    garbage = np.zeros(len(span), np.bool_)
    if unswept.any():  # of the others the marks are of no cycle, and a capture does not have them
        marks, inside = heap.unswept_bitmaps, unswept[span]
        place = np.searchsorted(heap.unswept_marks.rows, rows)
        garbage[inside] = taken[inside] & ~marks[place[span[inside]], number[inside]]
        known[unswept] &= marks.known[place[unswept]]
    contents = np.zeros((3, len(rows)), np.int64)
    for content, which in ((OBJECTS, taken & ~garbage), (GARBAGE, garbage), (FREE_SLOTS, ~taken)):
        np.add.at(contents[content], span[which], resident[which])
    return contents, known
