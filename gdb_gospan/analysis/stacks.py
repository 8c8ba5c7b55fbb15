"""Where the memory of stacks is: by size of stack, and by who stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.goroutines import STATUS_NAMES
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Mask, Records


@attrs.frozen
class StackSize:
    """The stack spans for one size of stacks, or those of all large stacks together.

    Attributes
    ----------
    size
        Bytes of one stack; 0 for all large ones together, each of which has a span of its own.
    spans, span_bytes, capacity
        Spans, their bytes, and how many stacks they can hold.
    given_out
        Stacks that are not in the pool: goroutines stand on them, or a P has them cached.
    listed
        Spans in stackpool or stackLarge: with a free stack.
    """

    size: int
    spans: int
    span_bytes: int
    capacity: int
    given_out: int
    listed: int
    large: bool

    @property
    def free(self) -> int | None:
        """Stacks that are free; None where damage makes it no part of the whole."""
        return _within(self.capacity - self.given_out, self.capacity)

    @property
    def free_bytes(self) -> int | None:
        """Bytes of these; None for all large stacks together, whose sizes differ."""
        return None if not self.size or self.free is None else self.free * self.size


def stack_sizes(heap: Heap) -> list[StackSize]:
    """Add up the stack spans by the size of their stacks, ascending; large stacks come last, as one."""
    stacks, elemsize = heap.stacks, heap.spans.records["elemsize"]
    sizes: list[int] = distinct(elemsize[stacks.pool]).tolist()
    found = [_size(heap, stacks.pool & (elemsize == size), size, large=False) for size in sizes]
    return [*found, _size(heap, stacks.large, 0, large=True)] if stacks.large.any() else found


def large_sizes(heap: Heap) -> list[StackSize]:
    """Add up the spans of large stacks by their size, ascending: powers of two from 32 KiB on (stack.go, stackalloc)."""
    large, nbytes = heap.stacks.large, heap.spans.nbytes
    sizes: list[int] = distinct(nbytes[large]).tolist()
    return [_size(heap, large & (nbytes == size), size, large=True) for size in sizes]


def _size(heap: Heap, rows: Mask, size: int, *, large: bool) -> StackSize:
    stacks, which = heap.stacks, np.flatnonzero(rows)
    return StackSize(
        size=size,
        spans=len(which),
        span_bytes=heap.spans.total_bytes(rows),
        capacity=int(stacks.capacity(which).sum()),
        given_out=int(stacks.given_out(which).sum()),
        listed=int(np.count_nonzero(stacks.listed[rows])),
        large=large,
    )


@attrs.frozen(eq=False)
class Holders:
    """Who has the stacks that stack spans have given out.

    Attributes
    ----------
    goroutines
        Of each goroutine, the bytes of its stack: int64 (n,). 0 where it has none, and where what it has is not one
        stack of a stack span.
    dead
        Bytes under dead goroutines, which keep their stack for the next one.
    system
        Bytes under threads and the runtime: g0, gsignal, gcrash. The first stack of a thread of C's, and that of
        the program's first thread, are the operating system's (proc.go, mstart), and in no span.
    exited
        Bytes under threads that have exited; None where they are not known.
    claims
        Stacks that are somebody's, whether it is one of a stack span or not.
    low
        uint64 (k,): where each of them begins that is one of a stack span, ascending.
    stray
        Where the first one lies that is none, 0 when there is none: whose begins in a stack span and is not one of
        its stacks, or a goroutine's that is in no stack span.
    """

    goroutines: I64
    dead: int
    system: int
    exited: int | None
    claims: int
    low: U64
    stray: int

    @property
    def living(self) -> int:
        """Bytes under goroutines that are not dead."""
        return int(self.goroutines.sum()) - self.dead


def holders(heap: Heap) -> Holders:
    """Find out whose the stacks are that are given out; once for each heap."""
    return heap.trail.part("stack-holders", lambda: _holders(heap))


def _holders(heap: Heap) -> Holders:
    goroutines = heap.goroutines
    of_gs, of_system, aside = (
        _of_gs(heap, goroutines.gs),
        _of_gs(heap, goroutines.system),
        goroutines.set_aside,
    )
    # A stack that is in its place again is not forgotten (signal_unix.go, restoreGsignalStack).
    other = ~np.isin(aside[0], of_system.low)
    of_system = of_system.and_(_of(heap, aside[0][other], aside[1][other]))
    exited = None if goroutines.exited is None else _of_gs(heap, goroutines.exited)
    own = np.where(of_gs.whole, of_gs.nbytes, 0)
    # Of the system stacks those of the operating system's are in no span. Goroutines have none such, unless GODEBUG=efence=1
    # has each stack mapped for itself (stack.go, stackalloc).
    outside = (of_gs.low != of_gs.high) & ~of_gs.claimed
    if outside.any() and not (heap.godebug or {}).get("efence"):
        of_gs = attrs.evolve(of_gs, claimed=of_gs.claimed | outside)
    known = [group for group in (of_gs, of_system, exited) if group is not None]
    stray = np.concatenate([group.low[group.claimed & ~group.whole] for group in known])
    return Holders(
        goroutines=own,
        dead=int(own[goroutines.dead].sum()),
        system=int(of_system.nbytes[of_system.whole].sum()),
        exited=None if exited is None else int(exited.nbytes[exited.whole].sum()),
        claims=sum(int(np.count_nonzero(group.claimed)) for group in known),
        low=np.sort(np.concatenate([group.low[group.whole] for group in known])),
        stray=int(stray[0]) if len(stray) else 0,
    )


@attrs.frozen(eq=False)
class _Stacks:
    """Of some gs, the stacks, and which begin in a stack span or are one of its stacks."""

    low: U64
    high: U64
    nbytes: I64
    claimed: Mask
    whole: Mask

    def and_(self, others: _Stacks) -> _Stacks:
        """Return both together."""
        return _Stacks(
            *(
                np.concatenate([mine, theirs])
                for mine, theirs in zip(*map(_columns, (self, others)), strict=True)
            )
        )


def _columns(stacks: _Stacks) -> list[Any]:
    return [getattr(stacks, field.name) for field in attrs.fields(_Stacks)]


def _of_gs(heap: Heap, gs: Records) -> _Stacks:
    """Look at the stacks of gs; one that could not be read has none."""
    return _of(heap, gs["stack.lo"], gs["stack.hi"])


def _of(heap: Heap, low: U64, high: U64) -> _Stacks:
    begins, whole = heap.stacks.holding(low, high)
    return _Stacks(low, high, (high - low).view(np.int64), begins, whole)


@attrs.frozen
class Standing:
    """Goroutines in one state, and the bytes of their stacks."""

    state: str
    count: int
    stack_bytes: int


def standing(heap: Heap) -> list[Standing]:
    """Count the goroutines by state, in the order of Go's numbers; one whose state there is not is left out."""
    goroutines, nbytes = heap.goroutines, holders(heap).goroutines
    status, known = goroutines.status, goroutines.has_status
    return [
        Standing(
            STATUS_NAMES[value],
            int(np.count_nonzero(status == value)),
            int(nbytes[status == value].sum()),
        )
        for value in distinct(status[known]).tolist()
    ]


