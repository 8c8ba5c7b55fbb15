"""THE table: every struct, field and variable of the Go runtime that gdb_gospan relies on.

A new Go release is an edit here, and nowhere else. ``since`` and ``until`` name
the releases that have a field; they are documentation that the contract test
checks against each toolchain, never a condition: the decoders ask whether a field
resolved. Paths are Go's own: ``a.b`` is a field of an embedded struct, ``a[]`` the
element of an array, ``.*`` what a pointer points to.
"""

from __future__ import annotations

from typing import NamedTuple

from gdb_gospan.layout.model import Kind


class Need(NamedTuple):
    """One field. ``aliases`` are older or newer paths of the same thing."""

    path: str
    kind: Kind = "uint"
    aliases: tuple[str, ...] = ()
    since: str = ""
    until: str = ""

    @property
    def optional(self) -> bool:
        """Some supported release lacks it."""
        return bool(self.since or self.until)


class NeedStruct(NamedTuple):
    """One struct: the type's name, or the variable that has this (unnamed) type."""

    name: str
    needs: tuple[Need, ...]
    type_name: str = ""
    variable: str = ""
    since: str = ""


OLDEST = (1, 19)
NEWEST = (1, 27)
TESTED = ((1, 19), (1, 21), (1, 22), (1, 23), (1, 24), (1, 25), (1, 26), (1, 27))
"""Releases that the tests run on; 1.20 has no toolchain to test with."""


def _plain(kind: Kind, *paths: str) -> tuple[Need, ...]:
    return tuple(Need(path, kind) for path in paths)


