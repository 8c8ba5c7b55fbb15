"""Evidence that the program was stopped in the middle of something, and how much of that it explains.

A stop at a random moment may land inside the allocator, the sweeper or the
scavenger: then some sums are off by what is in flight. Each kind of evidence is
read from the target; none is assumed. A thread explains only what it can move, and
only by as much as it can. What cannot be seen explains nothing: then it is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import attrs
import numpy as np

from gdb_gospan.analysis import rules
from gdb_gospan.analysis.notes import Note
from gdb_gospan.analysis.rules import Family
from gdb_gospan.analysis.standing import Frames, Standing, standings
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import FREEING, IN_FLIGHT
from gdb_gospan.runtime.mspan import BEING_SWEPT
from gdb_gospan.runtime.record import Mask

Unit = Literal[
    "page bytes", "mapped bytes", "pages", "object bytes", "objects", "classes", "items", "stock", "chunk", "cycle"
]  # fmt: skip
"""What an identity counts in, which says how far one thread can put it off: see `reach`."""

_MOST_OBJECTS: Final = 1024
"""Objects in a span: nelems at most, of 8 bytes in a page (sizeclasses.go)."""
_CHUNK_PAGES: Final = 512
"""Pages that the scavenger takes at once at most (mpallocbits.go, pallocChunkPages)."""
_USER_ARENA_CHUNK: Final = 8 << 20
"""Bytes of a user arena's chunk (arena.go, userArenaChunkBytes)."""
_STOCK: Final = 128
"""Descriptors that a P keeps at most (runtime2.go, p.mspancache)."""
_CHUNK: Final = 16 << 10
"""fixalloc's chunk (mfixalloc.go, _FixAllocChunk)."""
_PAGE_CACHE: Final = 64
"""Pages, side by side, of which a P takes all free ones in advance (mpagecache.go, pageCachePages)."""
_METADATA: Final = 179_999 * 8
"""The largest piece of metadata but for the array of all descriptors and what an arena needs: the table of profile
buckets (mprof.go, buckHashSize). Persistent memory comes in chunks of 256 KiB (malloc.go, persistentChunkSize)."""


PhaseKind = Literal["sweeping", "pages-in-flight", "pages-being-freed", "stats-update"]


@attrs.frozen
class Phase:
    """Something that the heap itself shows to be going on; a thread must be at it.

    Attributes
    ----------
    kind
        Also the code of its note.
    number
        How many spans, pages or Ps.
    """

    kind: PhaseKind
    number: int

    @property
    def note(self) -> Note:
        """What was seen."""
        return Note(self.kind, {"number": self.number})

    def explains(self, family: Family) -> bool:
        """Whether this can put an identity of the family off."""
        return self.kind in _KINDS.get(family, ())


_KINDS: Final[dict[Family, frozenset[PhaseKind]]] = {
    "in use": frozenset({"pages-in-flight", "pages-being-freed", "stats-update"}),
    "pages": frozenset({"pages-in-flight", "pages-being-freed", "stats-update"}),
    "objects": frozenset({"sweeping", "stats-update"}),
    "lists": frozenset({"sweeping"}),
    "slots": frozenset({"sweeping"}),
}


@attrs.frozen
class Evidence:
    """All that may explain a difference: what the heap shows, and the threads that may be in the middle of something."""

    phases: tuple[Phase, ...]
    threads: tuple[Standing, ...]


def gathered(heap: Heap, frames: Frames | None) -> Evidence:
    """Collect all evidence; ``frames`` is asked last, since unwinding threads takes time."""
    return Evidence(_phases(heap), standings(tuple(frames()) if frames else (), heap.ms))


def _phases(heap: Heap) -> tuple[Phase, ...]:
    pages = heap.page_kinds.counts
    seen = (
        Phase("sweeping", int(np.count_nonzero(heap.spans.in_use & (heap.spans.delta == BEING_SWEPT)))),
        Phase("pages-in-flight", int(pages[IN_FLIGHT])),
        Phase("pages-being-freed", int(pages[FREEING])),
        Phase("stats-update", heap.ps.updating_stats),
    )
    return tuple(phase for phase in seen if phase.number)


