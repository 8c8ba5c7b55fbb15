"""Pages, runs of free pages, and the picture of the heap."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

PAGES: tuple[Term, ...] = (
    Term(
        "state of a page",
        "the state of one page of 8 KiB: in use, free and kept, free and returned, or set aside.",
        "the two bits of pallocData, the span that claims the page, and the Ps' page caches, in that order",
        (go("mpallocbits.go", "pallocData.scavenged"), go("mpagecache.go", "pageCache.cache")),
        unlike="the state of a span: free memory has no span",
        aliases=("by page", "share"),
        covers=("pages/free, kept", "pages/returned", "pages/in Ps' page caches", "pages/other"),
    ),
    Term(
        "free run",
        "consecutive free pages, returned to the OS or not; an allocation of up to that many pages fits there.",
        "consecutive clear bits of pallocBits, across chunks and adjacent address ranges",
        (go("mpagealloc.go", "find()"), go("mpallocbits.go", "pallocBits")),
        unlike="free pages: there may be many of them and no long run",
        aliases=("contiguity", "free runs", "free runs, pages", "from", "longest"),
        covers=("pages/free runs",),
    ),
    Term(
        "unusable-free index",
        "share of the free bytes in runs that are too short for an allocation of that many pages.",
        "free bytes in runs shorter than the row's / all free bytes",
        sources=(go("mpagealloc.go", "find()"),),
        aliases=("in shorter runs", "external fragmentation"),
        unlike="in-span fragmentation: free slots inside spans in use",
        covers=("pages/unusable",),
    ),
    Term(
        "largest allocation without growth",
        "the largest single allocation that does not raise HeapSys.",
        "the longest free run; a large object needs its size rounded up to whole pages",
        (go("mpagealloc.go", "alloc()"), go("mheap.go", "allocSpan()")),
        unlike="HeapIdle, which is the sum of all runs",
        aliases=("largest run", "largest free run"),
        covers=("pages/fits without growth",),
    ),
    Term(
        "heap growth",
        "when no free run is long enough the heap takes more address space: HeapSys rises by multiples of 4 MiB.",
        "from mheap_.curArena, which is reserved and not counted yet; then by new arenas of 64 MiB",
        (go("mheap.go", "grow() curArena"),),
        aliases=("curArena", "reserved", "reserved for the heap to grow into"),
        covers=("pages/heap growth",),
    ),
    Term(
        "huge-page candidate",
        "2 MiB of the heap, aligned like a transparent huge page; if it is wholly free, it can be returned without splitting one.",
        "256 pages; blocked by those that are in use, in a page cache or padding",
        sources=(go("mpallocbits.go", "pallocData"),),
        unlike="memory that the kernel really backs with a huge page, which the runtime does not know",
        aliases=("huge page", "aligned block", "wholly free", "wholly in use", "kept by", "blockers"),
        covers=("pages/aligned blocks", "pages/kept by"),
    ),
    Term(
        "chunk",
        "4 MiB of address space, whose 512 pages share one pair of bitmaps in the page allocator.",
        "mheap_.pages.chunks[l1][l2]",
        (go("mpagealloc.go", "pallocChunkPages"),),
        unlike="a chunk of fixalloc (16 KiB of structs) and of a user arena (8 MiB)",
        covers=("pages/chunks",),
    ),
    Term(
        "map",
        "a picture of the heap: one character for each run of pages, which shows what the run is used for.",
        "spans: bytes of their objects / bytes of the cell; a cell is free only if all its pages are",
        sources=(go("mheap.go", "heapArena.spans"), go("mpallocbits.go", "pallocBits")),
        unlike="a memory map of the process (/proc/PID/maps)",
        aliases=("cell", "cells", "sign"),
        covers=("map/shades, or # % + :", "map/S", "map/C", "map/_ .", "map/X ~ ?"),
    ),
)
