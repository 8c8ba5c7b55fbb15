"""The verdicts of go-spans doctor: what each means, and when it is given."""

from __future__ import annotations

from gdb_gospan.glossary.term import Source, Term
from gdb_gospan.glossary.term import in_runtime as go


def _verdict(
    code: str, meaning: str, when: str, *sources: Source, aliases: tuple[str, ...] = (), unlike: str = ""
) -> Term:
    return Term(code, meaning, when, sources, unlike=unlike, aliases=aliases, covers=(f"doctor/{code}",))


VERDICTS: tuple[Term, ...] = (
    _verdict(
        "limit-thrashing",
        "the collector runs one cycle after another because the live heap is close to GOMEMLIMIT.",
        "GOGC in effect at the limit <= 25, and 4 cycles a second, or 512 MiB a second that they find live",
        go("mgcpacer.go", "memoryLimitHeapGoal()"),
        go("mgclimit.go", "gcCPULimiterState.lastEnabledCycle"),
        aliases=("death spiral", "GC thrashing"),
    ),
    _verdict(
        "finalizers-stuck",
        "finalizers or cleanups wait: the goroutine that runs them is blocked in one, or slow, and the objects of finalizers stay in memory.",
        "1,000 or more wait; likely if a GC cycle has seen the goroutine wait, certain if for a second or more",
        go("mfinal.go", "allfin"),
        aliases=("blocked finalizer", "stuck finalizer"),
    ),
    _verdict(
        "beyond-go",
        "half of the resident memory or more is not what the runtime keeps: returned yet resident, or outside Go.",
        "RSS - (Sys - HeapReleased) >= RSS / 2, where nothing splits RSS",
        go("mstats.go", "MemStats.Sys MemStats.HeapReleased"),
        unlike="an exact figure: pages of the program's file count in RSS and not in Sys",
    ),
    _verdict(
        "c-threads",
        "stacks of threads that C code created, or that run cgo calls.",
        "resident bytes of the mappings that the threads' stack pointers point into",
        unlike="goroutine stacks, which are in the Go heap",
        aliases=("pthread stacks",),
    ),
    _verdict(
        "anonymous-memory",
        "anonymous mappings that are neither the runtime's nor malloc's: of the program, or of a C library.",
        "resident bytes of the mappings that are left",
        aliases=("anonymous mappings",),
    ),
    _verdict(
        "mapped-files",
        "pages of mapped files, such as a database's.",
        "resident bytes of mappings with a file that is not the program",
        unlike="memory that a process needs: the kernel takes clean file pages back under pressure",
    ),
    _verdict(
        "shared-memory",
        "tmpfs, memfd, and anonymous memory that other processes share.",
        "resident bytes of mappings of shared memory, by /proc/PID/smaps",
        unlike="pages of files: the kernel cannot drop it, and a container's limit counts it",
        aliases=("tmpfs", "shmem"),
    ),
    _verdict(
        "os-threads",
        "system stacks of the threads that the runtime has started, and keeps.",
        "bytes of stack spans under g0 and gsignal of each M",
        go("proc.go", "stopm()"),
        aliases=("too many threads",),
    ),
    _verdict(
        "gc-setting",
        "what a GOGC above 100 lets the heap keep, more than GOGC=100 would.",
        "objects + garbage + free slots + idle pages - (2 * heapMarked + 4 MiB); without a memory limit",
        go("mgcpacer.go", "commit()"),
        aliases=("GOGC too high",),
    ),
    _verdict(
        "other-runtime",
        "memory of another Go runtime in the process: a plugin of another build, or a c-shared library.",
        "resident bytes of mappings that begin as Go's arenas do",
    ),
    _verdict(
        "returned-resident",
        "pages that the runtime has returned and that are resident all the same.",
        "resident bytes of free pages whose scavenged bit is set",
        go("mgcscavenge.go", "scavengeOne()"),
        aliases=("LazyFree", "madvdontneed"),
    ),
    _verdict(
        "huge-pages",
        "returned pages that the kernel has filled again as parts of huge pages.",
        "as returned-resident, where half of it or more is in huge pages",
        aliases=("khugepaged", "MADV_COLLAPSE"),
    ),
    _verdict(
        "goroutine-leak",
        "most goroutines that wait were started by one function.",
        "500 or more of them, half or more of all that wait; their stacks and descriptors",
        go("runtime2.go", "g.gopc"),
        unlike="connections that wait for input: then it is only possible",
        aliases=("leaked goroutines",),
    ),
    _verdict(
        "deep-stacks",
        "a few goroutines have most of the stack memory.",
        "at most 16 goroutines, each with a stack of 1 MiB or more, have more than half of it",
        go("stack.go", "newstack()"),
        aliases=("recursion",),
    ),
    _verdict(
        "many-stacks",
        "goroutine stacks take much of the memory, and no few of them have most of it.",
        "bytes of the stacks of goroutines that are alive",
        go("runtime2.go", "g.stack"),
    ),
    _verdict(
        "unswept",
        "garbage that the last cycle found, in spans that nothing has swept yet.",
        "allocCount - marked slots of spans whose sweepgen is behind mheap_.sweepgen",
        go("mgcsweep.go", "sweep()"),
        aliases=("sweep backlog", "unswept backlog"),
    ),
    _verdict(
        "user-arenas",
        "chunks of user arenas that the program has not freed.",
        "spans with isUserArenaChunk",
        go("arena.go", "userArenaChunkBytes", since="1.20"),
    ),
    _verdict(
        "garbage-waiting",
        "most objects are younger than the last GC cycle: garbage, as far as anybody knows.",
        "objects allocated since the last cycle >= 2 * (survivors, at least 4 MiB)",
        go("mgcpacer.go", "heapGoal()"),
        unlike="unswept, which a cycle has found dead",
        aliases=("GOGC=off",),
    ),
    _verdict(
        "large-tails",
        "large objects take whole pages, and much of the last one is empty.",
        "npages * 8192 - size of the objects above 32 KiB",
        go("mcache.go", "allocLarge()"),
    ),
    _verdict(
        "p-hoard",
        "free slots and pages that the caches of Ps hold, which no other P can use.",
        "free slots of cached spans, and pages of page caches",
        go("mcache.go", "mcache.alloc"),
        aliases=("too many Ps", "GOMAXPROCS too high"),
    ),
    _verdict(
        "class-waste",
        "one size class has most of the free slots.",
        "free slots beyond what is filled until the next cycle; 60 % of them or more in one span class",
        go("mheap.go", "mspan.allocCount mspan.nelems"),
    ),
    _verdict(
        "sparse-spans",
        "few survivors keep many spans in use, as after a burst.",
        "free slots beyond what is filled until the next cycle, in many classes",
        go("mheap.go", "mspan.allocCount mspan.nelems"),
        aliases=("in-span waste", "burst"),
    ),
    _verdict(
        "contiguity",
        "free pages that the runtime keeps lie between spans in use, in runs too short for large objects.",
        "idle pages; 80 % of them or more in runs of less than 4 pages",
        go("mpagealloc.go", "pageAlloc.chunks"),
        aliases=("scattered pages",),
    ),
    _verdict(
        "idle-retained",
        "free pages that the runtime keeps beyond what the heap needs until the next cycle.",
        "idle pages - (heap goal at GOGC=100 - heapLive - free slots)",
        go("mgcscavenge.go", "gcPercentGoal"),
        aliases=("idle heap", "scavenger at its goal"),
    ),
    _verdict(
        "metadata",
        "the runtime's own structures take much of the memory.",
        "span descriptors, GC bitmaps and work buffers, tables of arenas and pages, profiling buckets",
        go("mstats.go", "MemStats.BuckHashSys"),
        aliases=("profiler overhead",),
    ),
    _verdict(
        "live-objects",
        "objects that survived the last cycle take much of the memory, and it found more of them than the cycle before.",
        "survivors; heap goal >= 1.25 * lastHeapGoal",
        go("mgcpacer.go", "gcControllerState.lastHeapGoal"),
        unlike="proof of a leak: load at the start, a burst and a cache that fills look the same",
        aliases=("leak", "heap leak"),
    ),
    _verdict(
        "healthy",
        "no rule found a cause that explains enough bytes.",
        "no other verdict",
        unlike="proof that nothing leaks: whether objects grow slowly, only two moments tell",
    ),
    Term(
        "thresholds of doctor",
        "limits from which a cause is worth a verdict: bytes, shares, counts.",
        "examples/lab/thresholds.toml has each with its default; --thresholds FILE takes others",
        unlike="limits of gate, which are on figures",
        aliases=("thresholds", "verdict", "verdicts", "doctor"),
    ),
    Term(
        "certain, likely, possible",
        "how sure a verdict is: certain where its bytes are counted, likely where a part is inferred, possible where another "
        "cause looks the same.",
        "see the verdict's own entry",
        unlike="how bad it is: that is the bytes",
        aliases=("certain", "likely", "possible", "how sure", "but"),
        covers=("doctor/certain, likely, possible",),
    ),
)
