"""The rules of evidence: which functions of package runtime move what, and what a stop among them excuses.

This is the one table for every way in; the script for Delve has a generated copy of it.
A pattern is the start of a function's name without ``runtime.``, or all of it if it ends in ``$``.
The script has no regular expressions, so neither has the table. A closure bears the name of its function.
"""

from __future__ import annotations

from typing import Final, Literal

Family = Literal[
    "owners", "in use", "pages", "mapped", "ranges", "map", "descriptors", "mcaches", "objects", "elements", "lists",
    "slots", "cycle", "manual lists", "scheduler",
]  # fmt: skip
"""What an identity is about, by what can put it off:
the owners of pages (nothing); pages of spans in use; pages that are free, or of stacks and the like; all mapped memory;
the ranges of the page allocator; the map from pages to spans; span descriptors; mcaches; objects counted; the shape of
a new span; lists of spans; slots; GC cycles; lists of stacks and work buffers; goroutines, threads and whose a stack is."""

Patterns = tuple[str, ...]

_SPANS: Final = ("(*mheap).", "(*mcentral).grow")
SYSTEM: Final[Patterns] = (
    "persistentalloc", "sysAlloc", "sysFree", "sysMap", "sysUsed", "sysUnused", "sysFault", "sysReserve", "sysHugePage",
    "sysNoHugePage", "sysHint", "sysMmap", "sysMunmap", "mmap", "munmap", "madvise",
)  # fmt: skip
"""Ask the operating system for memory, or give it back; persistentalloc takes it for metadata, and gives none back."""
_SWEEP: Final = (
    "(*sweepLocked).", "(*sweepLocker).", "sweepone", "(*mspan).sweep", "(*mspan).ensureSwept", "deductSweepCredit", "bgsweep",
)  # fmt: skip
_SCAVENGE: Final = ("bgscavenge", "(*scavengerState).", "(*scavengeIndex).")
_CACHES: Final = (
    "(*mcache).", "(*mcentral).", "flushmcache", "flushallmcaches", "procresize", "(*p).init", "(*p).destroy",
)  # fmt: skip
_LARGE: Final = ("mallocgcLarge", "largeAlloc")
_SETS: Final = (
    "(*spanSet).", "(*spanSetBlockAlloc).", "(*spanSetBlockPool).", "(*atomicSpanSetSpinePointer).",
)  # fmt: skip
_STACKS: Final = ("stackalloc", "stackfree", "stackcache", "stackpool", "freeStackSpans")
_WORK_BUFFERS: Final = ("getempty", "prepareFreeWorkbufs", "freeSomeWbufs")
_USER_ARENAS: Final = (  # arena.go, since Go 1.20
    "(*userArena).", "(*mheap).allocUserArenaChunk", "newUserArenaChunk", "freeUserArenaChunk",
    "(*mspan).setUserArenaChunkToFault", "newUserArena",
)  # fmt: skip

FAMILIES: Final[dict[Family, Patterns]] = {
    # Nothing excuses two owners: a span gives its pages back and dies under one lock (mheap.go, freeSpanLocked).
    "owners": (),
    # heapInUse and pagesInUse. The sweep takes user arenas' chunks out of use (mgcsweep.go).
    "in use": (*_SPANS, *_USER_ARENAS, "(*sweepLocked).", "(*mspan).sweep", "(*consistentHeapStats)."),
    "pages": (
        *_SPANS, *_SCAVENGE, *_USER_ARENAS, "(*pageAlloc).", "(*pageCache).", "(*pallocData).", "(*pallocBits).", "(*pageBits).",
        "(*addrRanges).", "(*consistentHeapStats).", "(*sweepLocked).", "(*mspan).sweep", "(*p).destroy", "procresize",
    ),
    # mappedReady, and the counters that Sys is the sum of (mem.go, malloc.go persistentalloc).
    "mapped": (
        *SYSTEM, *_SPANS, *_SCAVENGE, *_USER_ARENAS, "(*pageAlloc).", "(*sysMemStat).", "(*linearAlloc).", "(*consistentHeapStats).",
    ),
    "ranges": ("(*addrRanges).", "(*pageAlloc).", "(*mheap)."),
    "map": (*_SPANS, *_SWEEP, *_USER_ARENAS),
    "descriptors": (*_SPANS, *_SWEEP, *_USER_ARENAS, "(*fixalloc).", "recordspan", "(*p).", "procresize"),
    "mcaches": ("allocmcache", "freemcache", "procresize", "(*p).init", "(*p).destroy", "(*fixalloc)."),
    # In Go 1.19 mallocgc itself counts a large object in its span (malloc.go). A user arena's chunk is one object.
    "objects": (
        *_CACHES, *_SWEEP, *_SPANS, *_LARGE, *_USER_ARENAS, "(*mspan).init", "(*consistentHeapStats).", "mallocgc$",
    ),
    # Until Go 1.23 mcentral.grow sets a span's limit after the span is in use (mcentral.go).
    "elements": (*_SPANS, *_USER_ARENAS, "(*mspan).init", "heapBits.initSpan", "(*mcache).refill"),
    "lists": (*_CACHES, *_SETS, *_SWEEP, *_SPANS, *_LARGE, *_USER_ARENAS, "(*mspan).init"),
    "slots": (
        *_CACHES, *_SWEEP, *_SPANS, *_LARGE, *_USER_ARENAS, "mallocgc", "malloc", "newobject", "nextFree", "(*mspan).",
    ),
    "manual lists": (
        *_STACKS, *_WORK_BUFFERS, *_SPANS, "(*mSpanList).", "(*gcWork).", "gcSweep", "malg", "copystack", "shrinkstack",
        "gfput", "gfget",
    ),
    # proc.go. A new thread has its number from minit; one that ends is on no list from mexit on.
    "scheduler": (
        *_STACKS, "(*mheap).", "newproc", "malg", "allgadd", "gfput", "gfget", "gfpurge", "goexit0", "gdestroy", "copystack",
        "newstack", "shrinkstack", "adjustframe", "newextram", "oneNewExtraM", "needm", "needAndBindM", "dropm", "allocm", "newm",
        "startm", "mReserveID", "mcommoninit", "mpreinit", "markrootFreeGStacks", "unminit", "setGsignalStack", "restoreGsignalStack", "schedinit", "newosproc", "minit", "mexit", "exitThread", "templateThread", "startTemplateThread", "procresize", "flushallmcaches",
    ),
    # sweepgen rises in gcSweep, numgc some lines later (mgc.go, gcMarkTermination).
    "cycle": (
        "gcMarkTermination", "gcSweep", "gcControllerCommit", "gcPaceSweeper", "gcPaceScavenger", "(*cpuStats).accumulate",
    ),
}  # fmt: skip
"""The functions that move what each family counts."""

