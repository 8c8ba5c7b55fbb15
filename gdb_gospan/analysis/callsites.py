"""Figures by stack, gathered by function, by line or by stack: flat where it happened, cumulated where it was called from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import attrs
import numpy as np

from gdb_gospan.analysis.goroutines import Place
from gdb_gospan.analysis.profiles import sampled
from gdb_gospan.layout.functions import Lines
from gdb_gospan.runtime.mprof import Buckets, Stacks
from gdb_gospan.runtime.record import I64, U64, Column, Mask

By = Literal["function", "line", "stack"]
_BOTTOM: Final = "runtime.goexit"
_MOST_STACKS: Final = 256
"""That names are looked up for, where only one is wanted."""
_SENTINEL: Final = np.uint64((1 << 64) - 1)


@attrs.frozen(eq=False)
class Called:
    """Stacks of calls, inlined ones among them.

    Attributes
    ----------
    calls
        Distinct ones.
    which
        int64 (m,): rows of `calls`: the stacks one after the other, each from the innermost call outwards.
    first
        int64 (n + 1,): where each stack begins.
    """

    calls: tuple[Place, ...]
    which: I64
    first: I64

    def stack(self, row: int) -> list[Place]:
        """Return the calls of one stack."""
        return [self.calls[each] for each in self.which[self.first[row] : self.first[row + 1]].tolist()]


@attrs.frozen(eq=False)
class Gathered:
    """Rows of equal place.

    Attributes
    ----------
    places
        What each row is of: one call, or those of a stack.
    flat, cumulated
        (k, c): sums of the columns where this is the innermost call, and where it is anywhere on the stack.
    row
        int64 (n,): of each stack, in which row it is flat; -1 for one without calls.
    """

    places: tuple[tuple[Place, ...], ...]
    flat: Column
    cumulated: Column
    row: I64


def frames(stacks: Stacks, rows: I64, names: Names, hidden: Sequence[str] = ()) -> Stacks:
    """Return of each of these stacks the return addresses of its frames: one for all calls inlined into one another.

    The runtime records an address for each call, of inlined ones too (traceback.go, tracebackPCs), or one for each frame
    (since Go 1.23 for blocking, mprof.go, fpTracebackPartialExpand), as runtime.CallersFrames takes both.

    Parameters
    ----------
    hidden
        Beginnings of names: the innermost calls are left out as long as they have one, unless all have.
    """
    depth = np.diff(stacks.first)[rows]
    first = np.append(np.int64(0), np.cumsum(depth))
    every = np.arange(first[-1]) + np.repeat(stacks.first[rows] - first[:-1], depth)
    pcs, which = np.unique(stacks.pcs[every], return_inverse=True)
    which = which.reshape(-1)
    begin = _first_shown(first, names.begin_like(pcs, hidden), which)
    keep = (np.arange(first[-1]) >= np.repeat(begin, depth)) & ~names.left_out(pcs)[which]
    # A call that another one was inlined into stands behind it.
    pairs, pair = np.unique(which[:-1] * len(pcs) + which[1:], return_inverse=True)
    around = [
        names.is_around(int(pcs[each % len(pcs)]), int(pcs[each // len(pcs)])) for each in pairs.tolist()
    ]
    within = np.zeros(first[-1], np.bool_)
    within[1:] = np.array(around, np.bool_)[pair.reshape(-1)]
    within[begin[depth > 0]] = False
    keep &= ~within
    owner = np.repeat(np.arange(len(depth)), depth)[keep]
    kept = np.bincount(owner, minlength=len(depth))
    return Stacks(stacks.pcs[every][keep], np.append(np.int64(0), np.cumsum(kept)))


def called(stacks: Stacks, names: Names) -> Called:
    """Name the calls of the stacks that `frames` returned."""
    numbers: dict[Place, int] = {}
    pcs, which = np.unique(stacks.pcs, return_inverse=True)
    found = [[numbers.setdefault(each, len(numbers)) for each in names.calls(pc - 1)] for pc in pcs.tolist()]
    length = np.array([len(each) for each in found], np.int64)[which.reshape(-1)]
    values = np.array([number for each in found for number in each], np.int64)
    begin = np.cumsum([0, *map(len, found)], dtype=np.int64)[which.reshape(-1)]
    ends = np.append(np.int64(0), np.cumsum(length))
    rows = np.arange(ends[-1]) + np.repeat(begin - ends[:-1], length)
    return Called(tuple(numbers), values[rows], ends[stacks.first])


def _first_shown(first: I64, hidden: Mask, which: I64) -> I64:
    """Return where each stack begins to be shown."""
    begin: I64 = first[:-1].copy()
    size = first[-1]
    some: I64 = np.flatnonzero(np.diff(first))
    if len(some):
        place = np.where(hidden[which], size, np.arange(size))
        found = np.minimum.reduceat(place, first[some])
        begin[some] = np.where(found < first[some + 1], found, first[some])
    return begin


class Names:
    """The calls at addresses, each looked up once."""

    def __init__(self, lines: Lines | None) -> None:
        self._lines = lines
        self._known: dict[int, tuple[Place, ...]] = {}

    def calls(self, address: int) -> tuple[Place, ...]:
        """Return the calls that the instruction belongs to, the innermost first; an unknown one is named by its address.

        What the compiler has wrapped around a function is no call (traceback.go, elideWrapperCalling).
        """
        if address not in self._known:
            found = () if self._lines is None else self._lines.calls(address)
            shown = [each for i, each in enumerate(found) if not (i and each.wrapper)]
            self._known[address] = tuple(
                Place(each.function or f"{address + 1:#x}", each.file or "", each.line or 0) for each in shown
            ) or (Place(f"{address + 1:#x}"),)
        return self._known[address]

    def begin_like(self, pcs: U64, prefixes: Sequence[str]) -> Mask:
        """Which of these runtime.FuncForPC has a name for that begins so; it takes an address as it is."""
        some = tuple(prefixes)
        found = [bool(some) and self.calls(pc)[0].function.startswith(some) for pc in pcs.tolist()]
        return np.array(found, np.bool_)

    def left_out(self, pcs: U64) -> Mask:
        """Which of these are no calls: a mark of the runtime's (tracestack.go, logicalStackSentinel), and runtime.goexit."""
        names = [self.calls(pc - 1)[-1].function for pc in pcs.tolist()]
        out: Mask = np.array([name == _BOTTOM for name in names], np.bool_) | (pcs == _SENTINEL)
        return out

    def is_around(self, outer: int, inner: int) -> bool:
        """Whether the first is the return address of a call that the call of the second was inlined into."""
        after, before = self.calls(outer - 1), self.calls(inner - 1)
        return len(after) < len(before) and before[-len(after) :] == after


