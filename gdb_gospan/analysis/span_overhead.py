"""What spans in use hold besides objects: the runtime's own bitmaps, and garbage that waits to be swept."""

from __future__ import annotations

import numpy as np

from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mspan import BEING_SWEPT
from gdb_gospan.runtime.record import I64, Mask


def span_metadata(heap: Heap, rows: I64) -> I64:
    """Bytes inside these spans that the runtime reserves for bitmaps: int64, a row for each.

    Heap bits: one bit per word in spans of pointers up to 512 bytes, 128 on
    32-bit (mbitmap.go, heapBitsInSpan; Go 1.22 on). Inline mark bits: 128 bytes
    (mgcmark_greenteagc.go). User arena chunks: one bit per word, and a type (Go 1.22 on).
    """
    spans, layout = heap.spans, heap.layout
    columns = spans.records
    word = layout.platform.pointer_size
    reserved = np.zeros(len(rows), np.int64)
    spanclass, elemsize, nbytes = (
        columns.at("spanclass", rows),
        columns["elemsize"][rows],
        spans.bytes_of(rows),
    )
    small = spans.in_use[rows] & (spanclass > 1)
    if "largeType" in columns:  # since Go 1.22, when the bitmap moved into the spans
        in_span = small & (elemsize <= word * word * 8) & (spanclass & 1 == 0)
        reserved[in_span] = nbytes[in_span] // (word * 8)
        # A user arena's chunk ends with its bitmap and a type that refers to it (arena.go, userArenaChunkReserveBytes).
        arena = spans.user_arena[rows]
        reserved[arena] = nbytes[arena] // (word * 8) + _type_size(word)
    inline = small & heap.span_map.inline_marks[rows]
    if "spanInlineMarkBits" in layout.structs:
        reserved[inline] += layout["spanInlineMarkBits"].size
    return reserved


def _type_size(word: int) -> int:
    """Bytes of internal/abi.Type: four words and 16 bytes in each release that reserves room for one (type.go)."""
    return 4 * word + 16


def unswept_garbage(heap: Heap) -> I64:
    """Bytes of dead objects in each span that waits to be swept; a row for each row of `Heap.unswept_marks`.

    Right for all but objects with a finalizer, which the sweep revives.
    """
    marks, columns = heap.unswept_marks, heap.spans.records
    rows = marks.rows
    certain = decided(heap) & heap.spans.counted[rows]
    dead = np.where(certain, columns.at("allocCount", rows) - marks.counts, 0)
    return np.maximum(dead, 0) * columns["elemsize"][rows]


def decided(heap: Heap) -> Mask:
    """Which rows of `Heap.unswept_marks` tell garbage from objects: bool.

    While a span is being swept its marks may be fresh already, and its allocCount too (mgcsweep.go, sweep).
    """
    marks = heap.unswept_marks
    certain: Mask = marks.known & (heap.spans.delta[marks.rows] != BEING_SWEPT)
    return certain
