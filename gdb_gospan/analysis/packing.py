"""The fewest spans and pages that the objects of each span class need, if they were packed."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.occupancy import SPAN_CLASSES
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.analysis.survivors import judged
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Mask


@attrs.frozen(eq=False, repr=False)
class Packing:
    """A row for each span class that has a span in use, ascending.

    All spans of a small class have the same pages and slots (mheap.go, initSpan). A large object has a span of its own:
    there is nothing to pack, and a span without an object goes. Spans whose descriptor contradicts itself are in no row.

    Attributes
    ----------
    spanclass
        int64 (n,).
    spans, span_bytes
        int64 (n,): spans in use, and their bytes.
    objects, packed_spans, packed_bytes
        int64 (n,): objects, garbage that is not swept among them; the fewest spans for them, and the bytes of these.
    survivors, survivor_spans, survivor_bytes
        int64 (n,): the same of the objects that survived the last cycle.
    known
        bool (n,): the survivors of all spans of the class are known.
    """

    spanclass: I64
    spans: I64
    span_bytes: I64
    objects: I64
    packed_spans: I64
    packed_bytes: I64
    survivors: I64
    survivor_spans: I64
    survivor_bytes: I64
    known: Mask


def packing(heap: Heap) -> Packing:
    """Pack the objects of each class, and of those the survivors."""
    found, spans = judged(heap), heap.spans
    sound = ~shapes(heap).contradictory[found.rows]
    rows, taken = found.rows[sound], found.taken[sound]
    survived, known = found.survived[sound], found.known[sound]
    spanclass = np.clip(spans.records.at("spanclass", rows), 0, SPAN_CLASSES - 1)
    nbytes, nelems = spans.bytes_of(rows), spans.records.at("nelems", rows)

    def total(column: I64) -> I64:
        out = np.zeros(SPAN_CLASSES, np.int64)
        np.add.at(out, spanclass, column)
        return out

    number = total(np.ones(len(rows), np.int64))
    most, pages = np.ones(SPAN_CLASSES, np.int64), np.zeros(SPAN_CLASSES, np.int64)
    np.maximum.at(most, spanclass, nelems)
    np.maximum.at(pages, spanclass, nbytes)
    small = np.arange(SPAN_CLASSES) > 1

    def packed(objects: I64) -> tuple[I64, I64, I64]:
        every = total(objects)
        needed, filled = -(-every // most), objects > 0
        own = total(filled.astype(np.int64))
        return (
            every,
            np.where(small, needed, own),
            np.where(small, needed * pages, total(np.where(filled, nbytes, 0))),
        )

    some = np.flatnonzero(number)
    objects, packed_spans, packed_bytes = packed(taken)
    survivors, survivor_spans, survivor_bytes = packed(survived)
    return Packing(
        spanclass=some,
        spans=number[some],
        span_bytes=total(nbytes)[some],
        objects=objects[some],
        packed_spans=packed_spans[some],
        packed_bytes=packed_bytes[some],
        survivors=survivors[some],
        survivor_spans=survivor_spans[some],
        survivor_bytes=survivor_bytes[some],
        known=total((~known).astype(np.int64))[some] == 0,
    )
