"""Stacks of the goroutines that do not run, as a tree (runtime/traceback.go).

A goroutine that waits has its program counter and its stack pointer in g.sched, or while it is in a system call in
g.syscallpc and g.syscallsp. Go's own table (pclntab) says how deep the stack is at each instruction, so the return address
is found without frame pointers. All goroutines are unwound at once, a frame at a time; equal stacks are kept once.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from gdb_gospan.layout.functions import Lines
from gdb_gospan.memory.prefetched import PrefetchedMemory
from gdb_gospan.memory.recorder import RecorderOfCopy
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Records

_MOST_FRAMES: Final = 128
"""Of one stack; what is deeper is not seen."""
_LINKED: Final = ("arm64", "arm")
"""Architectures with a link register: a function saves it where its stack pointer points to."""
_AHEAD: Final = 2048
"""Bytes above the stack pointer that are fetched at once: of most goroutines that wait, all frames."""
_BOTTOM: Final = "runtime.goexit"
_IN_SYSCALL: Final = 3


@attrs.frozen(eq=False, repr=False)
class Tracebacks:
    """The stacks of goroutines; the rows match those of `Goroutines.gs`.

    Attributes
    ----------
    node
        int64 (n,): the frame of the oldest function that was found; -1 for a goroutine of which no frame is known.
    whole
        bool (n,): the stack was followed to its end, the function that the ``go`` statement called.
    newer
        int64 (m,): of each frame, the frame that it called; -1 for the newest one.
    pc
        uint64 (m,): where each frame stands, which is a return address but for a newest one.
    """

    node: I64
    whole: Mask
    newer: I64
    pc: U64

    def frames(self, node: int) -> list[int]:
        """Return the program counters of a stack, newest first."""
        found: list[int] = []
        while node >= 0:
            found.append(int(self.pc[node]))
            node = int(self.newer[node])
        return found[::-1]


def standing_at(gs: Records, status: I64) -> tuple[U64, U64]:
    """Return program counter and stack pointer of each goroutine that does not run; 0 of the others.

    Parameters
    ----------
    gs
        Columns of runtime.g.
    status
        Of each, without the scan bit; -1 where not known.
    """
    paths = ("sched.pc", "sched.sp", "syscallpc", "syscallsp")
    columns = [gs.get(path) for path in paths]
    none = np.zeros(len(gs), np.uint64)
    pc, sp, syscall_pc, syscall_sp = (none if column is None else column for column in columns)
    still = np.isin(status, (1, 4, 9, 10))  # runnable, waiting, preempted, leaked
    inside = (status == _IN_SYSCALL) & (syscall_sp != 0)
    return (
        np.where(inside, syscall_pc, np.where(still, pc, none)),
        np.where(inside, syscall_sp, np.where(still, sp, none)),
    )


def used_bytes(gs: Records, status: I64) -> I64:
    """Return the bytes of each stack from its stack pointer up: int64 (n,); -1 of a goroutine that runs, and where not known.

    The parameters are those of `standing_at`.
    """
    _, sp = standing_at(gs, status)
    low, high = gs["stack.lo"], gs["stack.hi"]
    known = gs.readable & (low < sp) & (sp <= high)
    return np.where(known, (high - sp).astype(np.int64), -1)


def read_tracebacks(
    reader: Reader, gs: Records, status: I64, functions: Lines, which: Mask | None = None
) -> Tracebacks:
    """Follow the stack of each goroutine that does not run; of all, or only of these.

    Parameters
    ----------
    gs
        Columns of runtime.g.
    status
        Of each, without the scan bit; -1 where not known.
    """
    pc, sp = standing_at(gs, status)
    high, used = gs["stack.hi"], used_bytes(gs, status)
    known = (pc != 0) & (used >= 0)
    if which is not None:
        known &= which
    before = reader.memory
    try:
        _fetch(reader, sp[known], used[known])
        walk = _Walk(reader, functions, pc, sp, high, gs.get("sched.lr"))
        node, whole = walk.all(known)
    finally:
        reader.memory = before  # what the heap fetches for itself is more than stacks
    return Tracebacks(node, whole, np.concatenate(walk.newer), np.concatenate(walk.pcs))


def _fetch(reader: Reader, sp: U64, used: I64) -> None:
    """Fetch the newest part of each stack at once, unless the memory is a file or a copy."""
    memory = reader.memory
    if memory.kind in ("live", "remote") and not isinstance(memory, PrefetchedMemory | RecorderOfCopy):
        reader.memory = PrefetchedMemory(memory, [(sp, np.clip(used, 1, _AHEAD))])


class _Walk:
    """All stacks at the same depth."""

    def __init__(
        self, reader: Reader, functions: Lines, pc: U64, sp: U64, high: U64, link: U64 | None
    ) -> None:
        self._reader, self._functions = reader, functions
        self._pc, self._sp, self._high = pc.copy(), sp.copy(), high
        self._link = link
        self._linked = reader.layout.platform.arch in _LINKED
        self._depths: dict[int, tuple[int | None, bool]] = {}
        self.newer: list[I64] = [np.empty(0, np.int64)]
        self.pcs: list[U64] = [np.empty(0, np.uint64)]

    def all(self, known: Mask) -> tuple[I64, Mask]:
        """Follow these stacks: the last frame of each, and which of them ended."""
        node = np.full(len(known), -1, np.int64)
        whole: Mask = np.zeros(len(known), np.bool_)
        rows: I64 = np.flatnonzero(known)
        made = 0
        for level in range(_MOST_FRAMES):
            depth, bottom = self._at(rows, newest=level == 0)
            whole[rows[bottom]] = True
            rows, depth = rows[~bottom & (depth >= -1)], depth[~bottom & (depth >= -1)]
            if not len(rows):
                break
            pairs, which = _distinct(node[rows], self._pc[rows])
            node[rows] = made + which
            self.newer.append(pairs[0])
            self.pcs.append(pairs[1])
            made += len(pairs[1])
            rows = self._up(rows[depth >= 0], depth[depth >= 0].astype(np.uint64), newest=level == 0)
        return node, whole

    def _at(self, rows: I64, *, newest: bool) -> tuple[I64, Mask]:
        """Return how deep the stack is at each program counter, and which of them are at the bottom of their stack.

        -1 where that is not known of a function, -2 where there is none.
        """
        counters, which = np.unique(self._pc[rows], return_inverse=True)
        depths, bottoms = np.empty(len(counters), np.int64), np.empty(len(counters), np.bool_)
        for i, counter in enumerate(counters.tolist()):
            depths[i], bottoms[i] = self._function(counter, newest=newest)
        return depths[which], bottoms[which]

    def _function(self, counter: int, *, newest: bool) -> tuple[int, bool]:
        # A call may be the last instruction of its function; a goroutine that has not begun is at its first one.
        place = counter if newest and self._functions.entry(counter) == counter else counter - 1
        name = self._functions.function(place)
        if name is None:
            return -2, False
        depth = self._functions.depth(place)
        return -1 if depth is None else depth, name.removesuffix(".abi0") == _BOTTOM

    def _up(self, rows: I64, depth: U64, *, newest: bool) -> I64:
        """Go to the caller of each of these; what has none within its stack is left out."""
        width = np.uint64(self._reader.word_type.itemsize)
        sp = self._sp[rows]
        if self._linked:
            place, above = sp, sp + depth
        else:
            place, above = sp + depth, sp + depth + width
        inside = (above <= self._high[rows]) & (place + width <= self._high[rows])
        leaf = np.zeros(len(rows), np.bool_)
        if self._linked and newest and self._link is not None:
            leaf = (depth == 0) & (self._link[rows] != 0)
            inside |= leaf
        rows, place, above, leaf = rows[inside], place[inside], above[inside], leaf[inside]
        callers, known = self._callers(place)
        if leaf.any() and self._link is not None:
            callers[leaf], known[leaf] = self._link[rows[leaf]], True
        self._pc[rows], self._sp[rows] = callers, above
        found: I64 = rows[known & (callers != 0)]
        return found

    def _callers(self, place: U64) -> tuple[U64, Mask]:
        memory = self._reader.memory
        there: Mask = np.ones(len(place), np.bool_)
        if isinstance(memory, RecorderOfCopy):  # of a goroutine that ran meanwhile the stack was not copied
            there = memory.has(place, self._reader.word_type.itemsize)
        callers, known = np.zeros(len(place), np.uint64), np.zeros(len(place), np.bool_)
        callers[there], known[there] = self._reader.pointers(place[there])
        return callers, known


def _distinct(newer: I64, pc: U64) -> tuple[tuple[I64, U64], I64]:
    """Return the distinct pairs, and which of them each one is."""
    order = np.lexsort((pc, newer))
    first: Mask = np.ones(len(order), np.bool_)
    first[1:] = (newer[order][1:] != newer[order][:-1]) | (pc[order][1:] != pc[order][:-1])
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(first) - 1
    chosen = order[first]
    return (newer[chosen], pc[chosen]), which
