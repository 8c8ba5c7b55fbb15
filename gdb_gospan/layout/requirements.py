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
    """One field.

    ``aliases`` are older or newer paths of the same thing. A ``spare`` field is shown where it is
    there; no figure rests on it, so that a release without it is not refused.
    """

    path: str
    kind: Kind = "uint"
    aliases: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    spare: bool = False

    @property
    def optional(self) -> bool:
        """Some supported release lacks it, or may."""
        return bool(self.since or self.until or self.spare)


class NeedStruct(NamedTuple):
    """One struct: the type's name, or the variable that has this (unnamed) type.

    A ``late`` one is for a single command: it is resolved when that command needs it.
    """

    name: str
    needs: tuple[Need, ...]
    type_name: str = ""
    variable: str = ""
    since: str = ""
    late: bool = False


OLDEST = (1, 19)
NEWEST = (1, 27)
TESTED = ((1, 19), (1, 20), (1, 21), (1, 22), (1, 23), (1, 24), (1, 25), (1, 26), (1, 27))
"""Releases that the tests run on."""
PATCHES = ((1, 19, 4), (1, 21, 6), (1, 23, 4), (1, 23, 12), (1, 24, 6))
"""Patch releases since which a minor release lays some struct out in another way than before: mspan in 1.19.4 (which
1.19.3 is like cannot be had; its mheap tells), debug in 1.21.6, work in 1.23.4, m in 1.23.12 and 1.24.6. No other of those
that can be had does, up to 1.25.12, 1.26.9 and 1.27.4 (`tests/tools/layouts.py`)."""


def _plain(kind: Kind, *paths: str) -> tuple[Need, ...]:
    return tuple(Need(path, kind) for path in paths)