def judge(
    heap: Heap, family: Family, unit: Unit, off: int, evidence: Evidence
) -> tuple[Literal["transient", "unknown", "broken"], tuple[Note, ...]]:
    """Say what a difference is, and why.

    Parameters
    ----------
    off
        By how much the two numbers of the identity differ, in its unit; at least 1.

    Returns
    -------
    str, tuple
        ``transient``: the threads that are seen in the functions of this family can cause that much, and which they
        are. ``unknown``: they could if what is hidden were seen, and what that is. Else ``broken``, and nothing.
    """
    if family == "owners":
        return "broken", ()
    phases = [phase for phase in evidence.phases if phase.explains(family)]
    inside = [(thread, thread.inside(family)) for thread in evidence.threads]
    seen = [thread for thread, name in inside if name]
    if seen and off <= reach(heap, unit, phases, seen):
        places = (
            Note("thread-inside", {"thread": thread.thread, "function": name})
            for thread, name in inside
            if name
        )
        return "transient", (*(phase.note for phase in phases), *places)
    hidden = [thread for thread in evidence.threads if thread.hidden]
    if hidden and off <= reach(heap, unit, phases, [thread for thread in seen if not thread.hidden], hidden):
        return "unknown", tuple(thread.hidden for thread in hidden if thread.hidden)
    return "broken", ()


def reach(
    heap: Heap, unit: Unit, phases: Sequence[Phase], seen: Sequence[Standing], hidden: Sequence[Standing] = ()
) -> int:
    """How far these threads can put an identity off, in its own unit.

    A thread works on one span at a time, and so does a P that updates the
    statistics; a span has its pages and its objects.

    Parameters
    ----------
    hidden
        Threads of which not all is seen: each may be anywhere.
    """
    updating = sum(phase.number for phase in phases if phase.kind == "stats-update")
    sweepers = len(hidden) + sum(thread.among(rules.SWEEPING) for thread in seen)
    swept = min(sum(phase.number for phase in phases if phase.kind == "sweeping"), sweepers)
    busy = len(seen) + len(hidden) + updating
    if unit == "cycle":
        return 2
    if unit in ("items", "stock", "chunk"):
        return {"items": busy + swept, "stock": busy * _STOCK, "chunk": busy * _CHUNK}[unit]
    if unit in ("classes", "objects"):
        return (busy + swept) * (_MOST_OBJECTS if unit == "objects" else 1)
    page, largest = heap.spans.page_size, _largest(heap)
    if unit == "object bytes":
        return (busy + swept) * largest * page
    moving = (updating + len(hidden)) * largest + sum(_pages(heap, thread, largest) for thread in seen)
    if hidden or any(thread.among(rules.GROWTH) for thread in seen):
        moving += _growth(heap)
    if unit == "pages":
        return moving
    array = _array(heap)
    metadata = len(hidden) * max(array, _METADATA) + sum(_metadata(thread, array) for thread in seen)
    return moving * page + (metadata if unit == "mapped bytes" else 0)


def _pages(heap: Heap, thread: Standing, largest: int) -> int:
    """Pages that this thread may be moving, but for a growth of the heap."""
    if thread.among(rules.USER_ARENAS):
        return max(largest, _USER_ARENA_CHUNK // heap.spans.page_size)
    return max(largest, _CHUNK_PAGES) if thread.among(rules.SCAVENGING) else largest


def _largest(heap: Heap) -> int:
    """Pages of the largest thing that one thread may have in hand: a span, or pages that are no span's yet, or no more."""
    spans, kinds = heap.spans, heap.page_kinds.kinds
    pages = spans.records["npages"][spans.in_use | spans.manual]
    return max(int(pages.max(initial=0)), *(_together(kinds == kind) for kind in (IN_FLIGHT, FREEING)))


def _together(mask: Mask) -> int:
    """Return how many of these pages one thread may have taken at once: those in a row, or those that fit a P's page cache."""
    some = np.flatnonzero(mask)
    if not len(some):
        return 0
    first = np.flatnonzero(np.append(True, np.diff(some) > 1))
    row = np.diff(first, append=len(some)).max()
    return int(max(row, np.bincount(some // _PAGE_CACHE).max()))


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


def _array(heap: Heap) -> int:
    """Bytes of the array of all descriptors, and of the one half as large again that replaces it (mheap.go, recordspan)."""
    return 3 * heap.mheap.slice("allspans").capacity * heap.layout.platform.pointer_size


def _metadata(thread: Standing, array: int) -> int:
    """Bytes of metadata that this thread may be taking from the system."""
    if thread.among(rules.RECORDING):
        return max(array, _METADATA)
    return _METADATA if thread.among(rules.SYSTEM) else 0
