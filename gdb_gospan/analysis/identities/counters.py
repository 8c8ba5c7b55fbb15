"""The identities between what is walked and the runtime's counters; each exact in a quiet stop, Go 1.19 to 1.27."""

from __future__ import annotations

import numpy as np

from gdb_gospan.analysis.identity import Finding, Identities
from gdb_gospan.analysis.notes import Note
from gdb_gospan.analysis.occupancy import SLOTS, SPAN_CLASSES, slots_by_class
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import CACHED, CACHED_RELEASED, FREE, IN_FLIGHT, PADDING, RELEASED
from gdb_gospan.runtime.mstats import signed

IDENTITIES = Identities()


def _walked(heap: Heap, name: str) -> int:
    """Total over all classes."""
    return int(slots_by_class(heap)[SLOTS.index(name)].sum())


@IDENTITIES.enter("heap-inuse", "error", "in use", "page bytes", "bytes of spans in use = HeapInuse")
def _heap_inuse(heap: Heap) -> Finding:
    return Finding(heap.controller["heapInUse"], _walked(heap, "span_bytes"))


@IDENTITIES.enter("heap-alloc", "error", "objects", "object bytes", "bytes of allocated slots = HeapAlloc")
def _heap_alloc(heap: Heap) -> Finding:
    return Finding(heap.mem_stats["HeapAlloc"], _walked(heap, "object_bytes"))


@IDENTITIES.enter("heap-objects", "error", "objects", "objects", "allocated slots = HeapObjects")
def _heap_objects(heap: Heap) -> Finding:
    return Finding(heap.mem_stats["HeapObjects"], _walked(heap, "objects"))


@IDENTITIES.enter(
    "class-objects",
    "error",
    "objects",
    "classes",
    "size classes whose allocated slots = allocations less frees",
)
def _class_objects(heap: Heap) -> Finding:
    stats = heap.stats
    objects = slots_by_class(heap)[SLOTS.index("objects")]
    sizeclass = np.clip(np.arange(SPAN_CLASSES) >> 1, 0, sizeclasses.COUNT - 1)
    walked = np.zeros(sizeclasses.COUNT, np.int64)
    np.add.at(walked, sizeclass, objects)
    counters = stats.smallAllocCount + heap.flush.small_allocs - stats.smallFreeCount
    counters[0] = signed(stats.largeAllocCount - stats.largeFreeCount)
    wrong = np.flatnonzero(walked != counters)
    where = None
    if len(wrong):
        first = int(wrong[0])
        params = {"sizeclass": first, "counted": int(counters[first]), "found": int(walked[first])}
        where = Note("wrong-size-class", params)
    return Finding(len(walked), len(walked) - len(wrong), where)


@IDENTITIES.enter(
    "heap-free", "error", "pages", "page bytes", "bytes of free pages kept = HeapIdle - HeapReleased"
)
def _heap_free(heap: Heap) -> Finding:
    # In-flight pages count as free until their span is counted (mheap.go, allocSpan).
    return Finding(heap.controller["heapFree"], heap.page_kinds.nbytes(FREE, CACHED, IN_FLIGHT))


@IDENTITIES.enter(
    "heap-released", "error", "pages", "page bytes", "bytes of pages returned or never touched = HeapReleased"
)
def _heap_released(heap: Heap) -> Finding:
    return Finding(
        heap.controller["heapReleased"], heap.page_kinds.nbytes(RELEASED, CACHED_RELEASED, PADDING)
    )


@IDENTITIES.enter("stacks", "error", "pages", "page bytes", "bytes of stack spans = StackInuse")
def _stacks(heap: Heap) -> Finding:
    return Finding(heap.stats.inStacks, heap.spans.total_bytes(heap.spans.stack))


@IDENTITIES.enter(
    "work-buffers", "error", "pages", "page bytes", "bytes of other manual spans = GC work buffers"
)
def _work_buffers(heap: Heap) -> Finding:
    counters = heap.stats.inWorkBufs + heap.stats.inPtrScalarBits
    return Finding(counters, heap.spans.total_bytes(heap.spans.work_buffer))


@IDENTITIES.enter(
    "address-space",
    "error",
    "pages",
    "page bytes",
    "bytes of the page allocator's ranges = HeapSys and manual spans",
)
def _address_space(heap: Heap) -> Finding:
    stats, spans = heap.stats, heap.spans
    # User arena chunks lie outside the page allocator (arena.go).
    arenas = spans.total_bytes(spans.user_arena & ~spans.quarantined)
    manual = stats.inStacks + stats.inWorkBufs + stats.inPtrScalarBits
    return Finding(heap.mem_stats["HeapSys"] + manual - arenas, heap.pages.nbytes)


@IDENTITIES.enter(
    "page-ranges",
    "error",
    "ranges",
    "page bytes",
    "bytes of the page allocator's ranges = pages.inUse.totalBytes",
)
def _page_ranges(heap: Heap) -> Finding:
    return Finding(heap.mheap["pages.inUse.totalBytes"], heap.pages.nbytes)


@IDENTITIES.enter("committed", "error", "mapped", "mapped bytes", "mappedReady = Sys - HeapReleased")
def _mapped_ready(heap: Heap) -> Finding:
    return Finding(heap.mem_stats["Sys"] - heap.controller["heapReleased"], heap.controller["mappedReady"])


@IDENTITIES.enter(
    "heap-stats", "error", "pages", "page bytes", "heapStats.committed = what the other counters add up to"
)
def _heap_stats(heap: Heap) -> Finding:
    stats, controller = heap.stats, heap.controller
    parts = (
        controller["heapInUse"],
        controller["heapFree"],
        stats.inStacks,
        stats.inWorkBufs,
        stats.inPtrScalarBits,
    )
    return Finding(sum(parts), stats.committed)


@IDENTITIES.enter("heap-stats-inuse", "error", "in use", "page bytes", "heapStats.inHeap = heapInUse")
def _heap_stats_in_use(heap: Heap) -> Finding:
    return Finding(heap.controller["heapInUse"], heap.stats.inHeap)


@IDENTITIES.enter("heap-stats-released", "error", "pages", "page bytes", "heapStats.released = heapReleased")
def _heap_stats_released(heap: Heap) -> Finding:
    return Finding(heap.controller["heapReleased"], heap.stats.released)