def _spare(kind: Kind, *paths: str) -> tuple[Need, ...]:
    return tuple(Need(path, kind, spare=True) for path in paths)


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
            *_spare("uint", "pagesSwept", "reclaimCredit"),
            *_spare("float", "sweepPagesPerByte"),
            *_spare("bits", "reclaimIndex"),
            Need("arenas", "addr"),
            Need("arenas[].*", "addr"),
            Need("heapArenas", "opaque", aliases=("allArenas",)),  # renamed in 1.25
            Need("userArenaArenas", "opaque", since="1.25"),
            *_spare("addr", "curArena.base", "curArena.end"),
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
        ),
    ),
    NeedStruct(
        "mspan",
        (
            *_plain("addr", "next", "list", "startAddr"),
            Need("npages"),
            Need("manualFreeList", "addr"),
            *_plain("uint", "freeindex", "nelems"),
            *_plain("addr", "allocBits", "gcmarkBits"),
            Need("pinnerBits", "addr", since="1.21", spare=True),
            *_plain("uint", "sweepgen", "allocCount", "spanclass", "state", "needzero"),
            *_spare("addr", "prev"),
            *_spare("uint", "freeIndexForScan", "divMul"),
            *_spare("bits", "allocCache"),
            Need("isUserArenaChunk", since="1.20"),
            *_plain("uint", "allocCountBeforeCache", "elemsize"),
            *_plain("addr", "limit", "specials"),
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
            *_plain("addr", "arg", "list", "stat"),
            *_plain("uint", "nchunk", "inuse"),
            *_spare("uint", "nalloc"),
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
            *_spare("addr", "tiny"),
            *_spare("uint", "tinyoffset", "flushGen"),
            Need("tinyAllocs"),
            Need("alloc", "addr"),
            Need("stackcache", "opaque"),
            Need("stackcache[].size"),
        ),
    ),
    # runtime2.go
    NeedStruct(
        "p",
        (
            *_plain("uint", "id", "status"),
            *_spare("addr", "m"),
            Need("mcache", "addr"),
            Need("pcache.base", "addr"),
            *_plain("bits", "pcache.cache", "pcache.scav"),
            Need("mspancache.len"),
            Need("statsSeq"),
        ),
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
            *_spare("uint", "lastHeapInUse"),
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
            *_spare("uint", "heapMinimum", "lastHeapGoal", "lastStackScan", "globalsScan"),
            *_plain("bits", "gcPercentHeapGoal", "sweepDistMinTrigger", "triggered"),
            *_plain("uint", "heapLive", "heapMarked"),
            *_plain(
                "uint", "heapInUse", "heapReleased", "heapFree", "totalAlloc", "totalFree", "mappedReady"
            ),
        ),
    ),
    # mgc.go, mgcsweep.go
    NeedStruct(
        "work",
        (
            *_spare("uint", "cycles", "mode", "userForced"),
            Need("wbufSpans.free.first", "addr"),
            Need("wbufSpans.busy.first", "addr"),
        ),
        type_name="runtime.workType",
    ),
    NeedStruct(
        "sweepdata", (Need("active.state"), *_spare("uint", "centralIndex", "parked"), *_spare("addr", "g"))
    ),
    NeedStruct(
        "scavenge",
        (*_plain("bits", "gcPercentGoal", "memoryLimitGoal"),),
        variable="runtime.scavenge",
        late=True,
    ),
    # runtime1.go: the GODEBUG settings that matter to memory.
    NeedStruct(
        "debug",
        (
            *_spare(
                "int",
                "madvdontneed",
                "harddecommit",
                "gctrace",
                "scavtrace",
                "gcpacertrace",
                "gcstoptheworld",
            ),
            *_spare("int", "gcshrinkstackoff", "adaptivestackstart", "efence", "sbrk", "clobberfree"),
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
            *_plain("addr", "stack.lo", "stack.hi"),
            *_plain("uint", "atomicstatus"),
            *_spare("uint", "goid", "waitreason"),
            *_spare("addr", "m", "stackguard0", "sched.sp", "sched.pc"),
        ),
        late=True,
    ),
    # Never read as a whole: the state of the random generator is in it, too (m.chacha8; since Go 1.22).
    NeedStruct(
        "m",
        (
            *_plain("addr", "g0", "gsignal", "alllink"),
            *_spare("addr", "curg", "p", "nextp", "lockedg", "freelink"),
            *_spare("addr", "goSigStack.stack.lo", "goSigStack.stack.hi"),
            *_spare("int", "id", "mallocing", "locks", "dying"),
            *_spare("uint", "procid", "throwing", "blocked", "incgo", "freeWait"),
            *_spare("bits", "park.key"),
            *_spare("opaque", "preemptoff"),  # a string: pointer and length
            Need("isextra", since="1.20", spare=True),
            Need("isExtraInC", since="1.21", spare=True),
        ),
        late=True,
    ),
    NeedStruct(
        "schedt",
        (
            *_spare("uint", "goidgen", "gcwaiting", "sysmonwait"),
            *_spare("bits", "lock.key"),
            # A list with a head of its own since 1.26.
            Need("midle.obj", "addr", aliases=("midle",), spare=True),
            *_spare("int", "nmidle", "nmidlelocked", "mnext", "maxmcount", "nmsys", "nmfreed", "npidle"),
            *_spare("addr", "pidle", "freem"),
        ),
        late=True,
    ),
    # mheap.go
    NeedStruct("special", (Need("next", "addr"), *_plain("uint", "offset", "kind")), late=True),
    NeedStruct("gcBitsArena", (Need("next", "addr"),), late=True),
    NeedStruct(
        "gcBitsArenas",
        (Need("next", "addr"), *_spare("addr", "free", "current", "previous")),
        variable="runtime.gcBitsArenas",
        late=True,
    ),
    # internal/abi/type.go, symtab.go: names of types, for objects that know theirs (1.22 on).
    NeedStruct(
        "Type",
        _plain("uint", "Size_", "TFlag", "Str"),
        type_name="internal/abi.Type",
        since="1.21",
        late=True,
    ),
    NeedStruct(
        "moduledata", (*_plain("addr", "types", "etypes", "next"), *_spare("addr", "pcHeader")), late=True
    ),
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
)
"""Package variables of runtime whose addresses the decoders start from."""

VARIABLES_SINCE = {"gcrash": "1.22"}
"""Those of them that not all supported releases have, with the first that has it."""