STRUCTS: tuple[NeedStruct, ...] = (
    # mheap.go
    NeedStruct(
        "mheap",
        (
            Need("lock.key", "bits"),
            Need("pages.chunks", "addr"),
            Need("pages.chunks[].*", "opaque"),
            Need("pages.inUse.ranges", "opaque"),
            Need("pages.inUse.totalBytes"),
            Need("pages.start"),
            Need("pages.end"),
            Need("pages.searchAddr", "addr"),
            Need("pages.mheapLock", "addr"),
            Need("pages.summaryMappedReady"),
            # Bytes since the last scavtrace line; one counter in 1.19, told apart since (mgcscavenge.go).
            Need("pages.scav.released", until="1.19"),
            Need("pages.scav.releasedBg", since="1.21"),
            Need("pages.scav.releasedEager", since="1.21"),
            Need("sweepgen"),
            Need("allspans", "opaque"),
            Need("pagesInUse"),
            Need("pagesSwept"),
            Need("sweepPagesPerByte", "float"),
            Need("reclaimIndex", "bits"),
            Need("reclaimCredit"),
            Need("arenas", "addr"),
            Need("arenas[].*", "addr"),
            Need("heapArenas", "opaque", aliases=("allArenas",)),  # renamed in 1.25
            Need("userArenaArenas", "opaque", since="1.25"),
            Need("curArena.base", "addr"),
            Need("curArena.end", "addr"),
            Need("central", "opaque"),
            Need("central[].mcentral", "opaque"),
            Need("userArena.quarantineList.first", "addr", since="1.21"),
            Need("userArena.readyList.first", "addr", since="1.21"),
        ),
    ),
    NeedStruct(
        "heapArena",
        (
            Need("spans", "addr"),
            Need("pageInUse", "bits"),
            Need("pageMarks", "bits"),
            Need("pageSpecials", "bits"),
            # Which spans keep their mark bits inside the span: Green Tea (1.25 as an experiment, 1.26 on).
            Need("pageUseSpanInlineMarkBits", "bits", since="1.25"),
            Need("zeroedBase"),
        ),
    ),
    NeedStruct(
        "mspan",
        (
            *_plain("addr", "next", "prev", "list", "startAddr"),
            Need("npages"),
            Need("manualFreeList", "addr"),
            *_plain("uint", "freeindex", "nelems"),
            Need("freeIndexForScan"),
            Need("allocCache", "bits"),
            *_plain("addr", "allocBits", "gcmarkBits"),
            Need("pinnerBits", "addr", since="1.21"),
            *_plain("uint", "sweepgen", "divMul", "allocCount", "spanclass", "state", "needzero"),
            Need("isUserArenaChunk", since="1.21"),
            *_plain("uint", "allocCountBeforeCache", "elemsize"),
            *_plain("addr", "limit", "specials"),
            Need("userArenaChunkFree.base", "addr", aliases=("userArenaChunkFree.base.a",), since="1.21"),
            Need("userArenaChunkFree.limit", "addr", aliases=("userArenaChunkFree.limit.a",), since="1.21"),
            Need("largeType", "addr", since="1.22"),  # set for large objects since allocation headers
        ),
    ),
    # mcentral.go, mspanset.go
    NeedStruct("mcentral", (Need("spanclass"), Need("partial", "opaque"), Need("full", "opaque"))),
    NeedStruct("spanSet", (Need("spine", "addr"), Need("spineLen"), Need("index", "bits"))),
    NeedStruct("spanSetBlock", (Need("spans", "addr"),)),
    # mfixalloc.go
    NeedStruct(
        "fixalloc",
        (
            Need("size"),
            Need("arg", "addr"),
            Need("list", "addr"),
            Need("chunk", "addr"),
            *_plain("uint", "nchunk", "nalloc", "inuse"),
            Need("stat", "addr"),
        ),
    ),
    # mpagealloc.go, mpallocbits.go, mpagecache.go, mranges.go
    NeedStruct("pallocData", (Need("pallocBits", "bits"), Need("scavenged", "bits"))),
    NeedStruct(
        "addrRange", (Need("base", "addr", aliases=("base.a",)), Need("limit", "addr", aliases=("limit.a",)))
    ),
    # mcache.go
    NeedStruct(
        "mcache",
        (
            Need("tiny", "addr"),
            *_plain("uint", "tinyoffset", "tinyAllocs"),
            Need("alloc", "addr"),
            Need("reusableNoscan", "addr", since="1.26"),
            Need("stackcache", "opaque"),
            Need("stackcache[].list", "addr"),
            Need("stackcache[].size"),
            Need("flushGen"),
        ),
    ),
    # runtime2.go
    NeedStruct(
        "p",
        (
            *_plain("uint", "id", "status"),
            Need("mcache", "addr"),
            Need("pcache.base", "addr"),
            *_plain("bits", "pcache.cache", "pcache.scav"),
            Need("mspancache.len"),
            Need("mspancache.buf", "addr"),
            Need("statsSeq"),
        ),
    ),
    NeedStruct("mutex", (Need("key", "bits"),)),
    # stack.go
    NeedStruct(
        "stackpool", (Need("", "opaque"), Need("[].item.span.first", "addr")), variable="runtime.stackpool"
    ),
    NeedStruct(
        "stackLarge", (Need("free", "opaque"), Need("free[].first", "addr")), variable="runtime.stackLarge"
    ),
    # mstats.go
    NeedStruct(
        "mstats",
        (
            Need("heapStats.stats", "opaque"),
            *_plain(
                "uint", "stacks_sys", "mspan_sys", "mcache_sys", "buckhash_sys", "gcMiscSys", "other_sys"
            ),
            *_plain(
                "uint", "last_gc_unix", "pause_total_ns", "pause_ns", "pause_end", "numgc", "numforcedgc"
            ),
            Need("gc_cpu_fraction", "float"),
            Need("last_gc_nanotime"),
            Need("lastHeapInUse"),
        ),
    ),
    NeedStruct(
        "heapStatsDelta",
        (
            *_plain("int", "committed", "released", "inHeap", "inStacks", "inWorkBufs"),
            Need("inPtrScalarBits", "int", until="1.24"),
            *_plain("int", "tinyAllocCount", "largeAlloc", "largeAllocCount", "smallAllocCount"),
            *_plain("int", "largeFree", "largeFreeCount", "smallFreeCount"),
        ),
    ),
    # mgcpacer.go
    NeedStruct(
        "gcControllerState",
        (
            *_plain("int", "gcPercent", "memoryLimit"),
            *_plain("uint", "heapMinimum"),
            *_plain("bits", "gcPercentHeapGoal", "sweepDistMinTrigger", "triggered"),
            *_plain("uint", "lastHeapGoal", "heapLive", "heapMarked"),
            *_plain(
                "uint", "heapInUse", "heapReleased", "heapFree", "totalAlloc", "totalFree", "mappedReady"
            ),
        ),
    ),
    # mgc.go, mgcsweep.go
    NeedStruct(
        "work",
        (
            Need("cycles"),
            Need("mode"),
            Need("userForced"),
            Need("wbufSpans.free.first", "addr"),
            Need("wbufSpans.busy.first", "addr"),
        ),
        type_name="runtime.workType",
    ),
    NeedStruct("sweepdata", (Need("active.state"), Need("centralIndex"), Need("parked"))),
    NeedStruct(
        "scavenge", (*_plain("bits", "gcPercentGoal", "memoryLimitGoal"),), variable="runtime.scavenge"
    ),
    # mgcmark_greenteagc.go (1.26; 1.25 as an experiment). The type is compiled in only then.
    NeedStruct(
        "spanInlineMarkBits", (Need("marks", "bits", since="1.25"), Need("class", since="1.25")), since="1.25"
    ),
)

VARIABLES: tuple[str, ...] = (
    "mheap_",
    "memstats",
    "gcController",
    "allp",
    "gcphase",
    "work",
    "sweep",
    "scavenge",
    "stackpool",
    "stackLarge",
    "emptymspan",
    "buildVersion",
)
"""Package variables of runtime whose addresses the decoders start from."""
