"""Immediate dominators of a graph, one node after the other (Georgiadis, Tarjan and Werneck, 2006: the algorithm SEMI-NCA).

It is for what `dominators` cannot do for all nodes at once: structures in which each node hangs on the next, as in a ring.
"""

from __future__ import annotations

from gdb_gospan.analysis.edges import Ids


def semi_nca(starts: Ids, targets: Ids, root: int) -> list[int]:
    """Return the immediate dominator of each node; of the root it is the root. All nodes are reached.

    Parameters
    ----------
    starts, targets
        The graph in compressed sparse rows: (n + 1,) and (e,).
    """
    order, parent, place = _depth_first(starts.tolist(), targets.tolist(), root)
    semi = _semidominators(starts, targets, order, parent, place)
    dominator = parent
    for node in range(1, len(order)):
        above = dominator[node]
        while above > semi[node]:
            above = dominator[above]
        dominator[node] = above
    found = [root] * len(order)
    for node, above in enumerate(dominator):
        found[order[node]] = order[above]
    return found


def _depth_first(starts: list[int], targets: list[int], root: int) -> tuple[list[int], list[int], list[int]]:
    """Return the nodes in preorder, the place of the parent of each of these, and the place of each node."""
    count = len(starts) - 1
    order, parent, place = [root], [0], [-1] * count
    place[root] = 0
    following, path = starts[:-1], [root]
    while path:
        node = path[-1]
        at, end = following[node], starts[node + 1]
        while at < end and place[targets[at]] >= 0:
            at += 1
        following[node] = at + 1
        if at >= end:
            path.pop()
            continue
        new = targets[at]
        place[new] = len(order)
        order.append(new)
        parent.append(place[node])
        path.append(new)
    return order, parent, place


def _semidominators(
    starts: Ids, targets: Ids, order: list[int], parent: list[int], place: list[int]
) -> list[int]:
    """Return the semidominator of the node in each place of preorder, as a place."""
    before = _predecessors(starts, targets, place)
    semi, label, above = list(range(len(order))), list(range(len(order))), parent.copy()
    for node in range(len(order) - 1, 0, -1):
        best = parent[node]
        for one in before[node]:
            if one > node:
                _compress(one, node, above, label, semi)
                found = semi[label[one]]
            else:
                found = one
            best = min(best, found)
        semi[node] = best
    return semi


def _predecessors(starts: Ids, targets: Ids, place: list[int]) -> list[list[int]]:
    begins, ends = starts.tolist(), targets.tolist()
    before: list[list[int]] = [[] for _ in place]
    for node, at in enumerate(place):
        for target in ends[begins[node] : begins[node + 1]]:
            before[place[target]].append(at)
    return before


def _compress(node: int, last: int, above: list[int], label: list[int], semi: list[int]) -> None:
    """Let all nodes of a path up to `last` know which of them has the least semidominator, and lead past it at once."""
    path = []
    while above[node] > last:
        path.append(node)
        node = above[node]
    for one in reversed(path):
        upper = above[one]
        if semi[label[upper]] < semi[label[one]]:
            label[one] = label[upper]
        above[one] = above[upper]
