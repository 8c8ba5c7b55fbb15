"""Which object must go so that another one goes: the tree of immediate dominators of a graph of objects.

Most objects have one pointer to them, and hang on what it is in. So the graph is contracted: each tree of such objects is
one node, which is what it hangs on, and what is left is solved in the same way. Then the contracted trees are opened again.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from gdb_gospan.analysis.ancestors import common_ancestors
from gdb_gospan.analysis.edges import Ids, id_type
from gdb_gospan.analysis.semidominators import semi_nca
from gdb_gospan.analysis.treeorder import TreeOrder, topmost, tree_order
from gdb_gospan.runtime.record import I64, Mask

_FEW: Final = 1 << 10
"""Nodes that one algorithm after the other takes no longer for than many do for all at once."""
_SHRINKS: Final = 0.8
"""Contracting a graph again pays as long as it leaves less than this part of the nodes."""
_ROUNDS: Final = 12
"""In which most graphs are solved for all nodes at once. A ring needs as many as half of its nodes."""


@attrs.frozen(eq=False, repr=False)
class Dominators:
    """The dominator tree of what is reached.

    Attributes
    ----------
    nodes
        (m,): the nodes that are reached; rows of the other columns.
    parent
        (m,): the immediate dominator of each, as a row; of the top it is the top.
    order
        The tree of these rows.
    """

    nodes: Ids
    parent: Ids
    order: TreeOrder


def dominators(starts: Ids, targets: Ids, walked: Ids, top: int) -> Dominators:
    """Return the dominator tree of a graph.

    Parameters
    ----------
    starts, targets
        The graph in compressed sparse rows: (n + 1,) and (e,).
    walked
        (n,): the parent of each node in a walk from the top; less than 0 for the top, and for what is not reached.
    """
    ids = id_type(len(starts))
    reached = walked >= 0
    reached[top] = True
    nodes = np.flatnonzero(reached).astype(ids)
    row = np.full(len(walked), -1, ids)
    row[nodes] = np.arange(len(nodes), dtype=ids)
    root, above = int(row[top]), walked[nodes]
    above[root] = top
    source, target = _across(starts, targets, walked, reached)
    parent = _solved(row[above], root, row[source], row[target])
    return Dominators(nodes, parent, tree_order(parent, root))


def _across(starts: Ids, targets: Ids, walked: Ids, reached: Mask) -> tuple[Ids, Ids]:
    """Return the edges between nodes that are reached that the walk did not take."""
    from_reached = np.repeat(reached, np.diff(starts))
    source = np.repeat(np.arange(len(starts) - 1, dtype=targets.dtype), np.diff(starts))
    some = from_reached & (walked[targets] != source) & (walked[targets] >= 0)
    return source[some], targets[some]


def _solved(parent: Ids, root: int, source: Ids, target: Ids) -> Ids:
    """Return the immediate dominators.

    Parameters
    ----------
    parent
        (n,): a tree of edges, in which all nodes hang on the root.
    source, target
        (e,): all other edges, none of which leads to the root.
    """
    other = (source != target) & (source != parent[target])
    source, target = source[other], target[other]
    if not len(source):
        return parent
    joint = np.zeros(len(parent), np.bool_)
    joint[target] = joint[root] = True
    joints = np.flatnonzero(joint).astype(parent.dtype)
    head = _heads(parent, joint)
    number = np.cumsum(joint, dtype=parent.dtype) - 1
    small_root = int(number[root])
    small_parent = number[head[parent[joints]]]
    small_source, small_target = _different(number[head[source]], number[target], len(joints))
    if len(joints) <= _FEW:
        small = _one_by_one(small_parent, small_root, small_source, small_target)
    elif len(joints) < _SHRINKS * len(parent):
        small = _solved(small_parent, small_root, small_source, small_target)
    else:
        small = _in_rounds(small_parent, small_root, small_source, small_target)
    return _opened(parent, root, source, target, head, joints, small)


def _heads(parent: Ids, joint: Mask) -> Ids:
    """Return the joint that each node hangs on, itself if it is one."""
    return topmost(np.where(joint, np.arange(len(parent), dtype=parent.dtype), parent))


def _different(source: Ids, target: Ids, count: int) -> tuple[Ids, Ids]:
    """Return each edge once, without those from a node to itself."""
    key = np.sort(source.astype(np.int64) * count + target)
    new = np.ones(len(key), np.bool_)
    new[1:] = key[1:] != key[:-1]
    key = key[new]
    source, target = (key // count).astype(source.dtype), (key % count).astype(source.dtype)
    other = source != target
    return source[other], target[other]


def _with_tree(parent: Ids, root: int, source: Ids, target: Ids) -> tuple[Ids, Ids]:
    """Return these edges and those of the tree."""
    every = np.delete(np.arange(len(parent), dtype=parent.dtype), root)
    return np.concatenate([parent[every], source]), np.concatenate([every, target])


def _one_by_one(parent: Ids, root: int, source: Ids, target: Ids) -> Ids:
    source, target = _with_tree(parent, root, source, target)
    order = np.argsort(source, kind="stable")
    starts = np.zeros(len(parent) + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=len(parent)), out=starts[1:])
    found: Ids = np.array(semi_nca(starts, target[order], root), parent.dtype)
    return found


def _in_rounds(parent: Ids, root: int, source: Ids, target: Ids) -> Ids:
    """Shrink the tree until it is that of the dominators, or give up.

    Where an edge comes from outside of the subtree of what its target hangs on, the target is hung on the nearest ancestor
    of both, all at once in each round. The edges of the tree that it began with count, too.
    """
    found: Ids = parent.copy()
    edges = _with_tree(parent, root, source, target)
    for _ in range(_ROUNDS):
        order = tree_order(found, root)
        below, above = order.place[edges[0]], order.place[found[edges[1]]]
        outside = (below < above) | (below >= above + order.size[above])
        if not outside.any():
            return found
        moved = edges[1][outside]
        low, high = np.full(len(found), len(found), found.dtype), np.full(len(found), -1, found.dtype)
        for ends in (below[outside], above[outside]):
            np.minimum.at(low, moved, ends)
            np.maximum.at(high, moved, ends)
        some = np.flatnonzero(high >= 0)
        found[some] = order.nodes[common_ancestors(found, order, low[some], high[some])]
    return _one_by_one(parent, root, source, target)


def _opened(parent: Ids, root: int, source: Ids, target: Ids, head: Ids, joints: Ids, small: Ids) -> Ids:
    """Return the immediate dominators, of which those of the joints are known as joints.

    A joint hangs on some node of the tree that is contracted into its dominator: on the nearest common ancestor of all
    nodes of that tree from which paths lead to it. Some lead straight there; others through other joints with the same
    dominator, whose ends are then its ends, too. Those that lead to each other have the same.
    """
    order = tree_order(parent, root)
    number: Ids = np.full(len(parent), -1, parent.dtype)
    number[joints] = np.arange(len(joints), dtype=parent.dtype)
    every = joints[joints != root]
    source, target = np.concatenate([parent[every], source]), np.concatenate([every, target])
    from_joint, to_joint = number[head[source]], number[target]
    straight = from_joint == small[to_joint]
    low = np.full(len(joints), len(parent), parent.dtype)
    high = np.full(len(joints), -1, parent.dtype)
    np.minimum.at(low, to_joint[straight], order.place[source[straight]])
    np.maximum.at(high, to_joint[straight], order.place[source[straight]])
    beside = _beside(small, int(number[root]), from_joint[~straight], to_joint[~straight])
    other = beside != to_joint[~straight]
    _Spread(parent, order, low, high).along(beside[other], to_joint[~straight][other])
    found: Ids = parent.copy()
    found[every] = order.nodes[low[number[every]]]
    return found


def _beside(small: Ids, root: int, from_joint: Ids, to_joint: Ids) -> I64:
    """Return the joint through which each edge comes that has the same dominator as the one that it leads to."""
    order = tree_order(small, root)
    # All joints by their dominators, and those of one dominator in preorder: the last that begins before is the one.
    count = len(small)
    key = order.place[small].astype(np.int64) * count + order.place
    ranked = np.argsort(key)
    wanted = order.place[small[to_joint]].astype(np.int64) * count + order.place[from_joint]
    found: I64 = ranked[np.searchsorted(key[ranked], wanted, side="right") - 1]
    return found


class _Spread:
    """The ends of joints, as places of a tree: the lowest and the highest of each, or none yet; at last their common ancestor."""

    def __init__(self, parent: Ids, order: TreeOrder, low: Ids, high: Ids) -> None:
        self._parent, self._order, self._low, self._high = parent, order, low, high

    def along(self, source: I64, target: Ids) -> None:
        """Carry them along these edges, first to all that lead to each other; `low` then has the common ancestors."""
        part, count = _leading_to_each_other(source, target, len(self._low))
        low, high = np.full(count, len(self._parent), self._low.dtype), np.full(count, -1, self._low.dtype)
        np.minimum.at(low, part, self._low)
        np.maximum.at(high, part, self._high)
        before, after = part[source], part[target]
        apart = before != after
        at = self._carried(low, high, before[apart], after[apart])
        self._low[:] = at[part]

    def _carried(self, low: Ids, high: Ids, before: I64, after: I64) -> Ids:
        """Return the common ancestor of the ends of each part, and of all parts that lead to it."""
        at = self._common(low, high)
        for _ in range(_ROUNDS):
            moves = self._moves(at, before, after)
            if not len(moves):
                return at
            low, high = np.where(at < 0, len(self._parent), at), at.copy()
            np.minimum.at(low, after[moves], at[before[moves]])
            np.maximum.at(high, after[moves], at[before[moves]])
            at = self._common(low, high)
        return self._common(*_carried_one_by_one(low, high, before, after))

    def _moves(self, at: Ids, before: I64, after: I64) -> I64:
        """Return the edges to a part whose ancestor is none of where the edge comes from."""
        mine, other = at[after], at[before]
        inside = (mine >= 0) & (mine <= other) & (other < mine + self._order.size[np.maximum(mine, 0)])
        found: I64 = np.flatnonzero((other >= 0) & ~inside)
        return found

    def _common(self, low: Ids, high: Ids) -> Ids:
        """Return the common ancestors; -1 where there is no end."""
        found = np.full(len(low), -1, low.dtype)
        some = np.flatnonzero(high >= 0)
        found[some] = common_ancestors(self._parent, self._order, low[some], high[some])
        return found


def _carried_one_by_one(low: Ids, high: Ids, before: I64, after: I64) -> tuple[Ids, Ids]:
    """Carry the ends along all edges, none of which leads back to where it came from, in the order in which they go."""
    order = np.argsort(before, kind="stable")
    targets = after[order].tolist()
    starts = np.searchsorted(before[order], np.arange(len(low) + 1)).tolist()
    waiting = np.bincount(after, minlength=len(low)).tolist()
    least, most = low.tolist(), high.tolist()
    ready = [part for part, edges in enumerate(waiting) if not edges]
    while ready:
        part = ready.pop()
        for target in targets[starts[part] : starts[part + 1]]:
            least[target] = min(least[target], least[part])
            most[target] = max(most[target], most[part])
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return np.array(least, low.dtype), np.array(most, high.dtype)


def _leading_to_each_other(source: I64, target: Ids, count: int) -> tuple[I64, int]:
    """Return the part of the graph that each node is in, and how many there are."""
    from scipy.sparse import coo_array  # noqa: PLC0415  # of the reports of objects alone, and only if it is installed
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415  # as above

    weights = np.ones(len(source), np.int8)
    matrix = coo_array((weights, (source, target)), shape=(count, count))
    number, part = connected_components(matrix, directed=True, connection="strong")
    return part.astype(np.int64), number
