"""Where the memory of stacks is: by size of stack, and by who stands on it."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.goroutines import STATUS_NAMES
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Mask, Records


@attrs.frozen(eq=False)
class StackSizes:
    """A row for each size of small stacks, ascending, then one for all large stacks (size 0).

    Attributes
    ----------
    size
        int64 (n,): bytes of one stack; 0 for large ones, each of which has a span of its own.
    spans, span_bytes, capacity
        Spans, their bytes, and how many stacks they can hold.
    given_out
        Stacks that are not in the pool: goroutines stand on them, or a P has them cached.
    listed
        Spans in stackpool or stackLarge: with a free stack.
    """

    size: I64
    spans: I64
    span_bytes: I64
    capacity: I64
    given_out: I64
    listed: I64

    def __len__(self) -> int:
        return len(self.size)


def stack_sizes(heap: Heap) -> StackSizes:
    """Add up the stack spans by the size of their stacks."""
    stacks, elemsize = heap.stacks, heap.spans.records["elemsize"]
    groups: list[tuple[int, Mask]] = [
        (size, stacks.pool & (elemsize == size)) for size in distinct(elemsize[stacks.pool]).tolist()
    ]
    if stacks.large.any():
        groups.append((0, stacks.large))

    def total(column: I64 | Mask) -> I64:
        return np.array([int(column[rows].sum()) for _, rows in groups], np.int64)

    return StackSizes(
        size=np.array([size for size, _ in groups], np.int64),
        spans=total(np.ones(len(elemsize), np.int64)),
        span_bytes=total(heap.spans.nbytes),
        capacity=total(stacks.capacity),
        given_out=total(stacks.given_out),
        listed=total(stacks.listed),
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
    return heap.trail.part("holders of stacks", lambda: _holders(heap))


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
