"""Where the memory went: accounts in bytes that add up to Sys."""

from __future__ import annotations

import attrs

from gdb_gospan.analysis.occupancy import classes
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.analysis.span_overhead import decided, unswept_garbage
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import CACHED, CACHED_RELEASED, FREE, PADDING, RELEASED
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within


@attrs.frozen(eq=False, repr=False)
class Accounts:
    """Bytes by what they are used for; each a lower bound unless ``complete``.

    The first five and ``contradictory`` are the bytes of spans in use (HeapInuse), the next two the
    free pages (HeapIdle), the rest is outside HeapSys. None is what cannot be: less than nothing,
    more than Sys, or a Sys of more than there are addresses. A check then is broken. A page that is
    allocated and of no span is in none of them: it is in flight, or its span was not found.

    Attributes
    ----------
    objects
        Slots that hold an object, as far as is known reachable at the last cycle.
    garbage_unswept
        Slots that the last cycle found dead and that are not swept yet. Like ``objects`` None where it is not known
        which spans are swept.
    free_slots
        Slots free for allocation in spans in use: in-span fragmentation.
    span_metadata
        Heap bits (Go 1.22 on) and inline mark bits (Green Tea) inside spans.
    tail
        Bytes of a span too few for another slot.
    contradictory
        Spans in use whose descriptor contradicts itself: what they hold is not known.
    idle_retained, idle_released
        Free pages kept, and returned to the OS or never touched. The padding
        before a randomised heap base (1.26 on) counts as released, as the runtime counts it.
    stacks, os_thread_stacks
        Goroutine stacks (StackInuse), and thread stacks that the runtime allocated.
    mspan, mcache, gc, work_buffers, profiling_buckets, other
        The runtime's metadata: MSpanSys, MCacheSys, GCSys in two parts, BuckHashSys, OtherSys.
    remainder
        Sys less everything above that is known: 0 in a quiet stop; what is in flight in a live one, or not
        known; less than 0 when the accounts exceed Sys. None without Sys.
    sys
        MemStats.Sys.
    complete
        False when something that counts here could not be read.
    """

    objects: int | None
    garbage_unswept: int | None
    free_slots: int | None
    span_metadata: int | None
    tail: int | None
    idle_retained: int | None
    idle_released: int | None
    stacks: int | None
    os_thread_stacks: int | None
    mspan: int | None
    mcache: int | None
    gc: int | None
    work_buffers: int | None
    profiling_buckets: int | None
    other: int | None
    contradictory: int | None
    remainder: int | None
    sys: int | None
    complete: bool


def accounts(heap: Heap, *, generation_known: bool = True) -> Accounts:
    """Add up the whole of Sys from the spans, the pages and the runtime's counters.

    Parameters
    ----------
    generation_known
        mheap.sweepgen is that of the cycles that there were; else nothing tells which spans are swept.
    """
    spans, kinds, table = heap.spans, heap.page_kinds, classes(heap)
    columns, marks = spans.records, heap.unswept_marks
    sound = (spans.counted & ~shapes(heap).contradictory)[marks.rows]
    garbage = int(unswept_garbage(heap)[sound].sum())
    # Objects or garbage, but which: then neither, so that both stay lower bounds.
    open_rows = marks.rows[sound & ~decided(heap)]
    undecided = int((columns.at("allocCount", open_rows) * columns["elemsize"][open_rows]).sum())
    memstats = heap.memstats
    parts = {
        "objects": int(table.object_bytes.sum()) - garbage - undecided,
        "garbage_unswept": garbage,
        "free_slots": int(table.free_bytes.sum()),
        "span_metadata": int(table.metadata_bytes.sum()),
        "tail": int(table.tail_bytes.sum()),
        "idle_retained": kinds.nbytes(FREE, CACHED),
        "idle_released": kinds.nbytes(RELEASED, CACHED_RELEASED, PADDING),
        "stacks": spans.total_bytes(spans.stack),
        "os_thread_stacks": memstats["stacks_sys"],
        "mspan": memstats["mspan_sys"],
        "mcache": memstats["mcache_sys"],
        "gc": memstats["gcMiscSys"],
        "work_buffers": spans.total_bytes(spans.work_buffer),
        "profiling_buckets": memstats["buckhash_sys"],
        "other": memstats["other_sys"],
        "contradictory": int(table.contradictory_bytes.sum()),
    }
    total = within(heap.mem_stats["Sys"], ADDRESS_SPACE)
    known = {name: within(value, ADDRESS_SPACE if total is None else total) for name, value in parts.items()}
    if not generation_known:
        known |= {"objects": None, "garbage_unswept": None}
    remainder = None if total is None else total - sum(value or 0 for value in known.values())
    return Accounts(**known, remainder=remainder, sys=total, complete=complete(heap))


def complete(heap: Heap) -> bool:
    """All that counts in the accounts could be read."""
    spans = heap.spans
    unmapped = (spans.in_use | spans.manual) & ~heap.span_map.known
    known = heap.pages.known.all() and heap.unswept_marks.known.all() and not unmapped.any()
    return spans.complete and heap.ps.complete and bool(known)
