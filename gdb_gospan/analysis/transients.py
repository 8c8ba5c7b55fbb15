"""Evidence that the program was stopped in the middle of something.

A stop at a random moment may land inside the allocator, the sweeper or the
scavenger: then some sums are off by what is in flight. Each kind of evidence is
read from the target; none is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import attrs
import numpy as np

from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import FREEING, IN_FLIGHT
from gdb_gospan.runtime.mspan import BEING_SWEPT

Frames = Callable[[], Iterable[tuple[str, Sequence[str]]]]
"""Yields each thread as a label and its innermost function names, newest first."""

_ALLOCATOR = re.compile(
    r"""runtime\.(
        \(\*(mheap|mcache|mcentral|mspan|pageAlloc|pageCache|pageBits|pallocBits|pallocData|spanSet|spanSetBlockAlloc
            |spanSetBlockPool|fixalloc|linearAlloc|sweepLocker|sweepLocked|activeSweep|consistentHeapStats|sysMemStat
            |gcControllerState|scavengerState|scavengeIndex|atomicScavChunkData|scavChunkData|userArena|gcWork|inUse
            |addrRanges|gcBitsArena|p)\)\.
        |(mallocgc|malloc|newobject|newarray|makeslice|growslice|persistentalloc|sysAlloc|sysFree|sysMap|sysUsed|sysUnused
            |sysHugePage|sysFault|sysReserve|stackalloc|stackfree|stackpool|stackcache|newstack|copystack|shrinkstack
            |sweepone|bgsweep|deductSweepCredit|bgscavenge|gcStart|gcSweep|gcMark|gcResetMarkState|newMarkBits
            |newAllocBits|newArenaMayUnlock|nextMarkBitArenaEpoch|allocmcache|freemcache|getempty|putempty
            |prepareFreeWorkbufs|freeSomeWbufs|gcController|finishsweep|flushmcache|flushallmcaches|readmemstats
            |addspecial|removespecial|freeSpecial|setprofilebucket|profilealloc|addfinalizer|tracealloc|procresize)
    )""",
    re.VERBOSE,
)


@attrs.frozen
class Transient:
    """One piece of evidence.

    Attributes
    ----------
    kind
        ``heap-lock``, ``sweeping``, ``pages-in-flight``, ``pages-being-freed``,
        ``stats-update``, ``sweepers`` or ``thread``.
    text
        What was seen, as a phrase.
    """

    kind: str
    text: str


def transients(heap: Heap, frames: Frames | None) -> tuple[Transient, ...]:
    """Collect all evidence; ``frames`` is asked last, since unwinding threads takes time."""
    found: list[Transient] = []
    if heap.gc is not None and heap.gc.lock_held:
        found.append(Transient("heap-lock", "mheap_.lock is held"))
    if heap.gc is not None and heap.gc.sweepers:
        found.append(Transient("sweepers", f"{heap.gc.sweepers} sweepers at work"))
    sweeping = int(np.count_nonzero(heap.spans.in_use & (heap.spans.delta == BEING_SWEPT)))
    if sweeping:
        found.append(Transient("sweeping", f"{sweeping} spans are being swept"))
    for kind, name, phrase in (
        (IN_FLIGHT, "pages-in-flight", "pages are being allocated, freed or scavenged"),
        (FREEING, "pages-being-freed", "pages are being freed"),
    ):
        pages = int(heap.page_kinds.counts[kind])
        if pages:
            found.append(Transient(name, f"{pages} {phrase}"))
    if heap.ps.updating_stats:
        found.append(
            Transient("stats-update", f"{heap.ps.updating_stats} Ps are updating the heap statistics")
        )
    for thread, names in frames() if frames else ():
        inside = next((name for name in names if _ALLOCATOR.match(name)), None)
        if inside:
            found.append(Transient("thread", f"{thread} is in {inside}"))
    return tuple(found)
