"""Where the memory went: accounts in bytes that add up to Sys."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import CACHED, CACHED_RELEASED, FREE, IN_FLIGHT, PADDING, RELEASED
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import I64


@attrs.frozen
class Accounts:
    """Bytes by what they are used for; each a lower bound unless ``complete``.

    The first five are the bytes of spans in use (HeapInuse), the next two the
    free pages (HeapIdle), the rest is outside HeapSys.

    Attributes
    ----------
    objects
        Slots that hold an object, as far as is known reachable at the last cycle.
    garbage_unswept
        Slots that the last cycle found dead and that are not swept yet.
    free_slots
        Slots free for allocation in spans in use: in-span fragmentation.
    span_metadata
        Heap bits (Go 1.22 on) and inline mark bits (Green Tea) inside spans.
    tail
        Bytes of a span too few for another slot.
    idle_retained, idle_released
        Free pages kept, and returned to the OS or never touched. The padding
        before a randomised heap base (1.26 on) counts as released, as the runtime counts it.
    stacks, os_thread_stacks
        Goroutine stacks (StackInuse), and thread stacks that the runtime allocated.
    mspan, mcache, gc, work_buffers, profiling_buckets, other
        The runtime's metadata: MSpanSys, MCacheSys, GCSys in two parts, BuckHashSys, OtherSys.
    remainder
        Sys less everything above: 0 in a quiet stop; what is in flight in a live one, or not known.
    sys
        MemStats.Sys.
    complete
        False when something that counts here could not be read.
    """

    objects: int
    garbage_unswept: int
    free_slots: int
    span_metadata: int
    tail: int
    idle_retained: int
    idle_released: int
    stacks: int
    os_thread_stacks: int
    mspan: int
    mcache: int
    gc: int
    work_buffers: int
    profiling_buckets: int
    other: int
    remainder: int
    sys: int
    complete: bool


def accounts(heap: Heap) -> Accounts:
    """Add up the whole of Sys from the spans, the pages and the runtime's counters."""
    spans, kinds = heap.spans, heap.page_kinds
    columns = spans.records
    in_use = counted(spans)
    elemsize = columns["elemsize"]
    occupied = _sum(columns["allocCount"] * elemsize, in_use)
    marks, garbage = heap.unswept_marks, int(unswept_garbage(heap).sum())
    # Objects or garbage, but which: then neither, so that both stay lower bounds.
    undecided = _sum((columns["allocCount"] * elemsize)[marks.rows], in_use[marks.rows] & ~marks.known)
    slots = _sum(columns["nelems"] * elemsize, in_use)
    # Without its arena it is not known whether a span has mark bits inside.
    mapped = in_use & heap.span_map.known
    metadata = _sum(span_metadata(heap), mapped)
    memstats = heap.memstats
    parts = {
        "objects": occupied - garbage - undecided,
        "garbage_unswept": garbage,
        "free_slots": slots - occupied,
        "span_metadata": metadata,
        "tail": _sum(spans.nbytes - columns["nelems"] * elemsize, mapped) - metadata,
        "idle_retained": kinds.nbytes(FREE, CACHED, IN_FLIGHT),
        "idle_released": kinds.nbytes(RELEASED, CACHED_RELEASED, PADDING),
        "stacks": _sum(spans.nbytes, spans.stack),
        "os_thread_stacks": memstats["stacks_sys"],
        "mspan": memstats["mspan_sys"],
        "mcache": memstats["mcache_sys"],
        "gc": memstats["gcMiscSys"],
        "work_buffers": _sum(spans.nbytes, spans.work_buffer),
        "profiling_buckets": memstats["buckhash_sys"],
        "other": memstats["other_sys"],
    }
    total = heap.mem_stats["Sys"]
    remainder = total - sum(parts.values())
    known = (heap.pages.known, marks.known, heap.span_map.known[spans.in_use | spans.manual])
    complete = spans.complete and heap.ps.complete and all(bool(column.all()) for column in known)
    return Accounts(**parts, remainder=remainder, sys=total, complete=complete)


def counted(spans: Spans) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """In-use spans that HeapInuse counts: all but quarantined user arena chunks."""
    return spans.in_use & ~spans.quarantined


def span_metadata(heap: Heap) -> I64:
    """Bytes inside each span that the runtime reserves for bitmaps; a column for all spans.

    Heap bits: one bit per word in spans of pointers up to 512 bytes, 128 on
    32-bit (mbitmap.go, heapBitsInSpan; Go 1.22 on). Inline mark bits: 128 bytes
    (mgcmark_greenteagc.go).
    """
    spans, layout = heap.spans, heap.layout
    columns = spans.records
    word = layout.platform.pointer_size
    reserved = np.zeros(len(spans), np.int64)
    small = spans.in_use & (columns["spanclass"] > 1)
    if "largeType" in columns:  # since Go 1.22, when the bitmap moved into the spans
        in_span = small & (columns["elemsize"] <= word * word * 8) & (columns["spanclass"] & 1 == 0)
        reserved[in_span] = spans.nbytes[in_span] // (word * 8)
    inline = small & heap.span_map.inline_marks
    if "spanInlineMarkBits" in layout.structs:
        reserved[inline] += layout["spanInlineMarkBits"].size
    return reserved


def unswept_garbage(heap: Heap) -> I64:
    """Bytes of dead objects in each span that waits to be swept; a row for each row of `unswept_marks`.

    Right for all but objects with a finalizer, which the sweep revives.
    """
    marks, columns = heap.unswept_marks, heap.spans.records
    rows = marks.rows
    certain = marks.known & counted(heap.spans)[rows]
    dead = np.where(certain, columns["allocCount"][rows] - marks.counts, 0)
    return np.maximum(dead, 0) * columns["elemsize"][rows]


def _sum(column: I64, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    return int(column[rows].sum())
