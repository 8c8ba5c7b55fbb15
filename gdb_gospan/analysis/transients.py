"""Evidence that the program was stopped in the middle of something.

A stop at a random moment may land inside the allocator, the sweeper or the
scavenger: then some sums are off by what is in flight. Each kind of evidence is
read from the target; none is assumed, and each excuses only what it can cause,
and only by as much as it can.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import attrs
import numpy as np

from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import FREEING, IN_FLIGHT
from gdb_gospan.runtime.mspan import BEING_SWEPT

Frames = Callable[[], Iterable[tuple[str, Sequence[str]]]]
"""Yields each thread as a label and its innermost function names, newest first; "" where one is not known."""

Family = Literal[
    "owners", "pages", "ranges", "map", "descriptors", "mcaches", "objects", "elements", "lists", "slots", "cycle",
    "manual lists",
]  # fmt: skip
"""What an identity is about, by what can put it off:
the owners of pages (nothing); pages of spans and their counters; the ranges of the page allocator; the map from
pages to spans; span descriptors; mcaches; objects counted; the shape of a new span; lists of spans; slots; GC cycles;
lists of stacks and work buffers."""

Unit = Literal[
    "page bytes", "mapped bytes", "pages", "object bytes", "objects", "classes", "items", "stock", "chunk", "cycle"
]  # fmt: skip
"""What an identity counts in, which says how far one thread can put it off: see `reach`."""

_SPANS = r"\(\*mheap\)\.|\(\*mcentral\)\.grow"
_METADATA = r"persistentalloc|sys(Alloc|Free|Map|Used|Unused|Fault|Reserve|HugePage|NoHugePage|Hint|Mmap|Munmap)|mmap|munmap|madvise"
# persistentalloc works on the system stack (malloc.go), and below that the stack is not unwound.
_SWEEP = r"\(\*sweepLock(ed|er)\)\.|sweepone|\(\*mspan\)\.(sweep|ensureSwept)|deductSweepCredit|bgsweep"
_SCAVENGE = r"bgscavenge|\(\*scavenge(rState|Index)\)\."
_CACHES = r"\(\*mcache\)\.|\(\*mcentral\)\.|flush(all)?mcaches?|procresize|\(\*p\)\.(init|destroy)"
_LARGE = r"mallocgcLarge|largeAlloc"
_SETS = r"\(\*spanSet\)\.|\(\*spanSetBlock(Alloc|Pool)\)\.|\(\*atomicSpanSetSpinePointer\)\."
# The functions of package runtime that move what each family counts; a closure bears the name of its function.
_PATTERNS: dict[Family, str] = {
    # Nothing excuses two owners: a span gives its pages back and dies under one lock (mheap.go, freeSpanLocked).
    "owners": r"(?!)",
    "pages": rf"""
        {_SPANS}|\(\*pageAlloc\)\.|\(\*pageCache\)\.|\(\*pallocData\)\.|\(\*pallocBits\)\.|\(\*pageBits\)\.
        |\(\*fixalloc\)\.|\(\*linearAlloc\)\.|\(\*userArena\)\.|\(\*addrRanges\)\.|{_SCAVENGE}|{_METADATA}
        |\(\*consistentHeapStats\)\.|\(\*sysMemStat\)\.|\(\*gcBitsArena\)\.|{_SETS}|\(\*p\)\.
        |stackalloc|stackfree|stackcache|stackpool|new(Mark|Alloc)Bits|newMarkBits|nextMarkBitArenaEpoch
        |newArenaMayUnlock|getempty|prepareFreeWorkbufs|freeSomeWbufs|freeStackSpans|allocmcache|freemcache
        |procresize|gcSweep|gcStart|add(special|finalizer)|removespecial|freeSpecial|setprofilebucket
        |\(\*sweepLocked\)\.|\(\*mspan\)\.(sweep|setUserArenaChunkToFault)|freeUserArenaChunk""",
    "ranges": rf"\(\*addrRanges\)\.|\(\*pageAlloc\)\.|\(\*mheap\)\.|{_METADATA}",
    "map": rf"{_SPANS}|{_SWEEP}|\(\*userArena\)\.|newUserArenaChunk",
    "descriptors": rf"{_SPANS}|\(\*fixalloc\)\.|{_METADATA}|recordspan|\(\*p\)\.|procresize|\(\*userArena\)\.|{_SWEEP}",
    "mcaches": r"allocmcache|freemcache|procresize|\(\*p\)\.(init|destroy)|\(\*fixalloc\)\.",
    # In Go 1.19 mallocgc itself counts a large object in its span (malloc.go).
    "objects": rf"""
        {_CACHES}|{_SWEEP}|{_SPANS}|\(\*mspan\)\.init|\(\*consistentHeapStats\)\.|{_LARGE}|mallocgc$|persistentalloc""",
    # Until Go 1.23 mcentral.grow sets a span's limit after the span is in use (mcentral.go).
    "elements": rf"{_SPANS}|\(\*mspan\)\.init|heapBits\.initSpan|\(\*mcache\)\.refill",
    "lists": rf"{_CACHES}|{_SETS}|{_SWEEP}|{_SPANS}|\(\*mspan\)\.init|{_LARGE}|persistentalloc",
    "slots": rf"mallocgc|malloc|newobject|nextFree|{_CACHES}|\(\*mspan\)\.|{_SWEEP}|{_SPANS}|{_LARGE}|persistentalloc",
    "manual lists": rf"""
        stackalloc|stackfree|stackcache|stackpool|freeStackSpans|\(\*mSpanList\)\.|getempty|prepareFreeWorkbufs
        |freeSomeWbufs|{_SPANS}|\(\*gcWork\)\.|gcSweep|malg|copystack|shrinkstack|gfput|gfget""",
    # sweepgen rises in gcSweep, numgc some lines later (mgc.go, gcMarkTermination).
    "cycle": r"gcMarkTermination|gcSweep|gcControllerCommit|gcPace(Sweeper|Scavenger)|\(\*cpuStats\)\.accumulate",
}


@functools.cache
def _moving(family: Family) -> re.Pattern[str]:
    """Compile the pattern of a family when something is off for the first time: that takes milliseconds."""
    return re.compile(rf"runtime\.({_PATTERNS[family]})", re.VERBOSE)


_KINDS: dict[Family, frozenset[str]] = {
    "pages": frozenset({"heap-lock", "pages-in-flight", "pages-being-freed", "stats-update"}),
    "objects": frozenset({"sweeping", "stats-update"}),
    "lists": frozenset({"sweeping"}),
    "slots": frozenset({"sweeping"}),
}
_GROWTH = rf"runtime\.({_METADATA}|\(\*mheap\)\.(grow|sysAlloc)|\(\*pageAlloc\)\.(sysG|g)row)"
_SCAVENGING = rf"runtime\.({_SCAVENGE}|\(\*pageAlloc\)\.scavenge)"
_USER_ARENA = r"runtime\..*[uU]serArena"

# What such a thread was doing cannot be seen where the stack below is not unwound (asm_*.s, sys_linux_*.s).
_HIDING = r"runtime\.(sig(tramp|trampgo|handler|fwdgo)|morestack\w*|systemstack_switch)$"
_HANDLER = r"runtime\.(sigtramp|cgoSigtramp)$"
"""What the kernel calls when a signal comes: below it is one frame that ends the handler, whatever its name in a C
library or the vdso, and what is below that was interrupted."""

_MOST_OBJECTS = 1024
"""Objects in a span: nelems at most, of 8 bytes in a page (sizeclasses.go)."""
_CHUNK_PAGES = 512
"""Pages that the scavenger takes at once at most (mpallocbits.go, pallocChunkPages)."""
_USER_ARENA_CHUNK = 8 << 20
"""Bytes of a user arena's chunk (arena.go, userArenaChunkBytes)."""
_STOCK = 128
"""Descriptors that a P keeps at most (runtime2.go, p.mspancache)."""
_CHUNK = 16 << 10
"""fixalloc's chunk (mfixalloc.go, _FixAllocChunk)."""


