"""Names and rules that articles give to the span layer, and the facts."""

from __future__ import annotations

from gdb_gospan.glossary.term import Source, Term
from gdb_gospan.glossary.term import in_runtime as go

POPULAR: tuple[Term, ...] = (
    Term(
        "fragmentation",
        "one percentage that says how bad it is.",
        truth="five things, each with its own base and its own cure: in-span (free slots in spans in use), tail and bitmaps "
        "inside spans, idle retained (free pages kept), contiguity (free pages that no large span fits), huge-page "
        "(resident only as part of a huge page).",
        sources=(go("mstats.go", "MemStats.HeapInuse MemStats.HeapAlloc MemStats.HeapIdle MemStats.HeapReleased"),),
        aliases=("frag", "fragmentation ratio"),
    ),
    Term(
        "fragmentation above 35 %",
        "a heap is fragmented and needs action when Sys - Alloc is more than 35 % of it, or 1 GB.",
        truth="no such threshold exists. Sys - Alloc counts memory already returned to the OS, garbage that GOGC "
        "allows for, stacks and "
        "metadata; with GOGC 100 a healthy heap may be half garbage. Compare Sys - HeapReleased with RSS, then look at the accounts.",
        sources=(go("mstats.go", "MemStats.Sys MemStats.HeapReleased"),),
        aliases=("35 %", "35 percent", "Sys - Alloc", "Sys - (Alloc + TotalAlloc)"),
    ),
    Term(
        "GC frequency up 50 %",
        "a collector that runs half as often again as before is a sign of fragmentation.",
        truth="how often it runs follows from the rate of allocation, the live heap and GOGC or GOMEMLIMIT, and free slots change "
        "none of them. A rate that matters is that of a heap at its memory limit: go-spans doctor calls it limit-thrashing, and "
        "go-spans gc has cycles a second.",
        sources=(go("mgcpacer.go", "heapGoal()"),),
        aliases=("GC frequency", "GC frequency +50 %", "health table"),
    ),
    Term(
        "(HeapSys - HeapInuse) / HeapSys",
        "the fragmentation rate.",
        truth="it is the share of idle pages, those returned to the OS included. Any span can use idle pages, "
        "so this is not fragmentation. "
        "The retained ones are HeapIdle - HeapReleased; the free slots inside spans are about HeapInuse - HeapAlloc.",
        sources=(go("mstats.go", "MemStats.HeapSys MemStats.HeapInuse"),),
        aliases=("idle ratio", "go_mem_fragmentation_ratio"),
    ),
    Term(
        "SpanInuse/SpanSys",
        "1 - SpanInuse / SpanSys is the fragmentation of spans.",
        truth="the fields are MSpanInuse and MSpanSys, and measure the descriptors (160 B structs), not the spans. After a spike many "
        "descriptors are free and the quotient is high, however full the spans are.",
        sources=(go("mstats.go", "MemStats.MSpanInuse MemStats.MSpanSys"),),
        aliases=("SpanInuse", "SpanSys", "MSpanInuse/MSpanSys", "1 - SpanInuse/SpanSys"),
    ),
    Term(
        "spanalloc.free.count",
        "how many spans can be reused; 0 means that reuse is lost.",
        truth="free is a method of fixalloc, so there is no such field. The free list is spanalloc.list, holds descriptors rather than "
        "memory, and is empty in many healthy programs: the next descriptor is then cut from a chunk (go-spans spanalloc).",
        sources=(go("mfixalloc.go", "fixalloc.list free()"),),
        aliases=("free.count", "spanalloc.free", "spanalloc.free_ratio", "free_ratio"),
    ),
    Term(
        "freed spans go to spanalloc",
        "the memory of a freed span goes to the free list of spanalloc.",
        truth="its pages go to the page allocator, where any span can use them; only its descriptor goes to a "
        "P's cache (mspancache) or to spanalloc.",
        sources=(go("mheap.go", "freeSpanLocked() freeMSpanLocked()"), go("runtime2.go", "mspancache")),
        aliases=("span reuse",),
    ),
    Term(
        "spanalloc.alloc returns nil",
        "when no span is available, spanalloc.alloc() returns nil, and the failures can be counted.",
        truth="fixalloc.alloc never returns nil: it takes another chunk of 16 KiB, and the program dies when the OS has none.",
        sources=(go("mfixalloc.go", "alloc() _FixAllocChunk"),),
        aliases=("allocation failures", "fail count"),
    ),
    Term(
        "mSpanCache",
        "a cache of spans from 8 KB to 32 MB, one for each P.",
        truth="p.mspancache caches up to 128 descriptors, without memory. A P's cached spans are in "
        "mcache.alloc, one for each span class; its cached pages are in p.pcache.",
        sources=(go("runtime2.go", "mspancache p.pcache"), go("mcache.go", "mcache.alloc")),
        aliases=("span cache",),
    ),
    Term(
        "nonempty and empty",
        "the two lists of an mcentral, which get out of balance.",
        truth="since Go 1.15 there are four sets: partial and full, each swept and unswept, which swap roles in every cycle. The old "
        "empty held full and cached spans together; it never meant an empty span.",
        sources=(go("mcentral.go", "mcentral.partial mcentral.full"),),
        aliases=("nonempty", "empty", "nonempty/empty", "mcentral.mspans", "mcentral.empty.insert"),
    ),
    Term(
        "inCache",
        "a flag of a span that a P has cached, which is raced for and leaks spans.",
        truth="no supported release has it. A cached span has sweepgen = mheap_.sweepgen + 3, or + 1 when a cycle began meanwhile; the "
        "scavenger only touches pages that are free, so never those of a cached span.",
        sources=(go("mheap.go", "mspan.sweepgen"), go("mgcscavenge.go", "scavengeOne()")),
        aliases=("span leak", "mcache leak"),
    ),
    Term(
        "mSpanManualScavenging",
        "the state of the spans of objects of 32 KB and more.",
        truth="no such state: there are mSpanDead, mSpanInUse and mSpanManual. A large object has a span in use "
        "of size class 0; manual "
        "spans hold stacks and GC work buffers. Scavenged is a bit of each free page.",
        sources=(go("mheap.go", "mSpanDead mSpanInUse mSpanManual"), go("mpallocbits.go", "pallocData.scavenged")),
        aliases=("manual scavenging", "_MSpanScavenged", "mSpanFree", "four states"),
    ),
    Term(
        "needzero as a state",
        "a span goes from free to scavenged to in use to needzero.",
        truth="needzero is a byte of a span in use: its memory was used before, so mallocgc clears a slot before it hands it out. It "
        "is normal, costs no memory, and go-spans summary counts it beside the states.",
        sources=(go("mheap.go", "mspan.needzero allocNeedsZero()"),),
        aliases=("needzero", "needzero state", "needsZeroing"),
    ),
    Term(
        "neverFree",
        "a flag of spans that are never given back.",
        truth="no supported release has it. A span goes back when its sweep finds no object left.",
        sources=(go("mgcsweep.go", "sweep()"),),
        aliases=("never free",),
    ),
    Term(
        "scavenger takes spans",
        "scavengeOne picks spans from a reclaimList while an mcache still refers to them.",
        truth="there is no reclaimList; scavengeOne looks for free pages that are not scavenged in the bitmaps "
        "of one chunk, and marks them "
        "allocated while it returns them to the OS.",
        sources=(go("mgcscavenge.go", "scavengeOne()"), go("mpagealloc.go", "pageAlloc.chunks")),
        aliases=("reclaimList", "scavengeOne"),
    ),
    Term(
        "size-class mismatch",
        "mcentral.freeSpan refuses a span whose size class does not match, which leaks it.",
        truth="there is no such check, and Go 1.15 removed freeSpan: sweep frees a span without objects, whatever its class.",
        sources=(go("mgcsweep.go", "sweep()"), go("mheap.go", "mspan.spanclass")),
        aliases=("mcentral.freeSpan", "freeSpan"),
    ),
    Term(
        "falls back to a larger size class",
        "when an mcache has no span left, the object goes to a larger size class.",
        truth="never. refill takes a partial span of the same span class, sweeps some, or makes a new span from pages.",
        sources=(go("mcache.go", "refill()"), go("mcentral.go", "cacheSpan() grow()")),
        aliases=("largeMalloc", "larger size class"),
    ),
    Term(
        "stacks leak spans",
        "stacks of more than 32 KB reuse cached spans and leak them.",
        truth="stacks come from stackpool, stackLarge or allocManual, as manual spans; they share no path with the spans of an mcache.",
        sources=(go("stack.go", "stackpool stackLarge stackalloc()"), go("mheap.go", "allocManual()")),
        aliases=("stack escape",),
    ),
    Term(
        "mheap.spans, mheap.bitmap",
        "mheap is a lock, a table of spans, a bitmap and spanalloc.",
        truth="since Go 1.11 the table is in the arenas: mheap_.arenas[l1][l2].spans; mheap_.allspans lists every descriptor.",
        sources=(go("mheap.go", "mheap.arenas mheap.allspans heapArena.spans"),),
        aliases=("mheap.spans", "mheap.bitmap", "arenas"),
    ),
    Term(
        "fixalloc cuts by size class",
        "fixalloc (of some 416 bytes) cuts spans by size class and begins at first.",
        truth="a fixalloc hands out structs of one size, cut from chunks of 16 KiB outside the heap; first is a "
        "function called for each new "
        "struct (recordspan).",
        sources=(go("mfixalloc.go", "fixalloc.first fixalloc.size _FixAllocChunk"), go("mheap.go", "recordspan()")),
        aliases=("fixalloc.first", "416"),
    ),
    Term(
        "GCStats.HeapAlloc",
        "debug.ReadGCStats gives HeapAlloc, HeapSys and HeapInuse, and replaces an older call since Go 1.21.",
        truth="GCStats has LastGC, NumGC, PauseTotal, Pause, PauseEnd and PauseQuantiles, and none of it changed or was deprecated. "
        "The Heap figures are in runtime.MemStats.",
        sources=(Source("runtime/debug/garbage.go", "GCStats.PauseQuantiles GCStats.NumGC ReadGCStats()"),),
        aliases=("ReadGCStats", "GCStats", "GCStats.HeapSys", "GCStats.HeapInuse"),
    ),
    Term(
        "runtime.GC compacts",
        "runtime.GC() moves objects together.",
        truth="Go's collector never moves an object of the heap: a span with one object left stays in use.",
        sources=(go("mgc.go", "GC()"),),
        aliases=("compaction", "compact", "runtime.GC"),
    ),
    Term(
        "debug.FreeOSMemory",
        "returns memory without a collection.",
        truth="it runs a full GC first, then returns all free pages; the next allocations fault them in again. "
        "It destroys the evidence: "
        "take a core or a snapshot before.",
        sources=(go("mheap.go", "runtime_debug_freeOSMemory() scavengeAll()"),),
        aliases=("FreeOSMemory",),
    ),
    Term(
        "madvdontneed",
        "GODEBUG=madvdontneed=0 switches returning memory off.",
        truth="it selects MADV_FREE instead of MADV_DONTNEED, the default since Go 1.16: the kernel then takes "
        "the pages only when it needs "
        "them, so RSS stays high. Neither has to do with zeroing by the runtime.",
        sources=(go("runtime1.go", "madvdontneed"), go("mem_linux.go", "_MADV_FREE _MADV_DONTNEED")),
        aliases=("MADV_FREE", "MADV_DONTNEED"),
    ),
    Term(
        "pagesInUse slope",
        "mheap_.pagesInUse grows with the square of failed allocations, which models fragmentation.",
        truth="pagesInUse only counts the pages of spans in use; there is no counter of failures, because an allocation does not fail.",
        sources=(go("mheap.go", "mheap.pagesInUse"),),
        aliases=("slope model",),
    ),
    Term(
        "heap profile shows fragmentation",
        "/debug/pprof/heap shows spans and their fragmentation.",
        truth="it shows sampled objects by allocation stack, and no span. It cannot tell which objects keep sparse spans in use.",
        sources=(go("mprof.go", "memRecord memProfile"),),
        aliases=("pprof", "heap profile", "trace of cacheSpan"),
    ),
    Term(
        "field order and escape",
        "putting pointer fields first keeps objects from escaping and brings span reuse back.",
        truth="the order of fields changes the size of a struct through padding, and so its size class; it "
        "changes neither escape analysis nor "
        "how spans are reused.",
        sources=(go("sizeclasses.go", "class_to_size", until="1.24"), Source("internal/runtime/gc/sizeclasses.go", "SizeClassToSize", since="1.25")),
        aliases=("field reordering",),
    ),
)  # fmt: skip
