"""The lines and columns of go-spans whatif: changes, and what they would free."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

WHATIF: tuple[Term, ...] = (
    Term(
        "bounds of a change",
        "go-spans whatif says of each change how many bytes it would free, at least and at most, and which figure they are a part of.",
        "leaves = now - at most: the figure afterwards, at least",
        (go("mstats.go", "MemStats.HeapAlloc MemStats.HeapInuse MemStats.Sys"),),
        unlike="a forecast: each bound rests on the assumption that is printed with it",
        aliases=("freed by", "part of", "now", "leaves", "parked in Ps", "not returned"),
        covers=(
            "whatif/freed by",
            "whatif/part of",
            "whatif/now",
            "whatif/at least",
            "whatif/at most",
            "whatif/leaves",
        ),
    ),
    Term(
        "a GC now",
        "what a GC cycle would free: at least the garbage that the last one found and that waits to be swept; at most all "
        "objects that did not survive it.",
        "least: allocCount - marked slots of unswept spans without specials; most: that of all spans, with allocCount - set bits of "
        "allocBits of swept ones; whole spans: those without a marked slot, and those without a survivor",
        (
            go("mgcsweep.go", "sweep()"),
            go("mheap.go", "mspan.allocCount mspan.gcmarkBits mspan.specials"),
        ),
        unlike="garbage: survivors of the last cycle may have died since, which only a cycle can tell",
        aliases=("a GC: objects", "a GC: whole spans"),
    ),
    Term(
        "a scavenge",
        "returns all free pages of the heap to the operating system; pages in the page caches of Ps stay.",
        "pages with neither their bit in pallocBits nor in scavenged",
        (go("mheap.go", "scavengeAll()"), go("mgcscavenge.go", "scavengeOne()")),
        unlike="debug.FreeOSMemory, which runs a GC cycle first",
        aliases=("scavenge", "scavenge now"),
    ),
    Term(
        "packing",
        "the fewest spans that the objects of each span class need: what the spread of the objects over their spans costs.",
        "objects / nelems of the class, rounded up; a large object keeps its own span",
        (go("mheap.go", "mspan.nelems mspan.allocCount"),),
        unlike="what can be freed: the runtime never moves an object",
        aliases=(
            "packed",
            "packing all objects",
            "packing survivors",
            "saved",
            "saved by survivors",
            "of survivors",
            "compaction",
        ),
        covers=("whatif/packed", "whatif/saved", "whatif/of survivors", "whatif/saved by survivors"),
    ),
    Term(
        "a restart",
        "what a new process with the same live objects would need at least: the survivors packed, and the same goroutine stacks.",
        "Sys - HeapReleased - bytes of the packed spans of survivors - bytes of the stacks of live goroutines",
        (go("mheap.go", "mspan.allocBits"), go("runtime2.go", "g.stack")),
        unlike="a forecast: a new process has metadata, free slots and garbage, too",
        aliases=("restart", "new process"),
    ),
    Term(
        "fewer Ps",
        "what the caches of the Ps that a lower GOMAXPROCS removes hold: free slots, stacks, pages and descriptors.",
        "parked bytes of the Ps from number N on",
        (go("proc.go", "procresize()"),),
        unlike="returned memory: the bytes stay in the heap, for the other Ps",
        aliases=("lowering GOMAXPROCS",),
    ),
    Term(
        "a new heap goal",
        "the next heap goal with another GOGC or memory limit, by the formula of the pacer.",
        "heapMarked + (heapMarked + lastStackScan + globalsScan) * GOGC / 100, at least 4 MiB * GOGC / 100; the goal of the "
        "memory limit where that is lower",
        (go("mgcpacer.go", "commit() heapGoal() memoryLimitHeapGoal()"),),
        unlike="a limit of the heap: the program allocates while a cycle runs",
        aliases=("new goal", "settings", "fit below the goal", "GOGC in effect"),
    ),
    Term(
        "blocks of 2 MiB with few pages in use",
        "spans on 1 to 4 pages of an aligned block of 2 MiB, without which the whole block would be free for a huge page.",
        "owners of the pages in use of these blocks (mheap.arenas[].spans)",
        (go("mheap.go", "heapArena.spans"), go("mpagealloc.go", "pageAlloc.chunks")),
        unlike="the longest free run, which may lie anywhere",
        aliases=("block runs of 2 MiB", "would be wholly free"),
    ),
)
