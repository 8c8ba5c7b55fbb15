"""The central lists counted: how many spans each mcentral has in which of its four sets."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.rows import unknown_where
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Column, Mask


@attrs.frozen(eq=False)
class Census:
    """Counts by span class, a row for each class that has an entry or a cached span, ascending.

    Attributes
    ----------
    spanclass, elemsize
        int64 (n,): size class << 1 | noscan, and bytes of a slot; 0 and 1, of 0 bytes, are large objects.
    partial, full
        Entries with and without free slots (mcentral.go), swept or not.
    partial_unswept, full_unswept, unswept
        Of them, those whose span waits to be swept.
    cached
        Spans that a P allocates from, which are in no list.
    stale
        Entries of unswept sets whose span was swept, freed or reused since; the runtime skips them.
    reusable, reusable_bytes
        Free slots of the partial spans; objects, with None where the descriptor of one contradicts itself.
    """

    spanclass: I64
    elemsize: I64
    partial: I64
    full: I64
    partial_unswept: I64
    full_unswept: I64
    unswept: I64
    cached: I64
    stale: I64
    reusable: Column
    reusable_bytes: Column


def census(heap: Heap) -> Census:
    """Count the entries of each mcentral's four sets, and what is in none of them."""
    spans, central = heap.spans, heap.central
    valid, classes = central.valid, sizeclasses.SPAN_CLASSES

    def count(mask: Mask) -> I64:
        return np.bincount(central.spanclass[mask], minlength=classes)[:classes].astype(np.int64)

    reusable = valid & ~central.full
    slots = np.zeros(classes, np.int64)
    np.add.at(slots, central.spanclass[reusable], spans.free_slots[central.row[reusable]])
    # Of a span whose descriptor contradicts itself it is not known what is free, and so not of its class.
    contradictory = np.zeros(classes, np.bool_)
    contradictory[central.spanclass[reusable][shapes(heap).contradictory[central.row[reusable]]]] = True
    sizes = np.repeat(sizeclasses.sizes(), 2)
    cached = np.clip(spans.records["spanclass"][heap.cached], 0, classes - 1)
    every = Census(
        spanclass=np.arange(classes, dtype=np.int64),
        elemsize=sizes,
        partial=count(valid & ~central.full),
        full=count(valid & central.full),
        partial_unswept=count(valid & ~central.full & central.unswept),
        full_unswept=count(valid & central.full & central.unswept),
        unswept=count(valid & central.unswept),
        cached=np.bincount(cached, minlength=classes).astype(np.int64),
        stale=count(~valid),
        reusable=unknown_where(contradictory, slots),
        reusable_bytes=unknown_where(contradictory, slots * sizes),
    )
    present = every.partial + every.full + every.cached + every.stale != 0
    return Census(**{each.name: getattr(every, each.name)[present] for each in attrs.fields(Census)})
