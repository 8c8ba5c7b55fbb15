"""THE table: every struct, field and variable of the Go runtime that gdb_gospan relies on.

A new Go release is an edit here, and nowhere else. ``since`` and ``until`` name
the releases that have a field; they are documentation that the contract test
checks against each toolchain, never a condition: the decoders ask whether a field
resolved. Paths are Go's own: ``a.b`` is a field of an embedded struct, ``a[]`` the
element of an array, ``.*`` what a pointer points to.
"""

from __future__ import annotations

from gdb_gospan.layout.needs import Need, NeedStruct, plain, spare
from gdb_gospan.layout.objectneeds import OBJECTS
from gdb_gospan.layout.profileneeds import PROFILES

OLDEST = (1, 19)
NEWEST = (1, 27)
TESTED = ((1, 19), (1, 20), (1, 21), (1, 22), (1, 23), (1, 24), (1, 25), (1, 26), (1, 27))
"""Releases that the tests run on."""
PATCHES = ((1, 19, 4), (1, 21, 6), (1, 23, 4), (1, 23, 12), (1, 24, 6))
"""Patch releases since which a minor release lays some struct out in another way than before: mspan in 1.19.4 (which
1.19.3 is like cannot be had; its mheap tells), debug in 1.21.6, work in 1.23.4, m in 1.23.12 and 1.24.6. No other of those
that can be had does, up to 1.25.12, 1.26.9 and 1.27.4 (`tests/tools/layouts.py`)."""


