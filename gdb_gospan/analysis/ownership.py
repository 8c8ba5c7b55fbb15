"""Who keeps the objects: the dominator tree of all that the roots reach, and what each object retains.

An object is retained by what it dominates: whatever would be garbage if it went. What two holders share is retained by
neither of them, and hangs on the top of the tree.
"""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.dominators import Dominators, dominators
from gdb_gospan.analysis.edges import Ids, id_type, narrow
from gdb_gospan.analysis.reach import Reach, breadth_first
from gdb_gospan.analysis.rootnodes import RootNodes, VariablesAt, root_nodes
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.stranding import stranded
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import Mask


@attrs.frozen(eq=False, repr=False)
class Ownership:
    """The dominator tree. Its nodes are the slots, then the holders, then the top.

    Attributes
    ----------
    slots
        How many nodes are slots.
    walked
        (n,): the parent of each node in a walk that is breadth first from the top, so that the paths are as short as any.
    """

    slots: int
    holders: RootNodes
    tree: Dominators
    walked: Ids

    @property
    def top(self) -> int:
        """Number of the node above all holders."""
        return self.slots + len(self.holders)

    @property
    def is_object(self) -> Mask:
        """Which rows of the tree are objects: bool (m,)."""
        found: Mask = self.tree.nodes < self.slots
        return found

    def of_objects(self, values: Ids) -> Ids:
        """Return these values of slots by the rows of the tree, 0 for what is no object: (m,)."""
        nodes = self.tree.nodes
        found: Ids = np.zeros(len(nodes), values.dtype)
        objects = nodes < self.slots
        found[objects] = values[nodes[objects]]
        return found


def ownership(heap: Heap, walk: Reach, variables_at: VariablesAt | None) -> Ownership:
    """Make the tree. SciPy must be installed."""
    holders = root_nodes(walk.roots, variables_at)
    starts, targets = _with_holders(walk, holders, len(slots(heap)))
    top = len(starts) - 2
    walked = breadth_first(starts, targets, top)
    return Ownership(len(slots(heap)), holders, dominators(starts, targets, walked, top), walked)


def _with_holders(walk: Reach, holders: RootNodes, count: int) -> tuple[Ids, Ids]:
    """Return the graph with the holders as nodes of their own, and one above them."""
    order = np.lexsort((walk.roots.target, holders.of))
    source, target = holders.of[order], walk.roots.target[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (source[1:] != source[:-1]) | (target[1:] != target[:-1])
    source, target = source[new], target[new]
    pointers = walk.graph
    edges = len(pointers.targets) + len(target) + len(holders)
    ids = id_type(max(edges, count + len(holders) + 1) + 1)
    own = np.arange(count, count + len(holders))
    targets = np.concatenate([pointers.targets, target, own], dtype=ids, casting="unsafe")
    ends = len(pointers.targets) + np.cumsum(np.bincount(source, minlength=len(holders)))
    starts = np.concatenate([pointers.starts, ends, [edges]], dtype=ids, casting="unsafe")
    return starts, targets


def object_bytes(heap: Heap) -> Ids:
    """Return the bytes of every slot: (n,)."""
    numbered = slots(heap)
    return np.repeat(narrow(numbered.elemsize), numbered.nelems)


def stranded_bytes(heap: Heap) -> Ids:
    """Return the bytes of free slots that each object keeps: (n,)."""
    return narrow(stranded(heap).astype(np.int64))