@attrs.frozen
class Transient:
    """One piece of evidence.

    Attributes
    ----------
    kind
        ``heap-lock``, ``sweeping``, ``pages-in-flight``, ``pages-being-freed``,
        ``stats-update`` or ``thread``.
    text
        What was seen, as a phrase; for a thread, its label.
    functions
        For a thread, its innermost functions, newest first.
    number
        How many spans, pages or Ps.
    """

    kind: str
    text: str
    functions: tuple[str, ...] = ()
    number: int = 1

    @property
    def stack(self) -> tuple[str, ...]:
        """The functions that the thread is in the middle of: not those of a signal handler, if one knows more."""
        ends = [index for index, name in enumerate(self.functions) if re.match(_HANDLER, name)]
        below = self.functions[ends[-1] + 2 :] if ends else ()
        return below if any(below) else self.functions

    def explains(self, family: Family) -> str | None:
        """Return the phrase when this can put an identity of ``family`` off, else None."""
        if family == "owners":
            return None
        if self.kind != "thread":
            return self.text if self.kind in _KINDS.get(family, ()) else None
        inside = next((name for name in self.stack if _moving(family).match(name)), None)
        if inside:
            return f"{self.text} is in {inside}"
        hiding = self.hiding
        return f"{self.text} is in {hiding}, which hides what it interrupted" if hiding else None

    @property
    def hiding(self) -> str | None:
        """The function below which nothing of this thread's stack can be seen, if there is one."""
        stack = self.stack
        if "runtime.schedule" in stack:  # preempted: what the thread did before is over
            return None
        if not any(stack):
            return "a function without a name"
        return next((name for name in stack if re.match(_HIDING, name)), None)