GROWTH: Final[Patterns] = (
    "(*mheap).grow",
    "(*mheap).sysAlloc",
    "(*pageAlloc).grow",
    "(*pageAlloc).sysGrow",
)
"""A thread in one of them may be moving an arena at once; there is one at a time, for it has the heap's lock."""

RECORDING: Final[Patterns] = ("recordspan",)
"""A thread in it may be replacing the array of all descriptors by one half as large again (mheap.go)."""

SCAVENGING: Final[Patterns] = (*_SCAVENGE, "(*pageAlloc).scavenge")
"""A thread in one of them may be moving a chunk of the page allocator."""

USER_ARENAS: Final[Patterns] = _USER_ARENAS
"""A thread in one of them may be moving a chunk of a user arena."""

SWEEPING: Final[Patterns] = (*_SWEEP, "(*mcentral).", "(*mcache).", "(*mheap).")
"""A span that is being swept is in the hands of a thread in one of them."""

STARTING: Final[Patterns] = ("clone$", "mstart", "rt0_go", "cgo_thread_start")
"""The newest function of a thread that has yet to take its number, or to begin (proc.go, mstart1)."""

EXITING: Final[Patterns] = ("mexit", "exitThread")
"""A thread in one of them has left allm, or is about to."""

HANDLERS: Final[Patterns] = ("sigtramp$", "cgoSigtramp$")
"""What the kernel calls when a signal comes (sys_linux_*.s): below it is one frame that ends the handler, whatever its
name in a C library or the vdso, and below that is what was interrupted."""

HANDLING: Final[Patterns] = ("sigtramp$", "sigtrampgo$", "sighandler$", "sigfwdgo$", "cgoSigtramp$")
"""A signal handler, the runtime's own part of it (signal_unix.go)."""

HIDING: Final[Patterns] = (*HANDLING, "morestack", "systemstack_switch$")
"""The stack below is not unwound there (asm_*.s, sys_linux_*.s), so what the thread was doing cannot be seen."""

VDSO_CALLERS: Final = ("runtime.nanotime1", "runtime.walltime", "time.now")
"""They go to the system stack for the vdso, which no table for unwinding tells: what a debugger takes for their
callers is what lay on that stack before. Frame pointers lead on (sys_linux_*.s, time_linux_amd64.s)."""

LEFT: Final[Patterns] = ("schedule$",)
"""A thread in the scheduler has left what it did before (proc.go)."""

BOTTOMS: Final[Patterns] = ("mcall$", "mstart$", "goexit$", "cgocallback$")
"""The last function of a stack, or of what a thread does: mcall was called by a goroutine that it has left, cgocallback
by C code (asm_*.s)."""

THROWS: Final[Patterns] = (
    "throw$",
    "fatal$",
    "fatalthrow$",
    "sigpanic$",
    "(*mspan).reportZombies",
    "badPointer",
)
"""What ends the program for what its caller found (panic.go; mgcsweep.go, mbitmap.go: these two only report first).
Its frames come before those of what had been begun."""

OUT_OF_MEMORY: Final[Patterns] = SYSTEM
"""Those throw because the system gave no memory, which is about nothing in the heap (mem_linux.go, sysMapOS): all
that the frames below had begun counts."""


def matches(name: str, patterns: Patterns) -> bool:
    """Whether a function of package runtime is one of these."""
    short = name.removeprefix("runtime.")
    if len(short) == len(name):
        return False
    return any(
        short == pattern[:-1] if pattern.endswith("$") else short.startswith(pattern) for pattern in patterns
    )
