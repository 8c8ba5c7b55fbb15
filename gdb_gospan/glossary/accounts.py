"""The lines of the summary: the accounts that add up to Sys, and the counters of runtime.MemStats behind them."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

ACCOUNTS: tuple[Term, ...] = (
    Term(
        "objects",
        "bytes of the slots that hold an object: live, or dead since the last GC cycle, which only the next cycle can tell.",
        "sum over spans in use of allocCount * elemsize, minus garbage not swept yet",
        (go("mheap.go", "mspan.allocCount mspan.elemsize"), go("mstats.go", "MemStats.HeapAlloc")),
        unlike="HeapInuse, the bytes of whole spans; heapMarked, what the last cycle found live",
        aliases=("object bytes", "live bytes"),
        covers=("summary/objects", "bytes/objects", "classes/object bytes", "classes/object_bytes", "list/object bytes", "check/heap-alloc"),
    ),
    Term(
        "garbage not swept yet",
        "objects that the last cycle found dead and whose span is not swept yet, so that their slots still count as taken.",
        "over unswept spans: (allocCount - marked slots) * elemsize; an upper bound, because the sweep revives "
        "objects with a finalizer",
        (go("mheap.go", "mspan.sweepgen mspan.gcmarkBits"), go("mgcsweep.go", "sweep()")),
        unlike="free slots, which can be allocated now; the bytes that are finally freed, which are fewer if "
        "finalizers keep objects for one more cycle",
        covers=("bytes/garbage_unswept",),
    ),
    Term(
        "free slots in spans in use",
        "in-span fragmentation: slots without an object, which only objects of the same span class can use.",
        "sum over spans in use of (nelems - allocCount) * elemsize",
        (go("mheap.go", "mspan.nelems mspan.allocCount mspan.elemsize"),),
        unlike="idle pages, which any span can use",
        aliases=("in-span fragmentation", "free bytes", "in-span", "of free slots"),
        covers=("summary/free slots in spans in use", "bytes/free_slots", "classes/free bytes", "classes/free_bytes", "list/free bytes"),
    ),
    Term(
        "tail and bitmaps inside spans",
        "bytes of spans in use that hold no object: the rest after the last slot, and the runtime's bitmaps.",
        "tail + span_metadata",
        (go("mheap.go", "mspan.npages mspan.nelems mspan.elemsize"),),
        covers=("summary/tail and bitmaps inside spans",),
    ),
    Term(
        "tail",
        "bytes at the end of a span, too few for another slot; for a large object in list, the bytes beyond the requested size.",
        "npages * 8192 - nelems * elemsize - bitmaps; of a large object startAddr + elemsize - limit",
        (go("mheap.go", "mspan.npages mspan.nelems mspan.elemsize mspan.limit"),),
        unlike="the rest of a slot that its object does not fill, which the runtime does not record",
        aliases=("tail waste",),
        covers=("bytes/tail", "classes/tail", "classes/tail_bytes", "classes/large_tail_bytes", "list/tail"),
    ),
    Term(
        "spans with a wrong descriptor",
        "bytes of spans in use whose descriptor is inconsistent, usually because memory is damaged: what they hold is not known.",
        "spans whose elemsize, npages or nelems do not match their class, or with allocCount > nelems: sum of npages * 8192",
        (go("mheap.go", "allocSpan() mspan.nelems mspan.elemsize mspan.allocCount"),),
        unlike="unreadable memory; the broken check (span-elems, large-spans or span-slots) names the first descriptor",
        aliases=("contradictory", "wrong descriptor"),
        covers=("bytes/contradictory", "classes/contradictory", "classes/contradictory_bytes", "check/large-spans"),
    ),
    Term(
        "bitmaps",
        "bytes inside spans for heap bits (which words are pointers) and inline mark bits (Green Tea).",
        "spans of pointers up to 512 B: npages * 8192 / 64; spans with inline marks: 128 more",
        (
            go("mbitmap_allocheaders.go", "heapBitsInSpan()", since="1.22", until="1.22"),
            go("mbitmap.go", "heapBitsInSpan()", since="1.23"),
            go("mgcmark_greenteagc.go", "spanInlineMarkBits.marks", since="1.25"),
        ),
        since="1.22 (heap bits), 1.26 (mark bits; 1.25 as an experiment)",
        aliases=("span metadata", "heap bits", "inline marks", "Green Tea"),
        covers=("bytes/span_metadata", "classes/bitmaps", "classes/metadata_bytes", "check/span-elems"),
    ),
    Term(
        "idle pages, retained",
        "free pages that the runtime keeps for reuse, after a spike or because the scavenger's goal allows them.",
        "HeapIdle - HeapReleased = gcController.heapFree",
        (go("mgcpacer.go", "gcControllerState.heapFree"), go("mpallocbits.go", "pallocData.scavenged")),
        unlike="fragmentation: any span can use these pages",
        aliases=("idle retained", "idle", "retained"),
        covers=("summary/idle pages, retained", "bytes/idle_retained", "check/heap-free"),
    ),
    Term(
        "idle, returned or never touched",
        "free pages given back to the operating system, or never touched; they cost address space only.",
        "HeapReleased = gcController.heapReleased; from Go 1.26 on also the padding before the heap's base",
        (go("mgcpacer.go", "gcControllerState.heapReleased"), go("mgcscavenge.go", "scavengeOne()")),
        unlike="resident memory: with MADV_FREE or huge pages, returned pages may still be resident",
        aliases=("idle released", "HeapReleased", "released", "returned or never touched", "returned", "free and scavenged",
                 "free, returned or never touched"),
        covers=(
            "summary/idle, returned or never touched", "bytes/idle_released", "check/heap-released", "check/heap-stats-released",
        ),
    ),
    Term(
        "stacks",
        "goroutine stacks (StackInuse) and the few stacks that the runtime allocated for threads.",
        "bytes of manual spans with elemsize != 0, and memstats.stacks_sys",
        (go("mstats.go", "heapStatsDelta.inStacks mstats.stacks_sys"), go("stack.go", "stackalloc()")),
        unlike="spans in use: stacks never share spans with objects",
        aliases=("StackInuse", "StackSys", "os thread stacks", "stacks of", "of StackInuse"),
        covers=("bytes/stacks", "bytes/os_thread_stacks", "check/stacks", "doctor/stacks"),
    ),
    Term(
        "runtime metadata",
        "what the runtime needs for itself: span descriptors, mcaches, the collector's structures, profiler buckets, other.",
        "MSpanSys + MCacheSys + GCSys + BuckHashSys + OtherSys",
        (
            go("mstats.go", "mstats.mspan_sys mstats.mcache_sys mstats.gcMiscSys mstats.buckhash_sys mstats.other_sys"),
            go("mstats.go", "heapStatsDelta.inWorkBufs"),
        ),
        unlike="HeapSys, which does not include it",
        aliases=("MSpanSys", "MCacheSys", "GCSys", "BuckHashSys", "OtherSys", "metadata", "profiler"),
        covers=(
            "bytes/mspan", "bytes/mcache", "bytes/gc", "bytes/work_buffers", "bytes/profiling_buckets", "bytes/other",
            "check/mspan-sys", "check/work-buffers", "check/work-buffer-lists", "check/mcache-inuse",
            "check/mcache-sys",
        ),
    ),
    Term(
        "in flight or not known",
        "Sys minus all accounts: 0 when no allocation or sweep is in progress; otherwise pages that move between two accounts, "
        "unreadable memory, or a broken check.",
        "Sys - sum of the accounts; shown as more than Sys when negative",
        (go("mheap.go", "allocSpan()"),),
        aliases=(
            "remainder", "in flight", "not known", "does not add up", "Sys minus the above", "more than Sys", "allocated, without a span",
            "of a span, but free in the bitmap", "where bitmap and spans disagree", "being allocated or scavenged", "being freed",
        ),
        covers=("bytes/remainder", "pages/in_flight", "pages/being_freed"),
    ),
    Term(
        "Sys",
        "all bytes that the runtime got from the operating system, as virtual memory.",
        "HeapSys + StackSys + MSpanSys + MCacheSys + BuckHashSys + GCSys + OtherSys",
        (go("mstats.go", "MemStats.Sys readmemstats_m()"),),
        unlike="RSS: pages in Sys that were returned or never written are not resident; the program text and C memory are not in Sys; "
        "nor the size of a core, which also has C memory and mappings that were never touched",
        aliases=("of Sys", "where the memory is", "core file", "size of a core"),
        covers=("bytes/sys", "check/committed"),
    ),
    Term(
        "resident (RSS)",
        "bytes of the process that are in memory, as the kernel counts them: Go's and all other memory.",
        "field 2 of /proc/PID/statm, in pages; not in a core",
        unlike="Sys - HeapReleased: Go's part of RSS may be below or above it. Pages never written are not "
        "resident; returned pages stay resident with GODEBUG=madvdontneed=0 until the kernel needs them, or when "
        "the kernel makes a huge page of them again",
        aliases=("RSS", "resident"),
        covers=("summary/resident (RSS)",),
    ),
    Term(
        "HeapAlloc",
        "bytes of allocated slots, as runtime.ReadMemStats says after it has flushed all mcaches.",
        "sum by size class of (allocations - frees) * size, plus large objects",
        (go("mstats.go", "MemStats.HeapAlloc heapStatsDelta.smallAllocCount heapStatsDelta.largeAlloc"),),
        unlike="TotalAlloc, which only grows; HeapInuse, whole spans; go_memstats_heap_alloc_bytes, which lags "
        "by what the Ps' caches hold",
        aliases=("Alloc",),
        covers=("check/class-objects",),
    ),
    Term(
        "HeapObjects",
        "number of allocated slots; a block of the tiny allocator counts once.",
        "Mallocs - Frees = sum of allocCount",
        (go("mstats.go", "MemStats.HeapObjects"), go("mheap.go", "mspan.allocCount")),
        covers=("check/heap-objects",),
    ),
    Term(
        "HeapInuse",
        "bytes of spans in use, whole pages: objects, garbage, free slots, tail and bitmaps together.",
        "gcController.heapInUse = sum of npages * 8192 over spans in use",
        (go("mgcpacer.go", "gcControllerState.heapInUse"), go("mstats.go", "MemStats.HeapInuse heapStatsDelta.inHeap")),
        unlike="the bytes of objects, HeapAlloc",
        covers=("check/heap-inuse", "check/heap-stats-inuse", "classes/span_bytes"),
    ),
    Term(
        "HeapIdle",
        "bytes of free pages, kept and returned alike.",
        "heapFree + heapReleased",
        (go("mstats.go", "MemStats.HeapIdle"), go("mgcpacer.go", "gcControllerState.heapFree gcControllerState.heapReleased")),
        unlike="fragmentation",
    ),
    Term(
        "HeapSys",
        "bytes of address space that the heap has mapped: HeapInuse + HeapIdle.",
        "heapInUse + heapFree + heapReleased",
        (go("mstats.go", "MemStats.HeapSys heapStatsDelta.committed"),),
        unlike="Sys, which also includes stacks and the runtime's metadata",
        covers=("check/address-space", "check/page-ranges", "check/heap-stats"),
    ),
)  # fmt: skip