def transients(heap: Heap, frames: Frames | None) -> tuple[Transient, ...]:
    """Collect all evidence; ``frames`` is asked last, since unwinding threads takes time."""
    found: list[Transient] = []
    sweeping = int(np.count_nonzero(heap.spans.in_use & (heap.spans.delta == BEING_SWEPT)))
    if sweeping:
        found.append(Transient("sweeping", _being(sweeping, "span", "swept"), number=sweeping))
    for kind, name, doing in (
        (IN_FLIGHT, "pages-in-flight", "allocated, freed or scavenged"),
        (FREEING, "pages-being-freed", "freed"),
    ):
        pages = int(heap.page_kinds.counts[kind])
        if pages:
            found.append(Transient(name, _being(pages, "page", doing), number=pages))
    updating = heap.ps.updating_stats
    if updating:
        verb = "P is" if updating == 1 else "Ps are"
        found.append(
            Transient("stats-update", f"{updating} {verb} updating the heap statistics", number=updating)
        )
    threads = [
        Transient("thread", thread, tuple(functions)) for thread, functions in (frames() if frames else ())
    ]
    # Who holds the lock shows on a stack; without stacks the lock is all there is.
    if not threads and heap.gc is not None and heap.gc.lock_held:
        found.append(Transient("heap-lock", "mheap_.lock is held"))
    return (*found, *threads)


def _being(number: int, noun: str, doing: str) -> str:
    return f"{number} {noun} is being {doing}" if number == 1 else f"{number} {noun}s are being {doing}"


def excused(unit: Unit, off: int, heap: Heap, evidence: Sequence[Transient], *, stacks: bool) -> bool:
    """Whether this evidence can put an identity off by so much.

    Parameters
    ----------
    stacks
        The threads' stacks are known. Then one of them must be in the place: no span is being swept, no
        page in flight, unless a thread is at it, with a lock held or not to be preempted.
    """
    threads = [transient for transient in evidence if transient.kind == "thread"]
    return bool(evidence) and bool(threads or not stacks) and off <= reach(unit, heap, evidence)


def reach(unit: Unit, heap: Heap, evidence: Sequence[Transient]) -> int:
    """How far this evidence can put an identity off, in its own unit.

    A thread works on one span at a time, and so does a P that updates the
    statistics; a span has its pages and its objects.
    """
    threads = sum(1 for transient in evidence if transient.kind in ("thread", "heap-lock"))
    threads += sum(transient.number for transient in evidence if transient.kind == "stats-update")
    swept = sum(transient.number for transient in evidence if transient.kind == "sweeping")
    if unit == "cycle":
        return 2 if evidence else 0
    if unit in ("items", "stock", "chunk"):
        return threads * {"items": 1, "stock": _STOCK, "chunk": _CHUNK}[unit]
    if unit in ("classes", "objects"):
        return (threads + swept) * (_MOST_OBJECTS if unit == "objects" else 1)
    page = heap.spans.page_size
    if unit == "object bytes":
        return (threads + swept) * _largest(heap) * page
    moving = sum(
        transient.number if transient.kind.startswith("pages-") else _pages(heap, transient)
        for transient in evidence
    )
    metadata = threads * _metadata(heap) if unit == "mapped bytes" else 0
    return moving if unit == "pages" else moving * page + metadata


def _pages(heap: Heap, transient: Transient) -> int:
    """Pages that this thread, or the Ps that update the statistics, may be moving."""
    largest, stack = _largest(heap), transient.stack
    if transient.hiding or any(re.match(_GROWTH, name) for name in stack):
        return max(largest, _growth(heap))
    if any(re.match(_USER_ARENA, name) for name in stack):
        return max(largest, _USER_ARENA_CHUNK // heap.spans.page_size)
    if any(re.match(_SCAVENGING, name) for name in stack):
        return max(largest, _CHUNK_PAGES)
    return largest * transient.number


def _largest(heap: Heap) -> int:
    """Pages of the largest thing that may just be coming or going: a span, or pages without one."""
    spans, counts = heap.spans, heap.page_kinds.counts
    pages = spans.records["npages"][spans.in_use | spans.manual]
    return max(int(pages.max(initial=0)), int(counts[IN_FLIGHT]), int(counts[FREEING]))


def _growth(heap: Heap) -> int:
    """Pages by which the heap may just be growing: an arena, or what lies between curArena and the ranges.

    curArena moves on first, the ranges of the page allocator follow (mheap.go, grow).
    """
    arena = heap.arenas.nbytes // heap.spans.page_size
    if heap.current_arena is None or not len(heap.pages.limit):
        return arena
    gaps = [heap.current_arena[0] - limit for limit in heap.pages.limit.tolist()]
    gap = min((gap for gap in gaps if gap >= 0), default=0)
    return max(arena, gap // heap.spans.page_size)


def _metadata(heap: Heap) -> int:
    """Bytes of the largest piece of metadata that may just be coming or going: the array of all descriptors.

    It is replaced by one half as large again (mheap.go, recordspan); an arena's own metadata,
    chunks of persistent memory and summaries are smaller than an arena.
    """
    return 3 * heap.mheap.slice("allspans").capacity * heap.layout.platform.pointer_size
