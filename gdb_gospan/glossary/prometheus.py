"""Prometheus' names of the figures: go_memstats_*, as its Go client exports them."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

# Name after go_memstats_: the field of runtime.MemStats, what runtime/metrics has in its place, whether mcaches hold part of it back.
_NAMES = {
    "alloc_bytes": ("Alloc", "/memory/classes/heap/objects:bytes", True),
    "alloc_bytes_total": ("TotalAlloc", "/gc/heap/allocs:bytes", True),
    "buck_hash_sys_bytes": ("BuckHashSys", "/memory/classes/profiling/buckets:bytes", False),
    "frees_total": ("Frees", "/gc/heap/frees:objects + /gc/heap/tiny/allocs:objects", True),
    "gc_sys_bytes": ("GCSys", "/memory/classes/metadata/other:bytes", False),
    "heap_alloc_bytes": ("HeapAlloc", "/memory/classes/heap/objects:bytes", True),
    "heap_idle_bytes": ("HeapIdle", "/memory/classes/heap/released:bytes + /memory/classes/heap/free:bytes", False),
    "heap_inuse_bytes": ("HeapInuse", "/memory/classes/heap/objects:bytes + /memory/classes/heap/unused:bytes", False),
    "heap_objects": ("HeapObjects", "/gc/heap/objects:objects", True),
    "heap_released_bytes": ("HeapReleased", "/memory/classes/heap/released:bytes", False),
    "heap_sys_bytes": ("HeapSys", "the four /memory/classes/heap of HeapInuse and HeapIdle", False),
    "last_gc_time_seconds": ("LastGC", "in seconds; of debug.ReadGCStats", False),
    "lookups_total": ("Lookups", "always 0", False),
    "mallocs_total": ("Mallocs", "/gc/heap/allocs:objects + /gc/heap/tiny/allocs:objects", True),
    "mcache_inuse_bytes": ("MCacheInuse", "/memory/classes/metadata/mcache/inuse:bytes", False),
    "mcache_sys_bytes": ("MCacheSys", "/memory/classes/metadata/mcache/inuse:bytes + free", False),
    "mspan_inuse_bytes": ("MSpanInuse", "/memory/classes/metadata/mspan/inuse:bytes", False),
    "mspan_sys_bytes": ("MSpanSys", "/memory/classes/metadata/mspan/inuse:bytes + free", False),
    "next_gc_bytes": ("NextGC", "/gc/heap/goal:bytes", False),
    "other_sys_bytes": ("OtherSys", "/memory/classes/other:bytes", False),
    "stack_inuse_bytes": ("StackInuse", "/memory/classes/heap/stacks:bytes", False),
    "stack_sys_bytes": ("StackSys", "/memory/classes/heap/stacks:bytes + /memory/classes/os-stacks:bytes", False),
    "sys_bytes": ("Sys", "/memory/classes/total:bytes", False),
    "gc_cpu_fraction": ("GCCPUFraction", "none; newer clients do not export it", False),
}  # fmt: skip

_LAGS = (
    "MemStats, which flushes the Ps' caches first: runtime/metrics does not, and lacks the allocations from spans that Ps have "
    "cached (go-spans memstats says how much that is now)"
)

PROMETHEUS: tuple[Term, ...] = (
    Term(
        "runtime/metrics",
        "the runtime's figures without stopping the program, which Prometheus' Go client exports as go_memstats_* and go_*.",
        "the counters of heapStats as they are: an allocation counts when its P gives the span back or takes another",
        (
            go("metrics.go", "heapStatsAggregate.inObjects compute()"),
            go("mcache.go", "refill() releaseAll()"),
        ),
        unlike="runtime.ReadMemStats, which stops the world and flushes the Ps' caches first: HeapAlloc, HeapObjects, TotalAlloc and "
        "Mallocs are higher there, by the amounts that go-spans memstats prints",
        covers=("memstats/runtime/metrics",),
        aliases=("Prometheus", "metrics", "go_memstats", "client_golang"),
    ),
    *(
        Term(
            f"go_memstats_{name}",
            f"Prometheus' name of MemStats.{field}.",
            metric,
            (go("mstats.go", f"MemStats.{field}"),),
            unlike=_LAGS if lags else "",
        )
        for name, (field, metric, lags) in _NAMES.items()
    ),
)
