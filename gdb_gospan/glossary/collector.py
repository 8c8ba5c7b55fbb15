"""The collector, its pacer and scavenger, what Ps and stacks keep, and what is attached to objects."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

COLLECTOR: tuple[Term, ...] = (
    Term(
        "garbage collector",
        "finds objects that no goroutine and no global reaches any more, in cycles of marking and sweeping that "
        "run concurrently with the program.",
        "a cycle begins when heapLive reaches the trigger below NextGC, after two minutes without one, or by runtime.GC (forced)",
        (go("mgc.go", "gcStart() gcMarkDone()"), go("mgcsweep.go", "sweepone()")),
        unlike="the scavenger, which returns free pages; a compactor: no object is ever moved",
        aliases=("GC", "collector", "cycle", "cycles", "GC cycle", "between cycles", "forced", "phase", "last", "LastGC"),
    ),
    Term(
        "GC used",
        "share of the CPU time from the program's start to the end of the last cycle, on all Ps, that the collector used.",
        "MemStats.GCCPUFraction, a share of GOMAXPROCS * that time; computed at the end of each cycle",
        (go("mstats.go", "mstats.gc_cpu_fraction"), go("mgc.go", "gcMarkTermination()")),
        unlike="the share up to now: while a program is idle, the value from its last cycle stays",
        aliases=("GCCPUFraction", "of the CPU time since the start", "up to the end of the last cycle", "CPU time", "gc_cpu_fraction"),
    ),
    Term(
        "heap",
        "the address space that the runtime hands out as spans: pages in use, free and kept, and returned ones.",
        "HeapSys = HeapInuse + HeapIdle; the line Heap of go-spans gc has the pacer's figures",
        (go("mheap.go", "mheap.pages mheap.arenas"),),
        unlike="Sys, which also includes the runtime's metadata; memory of C",
        aliases=("Go heap",),
    ),
    Term(
        "P",
        "a processor of the Go scheduler: a thread needs one to run Go code; there are GOMAXPROCS of them, each with its own caches.",
        "p.status: 0 idle, 1 running, 2 in a system call, 3 stopped for GC (the world is stopped), 4 dead (GOMAXPROCS was lowered)",
        (go("runtime2.go", "p.status p.mcache p.pcache _Pidle _Prunning _Pgcstop"),),
        unlike="a thread (M) or a goroutine (G): a P runs one goroutine at a time, on some thread",
        aliases=("Ps", "GOMAXPROCS", "processor", "running", "in a system call", "stopped for GC"),
        covers=("cache/P", "cache/status"),
    ),
    Term(
        "state of a goroutine",
        "what it does: running, runnable (waits for a P), waiting (blocked), in a system call, or dead (kept for reuse).",
        "g.atomicstatus, without the bit that is set while the collector scans its stack",
        (go("runtime2.go", "g.atomicstatus _Grunnable _Grunning _Gwaiting _Gdead"),),
        unlike="the status of a P",
        aliases=("goroutine", "runnable", "running", "waiting", "copying its stack", "preempted", "leaked", "dead, of a C thread"),
    ),
    Term(
        "out of memory",
        "the kernel kills a process when its container or the machine runs out of memory (OOM killer), or it "
        "refuses more memory and the Go program stops with a fatal error.",
        "the kernel counts resident memory: RSS, and for a container also page cache and kernel memory; Go's "
        "part of RSS may be below or above Sys - HeapReleased (go-spans explain RSS)",
        (go("mem_linux.go", "_ENOMEM"),),
        unlike="GOMEMLIMIT, which makes the collector work harder and never stops the program",
        aliases=("OOM", "OOM killer", "OOMKilled"),
    ),
    Term(
        "heapLive",
        "the pacer's estimate of live bytes, which triggers the next cycle: marked by the last one or allocated since.",
        "heapMarked + bytes allocated since; a span that a P caches counts in full",
        (go("mgcpacer.go", "gcControllerState.heapLive"),),
        unlike="HeapAlloc, which counts only allocated slots, and garbage of the last cycle until it is swept",
        aliases=("estimated live", "pacer"),
        covers=("gc/estimated live",),
    ),
    Term(
        "NextGC",
        "the pacer's goal: the HeapAlloc at which the next cycle should end; the cycle starts earlier.",
        "heapMarked + (heapMarked + stacks scanned at the last cycle + globals) * GOGC / 100, at least heapMinimum; "
        "lower if the memory limit requires it",
        (
            go("mgcpacer.go", "heapGoal() gcControllerState.gcPercentHeapGoal gcControllerState.heapMarked"),
            go("mgcpacer.go", "gcControllerState.lastStackScan gcControllerState.globalsScan gcControllerState.heapMinimum"),
        ),
        unlike="the trigger, at which the cycle begins: 70 % of the way from heapMarked to the goal, or more, "
        "depending on how fast the program allocates; with GOGC=off and no memory limit there is no goal",
        aliases=("heap goal", "next heap goal", "no heap goal", "the cycle starts earlier", "GOGC", "next at", "next cycle at", "pacer", "lastStackScan", "globalsScan", "heapMinimum"),
        covers=("gc/next heap goal", "gc/also scanned"),
    ),
    Term(
        "heapMarked",
        "bytes that the last cycle found live, as the runtime counted them while marking.",
        "gcController.heapMarked; two markers that race for an object both count it, so it may exceed the true total",
        (go("mgcpacer.go", "gcControllerState.heapMarked"),),
        unlike="objects, which also includes later allocations; no identity checks heapMarked",
        aliases=("found live", "the last found", "the last cycle found", "live", "live:bytes"),
    ),
    Term(
        "memory limit",
        "GOMEMLIMIT: the collector runs more often, and free pages are returned sooner, to keep mapped memory below it.",
        "gcController.memoryLimit, against mappedReady = Sys - HeapReleased",
        (go("mgcpacer.go", "gcControllerState.memoryLimit gcControllerState.mappedReady"),),
        unlike="a hard limit: the program may exceed it; RSS, which also includes program text and C memory",
        aliases=("GOMEMLIMIT", "mappedReady", "would count against it", "no memory limit", "headroom"),
        covers=("gc/Limit",),
    ),
    Term(
        "sweeping",
        "frees the objects that the last cycle found dead, span by span, in the background and on allocation, before the next cycle.",
        sources=(go("mgcsweep.go", "sweep() sweepone()"),),
        aliases=("sweeper", "sweepers", "in progress", "swept this cycle"),
        covers=("gc/Sweep",),
    ),
    Term(
        "scavenger",
        "returns free pages to the operating system until no more than a goal is retained.",
        "goal for GOGC: heapGoal / lastHeapGoal * lastHeapInUse * 1.1; and below the memory limit",
        (go("mgcscavenge.go", "retainExtraPercent"), go("mstats.go", "mstats.lastHeapInUse")),
        unlike="the sweeper, which frees objects",
        aliases=("scavenging", "gcPercentGoal", "gc_percent_goal"),
        covers=("gc/Scavenger",),
    ),
    Term(
        "heap not returned",
        "bytes of the heap's pages that are not returned to the operating system, spans in use and idle pages together.",
        "heapInUse + heapFree = HeapInuse + HeapIdle - HeapReleased",
        (go("mgcscavenge.go", "heapRetained()"), go("mgcpacer.go", "gcControllerState.heapInUse gcControllerState.heapFree")),
        unlike="idle pages, retained, which are only its idle part",
        aliases=("retained", "heapRetained"),
        covers=("gc/heap not returned",),
    ),
    Term(
        "pauses",
        "the stop-the-world time of each of the last 256 cycles.",
        "memstats.pause_ns, a ring; the newest is at (numgc + 255) % 256",
        (go("mstats.go", "mstats.pause_ns mstats.numgc"),),
        unlike="the length of a cycle, most of which runs concurrently. If a debugger, SIGSTOP or a suspended "
        "machine stops the process during a pause, that time is included and cannot be told apart",
        aliases=("PauseNs", "pause quantiles", "min", "max", "p25", "p50", "p75", "newest"),
        covers=("gc/Pauses",),
    ),
    Term(
        "GODEBUG",
        "settings of the runtime that affect memory, if they differ from the defaults.",
        sources=(go("runtime1.go", "madvdontneed"),),
        covers=("gc/GODEBUG",),
    ),
    Term(
        "memstats",
        "what runtime.ReadMemStats would return now; ~ marks fields that its flush of the Ps' caches, or the scavenger, may change.",
        "the formulas of readmemstats_m on the current counters, with the effect of the flush computed",
        (go("mstats.go", "readmemstats_m()"), go("mcache.go", "releaseAll()")),
        aliases=("ReadMemStats", "BySize", "difference", "value"),
        covers=("memstats/~", "memstats/BySize"),
    ),
    Term(
        "parked",
        "bytes that a P keeps for itself and no other can use: free slots of cached spans, stacks, pages, descriptors.",
        "(nelems - allocCount) * elemsize of mcache.alloc; stackcache; pcache minus returned pages; mspancache",
        (
            go("mcache.go", "mcache.alloc mcache.stackcache prepareForSweep()"),
            go("runtime2.go", "p.pcache mspancache"),
            go("proc.go", "destroy()"),
        ),
        unlike="lost memory: goroutines on that P use it. The end of each GC cycle releases spans and stacks, "
        "and the pages of idle Ps (not in Go 1.19); a P that GOMAXPROCS removes releases everything. Being idle "
        "releases nothing",
        aliases=("per-P cache", "cache"),
        covers=("cache/spans", "cache/free slots", "cache/bytes", "cache/stacks", "cache/pages", "cache/mspans", "cache/parked"),
    ),
    Term(
        "stack spans",
        "spans of 32 KiB that are cut into stacks of one size, and one span for each stack of 32 KiB or more.",
        "given out: allocCount of the span, stacks in a P's cache included",
        (go("stack.go", "stackpool stackLarge stackalloc()"), go("mcache.go", "stackfreelist")),
        unlike="stacks in use: a free stack stays in its span or in a P's cache; a span with only free stacks "
        "returns to the heap at once, or at the end of the cycle during marking",
        aliases=("stackpool",),
        covers=("stacks/size", "stacks/spans", "stacks/bytes", "stacks/stacks", "stacks/given out", "stacks/free", "stacks/free bytes",
                "stacks/goroutines", "check/goroutine-stacks", "check/stack-holders", "check/stack-use"),
    ),
    Term(
        "thread",
        "an operating system thread; the runtime has an M for each one that runs Go, and none for one that only runs C.",
        "Ms: length of allm; m.procid is the number of the thread",
        (go("runtime2.go", "m.procid m.alllink"), go("proc.go", "mcommoninit()")),
        aliases=("threads", "M", "Ms", "of Go", "of C", "without an M"),
    ),
    Term(
        "dead goroutines",
        "goroutines that have ended; the runtime keeps them for reuse, some with their stacks.",
        "entries of allgs in state dead, and the bytes of their stacks",
        (go("runtime2.go", "_Gdead"), go("proc.go", "gfput() gfget()")),
        unlike="a leak: they are reused before a new one is made, and a GC frees their stacks if they stay unused for long",
        aliases=("dead", "gFree"),
        covers=("stacks/dead goroutines, kept for reuse", "check/goroutine-states", "check/goroutine-ids"),
    ),
    Term(
        "exited threads",
        "threads that have ended, for example because the goroutine locked to them returned; each leaves its M "
        "and its stack on sched.freem until the next thread is created.",
        "Ms on sched.freem, linked by m.freelink, and the bytes of their g0's stacks, if they are in stack spans",
        (go("proc.go", "mexit() allocm()"), go("runtime2.go", "schedt.freem m.freelink m.freeWait")),
        unlike="a leak: their number is bounded by the threads that exit before another one starts",
        aliases=("freem", "mexit"),
        covers=("stacks/threads that have exited (sched.freem)", "stacks/threads", "check/thread-count", "check/thread-numbers"),
    ),
    Term(
        "system stacks",
        "stacks of threads and of the runtime itself: g0 for the scheduler, gsignal for signals, gcrash when a "
        "crash has no stack left.",
        "bytes of m.g0, m.gsignal of all threads and of gcrash, if they are in stack spans",
        (go("runtime2.go", "m.g0 m.gsignal"), go("proc.go", "gcrash", since="1.22")),
        unlike="the first thread's stack and those of C threads, which are the operating system's and in no span",
        aliases=("g0", "gsignal", "gcrash"),
        covers=("stacks/threads and runtime (g0, gsignal, gcrash)",),
    ),
    Term(
        "in transition",
        "stacks that are given out but belong to no listed goroutine, thread or cache: 0 in a quiet stop.",
        "given out and not cached, minus those of goroutines, threads and the runtime",
        (go("stack.go", "stackalloc() stackfree()"),),
        unlike="a leak: such a stack is changing its owner, or its owner could not be read",
        aliases=("owner unknown", "without an owner"),
        covers=("stacks/other, in transition",),
    ),
    Term(
        "new",
        "a span allocated since the last GC began; the age of other spans is not recorded.",
        "its bitmaps come from the newest batch, or it has none yet",
        (go("mheap.go", "newMarkBits() newAllocBits()"),),
        covers=("list/new",),
    ),
    Term(
        "type",
        "the Go type of an object; the runtime records it for objects that have pointers and are over 512 bytes.",
        "mspan.largeType of a large object; else the first word of the slot",
        (go("mheap.go", "mspan.largeType", since="1.22"),),
        since="1.22",
        unlike="the type of smaller objects, and of objects without pointers, which is not recorded. For an "
        "array it is the element type: show prints array of it if the slot has room for two",
        aliases=("largeType", "malloc header"),
        covers=("list/type", "show/type"),
    ),
    Term(
        "attached",
        "records on an object: finalizers, cleanups, weak handles, profile records.",
        "mspan.specials, a list sorted by offset",
        (go("mheap.go", "mspan.specials addspecial()"),),
        aliases=("specials", "finalizer"),
        covers=("show/attached",),
    ),
)  # fmt: skip
