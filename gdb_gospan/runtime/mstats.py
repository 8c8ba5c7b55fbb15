"""The runtime's own counters, and the results of runtime.ReadMemStats (runtime/mstats.go, mgcpacer.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.mgcpacer import heap_goal
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.proc import Ps
from gdb_gospan.runtime.record import Record

_WRAP = 1 << 64

ADDRESS_SPACE = 1 << 48
"""Bytes of memory that no program has, on any platform: Go's heap addresses have 48 bits at most (malloc.go)."""


def signed(value: int) -> int:
    """Wrap to int64: the counters are sums of deltas that wrap around (mstats.go, heapStatsDelta)."""
    return (value + (1 << 63)) % _WRAP - (1 << 63)


@attrs.frozen(eq=False, repr=False)
class HeapStats:
    """consistentHeapStats: the sum of its three generations, as ReadMemStats merges them.

    Bytes unless the name says Count. The small counts are int64 arrays by size
    class, shape (68,). ``inPtrScalarBits`` is 0 since Go 1.25, which has none.
    """

    committed: int
    released: int
    inHeap: int
    inStacks: int
    inWorkBufs: int
    inPtrScalarBits: int
    tinyAllocCount: int
    largeAlloc: int
    largeAllocCount: int
    largeFree: int
    largeFreeCount: int
    smallAllocCount: Any
    smallFreeCount: Any


def read_heap_stats(memstats: Record) -> HeapStats:
    """Merge the generations; the array of them is inside runtime.memstats."""
    struct = memstats.layout["heapStatsDelta"]
    count = memstats.struct["heapStats.stats"].count or 0
    deltas = [memstats.inner("heapStats.stats", struct, index) for index in range(count)]
    scalars: dict[str, Any] = {
        field.name: signed(sum(delta[field.name] for delta in deltas)) if field.name in struct else 0
        for field in attrs.fields(HeapStats)
        if not field.name.startswith("small")
    }
    small: dict[str, Any] = {
        name: np.sum([delta.array(name) for delta in deltas], axis=0, dtype=np.int64)
        for name in ("smallAllocCount", "smallFreeCount")
    }
    return HeapStats(**scalars, **small)


@attrs.frozen(eq=False, repr=False)
class Flush:
    """What ReadMemStats' flush of all mcaches adds to the counters first (mcache.go, releaseAll).

    Attributes
    ----------
    small_allocs
        int64 (68,): allocations from cached spans that are not counted yet, by size class.
    tiny_allocs
        Tiny allocations that are not counted yet.
    complete
        False when an mcache or a span descriptor, that of a cached span maybe, could not be read.
    """

    small_allocs: Any
    tiny_allocs: int
    complete: bool

    @property
    def pending_bytes(self) -> int:
        """Bytes of those allocations."""
        return int((self.small_allocs * sizeclasses.sizes()).sum())


def unflushed(spans: Spans, ps: Ps) -> Flush:
    """Compute the flush without performing it."""
    rows = np.flatnonzero(ps.cached(spans))
    columns = spans.records
    pending = columns.at("allocCount", rows) - columns.at("allocCountBeforeCache", rows)
    small = np.zeros(sizeclasses.COUNT, np.int64)
    classes = np.clip(columns.at("spanclass", rows) >> 1, 0, sizeclasses.COUNT - 1)
    np.add.at(small, classes, pending)
    return Flush(small, ps.tiny_allocs, complete=spans.complete and ps.complete)


_COUNTED_AFTER_THE_FLUSH = (
    "Alloc",
    "TotalAlloc",
    "Mallocs",
    "Frees",
    "HeapAlloc",
    "HeapObjects",
    "NextGC",
    "BySize",
)
_BY_SIZE = 61
"""Rows of MemStats.BySize; there are more size classes (mstats.go, readmemstats_m)."""


