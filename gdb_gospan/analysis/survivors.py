"""Objects that survived the last GC cycle, and those allocated since: what is alive, and what only waits for a cycle."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.memory.segments import among
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Mask

_SPAN_CLASSES = 1 << 8
_MOST_BYTES = 1 << 46


@attrs.frozen(eq=False, repr=False)
class Survivors:
    """Objects in slots, by span class: int64 (256,) each.

    An object that was allocated while the last cycle marked counts as a survivor: it was marked, too. Of a span that is
    not swept yet the marked objects survived, and what is not marked is garbage: in neither.

    Attributes
    ----------
    objects, nbytes
        Survived the last cycle.
    new_objects, new_bytes
        Allocated since.
    unknown_bytes
        Objects of spans whose bitmaps could not be read, or whose descriptor contradicts itself.
    """

    objects: I64
    nbytes: I64
    new_objects: I64
    new_bytes: I64
    unknown_bytes: int


@attrs.frozen(eq=False, repr=False)
class Judged:
    """What the last cycle found of each span that HeapInuse counts; a row for each of ``rows``.

    Attributes
    ----------
    rows
        int64 (n,): rows of `Spans`.
    taken
        int64 (n,): mspan.allocCount, of an unswept span with its garbage.
    survived
        int64 (n,): objects that survived the last cycle, at most ``taken``.
    known
        bool (n,): False where a bitmap could not be read or the descriptor contradicts itself.
    """

    rows: I64
    taken: I64
    survived: I64
    known: Mask


def judged(heap: Heap) -> Judged:
    """Tell survivors from new objects by allocBits and marks, once (mgcsweep.go, sweep: marks become allocBits)."""
    return heap.trail.part("judged", lambda: _judged(heap))


def survivors(heap: Heap) -> Survivors:
    """Add up survivors and new objects by class, once."""
    return heap.trail.part("survivors", lambda: _survivors(heap))


def _judged(heap: Heap) -> Judged:
    slots, marks = heap.allocated, heap.unswept_marks
    rows, taken = slots.rows, heap.spans.records.at("allocCount", slots.rows)
    survived, known = slots.bits.copy(), slots.known & ~shapes(heap).contradictory[rows]
    there = among(marks.rows, rows)
    at = np.searchsorted(rows, marks.rows[there])
    survived[at] = marks.counts[there]
    known[at] &= marks.known[there]
    return Judged(rows, taken, np.minimum(survived, taken), known)


def _survivors(heap: Heap) -> Survivors:
    found, columns = judged(heap), heap.spans.records
    rows, taken, survived, known = found.rows, found.taken, found.survived, found.known
    new = np.where(heap.spans.unswept[rows], 0, taken - survived)
    elemsize = np.clip(columns["elemsize"][rows], 0, _MOST_BYTES)
    spanclass = np.clip(columns.at("spanclass", rows), 0, _SPAN_CLASSES - 1)[known]

    def by_class(values: I64) -> I64:
        totals = np.zeros(_SPAN_CLASSES, np.int64)
        np.add.at(totals, spanclass, values[known])
        return totals

    return Survivors(
        objects=by_class(survived),
        nbytes=by_class(survived * elemsize),
        new_objects=by_class(new),
        new_bytes=by_class(new * elemsize),
        unknown_bytes=int((taken * elemsize)[~known].sum()),
    )
