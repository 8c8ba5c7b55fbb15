"""Which objects can be reached from the roots: the collector's own question, answered without it (runtime/mgcmark.go)."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from gdb_gospan.analysis.edges import Graph, Ids, graph, id_type
from gdb_gospan.analysis.roots import Roots, roots
from gdb_gospan.analysis.slots import slots
from gdb_gospan.memory.registers import Thread
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Mask


@attrs.frozen(eq=False, repr=False)
class Reach:
    """What the roots reach.

    Attributes
    ----------
    reached
        bool, a row for each slot.
    parent
        The object through which each was reached first, on a path that is as short as any: its slot, the number of all slots
        for what a root points to, and less than 0 for what is not reached.
    """

    reached: Mask
    parent: Ids
    roots: Roots
    graph: Graph


def reach(heap: Heap, threads: Sequence[Thread] = ()) -> Reach:
    """Walk from the roots, once. `threads` are those of the process, with their registers, as far as these are known.

    SciPy must be installed.
    """
    return heap.trail.part("reach", lambda: _reach(heap, threads))


def _reach(heap: Heap, threads: Sequence[Thread]) -> Reach:
    pointers, first = graph(heap), roots(heap, threads)
    parent = walked(pointers, first.target, len(slots(heap)))
    return Reach(parent >= 0, parent, first, pointers)


def walked(pointers: Graph, first: I64, count: int) -> Ids:
    """Walk breadth first from one more node that points to what the roots do, and return the parent of each slot."""
    above = np.zeros(count, np.bool_)
    above[first] = True
    begin = np.flatnonzero(above)
    edges = len(pointers.targets) + len(begin)
    width = id_type(max(edges, count) + 1)
    targets = np.concatenate([pointers.targets, begin], dtype=width)
    starts = np.concatenate([pointers.starts, [edges]], dtype=width)
    found: Ids = breadth_first(starts, targets, count)[:-1]
    return found


def breadth_first(starts: Ids, targets: Ids, top: int) -> Ids:
    """Walk a graph in compressed sparse rows, and return the parent of each node; less than 0 for the top, and what is not reached.

    SciPy asks for a weight of each edge and does not look at it here: all are one number in memory.
    """
    from scipy.sparse import csr_array  # noqa: PLC0415  # of the reports of objects alone, and only if it is installed
    from scipy.sparse.csgraph import breadth_first_order  # noqa: PLC0415  # as above

    weights = np.broadcast_to(np.float64(1), len(targets))
    matrix = csr_array((weights, targets, starts), shape=(len(starts) - 1, len(starts) - 1))
    _, parent = breadth_first_order(matrix, top, directed=True, return_predecessors=True)
    found: Ids = parent
    return found