def mem_stats(
    memstats: Record, controller: Record, heap: HeapStats, flush: Flush, fixallocs: Mapping[str, int]
) -> dict[str, Any]:
    """Compute runtime.MemStats as ReadMemStats would now, under Go's own names.

    Bytes, counts and nanoseconds as in Go's documentation of MemStats; the
    formulas are those of mstats.go, readmemstats_m, the same in Go 1.19 to 1.27.
    Not simulated: the flush may also return stacks and take new spanSet spines,
    which moves bytes between StackInuse and HeapIdle, and OtherSys and GCSys.
    Fields that count what the mcaches hold are None when not all of that is known.

    Parameters
    ----------
    fixallocs
        Bytes in use by fixalloc name.
    """
    sizes = sizeclasses.sizes()
    allocated = heap.smallAllocCount + flush.small_allocs
    freed = heap.smallFreeCount
    tiny = heap.tinyAllocCount + flush.tiny_allocs
    total_alloc = heap.largeAlloc + int((allocated * sizes).sum())
    total_free = heap.largeFree + int((freed * sizes).sum())
    mallocs = heap.largeAllocCount + int(allocated.sum()) + tiny
    frees = heap.largeFreeCount + int(freed.sum()) + tiny
    in_use, free, released = controller["heapInUse"], controller["heapFree"], controller["heapReleased"]
    gc_sys = memstats["gcMiscSys"] + heap.inWorkBufs + heap.inPtrScalarBits
    stack_sys = heap.inStacks + memstats["stacks_sys"]
    heap_sys = in_use + free + released
    heap_alloc = total_alloc - total_free
    stats: dict[str, Any] = {
        "Alloc": heap_alloc,
        "TotalAlloc": total_alloc,
        "Sys": heap_sys + stack_sys + memstats["mspan_sys"] + memstats["mcache_sys"]
        + memstats["buckhash_sys"] + gc_sys + memstats["other_sys"],
        "Lookups": 0,
        "Mallocs": mallocs,
        "Frees": frees,
        "HeapAlloc": heap_alloc,
        "HeapSys": heap_sys,
        "HeapIdle": free + released,
        "HeapInuse": in_use,
        "HeapReleased": released,
        "HeapObjects": mallocs - frees,
        "StackInuse": heap.inStacks,
        "StackSys": stack_sys,
        "MSpanInuse": fixallocs["spanalloc"],
        "MSpanSys": memstats["mspan_sys"],
        "MCacheInuse": fixallocs["cachealloc"],
        "MCacheSys": memstats["mcache_sys"],
        "BuckHashSys": memstats["buckhash_sys"],
        "GCSys": gc_sys,
        "OtherSys": memstats["other_sys"],
        "NextGC": heap_goal(controller, flush.pending_bytes),
        "LastGC": memstats["last_gc_unix"],
        "PauseTotalNs": memstats["pause_total_ns"],
        "PauseNs": memstats.array("pause_ns").view(np.uint64).tolist(),
        "PauseEnd": memstats.array("pause_end").view(np.uint64).tolist(),
        "NumGC": memstats["numgc"],
        "NumForcedGC": memstats["numforcedgc"],
        "GCCPUFraction": memstats["gc_cpu_fraction"],
        "EnableGC": True,
        "DebugGC": False,
        "BySize": [
            {"Size": size, "Mallocs": mallocs, "Frees": frees}
            for size, mallocs, frees in zip(sizes.tolist(), allocated.tolist(), freed.tolist(), strict=True)
        ][:_BY_SIZE],
    }  # fmt: skip
    if not flush.complete:
        stats.update(dict.fromkeys(_COUNTED_AFTER_THE_FLUSH))
    return stats


_NOW = (
    "Alloc", "Sys", "HeapAlloc", "HeapSys", "HeapIdle", "HeapInuse", "HeapReleased", "StackInuse", "StackSys", "MSpanInuse",
    "MSpanSys", "MCacheInuse", "MCacheSys", "BuckHashSys", "GCSys", "OtherSys",
)  # fmt: skip
"""Bytes that there are now; the others only grow."""


def possible(stats: Mapping[str, Any]) -> dict[str, Any]:
    """Return these MemStats with None for impossible values: negative, or larger than the address space.

    The counters of damaged memory add up to that; ReadMemStats itself would return it, as unsigned numbers.
    """
    most = dict.fromkeys(_NOW, ADDRESS_SPACE) | dict.fromkeys(
        ("TotalAlloc", "Mallocs", "Frees", "HeapObjects"), 1 << 63
    )
    shown = {name: within(value, most[name]) if name in most else value for name, value in stats.items()}
    shown["NextGC"] = within(stats["NextGC"])
    fraction = stats["GCCPUFraction"]
    shown["GCCPUFraction"] = abs(fraction) if 0 <= fraction <= 1 else None  # NaN is not, and -0.0 is
    if stats["BySize"] is not None:
        shown["BySize"] = [{key: within(value) for key, value in row.items()} for row in stats["BySize"]]
    return shown


def within(value: int | None, whole: int | None = None) -> int | None:
    """Return a number if it is possible, from 0 to its whole; otherwise None."""
    if value is None or value < 0 or (whole is not None and value > whole):
        return None
    return value
