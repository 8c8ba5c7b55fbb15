"""Whether an object can be what a pointer says: by its slot, by the words behind the pointer, and by how the object begins."""

from __future__ import annotations

import numpy as np

from gdb_gospan.analysis.typebook import (
    ANY_OF,
    CHANNEL,
    CLOSURE,
    COUNTED,
    DIRECTORY,
    ELEMENTS,
    GROUPS,
    TEXT,
    VALUE,
)
from gdb_gospan.analysis.typestate import EXACT, Leads, State, of_each
from gdb_gospan.memory.segments import among, distinct
from gdb_gospan.runtime.record import I64, Column, Mask


class Judge(State):
    """Tells which types fit."""

    def judged(self, leads: Leads) -> tuple[Leads, Leads]:
        """Return the pointers that say what their objects are, and those that make it likely."""
        leads = self._nodes(leads)
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
            elif each == COUNTED:
                sure.append(self._counted(some))
            elif each == ANY_OF:
                sure.append(self._groups(some))
            elif judge is None:
                sure.append(self._fitting(some))
            else:
                good, maybe = judge(some)
                sure.append(good)
                likely.append(maybe)
        return _joined(sure), _joined(likely)

    def _nodes(self, leads: Leads) -> Leads:
        """Name what pointers to a trie's nodes lead to by their isEntry; without those that lead to neither kind."""
        rows = np.flatnonzero(self.each(leads.number, self.tries.node))
        if not len(rows):
            return leads
        is_entry = self._flags(leads.target[rows])
        number = leads.number.copy()
        number[rows] = 0
        for flag in (0, 1):
            some = rows[(is_entry == flag) & (leads.inner[rows] == 0)]
            whole = {each: self.tries.whole(each)[flag] for each in self.met(leads.number[some]).tolist()}
            number[some] = self.each(leads.number[some], whole.__getitem__)
        return leads.named(number).of(number > 0)

    def are_inner(self, some: I64) -> Mask:
        """Which of these objects are no entries of a trie, if they are nodes of one."""
        found: Mask = self._flags(some) == 0
        return found

    def _flags(self, some: I64) -> Column:
        """Return the isEntry of nodes; 2 where it cannot be read."""
        read = self.heap.reader.memory.read_many(self.begins(some), 1)
        return np.where(read.readable, np.ascontiguousarray(read.data).reshape(-1), 2)

    def agrees(self, leads: Leads) -> Mask:
        """Whether what these pointers should lead to can be there: what is known of the object says so, or it fits."""
        known = self.number[leads.target].astype(np.int64)
        good: Mask = known == leads.number
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
        sure, _ = self.judged(unknown)
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
        # Without pointers anything fits side by side.
        rest = np.flatnonzero(~good & ~self.fit.noscan[group] & (leads.inner % size == 0))
        many = leads.of(rest).named(self._elements_of(leads.number[rest]))
        many = many.of(many.number > 0)
        return leads.of(good), many.of(
            self.fit.fits(many.target, self.fit.groups_of(many.target), many.number)
        )

    def _plain(self, numbers: I64) -> Mask:
        """Which of these types have no pointers."""
        return self.each(numbers, lambda number: not self.book.pointers(number).any()) > 0

    def _elements_of(self, numbers: I64) -> I64:
        types = self.book.types
        return self.each(numbers, lambda number: self.book.number(ELEMENTS, types[number].descriptor))

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

    def _counted(self, leads: Leads) -> Leads:
        """Judge values side by side by their number, which stands behind the pointer."""
        length = self.words(leads.at + np.uint64(self.width)).view(np.int64)
        group = self.fit.groups_of(leads.target)
        _, sizes = self.book.columns()
        end = np.clip(length, 0, 1 << 20) * sizes[leads.number]
        good = (leads.inner == 0) & (self.fit.least[group] < end) & (end <= self.fit.room[group])
        leads = leads.named(self._elements_of(leads.number)).of(good)
        return leads.of(self._fits(leads, group[good]))

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
        leads = leads.of((leads.inner == 0) & ~self.fit.headers[self.fit.groups_of(leads.target)])
        begins, group = self.begins(leads.target), self.fit.groups_of(leads.target)
        capacity, kinds = (
            self.words(begins + np.uint64(hchan[path].offset)) for path in ("dataqsiz", "elemtype")
        )
        elem, read = self.heap.reader.numbers("hchan", "elemsize", begins)
        number = of_each(
            kinds, lambda kind: 0 if self.types.at(kind) is None else self.book.number(CHANNEL, kind)
        )
        anything = self.book.number(CHANNEL, 0)
        # What has no pointers lies behind the channel itself (makechan).
        noscan, most = self.fit.noscan[group], self.fit.room[group]
        # Of a running process channels without pointers are not copied: then the pointer's own type has to fit.
        declared = ~read & noscan & (leads.number != anything)
        number = np.where(declared, leads.number, number)
        elem = np.where(declared, self.each(number, self._elem_size), elem)
        room = np.maximum(most - size, 0)
        capacity = np.where(
            declared, room // np.maximum(elem, 1), np.minimum(capacity, most).astype(np.int64)
        )
        behind = np.where(noscan, capacity * elem, 0)
        fits = (self.fit.least[group] < size + behind) & (size + behind <= most)
        good = fits & (number > 0) & ((number == leads.number) | (leads.number == anything))
        good &= self.each(number, self._elem_size) == elem
        return leads.named(number).of(good), leads.of(np.empty(0, np.int64))

    def _elem_size(self, number: int) -> int:
        found = self.types.at(self.book.types[number].descriptor)
        return -1 if found is None else found.size

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


def _joined(parts: list[Leads]) -> Leads:
    none = np.empty(0, np.int64)
    if not parts:
        return Leads(none, none, none, np.empty(0, np.uint64))
    target, inner, number, at = (
        np.concatenate([getattr(each, name) for each in parts])
        for name in ("target", "inner", "number", "at")
    )
    return Leads(target, inner, number, at)
