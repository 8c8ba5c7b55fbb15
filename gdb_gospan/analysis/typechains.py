"""Chains of objects of a few types, walked by a C library: a list of a million links takes no million rounds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import numpy as np

from gdb_gospan.analysis.edges import Ids, expanded, id_type
from gdb_gospan.analysis.typebook import VALUE
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.record import I64

if TYPE_CHECKING:  # which imports this one
    from gdb_gospan.analysis.typeflow import Flow

_FIRST: Final = 24
"""Rounds before the first walk; after one that found little, twice as many."""
_RECENT: Final = 6
"""Types of so many rounds take part."""
_LITTLE: Final = 1 << 10
_MOST_TYPES: Final = 64


class Chains:
    """Watches the rounds of a flow, and walks the chains when there are many."""

    def __init__(self, flow: Flow, how: int) -> None:
        self._flow = flow
        self._how = how
        self._recent: deque[I64] = deque(maxlen=_RECENT)
        self._wait = self._left = _FIRST

    def after(self, frontier: I64) -> I64:
        """Return what is to be followed in the next round: these objects, and those that a walk has found."""
        self._recent.append(distinct(self._flow.number[frontier].astype(np.int64)))
        self._left -= 1
        if self._left or not len(frontier):
            return frontier
        types = distinct(np.concatenate(list(self._recent)))
        found = _walked(self._flow, frontier, types[:_MOST_TYPES], self._how)
        self._wait *= 1 if len(found) > _LITTLE else 2
        self._left = self._wait
        return distinct(np.concatenate([frontier, found]))


def _walked(flow: Flow, frontier: I64, types: I64, how: int) -> I64:
    """Enter the types of all that these objects lead to by way of these types alone, and return the slots.

    A node is a slot and a type that it fits; an edge is a pointer that a field of the one type has to a value of the other.
    """
    from scipy.sparse import csr_array  # noqa: PLC0415  # of the reports of objects alone, and only if it is installed
    from scipy.sparse.csgraph import breadth_first_order  # noqa: PLC0415  # as above

    forms, _ = flow.book.columns()
    types = types[(types > 0) & (forms[types] == VALUE)]
    nodes = [
        distinct(np.concatenate([fitting(flow, one), frontier[flow.number[frontier] == one]]))
        for one in types.tolist()
    ]
    count = sum(map(len, nodes))
    if not count:
        return np.empty(0, np.int64)
    first = np.cumsum([0, *map(len, nodes)])
    slot, number = np.concatenate(nodes), np.repeat(types, np.diff(first))
    begin = np.flatnonzero(flow.number[slot] == number)
    sources, targets = _edges(flow, types, nodes, first)
    source = np.concatenate([*sources, np.full(len(begin), count, id_type(count + 1))])
    target = np.concatenate([*targets, begin], dtype=id_type(max(len(source), count) + 1), casting="unsafe")
    order = np.argsort(source, kind="stable")
    starts = np.zeros(count + 2, target.dtype)
    np.cumsum(np.bincount(source, minlength=count + 1), out=starts[1:])
    ones = np.broadcast_to(np.float64(1), len(source))
    matrix = csr_array((ones, target[order], starts), shape=(count + 1, count + 1))
    reached = breadth_first_order(matrix, count, directed=True, return_predecessors=False)
    reached = reached[reached < count]
    new = reached[flow.number[slot[reached]] == 0]
    return flow.enter(slot[new], number[new], how)


def _edges(flow: Flow, types: I64, nodes: list[I64], first: I64) -> tuple[list[Ids], list[Ids]]:
    """Return the edges in parts, as numbers of nodes: those of each type begin at `first`."""
    ids = id_type(int(first[-1]) + 1)
    sources, targets = list[Ids](), list[Ids]()
    pointers = [_pointers(flow, number, some) for number, some in zip(types.tolist(), nodes, strict=True)]
    node_of = np.full(len(flow.number), -1, ids)
    for other, leads_to in enumerate(types.tolist()):
        node_of[nodes[other]] = np.arange(first[other], first[other + 1])
        for row, (position, code, target) in enumerate(pointers):
            some = np.flatnonzero(code == leads_to)
            to = node_of[target[some]]
            held = to >= 0
            sources.append((first[row] + position[some[held]]).astype(ids))
            targets.append(to[held])
        node_of[nodes[other]] = -1
    return sources, targets


def fitting(flow: Flow, number: int) -> I64:
    """Return the slots of unknown objects that this type fits."""
    parts = [np.empty(0, np.int64)]
    for low, high in flow.fit.ranges(number):
        some = low + np.flatnonzero(flow.taken[low:high] & (flow.number[low:high] == 0))
        parts.append(some[flow.fit.fits(some, flow.fit.groups_of(some), np.full(len(some), number))])
    return np.concatenate(parts)


def _pointers(flow: Flow, number: int, some: I64) -> tuple[Ids, Ids, Ids]:
    """Return the pointers of these objects, if they are of this type: whose each is, the type it leads to, and the slot."""
    starts = flow.edges.graph.starts
    begins, ends = starts[some].astype(np.int64), starts[some + 1].astype(np.int64)
    position = np.repeat(np.arange(len(some), dtype=id_type(len(some))), ends - begins)
    edge = expanded(begins, ends)
    words = flow.book.words(number)
    code = words[flow.edges.word[edge] % len(words)]
    good = np.flatnonzero((code > 0) & (flow.edges.inner[edge] == 0))
    return position[good], code[good], flow.edges.graph.targets[edge[good]]
