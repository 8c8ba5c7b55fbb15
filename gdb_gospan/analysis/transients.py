"""Evidence that the program was stopped in the middle of something.

A stop at a random moment may land inside the allocator, the sweeper or the
scavenger: then some sums are off by what is in flight. Each kind of evidence is
read from the target; none is assumed, and each excuses only what it can cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import attrs
import numpy as np

from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import FREEING, IN_FLIGHT
from gdb_gospan.runtime.mspan import BEING_SWEPT

Frames = Callable[[], Iterable[tuple[str, Sequence[str]]]]
"""Yields each thread as a label and its innermost function names, newest first."""

Family = Literal["owners", "pages", "objects", "lists", "slots"]
"""What an identity is about: the owners of pages, whole spans and pages, objects counted, lists of spans, slots."""

_SPAN_LEVEL = r"""
    \(\*mheap\)\.|\(\*pageAlloc\)\.|\(\*pageCache\)\.|\(\*pallocData\)\.|\(\*pallocBits\)\.|\(\*pageBits\)\.
    |\(\*scavenge(rState|Index)\)\.|\(\*fixalloc\)\.|\(\*linearAlloc\)\.|\(\*userArena\)\.|\(\*addrRanges\)\.
    |\(\*consistentHeapStats\)\.|\(\*sysMemStat\)\.|\(\*gcBitsArena\)\.|\(\*mcentral\)\.grow|\(\*spanSet\)\.|\(\*p\)\.
    |persistentalloc|sys(Alloc|Free|Map|Used|Unused|Fault|Reserve|HugePage|NoHugePage)|stackalloc|stackfree|stackcache
    |stackpool|new(Mark|Alloc)Bits|newMarkBits|nextMarkBitArenaEpoch|newArenaMayUnlock|getempty|prepareFreeWorkbufs
    |freeSomeWbufs|freeStackSpans|bgscavenge|allocmcache|freemcache|procresize|gcSweep|gcStart|add(special|finalizer)
    |removespecial|freeSpecial|setprofilebucket
"""
# The functions that move what each family counts: all of package runtime, also the inlined ones.
_PATTERNS: dict[Family, str] = {
    # Nothing excuses two owners: a span gives its pages back and dies under one lock (mheap.go, freeSpanLocked).
    "owners": r"(?!)",
    "pages": _SPAN_LEVEL,
    "objects": r"""
        \(\*mcache\)\.|\(\*mcentral\)\.|\(\*sweepLock(ed|er)\)\.|\(\*mheap\)\.|\(\*mspan\)\.(sweep|init)
        |\(\*consistentHeapStats\)\.|mallocgcLarge|largeAlloc|flush(all)?mcaches?""",
    "lists": r"""
        \(\*mcache\)\.|\(\*mcentral\)\.|\(\*spanSet\)\.|\(\*spanSetBlock(Alloc|Pool)\)\.|\(\*sweepLock(ed|er)\)\.
        |\(\*mheap\)\.|\(\*mspan\)\.(sweep|init)|mallocgcLarge|sweepone|flush(all)?mcaches?""",
    "slots": r"""
        mallocgc|malloc|newobject|nextFree|\(\*mcache\)\.|\(\*mspan\)\.|\(\*sweepLocked\)\.|\(\*mcentral\)\.""",
}
_FUNCTIONS = {
    family: re.compile(rf"runtime\.({pattern})", re.VERBOSE) for family, pattern in _PATTERNS.items()
}
_KINDS: dict[Family, frozenset[str]] = {
    "owners": frozenset(),
    "pages": frozenset({"heap-lock", "pages-in-flight", "pages-being-freed", "stats-update"}),
    "objects": frozenset({"sweeping", "stats-update"}),
    "lists": frozenset({"sweeping"}),
    "slots": frozenset({"sweeping"}),
}


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
    """

    kind: str
    text: str
    functions: tuple[str, ...] = ()

    def explains(self, family: Family) -> str | None:
        """Return the phrase when this can put an identity of ``family`` off, else None."""
        if self.kind != "thread":
            return self.text if self.kind in _KINDS[family] else None
        inside = next((name for name in self.functions if _FUNCTIONS[family].match(name)), None)
        return f"{self.text} is in {inside}" if inside else None


def transients(heap: Heap, frames: Frames | None) -> tuple[Transient, ...]:
    """Collect all evidence; ``frames`` is asked last, since unwinding threads takes time."""
    found: list[Transient] = []
    if heap.gc is not None and heap.gc.lock_held:
        found.append(Transient("heap-lock", "mheap_.lock is held"))
    sweeping = int(np.count_nonzero(heap.spans.in_use & (heap.spans.delta == BEING_SWEPT)))
    if sweeping:
        found.append(Transient("sweeping", _being(sweeping, "span", "swept")))
    for kind, name, doing in (
        (IN_FLIGHT, "pages-in-flight", "allocated, freed or scavenged"),
        (FREEING, "pages-being-freed", "freed"),
    ):
        pages = int(heap.page_kinds.counts[kind])
        if pages:
            found.append(Transient(name, _being(pages, "page", doing)))
    updating = heap.ps.updating_stats
    if updating:
        found.append(
            Transient(
                "stats-update",
                f"{updating} {'P is' if updating == 1 else 'Ps are'} updating the heap statistics",
            )
        )
    for thread, functions in frames() if frames else ():
        found.append(Transient("thread", thread, tuple(functions)))
    return tuple(found)


def _being(number: int, noun: str, doing: str) -> str:
    return f"{number} {noun} is being {doing}" if number == 1 else f"{number} {noun}s are being {doing}"
