"""Nearest common ancestors in a tree, of many pairs at once."""

from __future__ import annotations

import numpy as np

from gdb_gospan.analysis.edges import Ids
from gdb_gospan.analysis.treeorder import TreeOrder
from gdb_gospan.runtime.record import I64


def common_ancestors(parent: Ids, order: TreeOrder, low: Ids, high: Ids) -> Ids:
    """Return the place of the nearest common ancestor of the nodes at these places; low ones are not above high ones.

    Unless one is an ancestor of the other, it is the parent of the highest node between them in preorder.
    """
    ends = np.zeros(len(parent), np.bool_)
    ends[low] = ends[high] = True
    points = np.flatnonzero(ends)
    number: I64 = np.cumsum(ends) - 1
    lowest = _minimum_between(order.depth, points, number[low], number[high])
    found = order.place[parent[order.nodes[lowest]]]
    inside = high < low + order.size[low]
    return np.where(inside, low, found).astype(low.dtype)


def _minimum_between(depth: Ids, points: I64, low: I64, high: I64) -> I64:
    """Return where the depth is least behind one of these points up to another: a sparse table of powers of two.

    Parameters
    ----------
    points
        int64 (k,): places, ascending.
    low, high
        Numbers of points; where they are equal, the answer is of no use.
    """
    found = np.zeros(len(low), np.int64)
    if len(points) < 2:  # nothing is between
        return found
    key = (depth.astype(np.int64) << 32) | np.arange(len(depth))
    table = np.minimum.reduceat(key[: points[-1] + 1], points[:-1] + 1)
    length = high - low
    level = np.frexp(np.maximum(length, 1).astype(np.float64))[1] - 1
    for power in range(int(level.max()) + 1):
        if power:
            half = 1 << (power - 1)
            table = np.minimum(table[:-half], table[half:])
        some = np.flatnonzero((level == power) & (length > 0))
        found[some] = np.minimum(table[low[some]], table[high[some] - (1 << power)])
    return found & 0xFFFFFFFF
