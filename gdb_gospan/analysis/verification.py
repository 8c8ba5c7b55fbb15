"""Every identity that ties the walk to the runtime's own counters.

Each holds to the byte in a quiet stop, in Go 1.19 to 1.27. A broken one is said
to be broken unless the target itself shows why: then it is a transient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import attrs
import numpy as np

from gdb_gospan.analysis.accounting import counted, span_metadata
from gdb_gospan.analysis.transients import Family, Frames, Transient, transients
from gdb_gospan.runtime import mspan, sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import CACHED, CACHED_RELEASED, FREE, FREEING, IN_FLIGHT, PADDING, RELEASED
from gdb_gospan.runtime.record import Mask

Status = Literal["exact", "transient", "broken", "unknown"]
Severity = Literal["error", "warning"]


@attrs.frozen
class Check:
    """The outcome of one identity.

    Attributes
    ----------
    code
        Stable name, such as ``heap-inuse``.
    severity
        ``error``: figures depend on it; ``warning``: a side table disagrees.
    expected, observed
        What the runtime's counters say, and what the walk found; None when not known.
    subject
        What the two numbers are.
    note
        For a transient, what was going on; for a broken one, where to look.
    """

    code: str
    severity: Severity
    status: Status
    subject: str
    expected: int | None
    observed: int | None
    note: str = ""


@attrs.frozen
class _Finding:
    expected: int | None
    observed: int
    where: str = ""


_Identity = Callable[[Heap], _Finding]


class _Entry(NamedTuple):
    code: str
    severity: Severity
    family: Family
    subject: str
    find: _Identity


_IDENTITIES: list[_Entry] = []


def _identity(
    code: str, severity: Severity, family: Family, subject: str
) -> Callable[[_Identity], _Identity]:
    def register(function: _Identity) -> _Identity:
        _IDENTITIES.append(_Entry(code, severity, family, subject, function))
        return function

    return register


def verify(heap: Heap, frames: Frames | None = None) -> tuple[Check, ...]:
    """Check every identity, in a fixed order.

    Parameters
    ----------
    frames
        How to learn where the threads stand; asked only when something is off.
    """
    findings = [(entry, entry.find(heap)) for entry in _IDENTITIES]
    complete = not heap.spans.lost and not heap.reader.losses.nbytes
    off = any(finding.expected != finding.observed for _, finding in findings)
    seen = transients(heap, frames) if off and complete else ()
    return tuple(_judge(entry, finding, seen, complete=complete) for entry, finding in findings)


def _judge(entry: _Entry, finding: _Finding, seen: tuple[Transient, ...], *, complete: bool) -> Check:
    status: Status = "exact"
    note = ""
    if not complete:
        status, note = "unknown", "part of the memory could not be read"
    elif finding.expected != finding.observed:
        reasons = [reason for transient in seen if (reason := transient.explains(entry.family))]
        status, note = ("transient", "; ".join(reasons)) if reasons else ("broken", finding.where)
    return Check(entry.code, entry.severity, status, entry.subject, finding.expected, finding.observed, note)


def _total(heap: Heap, column: str, rows: Mask) -> int:
    return int(heap.spans.records[column][rows].sum())


def _count(mask: Mask) -> int:
    return int(np.count_nonzero(mask))


def _all_of(heap: Heap, rows: Mask, wrong: Mask) -> _Finding:
    """Build the finding for a property that every span in ``rows`` must have."""
    bad = np.flatnonzero(rows & wrong)
    where = f"first: span descriptor {int(heap.spans.addresses[bad[0]]):#x}" if len(bad) else ""
    return _Finding(_count(rows), _count(rows) - len(bad), where)


# Bytes and objects.


@_identity("heap-inuse", "error", "pages", "bytes of spans in use = HeapInuse")
def _heap_inuse(heap: Heap) -> _Finding:
    return _Finding(heap.controller["heapInUse"], int(heap.spans.nbytes[counted(heap.spans)].sum()))


@_identity("heap-alloc", "error", "objects", "bytes of allocated slots = HeapAlloc")
def _heap_alloc(heap: Heap) -> _Finding:
    columns, rows = heap.spans.records, counted(heap.spans)
    return _Finding(
        heap.mem_stats["HeapAlloc"], int((columns["allocCount"] * columns["elemsize"])[rows].sum())
    )


@_identity("heap-objects", "error", "objects", "allocated slots = HeapObjects")
def _heap_objects(heap: Heap) -> _Finding:
    return _Finding(heap.mem_stats["HeapObjects"], _total(heap, "allocCount", counted(heap.spans)))


@_identity(
    "class-objects", "error", "objects", "allocated slots = allocations less frees, in each size class"
)
def _class_objects(heap: Heap) -> _Finding:
    spans, stats = heap.spans, heap.stats
    rows = counted(spans)
    walked = np.bincount(
        np.clip(spans.sizeclass[rows], 0, sizeclasses.COUNT - 1),
        weights=spans.records["allocCount"][rows],
        minlength=sizeclasses.COUNT,
    ).astype(np.int64)
    counters = stats.smallAllocCount + heap.flush.small_allocs - stats.smallFreeCount
    counters[0] = stats.largeAllocCount - stats.largeFreeCount
    wrong = np.flatnonzero(walked != counters)
    where = (
        f"first: size class {wrong[0]}, {counters[wrong[0]]} by the counters, {walked[wrong[0]]} found"
        if len(wrong)
        else ""
    )
    return _Finding(len(walked), len(walked) - len(wrong), where)


@_identity("heap-free", "error", "pages", "bytes of free pages kept = HeapIdle - HeapReleased")
def _heap_free(heap: Heap) -> _Finding:
    # In-flight pages count as free until their span is counted (mheap.go, allocSpan).
    return _Finding(heap.controller["heapFree"], heap.page_kinds.nbytes(FREE, CACHED, IN_FLIGHT))


@_identity("heap-released", "error", "pages", "bytes of pages released = HeapReleased")
def _heap_released(heap: Heap) -> _Finding:
    return _Finding(
        heap.controller["heapReleased"], heap.page_kinds.nbytes(RELEASED, CACHED_RELEASED, PADDING)
    )


@_identity("stacks", "error", "pages", "bytes of stack spans = StackInuse")
def _stacks(heap: Heap) -> _Finding:
    return _Finding(heap.stats.inStacks, int(heap.spans.nbytes[heap.spans.stack].sum()))


@_identity("work-buffers", "error", "pages", "bytes of other manual spans = GC work buffers")
def _work_buffers(heap: Heap) -> _Finding:
    counters = heap.stats.inWorkBufs + heap.stats.inPtrScalarBits
    return _Finding(counters, int(heap.spans.nbytes[heap.spans.work_buffer].sum()))


@_identity(
    "address-space", "error", "pages", "bytes of the page allocator's ranges = HeapSys and manual spans"
)
def _address_space(heap: Heap) -> _Finding:
    stats, spans = heap.stats, heap.spans
    # User arena chunks lie outside the page allocator (arena.go).
    arenas = int(spans.nbytes[spans.user_arena & ~spans.quarantined].sum())
    manual = stats.inStacks + stats.inWorkBufs + stats.inPtrScalarBits
    return _Finding(heap.mem_stats["HeapSys"] + manual - arenas, heap.pages.nbytes)


@_identity("page-ranges", "error", "pages", "bytes of the page allocator's ranges = pages.inUse.totalBytes")
def _page_ranges(heap: Heap) -> _Finding:
    return _Finding(heap.mheap["pages.inUse.totalBytes"], heap.pages.nbytes)


@_identity("committed", "error", "pages", "mappedReady = Sys - HeapReleased")
def _mapped_ready(heap: Heap) -> _Finding:
    return _Finding(heap.mem_stats["Sys"] - heap.controller["heapReleased"], heap.controller["mappedReady"])


@_identity("heap-stats", "error", "pages", "heapStats.committed = what the other counters add up to")
def _heap_stats(heap: Heap) -> _Finding:
    stats, controller = heap.stats, heap.controller
    parts = (
        controller["heapInUse"],
        controller["heapFree"],
        stats.inStacks,
        stats.inWorkBufs,
        stats.inPtrScalarBits,
    )
    return _Finding(sum(parts), stats.committed)


@_identity("heap-stats-inuse", "error", "pages", "heapStats.inHeap = heapInUse")
def _heap_stats_in_use(heap: Heap) -> _Finding:
    return _Finding(heap.controller["heapInUse"], heap.stats.inHeap)


@_identity("heap-stats-released", "error", "pages", "heapStats.released = heapReleased")
def _heap_stats_released(heap: Heap) -> _Finding:
    return _Finding(heap.controller["heapReleased"], heap.stats.released)


# Pages and spans.


@_identity("pages-inuse", "error", "pages", "pages of spans in use = mheap_.pagesInUse")
def _pages_in_use(heap: Heap) -> _Finding:
    return _Finding(heap.mheap["pagesInUse"], _total(heap, "npages", counted(heap.spans)))


@_identity("page-owners", "error", "owners", "pages of the heap that at most one span claims")
def _page_owners(heap: Heap) -> _Finding:
    return _Finding(len(heap.pages), len(heap.pages) - heap.page_kinds.shared)


@_identity("page-bits", "error", "pages", "pages of spans that the bitmap has as allocated")
def _page_bits(heap: Heap) -> _Finding:
    owned = _count(heap.page_kinds.owner >= 0)
    return _Finding(owned, owned - int(heap.page_kinds.counts[FREEING]))


@_identity("span-map", "error", "pages", "spans that heapArena.spans names at both ends")
def _span_map(heap: Heap) -> _Finding:
    live = heap.spans.in_use | heap.spans.manual
    return _all_of(heap, live, ~heap.span_map.agrees)


@_identity("page-in-use-bits", "warning", "pages", "bits set in heapArena.pageInUse = spans in use")
def _page_in_use_bits(heap: Heap) -> _Finding:
    return _Finding(_count(heap.spans.in_use), heap.span_map.pages_in_use)


@_identity(
    "span-slots", "error", "slots", "spans whose allocCount = freeindex + set bits of allocBits after it"
)
def _span_slots(heap: Heap) -> _Finding:
    spans = heap.spans
    rows = np.flatnonzero(counted(spans))
    slots = mspan.allocated_slots(heap.reader, spans, rows)
    wrong = np.zeros(len(spans), np.bool_)
    wrong[rows] = slots.known & (slots.counts != spans.records["allocCount"][rows])
    return _all_of(heap, counted(spans), wrong)


@_identity(
    "span-elems", "error", "pages", "spans of small objects whose nelems and elemsize follow from their class"
)
def _span_elems(heap: Heap) -> _Finding:
    spans, columns = heap.spans, heap.spans.records
    small = spans.in_use & (columns["spanclass"] > 1)
    sizeclass = np.clip(spans.sizeclass, 0, sizeclasses.COUNT - 1)
    elemsize = sizeclasses.sizes()[sizeclass]
    npages = np.array(sizeclasses.PAGES, np.int64)[sizeclass]
    nelems = (spans.nbytes - span_metadata(heap)) // np.maximum(elemsize, 1)
    wrong = (columns["elemsize"] != elemsize) | (columns["nelems"] != nelems) | (columns["npages"] != npages)
    if heap.layout.traits.small_span_limit_exact:
        wrong |= columns["limit"] != spans.start + (nelems * elemsize).astype(np.uint64)
    return _all_of(heap, small, wrong)


# Central lists and descriptors.


@_identity(
    "central-lists", "warning", "lists", "spans in use that are in one central list, or cached by one P"
)
def _central_lists(heap: Heap) -> _Finding:
    spans, central = heap.spans, heap.central
    places = np.bincount(central.row[central.valid(spans)], minlength=len(spans))
    places = places + heap.cached
    return _all_of(heap, counted(spans), places != 1)


def _fixalloc(heap: Heap, name: str) -> tuple[int, int, int, int]:
    """Return objects handed out, objects free, bytes of an object, bytes of the chunk left."""
    found = next(entry for entry in heap.fixallocs if entry.name == name)
    free = found.free if found.free is not None else found.free_at_least
    return found.inuse // max(found.size, 1), free, found.size, found.chunk_left


@_identity("spanalloc-objects", "error", "pages", "spanalloc in use and free = descriptors in allspans")
def _spanalloc_objects(heap: Heap) -> _Finding:
    used, free, _, _ = _fixalloc(heap, "spanalloc")
    return _Finding(heap.mheap.slice("allspans").length, used + free)


@_identity(
    "spanalloc-inuse",
    "error",
    "pages",
    "spans and the descriptors that Ps and user arenas hold = spanalloc in use",
)
def _spanalloc_in_use(heap: Heap) -> _Finding:
    used, _, _, _ = _fixalloc(heap, "spanalloc")
    live = _count(heap.spans.in_use | heap.spans.manual)
    return _Finding(used, live + heap.ps.mspancache + heap.ready_arena_chunks)


@_identity("mspan-sys", "error", "pages", "bytes of all descriptors and the chunk left = MSpanSys")
def _mspan_sys(heap: Heap) -> _Finding:
    _, _, size, left = _fixalloc(heap, "spanalloc")
    return _Finding(heap.memstats["mspan_sys"], heap.mheap.slice("allspans").length * size + left)


@_identity("mcache-inuse", "warning", "pages", "mcaches that Ps own = MCacheInuse")
def _mcache_in_use(heap: Heap) -> _Finding:
    used, _, _, _ = _fixalloc(heap, "cachealloc")
    return _Finding(used, len(heap.ps.mcaches))


@_identity(
    "gc-cycles", "warning", "pages", "sweep generation = two for each cycle that has reached its sweep"
)
def _gc_cycles(heap: Heap) -> _Finding:
    return _Finding(2 * heap.memstats["numgc"], heap.mheap["sweepgen"])
