"""How full the spans of each span class are."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.accounting import span_metadata
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.columns import grouped
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64

DECILES = 10


@attrs.frozen(eq=False)
class Classes:
    """Totals by span class, a row for each class that has a span in use, ascending.

    Attributes
    ----------
    spanclass
        int64 (n,): size class << 1 | noscan; 0 and 1 are large objects.
    elemsize, npages
        Bytes of a slot and pages of a span; 0 for large objects, which differ.
    spans, nelems, objects, free_slots, cached, unswept
        Counts. ``objects`` counts what is not swept yet.
    object_bytes, free_bytes, tail_bytes, metadata_bytes, span_bytes
        Bytes; object + free + tail + metadata = span.
    deciles
        int64 (n, 10): spans by occupancy, up to 10 % first, above 90 % last.
    """

    spanclass: I64
    elemsize: I64
    npages: I64
    spans: I64
    nelems: I64
    objects: I64
    free_slots: I64
    cached: I64
    unswept: I64
    object_bytes: I64
    free_bytes: I64
    tail_bytes: I64
    metadata_bytes: I64
    span_bytes: I64
    deciles: I64

    def __len__(self) -> int:
        return len(self.spanclass)


def classes(heap: Heap) -> Classes:
    """Add up the spans in use by their class."""
    spans, columns = heap.spans, heap.spans.records
    rows = np.flatnonzero(spans.in_use & ~spans.quarantined)
    spanclass = columns["spanclass"][rows]
    present, group = grouped(spanclass)

    def total(column: I64) -> I64:
        out = np.zeros(len(present), np.int64)
        np.add.at(out, group, column)
        return out

    elemsize, nelems, objects = (columns[name][rows] for name in ("elemsize", "nelems", "allocCount"))
    nbytes, metadata = spans.nbytes[rows], span_metadata(heap)[rows]
    # Without its arena it is not known how much of what is left of a span holds bitmaps.
    tail = np.where(heap.span_map.known[rows], nbytes - nelems * elemsize - metadata, 0)
    deciles = np.zeros((len(present), DECILES), np.int64)
    np.add.at(deciles, (group, decile(objects, nelems)), 1)
    sizeclass = np.clip(present >> 1, 0, sizeclasses.COUNT - 1)
    return Classes(
        spanclass=present,
        elemsize=np.where(present > 1, sizeclasses.sizes()[sizeclass], 0),
        npages=np.array(sizeclasses.PAGES, np.int64)[sizeclass],
        spans=total(np.ones(len(rows), np.int64)),
        nelems=total(nelems),
        objects=total(objects),
        free_slots=total(nelems - objects),
        cached=total(heap.cached[rows].astype(np.int64)),
        unswept=total(spans.unswept[rows].astype(np.int64)),
        object_bytes=total(objects * elemsize),
        free_bytes=total((nelems - objects) * elemsize),
        tail_bytes=total(tail),
        metadata_bytes=total(metadata),
        span_bytes=total(nbytes),
        deciles=deciles,
    )


def decile(objects: I64, nelems: I64) -> I64:
    """Tenth in which a span's occupancy falls: 0 up to 10 %, 9 above 90 %."""
    tenth = (objects * DECILES + np.maximum(nelems, 1) - 1) // np.maximum(nelems, 1) - 1
    return np.clip(tenth, 0, DECILES - 1)
