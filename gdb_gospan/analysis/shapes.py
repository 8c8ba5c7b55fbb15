"""Do the fields of a descriptor go together: its pages, slots and objects (runtime/mheap.go, initSpan)."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.span_overhead import span_metadata
from gdb_gospan.memory.parallel import each_block
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Mask


@attrs.frozen(eq=False, repr=False)
class Shapes:
    """What is wrong with each span in use; bool (n,), a row for each of `Spans`, False for all others.

    Attributes
    ----------
    size
        elemsize, npages or nelems is not what initSpan makes of the span class. Small spans have those of
        their size class; a large one has one slot, as long as its pages, less what a user arena's chunk reserves.
    limit
        mspan.limit is not where the objects end.
    count
        allocCount is more than nelems.
    """

    size: Mask
    limit: Mask
    count: Mask

    @property
    def contradictory(self) -> Mask:
        """Spans of which it is not known what their bytes hold."""
        return self.size | self.count


def shapes(heap: Heap) -> Shapes:
    """Compare the descriptors of all spans in use with their class, once."""
    return heap.trail.part("shapes", lambda: _shapes(heap))


def _shapes(heap: Heap) -> Shapes:
    spans = heap.spans
    found = Shapes(*(np.zeros(len(spans), np.bool_) for _ in range(3)))
    rows = np.flatnonzero(spans.in_use)
    is_large = spans.records.narrow("spanclass")[rows] <= 1

    def work(block: slice) -> None:
        for kind, judge in ((~is_large[block], _judge_small), (is_large[block], _judge_large)):
            some = rows[block][kind]
            if len(some):
                found.size[some], found.limit[some] = judge(heap, some)
                objects = spans.records.at("allocCount", some)
                found.count[some] = objects > spans.records.at("nelems", some)

    each_block(len(rows), work, memory=heap.memory)
    return found


def _judge_small(heap: Heap, rows: I64) -> tuple[Mask, Mask]:
    spans, columns = heap.spans, heap.spans.records
    sizeclass = np.clip(columns.at("spanclass", rows) >> 1, 0, sizeclasses.COUNT - 1)
    elemsize = sizeclasses.sizes()[sizeclass]
    npages = np.array(sizeclasses.PAGES, np.int64)[sizeclass]
    nbytes, room = spans.bytes_of(rows), spans.bytes_of(rows) - span_metadata(heap, rows)
    nelems, slots = columns.at("nelems", rows), room // np.maximum(elemsize, 1)
    # Without its arena it is not known whether a span has mark bits inside, and so how many slots it has.
    known = heap.span_map.known[rows]
    wrong = np.where(known, nelems != slots, nelems > slots)
    wrong |= (columns["elemsize"][rows] != elemsize) | (columns["npages"][rows] != npages)
    limit = columns.at("limit", rows)
    end = spans.start[rows] + (np.where(known, slots, nelems) * elemsize).astype(np.uint64)
    if heap.layout.traits.small_span_limit_exact:
        return wrong, limit != end
    # Or with the objects that would have fitted in the place of the heap bits.
    return wrong, (limit < end) | (limit > spans.start[rows] + nbytes.astype(np.uint64))


def _judge_large(heap: Heap, rows: I64) -> tuple[Mask, Mask]:
    spans, columns = heap.spans, heap.spans.records
    nbytes, elemsize = spans.bytes_of(rows), columns["elemsize"][rows]
    wrong = (columns.at("nelems", rows) != 1) | (elemsize != nbytes - span_metadata(heap, rows))
    limit, start = columns.at("limit", rows), spans.start[rows]
    # base + the size that was asked for, in the last page (mcache.go, allocLarge); of a chunk of a user arena the
    # end of its slot (arena.go). Wraps where the limit is before the start.
    asked = limit - start
    least = np.where(spans.user_arena[rows], elemsize, nbytes - spans.page_size + 1)
    beside = (asked < least.astype(np.uint64)) | (asked > nbytes.astype(np.uint64))
    # GODEBUG=efence keeps the pages of a large object that was freed, and sets its limit to 0 (mgcsweep.go).
    return wrong, beside & ~((limit == 0) & (columns.at("allocCount", rows) == 0))
