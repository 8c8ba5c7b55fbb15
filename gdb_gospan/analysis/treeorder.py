"""A rooted tree in preorder, so that a subtree is a range of rows; made in C, however deep the tree is."""

from __future__ import annotations

from typing import Any, cast

import attrs
import numpy as np

from gdb_gospan.analysis.edges import Ids, id_type
from gdb_gospan.runtime.record import I64

_NONE = -1


@attrs.frozen(eq=False, repr=False)
class TreeOrder:
    """A tree, its nodes in preorder.

    Attributes
    ----------
    nodes
        (n,): the node in each place; the root is first.
    place
        (n,): where each node is.
    depth, size
        (n,): by place: steps from the root, and nodes of the subtree, its root among them.
    """

    nodes: Ids
    place: Ids
    depth: Ids
    size: Ids

    def sums(self, weights: I64) -> I64:
        """Return the weight of each subtree: int64 (n,), by node, as the weights are."""
        total = np.zeros(len(self.nodes) + 1, np.int64)
        np.cumsum(weights[self.nodes], out=total[1:])
        end = self.size + np.arange(len(self.nodes), dtype=self.size.dtype)
        found = np.empty(len(self.nodes), np.int64)
        found[self.nodes] = total[end] - total[:-1]
        return found


def topmost(above: Ids) -> Ids:
    """Return where each node ends that goes on to the one above it as long as that is another one; these are written over.

    Each round leads all nodes on the way twice as far.
    """
    on_the_way = np.arange(len(above), dtype=above.dtype)
    while len(on_the_way):
        near = above[on_the_way]
        far = above[near]
        moved = far != near
        on_the_way = on_the_way[moved]
        above[on_the_way] = far[moved]
    return above


def tree_order(parent: Ids, root: int) -> TreeOrder:
    """Order a tree.

    Parameters
    ----------
    parent
        (n,): of each node; of the root it is the root. All nodes hang on it.

    Notes
    -----
    The place of a node in preorder and the one in postorder differ by its depth and the size of its subtree. Postorder is
    the preorder of the tree with all children the other way round, read backwards.
    """
    count, ids = len(parent), id_type(len(parent) + 1)
    order = np.argsort(parent, kind="stable").astype(ids)
    order = order[order != root]  # children, side by side
    ends = np.cumsum(np.bincount(parent[order], minlength=count))
    above = parent[order]
    siblings = above[1:] == above[:-1]
    begins = np.concatenate([[0], ends[:-1]])
    inner = np.flatnonzero(ends > begins)
    first, following = np.full(count, _NONE, ids), np.full(count, _NONE, ids)
    first[inner] = order[begins[inner]]
    following[order[:-1][siblings]] = order[1:][siblings]
    nodes = _walked(first, following, root)
    first[inner] = order[ends[inner] - 1]
    following[:] = _NONE
    following[order[1:][siblings]] = order[:-1][siblings]
    return _numbered(nodes, _walked(first, following, root), ends == begins)


def _walked(first: Ids, following: Ids, root: int) -> Ids:
    """Return all nodes in preorder, of a tree by first children and next siblings.

    With two children at most a node is looked at twice: SciPy's walk looks at all children again at each return.
    """
    from scipy.sparse import csr_array  # noqa: PLC0415  # of the reports of objects alone, and only if it is installed
    from scipy.sparse.csgraph import depth_first_order  # noqa: PLC0415  # as above

    count = len(first)
    both: Ids = np.stack([first, following], axis=1).reshape(-1)
    starts = np.zeros(count + 1, first.dtype)
    np.cumsum((first >= 0).astype(first.dtype) + (following >= 0), out=starts[1:])
    indices = both[both >= 0]
    del both
    weights = np.broadcast_to(np.float64(1), len(indices))
    matrix = csr_array((weights, indices, starts), shape=(count, count))
    found = depth_first_order(matrix, root, directed=True, return_predecessors=False)
    return cast("Ids", found)


def _numbered(nodes: Ids, mirrored: Ids, leaf: np.ndarray[Any, np.dtype[np.bool_]]) -> TreeOrder:
    count = len(nodes)
    step: Ids = np.arange(count, dtype=nodes.dtype)
    place, post = np.empty_like(nodes), np.empty_like(nodes)
    place[nodes] = step
    post[mirrored] = count - 1 - step
    # The nodes that are closed when a node is entered are those before it in preorder, but for its ancestors. What is
    # closed first from then on is the next leaf in preorder, and its place in postorder is how many were before.
    leaves = np.flatnonzero(leaf[nodes])
    closed = post[nodes[leaves]]
    runs = np.diff(leaves, prepend=-1)
    depth: Ids = step - np.repeat(closed, runs)
    size: Ids = post[nodes] - step + depth + 1
    return TreeOrder(nodes, place, depth, size)
