"""What is known of the types of objects while they are looked for."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slotfit import Fit
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.typebook import CHANNEL, SMALL, TypeBook
from gdb_gospan.analysis.typescan import Edges, header_bytes
from gdb_gospan.analysis.typetries import Tries
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.abitype import TypeReader
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Column, Mask

UNKNOWN, EXACT, EDGES, SHAPE = range(4)
"""How an object's type is known: not at all; the runtime has it; by pointers from objects of known types, or from interfaces;
inferred from what it looks like, or by pointers from such objects."""
_SAME, _BETTER, _REAL, _EXCLUDED = range(4)
"""What a further type says of an object: nothing new; more; what it really is called; something else."""


@attrs.frozen(eq=False, repr=False)
class Leads:
    """Pointers with what they should lead to: int64 (n,) each.

    Attributes
    ----------
    target, inner
        The slot, and the bytes from the begin of its object.
    number
        Of the type.
    at
        uint64: where the pointer itself lies, for what lies behind it; 0 where that is nothing.
    """

    target: I64
    inner: I64
    number: I64
    at: U64

    def of(self, some: I64 | Mask) -> Leads:
        """Return some of them."""
        return Leads(self.target[some], self.inner[some], self.number[some], self.at[some])

    def named(self, number: I64) -> Leads:
        """Return the same with other types."""
        return attrs.evolve(self, number=number)


class State:
    """The types of all objects, as far as they are known.

    Attributes
    ----------
    number
        int32, a row for each slot: of the type.
    how
        uint8, likewise.
    weak
        int32: a type that is likely, but that something else may be as well.
    conflict
        bool: two types that exclude each other were both found.
    is_interface
        bool, a row for each edge: the word before it is what an interface begins with.
    """

    def __init__(self, heap: Heap, known: Edges) -> None:
        self.heap = heap
        self.slots = slots(heap)
        self.edges = known
        self.types = TypeReader(heap.reader, heap.symbols)
        self.book = TypeBook(self.types, heap.layout)
        self.tries = Tries(self.book)
        self.fit = Fit(heap, self.edges, self.book)
        self.taken = slot_states(heap).alive
        count = len(self.slots)
        self.number: npt.NDArray[np.int32] = np.zeros(count, np.int32)
        self.how: npt.NDArray[np.uint8] = np.zeros(count, np.uint8)
        self.weak: npt.NDArray[np.int32] = np.zeros(count, np.int32)
        self.conflict: Mask = np.zeros(count, np.bool_)
        self.is_interface: Mask = np.zeros(len(self.edges.word), np.bool_)
        self._before = header_bytes(heap)
        self.width = heap.layout.platform.pointer_size
        self._small = self.book.number(SMALL, 0)
        self._code = np.array(self.types.code(), np.uint64).reshape(-1, 2)
        self._first: I64 = np.empty(0, np.int64)
        self._period: I64 = np.empty(0, np.int64)
        self._flat: npt.NDArray[np.int32] = np.empty(0, np.int32)

    def words(self, addresses: U64) -> U64:
        """Return the words at these addresses; 0 where there is none."""
        values, known = self.heap.reader.pointers(addresses)
        values[~known] = 0
        return values

    def begins(self, some: I64) -> U64:
        """Return where the objects in these slots begin."""
        span = self.slots.spans_of(some)
        inside = (some - self.slots.first[span]) * self.slots.elemsize[span] + self._before[span]
        return self.slots.base[span] + inside.view(np.uint64)

    def at(self, source: I64, edge: I64) -> U64:
        """Return where these pointers lie, of these objects."""
        found: U64 = self.begins(source) + self.edges.word[edge].astype(np.uint64) * np.uint64(self.width)
        return found

    def code(self, source: I64, edge: I64) -> npt.NDArray[np.int32]:
        """Return what the words of these edges are by the types of their objects."""
        number = self.number[source].astype(np.int64)
        self._write(self.met(number))
        word = self.edges.word[edge].astype(np.int64) % self._period[number]
        found: npt.NDArray[np.int32] = self._flat[self._first[number] + word]
        return found

    def met(self, numbers: I64) -> I64:
        """Return the types among these, ascending."""
        there = np.zeros(len(self.book.types), np.bool_)
        there[numbers] = True
        return np.flatnonzero(there)

    def each(self, numbers: I64, value: Callable[[int], int]) -> I64:
        """Return a value of each of these types, which is computed once for each of them that is there."""
        values = np.zeros(len(self.book.types), np.int64)
        for number in self.met(numbers).tolist():
            values[number] = value(number)
        found: I64 = values[numbers]
        return found

    def _write(self, numbers: I64) -> None:
        """Have the words of these types at hand."""
        missing = len(self.book.types) - len(self._first)
        if missing > 0:
            self._first = np.concatenate([self._first, np.full(missing, -1)])
            self._period = np.concatenate([self._period, np.ones(missing, np.int64)])
        new = numbers[self._first[numbers] < 0].tolist()
        parts, end = [self._flat], len(self._flat)
        for number in new:
            words = self.book.words(number)
            self._first[number], self._period[number] = end, len(words)
            parts.append(words)
            end += len(words)
        if new:
            self._flat = np.concatenate(parts)

    def enter(self, some: I64, numbers: I64, how: int) -> I64:
        """Enter types, each if it says more than what is known of its slot, and return the slots whose type is new."""
        good = self.taken[some] & (numbers > 0)
        some, numbers = some[good], numbers[good].astype(np.int32)
        changed = [np.empty(0, np.int64)]
        while len(some):
            old = self.number[some]
            fresh = old == 0
            better = ~fresh & (old != numbers) & self._better(some, old, numbers)
            new = np.flatnonzero(fresh | better)
            if not len(new):
                break
            self.number[some[new]] = numbers[new]
            # A channel has the type of its elements; and what the runtime has a type of keeps that, by another name.
            sure = (self.book.columns()[0][numbers[new]] == CHANNEL) | (self.how[some[new]] == EXACT)
            self.how[some[new]] = np.where(sure, EXACT, how)
            changed.append(some[new])
            rest = np.flatnonzero(self.number[some] != numbers)
            some, numbers = some[rest], numbers[rest]
        return distinct(np.concatenate(changed))

    def _better(self, some: I64, old: Column, new: Column) -> Mask:
        """Which of the new types say more than the old ones, and note where they exclude each other."""
        pairs = old.astype(np.int64) << 32 | new
        kind = of_each(pairs, lambda pair: self._compared(pair >> 32, pair & 0xFFFFFFFF))
        exact, known = self.how[some] == EXACT, old > 0
        tiny = known & self.fit.tiny[self.fit.groups_of(some)]
        rows = np.flatnonzero(tiny)
        several = of_each(pairs[rows], lambda pair: self.book.apart(pair >> 32, pair & 0xFFFFFFFF)) > 0
        self.number[some[rows[several]]] = self._small
        self.conflict[some[(kind == _EXCLUDED) & ~exact & known & ~tiny]] = True
        kind[rows[several]] = _SAME
        better: Mask = np.where(exact, kind == _REAL, (kind == _BETTER) | (kind == _REAL))
        return better

    def _compared(self, old: int, new: int) -> int:
        if not old or old in (new, self._small):
            return _SAME
        if self.book.better(old, new):
            real = self.book.is_shape(old) and self.book.same_layout(old, new)
            return _REAL if real or self.book.is_part_of_map(old, new) else _BETTER
        if self.book.better(new, old) or self.book.same_layout(old, new):
            return _SAME
        return _EXCLUDED

    def note(self, likely: Leads) -> None:
        """Note the types that are likely of slots without a better one."""
        if not len(likely.target):
            return
        some = (self.number[likely.target] == 0) & (self.weak[likely.target] == 0)
        self.weak[likely.target[some]] = likely.number[some]


def of_each(keys: Column, value: Callable[[int], int]) -> I64:
    """Return a value for each key, which is computed once for each distinct one."""
    each = distinct(keys)
    values = np.array([value(key) for key in each.tolist()], np.int64)
    return values[np.searchsorted(each, keys)] if len(each) else np.empty(0, np.int64)
