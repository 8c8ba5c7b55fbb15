"""Where the memory of stacks is: by size of stack, and by who stands on it."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.goroutines import STATUS_NAMES, Goroutines, in_heap
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Mask


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


@attrs.frozen
class Standing:
    """Goroutines in one state, and the bytes of their stacks."""

    state: str
    count: int
    stack_bytes: int


def standing(goroutines: Goroutines) -> list[Standing]:
    """Count the goroutines by state, in the order of Go's numbers."""
    status, nbytes = goroutines.status, goroutines.stack_bytes
    return [
        Standing(
            STATUS_NAMES.get(value, f"state {value}"),
            int(np.count_nonzero(status == value)),
            int(nbytes[status == value].sum()),
        )
        for value in distinct(status[status >= 0]).tolist()
    ]


def held_bytes(heap: Heap) -> tuple[int, int]:
    """Bytes of stack spans under goroutines, and under the system stacks of threads and of the runtime.

    A thread's first stack (that of the program's first thread, or of a C thread) is the operating
    system's and in no span (proc.go, mstart).
    """
    goroutines, spans = heap.goroutines, heap.spans
    rows = np.flatnonzero(spans.stack)
    rows = rows[np.argsort(spans.start[rows], kind="stable")]
    starts, nbytes = spans.start[rows], spans.bytes_of(rows)
    own = in_heap(goroutines.gs, starts, nbytes)
    system = in_heap(goroutines.system, starts, nbytes)
    return int(goroutines.stack_bytes[own].sum()), int(goroutines.system_stack_bytes[system].sum())
