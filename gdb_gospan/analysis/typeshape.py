"""Types inferred from what objects look like, where no pointer of a known type leads to them.

Objects of one size class with the same words as pointers are looked at together: if of all types of the program one alone
explains what nearly all of them point to, they have that type. Functions with what they capture come first: they begin with the
address at which code begins.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from gdb_gospan.analysis.edges import expanded
from gdb_gospan.analysis.typebook import CLOSURE, VALUE
from gdb_gospan.analysis.typechains import fitting
from gdb_gospan.analysis.typeflow import Flow
from gdb_gospan.analysis.typescan import patterns
from gdb_gospan.analysis.typestate import SHAPE, Leads, of_each
from gdb_gospan.analysis.typewords import INTERFACE
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime import abitype
from gdb_gospan.runtime.abitype import Descriptor
from gdb_gospan.runtime.record import I64, Mask

_ROUNDS: Final = 3
_MOST_GROUPS: Final = 300
_MOST_CANDIDATES: Final = 1 << 10
"""Types that are compared with what is alike: where there are more, none is taken, since one that is left out may be the right one."""
_SAMPLE: Final = 1 << 9
_FEWEST: Final = 3
_SHARE: Final = 0.98
_POINTING: Final = 0.8
"""Pointers that were found to lead to what they should, for each object on average: at least so many."""
_LARGEST: Final = 512
_LARGEST_WITHOUT: Final = 64
"""Bytes of objects without pointers that are looked at for functions."""
_KINDS: Final = (abitype.ARRAY, abitype.SLICE, abitype.STRING, abitype.STRUCT)


class Shapes:
    """Compares what is unknown with all types of the program."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._slots = flow.slots
        self._candidates: dict[tuple[int, int], list[int]] | None = None

    def run(self) -> None:
        """Enter what can be inferred, and follow it."""
        self._flow.run(self._functions(), SHAPE)
        self._flow.run(self._tries(), SHAPE)
        for _ in range(_ROUNDS):
            found = self._alike()
            if not len(found):
                break
            self._flow.run(found, SHAPE)

    def _unknown(self, noscan: bool, largest: int) -> I64:
        """Return the slots of unknown objects up to that size."""
        flow, numbered = self._flow, self._slots
        spans = np.flatnonzero((numbered.spanclass & 1 == noscan) & (numbered.elemsize <= largest))
        if not len(spans):
            return np.empty(0, np.int64)
        # Spans of a class stand side by side, so that there are few ranges.
        cuts = np.flatnonzero(np.diff(spans) != 1) + 1
        found = []
        for some in np.split(spans, cuts):
            low, high = int(numbered.first[some[0]]), int(numbered.first[some[-1] + 1])
            found.append(low + np.flatnonzero(flow.taken[low:high] & (flow.number[low:high] == 0)))
        return np.concatenate(found)

    def _functions(self) -> I64:
        """Enter objects that begin with the address of a function, and return the slots (runtime2.go, funcval)."""
        flow = self._flow
        some = np.concatenate([self._unknown(False, _LARGEST), self._unknown(True, _LARGEST_WITHOUT)])
        scan = flow.edges.pattern[some] & np.uint64(1) == 0
        some = some[scan & ~flow.fit.headers[flow.fit.groups_of(some)]]
        first = flow.words(flow.begins(some))
        numbers = np.zeros(len(some), np.int64)
        for begin, end in flow.types.code():
            inside = np.flatnonzero((np.uint64(begin) <= first) & (first < np.uint64(end)))
            numbers[inside] = of_each(first[inside], self._function)
        good = numbers > 0
        return flow.enter(some[good], numbers[good], SHAPE)

    def _function(self, entry: int) -> int:
        known = self._flow.types.function(entry) is not None
        return self._flow.book.number(CLOSURE, entry) if known else 0

    def _tries(self) -> I64:
        """Enter inner nodes of tries, each of those that only one trie explains, and return the slots."""
        flow = self._flow
        slots, numbers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for number in flow.tries.inner():
            some = fitting(flow, number)
            some = some[flow.are_inner(some)]
            sound, pointing = self._consistent(some, number)
            slots.append(some[sound & (pointing > 0)])
            numbers.append(np.full(len(slots[-1]), number))
        each, which, times = np.unique(np.concatenate(slots), return_index=True, return_counts=True)
        alone = times == 1
        return flow.enter(each[alone], np.concatenate(numbers)[which[alone]], SHAPE)

    def _alike(self) -> I64:
        """Enter the types that explain objects that are alike, and return the slots."""
        flow = self._flow
        some = self._unknown(False, _LARGEST)
        group, pattern = flow.fit.groups_of(some), flow.edges.pattern[some]
        some, group, pattern = (column[pattern != 0] for column in (some, group, pattern))
        order = np.lexsort((pattern, group))
        some, group, pattern = some[order], group[order], pattern[order]
        new = np.ones(len(some), np.bool_)
        new[1:] = (group[1:] != group[:-1]) | (pattern[1:] != pattern[:-1])
        begins = np.append(np.flatnonzero(new), len(some))
        sizes = np.diff(begins)
        found = [np.empty(0, np.int64)]
        for row in np.argsort(-sizes, kind="stable")[:_MOST_GROUPS].tolist():
            if sizes[row] < _FEWEST:
                break
            alike = some[begins[row] : begins[row + 1]]
            candidates = self._with(int(group[begins[row]]), int(pattern[begins[row]]))
            number = self._explaining(alike, candidates) if len(candidates) <= _MOST_CANDIDATES else 0
            if number:
                sound, pointing = self._consistent(alike, number)
                fitting = alike[sound & (pointing > 0)]
                found.append(flow.enter(fitting, np.full(len(fitting), number), SHAPE))
        return np.concatenate(found)

    def _with(self, group: int, pattern: int) -> list[int]:
        """Return the types whose values fill a slot of this group with these pointers."""
        if self._candidates is None:
            self._candidates = self._sorted()
        return self._candidates.get((int(self._flow.fit.room[group]), pattern), [])

    def _sorted(self) -> dict[tuple[int, int], list[int]]:
        """Return all types by the room of the slot that holds a value, and by its pointers."""
        flow = self._flow
        rooms = distinct(flow.fit.room[~flow.fit.noscan & ~flow.fit.headers & (flow.fit.room <= _LARGEST)])
        least = {int(room): int(flow.fit.least[flow.fit.room == room].min()) for room in rooms}
        found: dict[tuple[int, int], list[int]] = {}
        every = flow.book.every()
        never = self._parts_of_groups(every)
        for each in every:
            at = int(np.searchsorted(rooms, each.size))
            if (
                each.kind not in _KINDS
                or each.address in never
                or not each.pointers
                or at >= len(rooms)
                or each.size <= least[int(rooms[at])]
            ):
                continue
            number = flow.book.number(VALUE, each.address)
            room = int(rooms[at])
            words = room // flow.width
            pattern = int(patterns(flow.book.pointers(number)[np.newaxis], 0, words)[0])
            if pattern:
                found.setdefault((room, pattern), []).append(number)
        return found

    def _parts_of_groups(self, every: list[Descriptor]) -> set[int]:
        """Return the arrays of slots that groups of maps have, and the slots: none is an object (internal/runtime/maps)."""
        read, found = self._flow.types.at, set()
        for each in every:
            if each.kind == abitype.MAP and self._flow.book.swiss(each) and (group := read(each.group)):
                for field in group.fields[1:]:
                    slots = read(field.type)
                    found |= {field.type, 0 if slots is None else slots.elem}
        return found

    def _explaining(self, alike: I64, candidates: list[int]) -> int:
        """Return the one type that explains nearly all of these objects, and no other does; 0 if there is none."""
        sample = alike[np.linspace(0, len(alike) - 1, min(len(alike), _SAMPLE)).astype(np.int64)]
        best = 0
        for number in candidates:
            sound, pointing = self._consistent(sample, number)
            if sound.mean() < _SHARE:
                continue
            if best or pointing[sound].mean() < _POINTING:
                return 0
            best = number
        return best

    def _consistent(self, some: I64, number: int) -> tuple[Mask, I64]:
        """Whether these objects point to what values of this type do; and to how many objects that it says are there."""
        flow, starts = self._flow, self._flow.edges.graph.starts
        begins, ends = starts[some].astype(np.int64), starts[some + 1].astype(np.int64)
        position = np.repeat(np.arange(len(some)), ends - begins)
        edge = expanded(begins, ends)
        words = flow.book.words(number)
        code = words[flow.edges.word[edge].astype(np.int64) % len(words)].astype(np.int64)
        wrong = (code == INTERFACE) != flow.is_interface[edge]
        right = (code == INTERFACE) & ~wrong
        told = np.flatnonzero(code > 0)
        at = flow.at(some[position[told]], edge[told])
        target = flow.edges.graph.targets[edge[told]].astype(np.int64)
        leads = Leads(target, flow.edges.inner[edge[told]].astype(np.int64), code[told], at)
        good = flow.agrees(leads)
        right[told], wrong[told] = good, ~good
        bad = np.bincount(position[wrong], minlength=len(some)) > 0
        pointing: I64 = np.bincount(position[right], minlength=len(some))
        return ~bad, pointing


def by_shape(flow: Flow) -> None:
    """Enter and follow all that can be inferred from what objects look like."""
    Shapes(flow).run()