STRUCTS: tuple[NeedStruct, ...] = (
    # mheap.go
    NeedStruct(
        "mheap",
        (
            Need("lock", "opaque"),
            Need("lock.key", "bits"),
            Need("pages.chunks", "addr"),
            Need("pages.chunks[].*", "opaque"),
            Need("pages.inUse.ranges", "opaque"),
            Need("pages.inUse.totalBytes"),
            Need("pages.mheapLock", "addr"),
            # With fixalloc.stat: what tells this layout from others where there are no types to ask.
            Need("pages.sysStat", "addr"),
            # Bytes since the last scavtrace line; one counter up to 1.20, two since (mgcscavenge.go).
            Need("pages.scav.released", until="1.20", spare=True),
            Need("pages.scav.releasedBg", since="1.21", spare=True),
            Need("pages.scav.releasedEager", since="1.21", spare=True),
            Need("sweepgen"),
            Need("allspans", "opaque"),
            Need("pagesInUse"),
            *spare("uint", "pagesSwept", "reclaimCredit"),
            *spare("float", "sweepPagesPerByte"),
            *spare("bits", "reclaimIndex"),
            Need("arenas", "addr"),
            Need("arenas[].*", "addr"),
            Need("heapArenas", "opaque", aliases=("allArenas",)),  # renamed in 1.25
            Need("userArenaArenas", "opaque", since="1.25"),
            *spare("addr", "curArena.base", "curArena.end"),
            Need("central", "opaque"),
            Need("central[].mcentral", "opaque"),
            Need("userArena.readyList.first", "addr", since="1.20"),
        ),
    ),
    NeedStruct(
        "heapArena",
        (
            Need("spans", "addr"),
            Need("pageInUse", "bits"),
            # Which spans keep their mark bits inside the span: Green Tea (1.25 as an experiment, 1.26 on).
            Need("pageUseSpanInlineMarkBits", "bits", since="1.25"),
            # Which words are pointers (mbitmap.go); since 1.22 the spans have that themselves.
            Need("bitmap", "bits", until="1.21"),
        ),
    ),
    NeedStruct(
        "mspan",
        (
            *plain("addr", "next", "list", "startAddr"),
            Need("npages"),
            Need("manualFreeList", "addr"),
            *plain("uint", "freeindex", "nelems"),
            *plain("addr", "allocBits", "gcmarkBits"),
            Need("pinnerBits", "addr", since="1.21", spare=True),
            *plain("uint", "sweepgen", "allocCount", "spanclass", "state", "needzero"),
            *spare("addr", "prev"),
            *spare("uint", "freeIndexForScan", "divMul"),
            *spare("bits", "allocCache"),
            Need("isUserArenaChunk", since="1.20"),
            *plain("uint", "allocCountBeforeCache", "elemsize"),
            *plain("addr", "limit", "specials"),
            Need(
                "userArenaChunkFree.base",
                "addr",
                aliases=("userArenaChunkFree.base.a",),
                since="1.20",
                spare=True,
            ),
            Need(
                "userArenaChunkFree.limit",
                "addr",
                aliases=("userArenaChunkFree.limit.a",),
                since="1.20",
                spare=True,
            ),
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
            *plain("addr", "arg", "list", "stat"),
            *plain("uint", "nchunk", "inuse"),
            *spare("uint", "nalloc"),
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
            *spare("addr", "tiny"),
            *spare("uint", "tinyoffset", "flushGen"),
            Need("tinyAllocs"),
            Need("memProfRate", "int", since="1.24", spare=True),
            Need("alloc", "addr"),
            Need("stackcache", "opaque"),
            Need("stackcache[].size"),
        ),
    ),
    # runtime2.go
    NeedStruct(
        "p",
        (
            *plain("uint", "id", "status"),
            *spare("addr", "m"),
            Need("mcache", "addr"),
            Need("pcache.base", "addr"),
            *plain("bits", "pcache.cache", "pcache.scav"),
            Need("mspancache.len"),
            Need("statsSeq"),
            Need("cleanupsQueued", since="1.25", spare=True),
        ),
    ),
    # mstats.go
    NeedStruct(
        "mstats",
        (
            Need("heapStats.stats", "opaque"),
            *plain("uint", "stacks_sys", "mspan_sys", "mcache_sys", "buckhash_sys", "gcMiscSys", "other_sys"),
            *plain("uint", "last_gc_unix", "pause_total_ns", "pause_ns", "pause_end", "numgc", "numforcedgc"),
            Need("gc_cpu_fraction", "float"),
            *spare("uint", "lastHeapInUse", "last_gc_nanotime"),
        ),
    ),
    NeedStruct(
        "heapStatsDelta",
        (
            *plain("int", "committed", "released", "inHeap", "inStacks", "inWorkBufs"),
            Need("inPtrScalarBits", "int", until="1.24"),
            *plain("int", "tinyAllocCount", "largeAlloc", "largeAllocCount", "smallAllocCount"),
            *plain("int", "largeFree", "largeFreeCount", "smallFreeCount"),
        ),
    ),
    # mgcpacer.go
    NeedStruct(
        "gcControllerState",
        (
            *plain("int", "gcPercent", "memoryLimit"),
            *spare("uint", "heapMinimum", "lastHeapGoal", "lastStackScan", "globalsScan"),
            *plain("bits", "gcPercentHeapGoal", "sweepDistMinTrigger", "triggered"),
            *spare("bits", "runway"),
            *plain("uint", "heapLive", "heapMarked"),
            *plain("uint", "heapInUse", "heapReleased", "heapFree", "totalAlloc", "totalFree", "mappedReady"),
        ),
    ),
    # mgc.go, mgcsweep.go
    NeedStruct(
        "work",
        (
            *spare("uint", "cycles", "mode", "userForced"),
            Need("wbufSpans.free.first", "addr"),
            Need("wbufSpans.busy.first", "addr"),
        ),
        type_name="runtime.workType",
    ),
    NeedStruct(
        "sweepdata", (Need("active.state"), *spare("uint", "centralIndex", "parked"), *spare("addr", "g"))
    ),
    NeedStruct(
        "scavenge",
        (*plain("bits", "gcPercentGoal", "memoryLimitGoal"),),
        variable="runtime.scavenge",
        late=True,
    ),
    # runtime1.go: the GODEBUG settings that matter to memory.
    NeedStruct(
        "debug",
        (
            *spare(
                "int",
                "madvdontneed",
                "harddecommit",
                "gctrace",
                "scavtrace",
                "gcpacertrace",
                "gcstoptheworld",
            ),
            *spare("int", "gcshrinkstackoff", "adaptivestackstart", "efence", "sbrk", "clobberfree"),
            Need("disablethp", "int", since="1.21", spare=True),
            Need("profstackdepth", "int", since="1.23", spare=True),
            Need("decoratemappings", "int", since="1.25", spare=True),
            Need("checkfinalizers", "int", since="1.25", spare=True),
        ),
        variable="runtime.debug",
        late=True,
    ),
    # runtime2.go: goroutines and threads, for their stacks and for what they are in the middle of.
    NeedStruct(
        "g",
        (
            *plain("addr", "stack.lo", "stack.hi"),
            *plain("uint", "atomicstatus"),
            *spare("uint", "goid", "waitreason", "waitsince"),
            *spare("addr", "m", "stackguard0", "sched.sp", "sched.pc", "sched.lr", "syscallsp", "syscallpc"),
            *spare("addr", "gopc", "startpc", "labels", "_panic"),
            Need("parentGoid", since="1.21", spare=True),
        ),
        late=True,
    ),
    NeedStruct(
        "_panic",
        (
            *spare("opaque", "arg"),
            *spare("addr", "link"),
            *spare("uint", "recovered"),
            Need("repanicked", since="1.25", spare=True),
        ),
        late=True,
    ),
    # Never read as a whole: the state of the random generator is in it, too (m.chacha8; since Go 1.22).
    NeedStruct(
        "m",
        (
            *plain("addr", "g0", "gsignal", "alllink"),
            *spare("addr", "curg", "p", "nextp", "lockedg", "freelink", "caughtsig"),
            *spare("addr", "goSigStack.stack.lo", "goSigStack.stack.hi"),
            *spare("int", "id", "mallocing", "locks", "dying"),
            *spare("uint", "procid", "throwing", "blocked", "incgo", "freeWait"),
            *spare("bits", "park.key"),
            *spare("opaque", "preemptoff"),  # a string: pointer and length
            Need("isextra", since="1.20", spare=True),
            Need("isExtraInC", since="1.21", spare=True),
        ),
        late=True,
    ),
    NeedStruct(
        "schedt",
        (
            *spare("uint", "goidgen", "gcwaiting", "sysmonwait"),
            *spare("bits", "lock.key"),
            # A list with a head of its own since 1.26.
            Need("midle.obj", "addr", aliases=("midle",), spare=True),
            *spare("int", "nmidle", "nmidlelocked", "mnext", "maxmcount", "nmsys", "nmfreed", "npidle"),
            *spare("addr", "pidle", "freem"),
        ),
        late=True,
    ),
    # mgclimit.go
    NeedStruct(
        "gcCPULimiterState",
        (
            *spare("uint", "enabled", "gcEnabled", "bucket.fill", "bucket.capacity", "overflow"),
            *spare("int", "lastUpdate", "nprocs"),
            *spare("uint", "lastEnabledCycle"),
        ),
        late=True,
    ),
    # mfinal.go, mcleanup.go: what waits to be run.
    NeedStruct(
        "finBlock",
        (*spare("addr", "alllink"), *spare("uint", "cnt"), *spare("opaque", "fin")),
        older=("runtime.finblock",),  # renamed in 1.25
        late=True,
    ),
    NeedStruct(
        "cleanupQueue",
        (
            Need("queued", since="1.25", spare=True),
            Need("executed", since="1.25", spare=True),
            Need("ng", since="1.25", spare=True),
            Need("running", since="1.25", spare=True),
            Need("all", "addr", since="1.25", spare=True),
        ),
        since="1.25",
        late=True,
    ),
    *PROFILES,
    # mheap.go
    NeedStruct("special", (Need("next", "addr"), *plain("uint", "offset", "kind")), late=True),
    NeedStruct("gcBitsArena", (Need("next", "addr"),), late=True),
    NeedStruct(
        "gcBitsArenas",
        (Need("next", "addr"), *spare("addr", "free", "current", "previous")),
        variable="runtime.gcBitsArenas",
        late=True,
    ),
    # internal/abi/type.go, symtab.go: names of types, and which of their words are pointers.
    NeedStruct(
        "Type",
        (
            Need("Size_", aliases=("size",)),
            Need("PtrBytes", aliases=("ptrdata",)),
            Need("GCData", "addr", aliases=("gcdata",)),
            Need("Kind_", aliases=("kind",)),
            Need("TFlag", aliases=("tflag",)),
            Need("Str", aliases=("str",)),
        ),
        type_name="internal/abi.Type",
        older=("runtime._type",),  # moved in 1.21
        late=True,
    ),
    NeedStruct(
        "moduledata",
        (
            *plain("addr", "types", "etypes", "next"),
            *spare("addr", "pcHeader", "text", "etext", "data", "edata", "bss", "ebss"),
            *spare("addr", "gcdatamask.bytedata", "gcbssmask.bytedata"),
            *spare("int", "gcdatamask.n", "gcbssmask.n"),
        ),
        late=True,
    ),
    *OBJECTS,
    # mgcmark_greenteagc.go (1.26; 1.25 as an experiment). The type is compiled in only then.
    NeedStruct(
        "spanInlineMarkBits",
        (Need("marks", "bits", since="1.25"), Need("class", since="1.25", spare=True)),
        since="1.25",
    ),
)

