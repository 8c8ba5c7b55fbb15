"""What the allocator keeps: central lists, fixallocs."""

from __future__ import annotations

from gdb_gospan.fields.command import LIMIT, NO_LIMIT, Command, sort_by

ALLOCATORS: tuple[Command, ...] = (
    Command(
        "fixalloc",
        "the runtime's allocators of fixed-size structs, spanalloc first",
        "spanalloc hands out span descriptors (mspan structs). An empty free list means only that the next\n"
        "descriptor is cut from a fresh 16 KiB chunk: it is not a sign of fragmentation.",
        "go-spans spanalloc",
        columns=(
            ("size", "bytes of one struct"),
            ("in use", "structs handed out, and their bytes"),
            ("free list", "structs given back, counted by walking the list"),
            ("chunk left", "bytes of the current chunk never handed out"),
        ),
        options=(sort_by("address name size inuse_objects inuse free free_bytes chunk_left", "address",
                    {"fixalloc": "name", "in use": "inuse_objects", "bytes": "inuse", "free list": "free"}), NO_LIMIT),
        aliases=("spanalloc",),
        rows="fixallocs",
    ),
    Command(
        "central",
        "the central lists: spans with and without free slots, swept and unswept",
        "One row for each span class. partial has free slots, full has none (before Go 1.15 these were called\n"
        "nonempty and empty). Spans cached by a P are in neither.",
        "go-spans central --sort partial",
        columns=(
            ("partial", "spans with free slots, ready for a P to take"),
            ("full", "spans without free slots"),
            ("unswept", "spans of either kind that wait to be swept"),
            ("cached", "spans that a P allocates from"),
            ("stale", "entries of unswept sets whose span was freed or reused; harmless, the runtime skips them"),
            ("reusable", "free slots in partial spans"),
        ),
        options=(sort_by("spanclass elemsize partial full unswept cached stale reusable reusable_bytes", "reusable",
                    {"class": "spanclass", "size": "elemsize", "reusable slots": "reusable", "bytes": "reusable_bytes"}), LIMIT),
        rows="central",
    ),
    Command(
        "cache",
        "what each P keeps for itself: spans, stacks, pages, descriptors",
        "One row for each P (GOMAXPROCS of them). Without a lock a P allocates from the spans it has cached, one for\n"
        "each span class, and takes stacks and pages from its own stock. Others cannot use any of it,\n"
        "whether the P is idle or not. The end of a GC cycle takes back slots and stacks, and from an idle P its pages;\n"
        "lowering GOMAXPROCS takes the rest.",
        "go-spans cache 0",
        columns=(
            ("spans", "spans that the P allocates from now; entries that are no longer its own do not count"),
            ("free slots", "slots free in them, and their bytes"),
            ("stacks", "free stacks in mcache.stackcache"),
            ("pages", "free pages in p.pcache, at most 64, without those returned to the OS"),
            ("mspans", "span descriptors in p.mspancache, at most 128"),
            ("parked", "bytes of all these together"),
        ),
        options=(
            sort_by("p status spans free_slots free_bytes stack_bytes page_bytes descriptors parked_bytes", "p",
                    {"bytes": "free_bytes", "stacks": "stack_bytes", "pages": "page_bytes", "mspans": "descriptors", "parked": "parked_bytes"}),
            NO_LIMIT,
        ),
        argument=("[P]", "one P by its number: its spans, class by class, which are then the rows of --csv too"),
        rows="caches",
    ),
    Command(
        "stacks",
        "stack spans by size of stack, and the goroutines that stand on them",
        "Small stacks come from spans of 32 KiB, each for one size; a stack of 32 KiB or more has a span of its own.\n"
        "A stack that is no longer needed waits in its span, or in a P's cache. A span of which all stacks are free goes\n"
        "back to the heap at once, or at the end of the GC cycle if one is marking.",
        "go-spans stacks",
        columns=(
            (
                "threads and runtime (g0, gsignal, gcrash)",
                "the system stacks of threads, as far as Go allocated them; from Go 1.22 on 16 KiB kept for a crash",
            ),
            ("dead goroutines, kept for reuse", "of goroutines that have ended; the next ones take them"),
            ("threads that have exited (sched.freem)", "their Ms wait, with their stacks, for the next thread to be made"),
            ("other, changing hands", "given out, but of no goroutine and no thread that is listed; 0 in a quiet stop"),
            ("stacks", "stacks that the spans can hold"),
            ("given out", "stacks that are not in the pool: in use, or cached by a P"),
            ("goroutines", "those that live; and all of them by state, of which a dead one may keep its stack for the next"),
            ("threads", "those that have an M, which is Go's word for a thread; and those of C, which have none"),
        ),
        options=(sort_by("size spans span_bytes capacity given_out free free_bytes", "size", {"bytes": "span_bytes", "stacks": "capacity"}), NO_LIMIT),
        rows="sizes",
    ),
)  # fmt: skip
