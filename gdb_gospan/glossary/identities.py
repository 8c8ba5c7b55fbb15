"""What each identity of ``check`` compares: left what the runtime's counters say, right what the walk adds up.

One sum of the runtime's is not among them, for it is no identity: gcController.heapMarked is what the last cycle marked, and
two markers that race for an object both count it; objects with finalizers are marked and not counted.
"""

from __future__ import annotations

IDENTITY_FORMULAS: dict[str, str] = {
    "heap-inuse": "gcController.heapInUse = sum of npages * 8192 over spans in use, without quarantined user arena chunks",
    "heap-alloc": "allocations - frees of heapStats in bytes, plus what mcaches have not reported yet = sum of "
    "allocCount * elemsize over spans in use",
    "heap-objects": "allocations - frees of heapStats, plus what mcaches have not reported yet = sum of allocCount over spans in use",
    "class-objects": "in each of the 68 size classes: smallAllocCount + what mcaches have not reported yet - "
    "smallFreeCount = sum of allocCount",
    "heap-free": "gcController.heapFree = 8192 * pages free and not scavenged, in the bitmap or in a page cache",
    "heap-released": "gcController.heapReleased = 8192 * (pages free and scavenged, in the bitmap or in a page cache, and padding)",
    "stacks": "heapStats.inStacks = sum of npages * 8192 over manual spans with elemsize != 0",
    "work-buffers": "heapStats.inWorkBufs (+ inPtrScalarBits to Go 1.24) = sum of npages * 8192 over other manual spans",
    "address-space": "heapInUse + heapFree + heapReleased + stacks + work buffers, minus user arena chunks = length of all ranges of "
    "mheap_.pages.inUse",
    "page-ranges": "mheap_.pages.inUse.totalBytes = sum of limit - base over mheap_.pages.inUse.ranges",
    "committed": "Sys - gcController.heapReleased = gcController.mappedReady",
    "heap-stats": "heapInUse + heapFree + inStacks + inWorkBufs (+ inPtrScalarBits) = heapStats.committed",
    "heap-stats-inuse": "gcController.heapInUse = heapStats.inHeap",
    "heap-stats-released": "gcController.heapReleased = heapStats.released",
    "pages-inuse": "mheap_.pagesInUse = sum of npages over spans in use",
    "page-owners": "pages of mheap_.pages.inUse = these pages minus those that two spans claim by startAddr and npages",
    "page-bits": "pages of spans = those of them whose bit in pallocBits is set",
    "page-holders": "pages whose bit in pallocBits is set = those of them that a span, a P's pcache or the padding has",
    "span-map": "spans in use or manual = those that heapArena.spans names at their first and last page",
    "page-in-use-bits": "spans in use = bits set in heapArena.pageInUse over all arenas, minus user arena chunks "
    "ready for reuse, minus entries of mheap_.heapArenas that are beyond the map of arenas",
    "span-slots": "spans in use = those with allocCount = freeindex + bits set in allocBits from freeindex to nelems",
    "span-elems": "spans of small objects = those with class_to_size, class_to_allocnpages, and nelems = (npages "
    "* 8192 - bitmaps) / elemsize",
    "large-spans": "spans of large objects = those with nelems = 1, allocCount <= 1, elemsize = npages * 8192 "
    "and limit in the last page; "
    "user arena chunks of Go 1.22 on have elemsize = npages * 8192 - bitmap and limit = base + elemsize",
    "work-buffer-lists": "heapStats.inWorkBufs = sum of npages * 8192 over work.wbufSpans.free and busy",
    "stack-lists": "spans of small stacks = those in stackpool exactly if manualFreeList is not empty",
    "stack-slots": "spans of small stacks = those whose manualFreeList is not empty exactly if allocCount < npages * 8192 / elemsize",
    "central-lists": "spans in use = those in exactly one set of mheap_.central, or in one mcache.alloc and in none",
    "central-entries": "entries of swept sets of mheap_.central = those that are spans in use of the set's class, swept",
    "spanalloc-objects": "len(mheap_.allspans) = spanalloc.inuse / size + length of spanalloc.list",
    "spanalloc-inuse": "spanalloc.inuse / size = spans in use + manual + mspancache.len of all Ps + user arena chunks ready for reuse",
    "mspan-sys": "memstats.mspan_sys = size * descriptors ever made + what is left in spanalloc's chunk",
    "mcache-inuse": "cachealloc.inuse / size = mcaches that the Ps own",
    "mcache-sys": "memstats.mcache_sys = size * mcaches ever made (cachealloc.inuse / size + length of cachealloc.list) + "
    "what is left in its chunk",
    "gc-cycles": "2 * memstats.numgc = mheap_.sweepgen",
    "goroutine-states": "goroutines of allgs = those whose atomicstatus, without the scan bit, is a state of this release",
    "goroutine-ids": "goroutines of allgs = distinct goids among them, without dead goroutines that have none yet",
    "goroutine-stacks": "stacks of goroutines, and those of threads (g0, gsignal; on sched.freem, too) and of gcrash that begin in "
    "a stack span = those of them that are one stack of a stack span, from its first byte to its last",
    "stack-holders": "stacks of goroutine-stacks = distinct stacks among them",
    "stack-use": "stacks given out - stacks that Ps have cached = bytes of the stacks of stack-holders",
    "thread-count": "sched.mnext - sched.nmfreed = length of allm; one more when m0 has exited, which stays",
    "thread-numbers": "Ms of allm = those whose procid is a thread of the process, and no other M's, without "
    "extra Ms whose goroutine is dead",
    "gdb-values": "fields of up to 256 span descriptors as bulk reads gave them = the same fields read as gdb.Value; in gdb only",
}
