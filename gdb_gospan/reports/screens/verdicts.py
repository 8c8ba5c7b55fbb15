"""The words of findings: cause and cure of each, for the screens of doctor and summary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from gdb_gospan.fields.units import counted
from gdb_gospan.reports.screens import causes
from gdb_gospan.reports.screens.causes import Evidence, Size


class Words(NamedTuple):
    """What is said of a finding.

    Attributes
    ----------
    title
        In a few words.
    cause
        One or two sentences, from its evidence.
    cure
        What to do.
    command
        The subcommand that shows more.
    """

    title: str
    cause: Callable[[Evidence, Size], str]
    cure: str
    command: str


WORDS: Final[dict[str, Words]] = {
    "limit-thrashing": Words(
        "the collector runs all the time, close to GOMEMLIMIT",
        causes.limit, "raise GOMEMLIMIT, or lower what is live: see classes; GOGC does not help", "gc"
    ),
    "finalizers-stuck": Words(
        "finalizers or cleanups queue up",
        causes.finalizers, "a finalizer or cleanup must be short and not block: hand the work to a goroutine of your own", "gc"
    ),
    "beyond-go": Words(
        "resident memory that Go does not keep",
        causes.beyond,
        "see what it is: rss of the process, or of a snapshot that was taken with --rss",
        "rss",
    ),
    "c-heap": Words(
        "memory of C's malloc",
        lambda e, size: f"C's malloc holds {size(e['outside_bytes'])}, in use or free but kept. It is not in the Go heap, and "
        "GOMEMLIMIT does not count it.",
        "try MALLOC_ARENA_MAX=2, which shows how much glibc only keeps; then look for cgo calls that lack C.free",
        "rss --all",
    ),
    "c-threads": Words(
        "stacks of threads that C created",
        lambda e, size: f"Stacks of threads take {size(e['outside_bytes'])}: those of threads that C created, or of cgo calls.",
        "fewer threads that call C at the same time, or smaller stacks (pthread_attr_setstacksize, ulimit -s)",
        "rss --all",
    ),
    "anonymous-memory": Words(
        "anonymous mappings that are not Go's",
        lambda e, size: f"{size(e['outside_bytes'])} are anonymous mappings that are not Go's: mmap by the program or a C library.",
        "look for syscall.Mmap, C libraries with allocators of their own (jemalloc), and builds with -race (its shadow memory)",
        "rss --all",
    ),
    "mapped-files": Words(
        "pages of mapped files",
        lambda e, size: f"{size(e['outside_bytes'])} are pages of mapped files. The kernel takes them back when it needs memory, those "
        "that were written after writing them.",
        "nothing if the file is a database or a cache; for an alarm use anonymous memory instead of RSS",
        "rss --all",
    ),
    "shared-memory": Words(
        "shared memory and tmpfs",
        lambda e, size: f"{size(e['outside_bytes'])} are shared memory: tmpfs (/dev/shm), memfd, or anonymous memory shared with other "
        "processes. It counts against the container's limit, and the kernel cannot drop it.",
        "unmap and remove what is not needed",
        "rss --all",
    ),
    "program-data": Words(
        "the program's file and its variables",
        lambda e, size: f"{size(e['outside_bytes'])} are the program itself: code, embedded files, and variables.",
        "look for large package variables and go:embed",
        "rss",
    ),
    "other-runtime": Words(
        "another Go runtime in the process",
        lambda e, size: f"Another Go runtime in the process has {size(e['outside_bytes'])}.",
        "look at it with --runtime 2",
        "rss --runtime 2",
    ),
    "returned-resident": Words(
        "returned pages that are still resident",
        causes.returned, "unset GODEBUG=madvdontneed=0, or count RSS without LazyFree", "rss"
    ),
    "huge-pages": Words(
        "returned pages that are resident again as huge pages",
        lambda e, size: f"The runtime has returned {size(e['returned_bytes'])} that are resident again as huge pages "
        f"({size(e['huge_bytes'])}).",
        "set max_ptes_none of khugepaged to 0, or use Go 1.21.4 or later",
        "rss",
    ),
    "dead-goroutines": Words(
        "descriptors of goroutines that have ended",
        causes.dead, "bound how many goroutines run at once: only a restart frees the descriptors", "goroutines"
    ),
    "goroutine-leak": Words(
        "most waiting goroutines come from one go statement",
        causes.leak, "if their number grows, let them end: close the channel, cancel the context, or set a deadline", "goroutines"
    ),
    "deep-stacks": Words(
        "a few goroutines with deep stacks",
        causes.deep, "bound the recursion; a stack shrinks by half in each GC cycle once it is used little", "goroutines"
    ),
    "stacks": Words(
        "goroutine stacks",
        lambda e, size: f"Goroutine stacks take {size(e['stack_bytes'])}.",
        "see whose they are",
        "goroutines",
    ),
    "many-stacks": Words(
        "stacks of many goroutines",
        causes.many, "fewer goroutines, or less on their stacks: large local arrays, deep calls", "goroutines"
    ),
    "unswept": Words(
        "garbage that is not swept yet",
        lambda e, size: f"The last GC cycle found {size(e['garbage_bytes'])} of garbage in {counted(e['unswept_spans'], 'span')} "
        "that are not swept yet.",
        "nothing if it shrinks; else the program leaves the sweeper no processor time",
        "gc",
    ),
    "user-arenas": Words(
        "user arenas that are not freed",
        lambda e, size: f"{counted(e['chunks'], 'chunk')} of user arenas take {size(e['chunk_bytes'])}.",
        "call Free on arenas that are done with",
        "list --sort npages",
    ),
    "garbage-waiting": Words(
        "objects that no GC cycle has examined yet",
        causes.garbage, "nothing if the setting is meant; else set GOGC, or a lower GOMEMLIMIT, so that a cycle runs earlier", "gc"),
    "gc-setting": Words(
        "memory that a GOGC above 100 lets the heap keep",
        lambda e, size: f"GOGC={e['gc_percent']} lets the heap grow to {size(e['heap_goal_bytes'])} before a GC cycle ends, with "
        f"{size(e['heap_marked_bytes'])} live at the last one. GOGC=100 would keep {size(e['usual_bytes'])}.",
        "nothing if it is meant; else lower GOGC, or set GOMEMLIMIT",
        "whatif --gogc 100",
    ),
    "os-threads": Words(
        "stacks of the threads that the runtime keeps",
        lambda e, size: f"The system stacks of {counted(e['threads'], 'thread')} take {size(e['stack_bytes'])}. The runtime starts a thread "
        "when all others are in system calls, and keeps it.",
        "bound how many goroutines are in blocking system calls or cgo calls at once",
        "stacks",
    ),
    "large-tails": Words(
        "large objects that lose much to rounding up to pages",
        lambda e, size: f"{counted(e['large_objects'], 'large object')} lose {size(e['large_tail_bytes'])} of "
        f"{size(e['large_span_bytes'])} to rounding up to pages of 8 KiB.",
        "make buffers a multiple of 8 KiB long",
        "classes",
    ),
    "p-hoard": Words(
        "memory that the caches of Ps hold",
        lambda e, size: f"{counted(e['ps'], 'P')} keep {size(e['parked_bytes'])} for themselves, one of them {size(e['most_bytes'])}.",
        "lower GOMAXPROCS to the processors that the container has (Go 1.25 does that by itself)",
        "cache",
    ),
    "class-waste": Words(
        "free slots of one size class",
        causes.class_waste, "use objects of this class again (sync.Pool), or allocate them apart from those that live long", "classes"
    ),
    "sparse-spans": Words(
        "few survivors in many spans",
        causes.sparse,
        "the slots serve new objects of the same size; a restart, or fewer survivors of a burst, frees the spans. "
        "go-spans blame tells who allocated the survivors, and go-spans owners --stranded who keeps them",
        "blame",
    ),
    "contiguity": Words(
        "free pages scattered between spans",
        causes.scattered, "allocate objects that live long apart from others, or in larger blocks", "pages"
    ),
    "idle-retained": Words(
        "free pages that the runtime keeps",
        causes.idle,
        "wait if the scavenger is at it; else lower GOGC, set GOMEMLIMIT, or call debug.FreeOSMemory after a burst",
        "gc",
    ),
    "metadata": Words(
        "the runtime's own structures",
        causes.metadata,
        "raise runtime.MemProfileRate if it is the profiler; have fewer objects with finalizers if it is their records",
        "fixalloc"),
    "live-objects": Words(
        "live objects grow",
        causes.live,
        "look again after the next GC cycle (an idle program has one every two minutes); if they still grow, go-spans profile tells who allocates them, and go-spans owners who keeps them",
        "classes",
    ),
    "healthy": Words(
        "nothing stands out",
        causes.healthy,
        "nothing; if memory grows, run classes and goroutines again later and compare",
        "summary",
    ),
}  # fmt: skip

ACCOUNTS: Final[dict[str, str]] = {
    "objects": "objects",
    "garbage": "garbage not swept yet",
    "free_slots": "free slots",
    "tail": "tail and bitmaps in spans",
    "idle": "idle pages",
    "returned": "returned pages",
    "stacks": "goroutine stacks",
    "metadata": "runtime metadata",
    "c_heap": "C heap",
    "thread_stacks": "thread stacks",
    "anonymous": "other anonymous memory",
    "files": "mapped files",
    "program": "program text and data",
    "other_runtimes": "other Go runtimes",
    "rest": "other",
}
"""What memory is called that no verdict explains."""
