"""What could be freed, by a collection, a scavenge, fewer Ps or other goals: bounds, in figures."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from gdb_gospan.analysis.blockers import Blocked
from gdb_gospan.analysis.caches import caches
from gdb_gospan.analysis.span_overhead import unswept_garbage
from gdb_gospan.analysis.stacks import stack_bytes
from gdb_gospan.analysis.survivors import judged
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mgcpacer import heap_goal, memory_limit_goal, percent_at_limit, with_settings
from gdb_gospan.runtime.mpagealloc import CACHED, FREE
from gdb_gospan.runtime.mspan import BEING_SWEPT
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within
from gdb_gospan.runtime.record import I64

_SMALL_PAGES: Final = frozenset({"386", "amd64"})
"""Machines whose pages are smaller than the runtime's; of others the largest are of 64 KiB."""
_LARGEST_PAGE: Final = 64 << 10


@attrs.frozen
class Bound:
    """Bytes that would be freed, at least and at most; None for what is not known."""

    least: int | None
    most: int | None


@attrs.frozen
class Collection:
    """What a GC cycle now would free.

    Attributes
    ----------
    objects
        Bytes of slots: at least the garbage that the last cycle found and that waits to be swept; at most all that
        did not survive that cycle, objects allocated since among it.
    spans
        Bytes of spans that would be wholly free.
    """

    objects: Bound
    spans: Bound


def collection(heap: Heap) -> Collection:
    """Bound what a cycle frees if what survived the last one is still live, and nothing is allocated meanwhile.

    An object with a finalizer is revived by the sweep (mgcsweep.go): of a span with specials nothing is certain.
    """
    spans, found, columns = heap.spans, judged(heap), heap.spans.records
    rows, nbytes = found.rows, heap.spans.bytes_of(found.rows)
    # While a span is being swept its marks may be fresh already: all of it may be free.
    open_ones = ~found.known | (spans.unswept[rows] & (spans.delta[rows] == BEING_SWEPT))
    elemsize = np.where(columns["elemsize"][rows] > nbytes, nbytes, columns["elemsize"][rows])
    dead = np.where(open_ones, found.taken, found.taken - found.survived) * elemsize
    plain = columns.at("specials", rows) == 0
    unswept = spans.unswept[rows] & plain & ~open_ones
    marks = heap.unswept_marks.rows
    certain = unswept_garbage(heap)[np.isin(marks, rows[unswept])]
    empty = (found.survived == 0) | open_ones
    return Collection(
        objects=Bound(int(certain.sum()), int(dead.sum())),
        spans=Bound(int(nbytes[unswept & (found.survived == 0)].sum()), int(nbytes[empty].sum())),
    )


@attrs.frozen
class Scavenge:
    """What returning all free pages to the OS would return, without a cycle before it, and with one (debug.FreeOSMemory)."""

    alone: Bound
    after_gc: Bound


def scavenge(heap: Heap, spans: Bound) -> Scavenge:
    """Bound what is returned (mheap.go, scavengeAll): free pages, those in page caches of Ps not among them.

    Parameters
    ----------
    spans
        Bytes of spans that the cycle would free. It also empties page caches of idle Ps (not in Go 1.19), frees the stacks
        of dead goroutines, stack spans without a stack and work buffers, and halves stacks that are used little.
    """
    kinds, pages = heap.page_kinds, heap.pages
    free, known = kinds.kinds == FREE, bool(pages.known.all())
    certain = int(np.count_nonzero(free)) * pages.page_size
    if heap.layout.platform.arch not in _SMALL_PAGES:  # whole pages of the machine only
        together = _LARGEST_PAGE // pages.page_size
        certain = int(np.count_nonzero(free.reshape(-1, together).all(axis=1))) * _LARGEST_PAGE
    most = kinds.nbytes(FREE)
    stacks = stack_bytes(heap)
    own, dead = stacks.goroutine_bytes, stacks.dead_goroutine_bytes
    shrunk = None if own is None or dead is None else dead + (own - dead) // 2
    parts = (spans.most, stacks.free_bytes, stacks.cached_bytes, shrunk)
    also = None if None in parts or not known else sum(part for part in parts if part is not None)
    work = heap.spans.total_bytes(heap.spans.work_buffer)
    return Scavenge(
        alone=Bound(certain, most if known else None),
        after_gc=Bound(
            certain + (spans.least or 0),
            None if also is None else most + kinds.nbytes(CACHED) + also + work,
        ),
    )


@attrs.frozen
class Held:
    """What the caches of the Ps from one number on hold, and those of all Ps; None when not known."""

    removed: int
    bytes: int | None
    all_bytes: int | None


def held_from(heap: Heap, first: int) -> Held:
    """Add up what Ps keep for themselves from this number on."""
    table = caches(heap)
    beyond = table.id >= first
    return Held(
        removed=int(np.count_nonzero(beyond)),
        bytes=int(table.parked_bytes[beyond].sum()) if table.known[beyond].all() else None,
        all_bytes=int(table.parked_bytes.sum()) if table.known.all() else None,
    )


@attrs.frozen
class Goal:
    """The pacer's goal with another GOGC or memory limit; None where there is none, or it is not known.

    Attributes
    ----------
    now, then
        The heap goal as it is, and with the settings asked for.
    fits
        What the last cycle found live is below the goal of the limit; None without a limit.
    percent
        The GOGC that leads to that goal, where the limit decides.
    """

    now: int | None
    then: int | None
    fits: bool | None
    percent: float | None


def goal(heap: Heap, percent: int | None, limit: int | None) -> Goal:
    """Compute the goal for these settings as the pacer does (mgcpacer.go, commit and heapGoal); None is off."""
    pending = heap.flush.pending_bytes
    now = within(heap_goal(heap.controller, pending), ADDRESS_SPACE)
    other = with_settings(heap.controller, percent, limit)
    if other is None:
        return Goal(now, None, None, None)
    ruled = None if limit is None else memory_limit_goal(other, pending)
    return Goal(
        now=now,
        then=within(heap_goal(other, pending), ADDRESS_SPACE),
        fits=None if ruled is None else int(other["heapMarked"]) < ruled,
        percent=percent_at_limit(other, pending),
    )


@attrs.frozen
class Blocking:
    """Blocks of the size of a huge page that a few pages of spans keep from being wholly free.

    Attributes
    ----------
    blocks, other_blocks
        Blocks of which all taken pages are of spans; and those with other pages, which no span could give up.
    spans
        Spans that lie in the former: all of them must go, and no others.
    taken_bytes, gained_bytes
        Bytes that they take there, and bytes of the blocks, which would be wholly free.
    first
        Of the former the first, as rows of `Blocked`: those with the fewest pages taken, then by address.
    """

    blocks: int
    other_blocks: int
    spans: int
    taken_bytes: int
    gained_bytes: int
    first: I64


def blocking(heap: Heap, found: Blocked) -> Blocking:
    """Find the smallest set of spans without which these blocks would be free."""
    page = found.first[:, np.newaxis] + np.arange(found.block_pages)
    taken, owner = ~found.free[page], found.kinds.owner[page]
    whole = ~(taken & (owner < 0)).any(axis=1)
    owners = owner[whole][taken[whole]]
    page_size = heap.pages.page_size
    blocks = int(np.count_nonzero(whole))
    return Blocking(
        blocks=blocks,
        other_blocks=len(whole) - blocks,
        spans=len(distinct(owners)),
        taken_bytes=len(owners) * page_size,
        gained_bytes=blocks * found.block_pages * page_size,
        first=np.flatnonzero(whole),
    )
