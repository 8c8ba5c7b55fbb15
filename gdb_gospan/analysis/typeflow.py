"""Types carried along pointers: what an object is says what the objects are that its fields point to.

A type is accepted only for a slot that it fits (`slotfit`). All objects that were typed in one round are followed in the next,
whatever their types; a long list is walked by a C library (`typechains`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from gdb_gospan.analysis.edges import expanded
from gdb_gospan.analysis.typechains import Chains
from gdb_gospan.analysis.typedynamic import held
from gdb_gospan.analysis.typejudge import Judge
from gdb_gospan.analysis.typestate import Leads
from gdb_gospan.analysis.typewords import EFACE
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.record import I64

_AT_ONCE: Final = 1 << 19
"""Pointers that are followed at once."""
_MOST_ROUNDS: Final = 1 << 14


class Flow(Judge):
    """Follows pointers."""

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
        pairs = np.flatnonzero(number == EFACE)
        if len(pairs):
            before = self.at(source[pairs], edge[pairs]) - np.uint64(self.width)
            number[pairs] = held(self, self.words(before))
        known = np.flatnonzero(number > 0)
        source, edge, number = source[known], edge[known], number[known]
        target = self.edges.graph.targets[edge].astype(np.int64)
        new = np.flatnonzero(self.number[target] != number)
        source, edge = source[new], edge[new]
        inner = self.edges.inner[edge].astype(np.int64)
        return Leads(target[new], inner, number[new].astype(np.int64), self.at(source, edge))

    def accept(self, leads: Leads, how: int) -> I64:
        """Enter the types that fit, and return the slots whose type is new."""
        sure, likely = self.judged(leads)
        changed = self.enter(sure.target, sure.number, how)
        self.note(likely)
        return changed

    def weaken(self, leads: Leads) -> None:
        """Enter the types that fit as likely ones."""
        sure, likely = self.judged(leads)
        self.note(sure)
        self.note(likely)
