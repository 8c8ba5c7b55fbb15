"""How one object is kept: the shortest paths from the roots to it, what points to it, and which field does."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np

from gdb_gospan.analysis.edges import Graph, Ids
from gdb_gospan.analysis.ownership import Ownership
from gdb_gospan.analysis.roots import Roots
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.typescan import edges_of_span, header_bytes
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64

_TRIED = 1000
_MOST_PATHS = 1000
_MOST_WALKED = 1 << 22
"""Steps of all paths together that are tried: through a list each has as many as the list is long."""
_SHOWN = 400
"""Steps of a path at most that are described, half of them from each end."""


def both_ends(length: int) -> tuple[list[int], int]:
    """Return which steps of a path are described, and how many in the middle are not."""
    half, left_out = _SHOWN // 2, max(length - _SHOWN, 0)
    return [*range(half), *range(length - half, length)] if left_out else [*range(length)], left_out


@attrs.frozen
class Link:
    """A node of a path.

    Attributes
    ----------
    node
        A slot, or what holds objects from outside: of `Ownership`.
    offset
        Where in it the pointer to the next node is, in bytes; None at the end of a path, of goroutines, and where it was not
        found.
    """

    node: int
    offset: int | None


class Paths:
    """Paths to objects of one heap."""

    def __init__(self, heap: Heap, owners: Ownership, graph: Graph, roots: Roots) -> None:
        self._heap, self._owners, self._graph, self._roots = heap, owners, graph, roots
        self._slots = slots(heap)
        self._headers = header_bytes(heap)

    def referrers(self, slot: int) -> I64:
        """Return the nodes that point to an object: slots, and then what holds it from outside; int64 (k,)."""
        edges = np.flatnonzero(self._graph.targets == slot)
        sources = np.searchsorted(self._graph.starts, edges, side="right") - 1
        holders = self._owners.holders.of[self._roots.target == slot]
        return np.concatenate([np.unique(sources), self._owners.slots + np.unique(holders)])

    def shortest(self, slot: int, most: int) -> Iterator[tuple[list[Link], int]]:
        """Yield so many paths from the roots at most, the shortest first: the last step of each is another one.

        Of each the steps from both ends, and how many in the middle are left out.

        One of them is as short as any. Of many referrers only some are tried, and those that the shortest path to them
        leads to through the object itself are not shown.
        """
        found, tried, walked = [], [int(self._owners.walked[slot]), *self.referrers(slot).tolist()], 0
        for referrer in list(dict.fromkeys(tried))[: max(_TRIED, 2 * most)]:
            nodes = [*self.walked(referrer), slot]
            if nodes[0] >= self._owners.slots and slot not in nodes[:-1]:
                found.append(nodes)
            walked += len(nodes)
            if walked > _MOST_WALKED:
                break
        for nodes in sorted(found, key=len)[: most or _MOST_PATHS]:
            shown, left_out = both_ends(len(nodes))
            links = [Link(nodes[at], self.offset(nodes[at], nodes[at + 1])) for at in shown[:-1]]
            yield [*links, Link(slot, None)], left_out

    def walked(self, node: int) -> list[int]:
        """Return a shortest path from a holder to a node; only the node itself where none leads to it."""
        found, walked, top = [node], self._owners.walked, self._owners.top
        while walked[found[-1]] >= 0 and walked[found[-1]] != top:
            found.append(int(walked[found[-1]]))
        return found[::-1]

    def dominators(self, slot: int) -> list[int]:
        """Return the nodes each of which would have to go, the outermost first; the last one is the object itself."""
        tree = self._owners.tree
        row, found = int(np.searchsorted(tree.nodes, slot)), list[int]()
        while tree.nodes[row] != self._owners.top:
            found.append(int(tree.nodes[row]))
            row = int(tree.parent[row])
        return found[::-1]

    def offset(self, node: int, target: int) -> int | None:
        """Return where in a node the pointer to this object is: in a variable, or behind the malloc header of an object."""
        if node >= self._owners.slots:
            return self._in_variable(node - self._owners.slots, target)
        targets, words = self._pointers(node)
        first = np.flatnonzero(targets == target)
        if not len(first):
            return None
        span = int(self._slots.spans_of(np.array([node]))[0])
        return int(words[first[0]]) * self._heap.reader.word_type.itemsize + int(self._headers[span])

    def _pointers(self, slot: int) -> tuple[Ids, Ids]:
        """Return what an object points to, and which of its words each pointer is."""
        graph, word = self._graph, self._graph.word
        if word is None:
            known = edges_of_span(self._heap, int(self._slots.spans_of(np.array([slot]))[0]))
            graph, word = known.graph, known.word
        low, high = (int(each) for each in graph.starts[slot : slot + 2])
        return graph.targets[low:high], word[low:high]

    def _in_variable(self, holder: int, target: int) -> int | None:
        holders = self._owners.holders
        at = self._roots.at[(holders.of == holder) & (self._roots.target == target)]
        named = int(holders.key[holder]) in holders.names
        return int(at.min()) - int(holders.key[holder]) if named and len(at) else None
