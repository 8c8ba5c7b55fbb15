"""Types carried along pointers: what an object is says what the objects are that its fields point to.

A type is accepted only for a slot that it fits (`slotfit`). All objects that were typed in one round are followed in the next,
whatever their types; a long list is walked by a C library (`typechains`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis.edges import expanded
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slotfit import Fit
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.typebook import (
    ANY_OF,
    CHANNEL,
    CLOSURE,
    DIRECTORY,
    ELEMENTS,
    GROUPS,
    SMALL,
    TEXT,
    VALUE,
    TypeBook,
)
from gdb_gospan.analysis.typechains import Chains
from gdb_gospan.analysis.typescan import Edges, edges, header_bytes
from gdb_gospan.memory.segments import among, distinct
from gdb_gospan.runtime.abitype import TypeReader
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Column, Mask

UNKNOWN, EXACT, EDGES, SHAPE = range(4)
"""How an object's type is known: not at all; the runtime has it; by pointers from objects of known types, or from interfaces;
inferred from what it looks like, or by pointers from such objects."""
_AT_ONCE: Final = 1 << 21
"""Pointers that are followed at once."""
_MOST_ROUNDS: Final = 1 << 14


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


class Flow:
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

    def __init__(self, heap: Heap) -> None:
        self.heap = heap
        self.slots = slots(heap)
        self.edges: Edges = edges(heap)
        self.types = TypeReader(heap.reader, heap.symbols)
        self.book = TypeBook(self.types, heap.layout)
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

    def run(self, frontier: I64, how: int) -> None:
        """Follow the pointers of these objects, of those that become known by it, and so on."""
        chains = Chains(self, how)
        for _ in range(_MOST_ROUNDS):
            if not len(frontier):
                break
            frontier = chains.after(self._round(frontier, how))

    def _round(self, frontier: I64, how: int) -> I64:
        starts = self.edges.graph.starts
        counts = (starts[frontier + 1] - starts[frontier]).astype(np.int64)
        ends, found, begin = np.cumsum(counts), [np.empty(0, np.int64)], 0
        while begin < len(frontier):
            done = int(ends[begin - 1]) if begin else 0
            end = max(int(np.searchsorted(ends, done + _AT_ONCE, side="right")), begin + 1)
            found.append(self.accept(self._leads(frontier[begin:end], counts[begin:end]), how))
            begin = end
        return distinct(np.concatenate(found))

    def _leads(self, some: I64, counts: I64) -> Leads:
        """Return the pointers of objects whose types say what they lead to."""
        source = np.repeat(some, counts)
        begins = self.edges.graph.starts[some].astype(np.int64)
        edge = expanded(begins, begins + counts)
        number = self.code(source, edge)
        known = np.flatnonzero(number > 0)
        source, edge, number = source[known], edge[known], number[known]
        target = self.edges.graph.targets[edge].astype(np.int64)
        new = np.flatnonzero(self.number[target] != number)
        source, edge = source[new], edge[new]
        inner = self.edges.inner[edge].astype(np.int64)
        return Leads(target[new], inner, number[new].astype(np.int64), self.at(source, edge))

    def at(self, source: I64, edge: I64) -> U64:
        """Return where these pointers lie, of these objects."""
        return self.begins(source) + self.edges.word[edge].astype(np.uint64) * np.uint64(self.width)

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

    def _each(self, numbers: I64, value: Callable[[int], int]) -> I64:
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

    def accept(self, leads: Leads, how: int) -> I64:
        """Enter the types that fit, and return the slots whose type is new."""
        sure, likely = self._judged(leads)
        changed = self.enter(sure.target, sure.number, how)
        self._note(likely)
        return changed

    def weaken(self, leads: Leads) -> None:
        """Enter the types that fit as likely ones."""
        sure, likely = self._judged(leads)
        self._note(sure)
        self._note(likely)

    def _judged(self, leads: Leads) -> tuple[Leads, Leads]:
        """Return the pointers that say what their objects are, and those that make it likely."""
        forms, _ = self.book.columns()
        form = forms[leads.number]
        sure, likely = [], []
        for each in np.flatnonzero(np.bincount(form)).tolist():
            some = leads.of(np.flatnonzero(form == each))
            judge = {
                VALUE: self._values,
                ELEMENTS: self._elements,
                TEXT: self._texts,
                CHANNEL: self._channels,
            }.get(each)
            if each == CLOSURE:
                sure.append(self._closures(some))
            elif each == ANY_OF:
                sure.append(self._groups(some))
            elif judge is None:
                sure.append(self._fitting(some))
            else:
                good, maybe = judge(some)
                sure.append(good)
                likely.append(maybe)
        return _joined(sure), _joined(likely)

    def agrees(self, leads: Leads) -> Mask:
        """Whether what these pointers should lead to can be there: what is known of the object says so, or it fits."""
        known = self.number[leads.target].astype(np.int64)
        good = known == leads.number
        pairs = leads.number << 32 | known
        good |= (known > 0) & (
            of_each(pairs, lambda pair: self.book.better(pair >> 32, pair & 0xFFFFFFFF)) > 0
        )
        forms, sizes = self.book.columns()
        room = self.fit.room[self.fit.groups_of(leads.target)]
        good |= (
            (leads.inner > 0) & (forms[leads.number] == VALUE) & (leads.inner + sizes[leads.number] <= room)
        )
        rest = np.flatnonzero(~good)
        unknown = leads.of(rest)
        sure, _ = self._judged(unknown)
        good[rest] = among(unknown.target, distinct(sure.target)) & (known[rest] == 0)
        return good

    def _fitting(self, leads: Leads) -> Leads:
        leads = leads.of(leads.inner == 0)
        return leads.of(self._fits(leads, self.fit.groups_of(leads.target)))

    def _fits(self, leads: Leads, group: I64) -> Mask:
        """Tell which slots can hold what leads to them; of an object that knows its type `enter` sees to that."""
        known = (self.how[leads.target] == EXACT) & (leads.inner == 0)
        found: Mask = known | self.fit.fits(leads.target, group, leads.number)
        return found

    def _values(self, leads: Leads) -> tuple[Leads, Leads]:
        """Judge single values: the whole object; or, less surely, one of those that lie side by side."""
        group = self.fit.groups_of(leads.target)
        _, sizes = self.book.columns()
        size = sizes[leads.number]
        tiny = self.fit.tiny[group]
        small = tiny & (leads.inner + size <= self.fit.room[group]) & self._plain(leads.number)
        good = small | (~tiny & (leads.inner == 0) & self._fits(leads, group))
        rest = np.flatnonzero(~good & ~tiny & (leads.inner % size == 0))
        many = leads.of(rest).named(self._elements_of(leads.number[rest]))
        many = many.of(many.number > 0)
        return leads.of(good), many.of(
            self.fit.fits(many.target, self.fit.groups_of(many.target), many.number)
        )

    def _plain(self, numbers: I64) -> Mask:
        """Which of these types have no pointers."""
        return self._each(numbers, lambda number: not self.book.pointers(number).any()) > 0

    def _elements_of(self, numbers: I64) -> I64:
        types = self.book.types
        return self._each(numbers, lambda number: self.book.number(ELEMENTS, types[number].descriptor))

    def _elements(self, leads: Leads) -> tuple[Leads, Leads]:
        """Judge what slices lead to: with pointers it fits, wherever the slice begins; without, if its end is the object's."""
        width = np.uint64(self.width)
        length, capacity = (self.words(leads.at + width * np.uint64(i)).view(np.int64) for i in (1, 2))
        group = self.fit.groups_of(leads.target)
        _, sizes = self.book.columns()
        size = sizes[leads.number]
        end = leads.inner + capacity * size
        sound = (
            (length >= 0)
            & (length <= capacity)
            & (capacity > 0)
            & (capacity < 1 << 40)
            & (end <= self.fit.room[group])
        )
        fits = sound & self._fits(leads, group)
        noscan, tiny = self.fit.noscan[group], self.fit.tiny[group]
        sure = (sound & tiny & self._plain(leads.number)) | (
            fits & np.where(noscan, end > self.fit.least[group], leads.inner % size == 0)
        )
        # Without pointers a slice of what a struct has inside of it looks the same.
        maybe = fits & ~sure & np.where(noscan, leads.inner == 0, leads.inner % size == 0)
        return leads.of(sure), leads.of(maybe)

    def _texts(self, leads: Leads) -> tuple[Leads, Leads]:
        length = self.words(leads.at + np.uint64(self.width)).view(np.int64)
        group = self.fit.groups_of(leads.target)
        good = (
            self.fit.noscan[group]
            & (length > 0)
            & (length < 1 << 40)
            & (leads.inner + length <= self.fit.room[group])
        )
        return leads.of(good), leads.of(np.empty(0, np.int64))

    def _channels(self, leads: Leads) -> tuple[Leads, Leads]:
        """Judge by the descriptor of its elements that a channel has (chan.go, hchan)."""
        hchan, size = self.heap.layout["hchan"], self.heap.layout["hchan"].size
        group = self.fit.groups_of(leads.target)
        leads = leads.of((leads.inner == 0) & (self.fit.room[group] >= size) & ~self.fit.headers[group])
        kinds = self.words(self.begins(leads.target) + np.uint64(hchan["elemtype"].offset))
        number = of_each(
            kinds, lambda kind: 0 if self.types.at(kind) is None else self.book.number(CHANNEL, kind)
        )
        good = (number > 0) & ((number == leads.number) | (leads.number == self.book.number(CHANNEL, 0)))
        return leads.named(number).of(good), leads.of(np.empty(0, np.int64))

    def _closures(self, leads: Leads) -> Leads:
        """Judge by the address of its code, which a function value begins with (runtime2.go, funcval)."""
        leads = leads.of((leads.inner == 0) & ~self.fit.headers[self.fit.groups_of(leads.target)])
        code = self.words(self.begins(leads.target))
        inside = np.zeros(len(code), np.bool_)
        for begin, end in self._code:
            inside |= (begin <= code) & (code < end)
        numbers = of_each(code[inside], lambda entry: self.book.number(CLOSURE, entry))
        return leads.of(inside).named(numbers)

    def _groups(self, leads: Leads) -> Leads:
        """Judge what a map's dirPtr leads to by its dirLen."""
        fields = self.heap.layout["Map"]
        behind = np.uint64((fields["dirLen"].offset - fields["dirPtr"].offset) % (1 << 64))
        length = self.words(leads.at + behind)
        number = leads.number.copy()
        for each in self.met(number).tolist():
            address = self.book.types[each].descriptor
            some = leads.number == each
            number[some & (length == 0)] = self.book.number(GROUPS, address)
            number[some & (length > 0)] = self.book.number(DIRECTORY, address)
        return self._fitting(leads.named(number))

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
            refined = self.how[some[new]] == EXACT
            self.how[some[new]] = np.where(refined, EXACT, how)
            changed.append(some[new])
            rest = np.flatnonzero(self.number[some] != numbers)
            some, numbers = some[rest], numbers[rest]
        return distinct(np.concatenate(changed))

    def _better(self, some: I64, old: Column, new: Column) -> Mask:
        """Which of the new types say more than the old ones, and note where they exclude each other."""
        pairs = old.astype(np.int64) << 32 | new
        kind = of_each(pairs, lambda pair: self._compared(pair >> 32, pair & 0xFFFFFFFF))
        exact = self.how[some] == EXACT
        excluded = (kind == _EXCLUDED) & ~exact & (old != new) & (old > 0)
        tiny = np.zeros(len(some), np.bool_)
        rows = np.flatnonzero(excluded)
        tiny[rows] = self.fit.tiny[self.fit.groups_of(some[rows])]
        self.number[some[tiny]] = self._small
        self.conflict[some[excluded & ~tiny]] = True
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

    def _note(self, likely: Leads) -> None:
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


_SAME, _BETTER, _REAL, _EXCLUDED = range(4)


def _joined(parts: list[Leads]) -> Leads:
    none = np.empty(0, np.int64)
    if not parts:
        return Leads(none, none, none, np.empty(0, np.uint64))
    target, inner, number, at = (
        np.concatenate([getattr(each, name) for each in parts])
        for name in ("target", "inner", "number", "at")
    )
    return Leads(target, inner, number, at)