def gathered(stacks: Called, columns: Column, by: By) -> Gathered:
    """Add up the columns, (n, c), of stacks that are equal in this.

    Parameters
    ----------
    by
        The function, the function and line of the innermost call, or the whole stack.
    """
    if by == "stack":
        return _by_stack(stacks, columns)
    keys = [(each.function,) if by == "function" else each for each in stacks.calls]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    of_call = np.array([numbers[key] for key in keys], np.int64)
    depth = np.diff(stacks.first)
    owner = np.repeat(np.arange(len(depth)), depth)
    place = of_call[stacks.which]
    pairs = np.unique(owner * max(len(numbers), 1) + place)
    flat, cumulated = (np.zeros((len(numbers), columns.shape[1]), columns.dtype) for _ in range(2))
    np.add.at(cumulated, pairs % max(len(numbers), 1), columns[pairs // max(len(numbers), 1)])
    some = np.flatnonzero(depth)
    row = np.full(len(depth), -1, np.int64)
    row[some] = place[stacks.first[some]]
    np.add.at(flat, row[some], columns[some])
    return Gathered(tuple((Place(*key),) for key in numbers), flat, cumulated, row)


def _by_stack(stacks: Called, columns: Column) -> Gathered:
    keys = [tuple(stacks.stack(row)) for row in range(len(stacks.first) - 1)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    flat = np.zeros((len(numbers), columns.shape[1]), columns.dtype)
    row = np.array([numbers[key] for key in keys], np.int64)
    np.add.at(flat, row, columns)
    return Gathered(tuple(numbers), flat, flat, row)


@attrs.frozen
class Allocator:
    """A function that allocated objects in use, and how many bytes of them at least, by the samples of the runtime."""

    function: str
    nbytes: int


def largest_allocator(
    buckets: Buckets | None, lines: Lines | None, hidden: Sequence[str]
) -> Allocator | None:
    """Return the function with most bytes in use, of the stacks with most; None without names or samples."""
    if buckets is None or lines is None or not buckets.rate:
        return None
    found = sampled(buckets)
    inuse = found.scaled[:, 3]
    most = np.argsort(-inuse, kind="stable")[:_MOST_STACKS]
    most = most[inuse[most] > 0]
    if not len(most):
        return None
    names = Names(lines)
    calls = called(frames(buckets.stacks, found.rows[most], names, hidden), names)
    sums = gathered(calls, inuse[most][:, np.newaxis], "function")
    row = int(np.argmax(sums.flat[:, 0]))
    return Allocator(sums.places[row][0].function, int(sums.flat[row, 0]))