@attrs.frozen
class StackBytes:
    """Where the bytes of stack spans are; None where damage makes a figure no part of the whole.

    Attributes
    ----------
    span_bytes
        Of all stack spans.
    in_use_bytes
        Of the stacks given out and not cached.
    goroutine_bytes, dead_goroutine_bytes
        Of those, under goroutines, and under the dead ones among them.
    system_bytes, exited_bytes
        Of those, under threads and the runtime, and under threads that have exited; None where these are not known.
    other_bytes
        Of those, under nobody that is known.
    cached_bytes, free_bytes
        Of stacks that Ps have cached, and of no stack.
    """

    span_bytes: int
    in_use_bytes: int | None
    goroutine_bytes: int | None
    dead_goroutine_bytes: int | None
    system_bytes: int | None
    exited_bytes: int | None
    other_bytes: int | None
    cached_bytes: int | None
    free_bytes: int | None


def stack_bytes(heap: Heap) -> StackBytes:
    """Say whose the bytes of all stack spans are."""
    found, total = holders(heap), heap.spans.total_bytes(heap.spans.stack)
    cached, in_use = int(heap.stacks.cached_bytes.sum()), heap.stacks.in_use_bytes
    of_goroutines = found.living + found.dead
    return StackBytes(
        span_bytes=total,
        in_use_bytes=_within(in_use, total),
        goroutine_bytes=_within(of_goroutines, total),
        dead_goroutine_bytes=_within(found.dead, total),
        system_bytes=_within(found.system, total),
        exited_bytes=_within(found.exited, total),
        other_bytes=_within(in_use - of_goroutines - found.system - (found.exited or 0), total),
        cached_bytes=_within(cached, total),
        free_bytes=_within(total - in_use - cached, total),
    )


def _within(value: int | None, whole: int) -> int | None:
    """Return a part of a whole; None for what is none, which damage alone brings about: the checks name it."""
    return value if value is not None and 0 <= value <= whole else None


@attrs.frozen
class ThreadCounts:
    """Threads of the process; None where not known.

    Attributes
    ----------
    go
        Those that have an M.
    c
        Those of C, which have none.
    exited
        Ms on sched.freem, whose threads have exited.
    """

    go: int | None
    c: int | None
    exited: int | None


def thread_counts(heap: Heap, lwps: Sequence[int] | None) -> ThreadCounts:
    """Count the threads, of which the process has these by their numbers; None when those are not known."""
    ms, exited = heap.ms, heap.goroutines.exited
    go = c = None
    if ms is not None and ms.complete:
        go = int(np.count_nonzero(~ms.spare))
        c = None if lwps is None else ms.strangers(lwps)
    return ThreadCounts(go, c, None if exited is None else len(exited))
