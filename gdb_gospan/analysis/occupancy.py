"""How full the spans of each span class are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np

from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.analysis.span_overhead import span_metadata
from gdb_gospan.memory.parallel import each_block
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import I64, Column, Mask

DECILES = 10
_FEW = 10
"""Free slots are few when so many times their bytes are less than the bytes of objects."""


def matters_most(object_bytes: int, free_bytes: int) -> str:
    """Return what to sort classes and spans by: free slots, or objects where there are hardly any free slots, as in a leak."""
    return "object_bytes" if free_bytes * _FEW < object_bytes else "free_bytes"


@attrs.frozen(eq=False, repr=False)
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
        Bytes; object + free + tail + metadata + contradictory = span, where the span's arena is known; where
        it is not, tail and metadata count for nothing.
    large_tail_bytes
        Of the bytes of large objects, those past the size that was asked for.
    contradictory, contradictory_bytes
        Spans whose descriptor contradicts itself (`Shapes`), and their bytes. What is in them is not known:
        they count in ``spans``, ``cached``, ``unswept`` and ``deciles``, and nothing else does.
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
    large_tail_bytes: I64
    span_bytes: I64
    contradictory: I64
    contradictory_bytes: I64
    deciles: I64

    def __len__(self) -> int:
        return len(self.spanclass)


def classes(heap: Heap) -> Classes:
    """Add up the spans in use by their class, once."""
    return heap.trail.part("classes", lambda: _classes(heap))


def _classes(heap: Heap) -> Classes:
    held = slots_by_class(heap)
    inside = _by_class(heap, heap.spans.counted, _INSIDE, lambda rows: _inside(heap, rows))
    present = np.flatnonzero(held[0])
    sizeclass = np.clip(present >> 1, 0, sizeclasses.COUNT - 1)
    unknown = _by_class(
        heap, heap.spans.counted & shapes(heap).contradictory, SLOTS, lambda rows: _slots(heap.spans, rows)
    )
    held = held - unknown * _TAKEN_OUT
    both = np.concatenate([held, inside, unknown[[SLOTS.index("spans"), SLOTS.index("span_bytes")]]])
    totals = dict(zip((*SLOTS, *_INSIDE, *_UNKNOWN), both[:, present], strict=True))
    return Classes(
        spanclass=present,
        elemsize=np.where(present > 1, sizeclasses.sizes()[sizeclass], 0),
        npages=np.array(sizeclasses.PAGES, np.int64)[sizeclass],
        free_slots=totals["nelems"] - totals["objects"],
        deciles=_deciles(heap.spans, np.flatnonzero(heap.spans.counted))[present],
        **totals,
    )


SPAN_CLASSES = 1 << 8
"""Of mspan.spanclass, a uint8; damage may name any of them."""
SLOTS = ("spans", "nelems", "objects", "object_bytes", "free_bytes", "span_bytes")
_INSIDE = ("cached", "unswept", "tail_bytes", "metadata_bytes", "large_tail_bytes")
_UNKNOWN = ("contradictory", "contradictory_bytes")
_TAKEN_OUT = np.array([[name not in ("spans", "span_bytes")] for name in SLOTS], np.int64)
"""What is said of the slots of a span counts only where its descriptor does not contradict itself."""


def slots_by_class(heap: Heap) -> I64:
    """Add up what the descriptors of the spans in use say, once: int64 (6, 256), `SLOTS` by class."""
    spans = heap.spans
    return heap.trail.part(
        "slots", lambda: _by_class(heap, spans.counted, SLOTS, lambda rows: _slots(spans, rows))
    )


def _by_class(
    heap: Heap, which: Mask, names: Sequence[str], columns: Callable[[I64], Sequence[Column]]
) -> I64:
    """Add columns of these spans up by class: int64 (names, 256)."""
    spans, parts = heap.spans, [np.zeros((len(names), SPAN_CLASSES), np.int64)]
    rows = np.flatnonzero(which)

    def work(block: slice) -> None:
        # Class by class, so that each sum is one of neighbours.
        spanclass = np.clip(spans.records.narrow("spanclass")[rows[block]], 0, SPAN_CLASSES - 1)
        number = np.bincount(spanclass)
        here = np.flatnonzero(number)
        starts = (np.cumsum(number) - number)[here]
        part = np.zeros_like(parts[0])
        ordered = rows[block][np.argsort(spanclass, kind="stable")]
        for total, column in zip(part, columns(ordered), strict=True):
            total[here] = np.add.reduceat(column, starts)
        parts.append(part)

    each_block(len(rows), work, memory=heap.memory)
    totals: I64 = np.sum(parts, axis=0, dtype=np.int64)
    return totals


def _slots(spans: Spans, rows: I64) -> Sequence[Column]:
    columns = spans.records
    nelems, objects = _at_most(_MOST_SLOTS, columns.at("nelems", rows)), columns.at("allocCount", rows)
    elemsize = _at_most(_LONGEST_SLOT, columns["elemsize"][rows])
    return (
        np.ones(len(rows), np.int64), nelems, objects, objects * elemsize, (nelems - objects) * elemsize,
        spans.bytes_of(rows),
    )  # fmt: skip


_MOST_SLOTS, _LONGEST_SLOT = 1 << 16, 1 << 46
"""With no more than these one can reckon in 64 bits; allocCount has 16."""


def _at_most(most: int, column: I64) -> I64:
    bounded: I64 = np.minimum(column.view(np.uint64), np.uint64(most)).view(np.int64)
    return bounded


def _inside(heap: Heap, rows: I64) -> Sequence[Column]:
    spans, columns = heap.spans, heap.spans.records
    # Without its arena it is not known whether a span has mark bits inside, and so what is left of it.
    mapped = heap.span_map.known[rows] & ~shapes(heap).contradictory[rows]
    metadata = np.where(mapped, span_metadata(heap, rows), 0)
    slots = columns.at("nelems", rows) * columns["elemsize"][rows]
    return (
        heap.cached[rows].astype(np.int64), spans.unswept[rows].astype(np.int64),
        np.where(mapped, spans.bytes_of(rows) - slots - metadata, 0), metadata, spans.large_tail(rows),
    )  # fmt: skip


def _deciles(spans: Spans, rows: I64) -> I64:
    """Count these spans by class and tenth of occupancy: int64 (256, 10)."""
    parts = [np.zeros(SPAN_CLASSES * DECILES, np.int64)]

    def work(block: slice) -> None:
        columns, some = spans.records, rows[block]
        spanclass = np.clip(columns.at("spanclass", some), 0, SPAN_CLASSES - 1)
        tenth = decile(columns.at("allocCount", some), columns.at("nelems", some))
        parts.append(np.bincount(spanclass * DECILES + tenth, minlength=SPAN_CLASSES * DECILES))

    each_block(len(rows), work)
    deciles: I64 = np.sum(parts, axis=0, dtype=np.int64)
    return deciles.reshape(SPAN_CLASSES, DECILES)


def decile(objects: I64, nelems: I64) -> I64:
    """Tenth in which a span's occupancy falls: 0 up to 10 %, 9 above 90 %."""
    tenth = (objects * DECILES + np.maximum(nelems, 1) - 1) // np.maximum(nelems, 1) - 1
    return np.clip(tenth, 0, DECILES - 1)