FIXALLOC_TYPES = {
    "spanalloc": "mspan",
    "spanSPMCAlloc": "spanSPMC",
    "cachealloc": "mcache",
    "specialfinalizeralloc": "specialfinalizer",
    "specialCleanupAlloc": "specialCleanup",
    "specialCheckFinalizerAlloc": "specialCheckFinalizer",
    "specialTinyBlockAlloc": "specialTinyBlock",
    "specialprofilealloc": "specialprofile",
    "specialReachableAlloc": "specialReachable",
    "specialPinCounterAlloc": "specialPinCounter",
    "specialSecretAlloc": "specialSecret",
    "specialWeakHandleAlloc": "specialWeakHandle",
    "specialBubbleAlloc": "specialBubble",
    "arenaHintAlloc": "arenaHint",
}
"""What each fixalloc of mheap hands out (mheap.go, mheap.init, Go 1.19 to 1.27); one more is no error."""

VARIABLES: tuple[str, ...] = (
    "mheap_",
    "memstats",
    "gcController",
    "allp",
    "gcphase",
    "work",
    "sweep",
    "scavenge",
    "debug",
    "dbgvars",
    "allgs",
    "allm",
    "sched",
    "gcrash",
    "firstmoduledata",
    "gcBitsArenas",
    "buildVersion",
    "gcCPULimiter",
    "allfin",
    "gcCleanups",
    "fing",
    "printBacklog",
    "printBacklogIndex",
    "buckhash",
    "mProfCycle",
    "MemProfileRate",
    "mutexprofilerate",
    "ticks",
)
"""Package variables of runtime whose addresses the decoders start from."""

VARIABLES_SINCE = {"gcrash": "1.22", "ticks": "1.22", "gcCleanups": "1.25"}
"""Those of them that not all supported releases have, with the first that has it: in each program, whatever it uses."""
