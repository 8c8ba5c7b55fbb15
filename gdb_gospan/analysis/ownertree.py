"""The dominator tree, collapsed: what is kept in the same way is one group, however many objects it is.

A group has the objects with one path of labels from the top: of a label each holder and each type has. An object that
hangs on one with the same label, as in a list, belongs to the same group, so that a path does not grow with a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np

from gdb_gospan.analysis.dominators import Dominators
from gdb_gospan.analysis.edges import Ids, narrow
from gdb_gospan.analysis.treeorder import topmost
from gdb_gospan.runtime.record import I64, Mask

NOWHERE = -1


@attrs.define(eq=False, repr=False)
class OwnerGroup:
    """Objects that are kept in the same way.

    Attributes
    ----------
    label
        Of the objects, or of what holds them.
    depth
        0 for what hangs on the top.
    first
        A row of the tree: of those of the group that hang highest, the one that retains most.
    own, retained
        By name, sums of the weights: of these rows alone, and of all that they retain.
    children
        Those that are shown, the heaviest first.
    left_out
        How many groups below it are not shown.
    """

    label: int
    depth: int
    first: int
    retained: dict[str, int]
    own: dict[str, int] = attrs.field(factory=dict)
    children: list[OwnerGroup] = attrs.field(factory=list)
    left_out: int = 0


Choose = Callable[[list[OwnerGroup], OwnerGroup | None], list[OwnerGroup]]
"""Chooses which of these groups, below this one or the top, are shown and followed further, in the order to show them."""


class OwnerTree:
    """The groups of one dominator tree.

    Parameters
    ----------
    label
        int64 (m,): of each row of the tree.
    weights
        What is added up, integers (m,) each; of the first one the heaviest row is `OwnerGroup.first`, and groups without any
        of it are not counted as left out.
    """

    def __init__(self, tree: Dominators, label: I64, weights: Mapping[str, Ids]) -> None:
        self._label, self._weights, self._weight = label, weights, next(iter(weights))
        self._top = int(tree.order.nodes[0])
        self._retained = {name: narrow(tree.order.sums(each)) for name, each in weights.items()}
        self._head = _heads(tree.parent, label, self._top)
        heads = np.flatnonzero(self._head == np.arange(len(self._head), dtype=self._head.dtype))
        self._heads: Ids = heads[heads != self._top].astype(self._head.dtype)
        self._above: Ids = self._head[tree.parent[self._heads]]

    def groups(self, depth: int, choose: Choose) -> OwnerGroup:
        """Return the top, with the groups below it down to that depth; those that hang on the top have 0."""
        top = OwnerGroup(self._label[self._top], -1, self._top, self._at(self._retained, self._top))
        of: Ids = np.full(len(self._head), NOWHERE, self._head.dtype)
        of[self._top] = 0
        level = [top]
        for step in range(depth + 1):
            if level:
                level, of = self._below(level, of, step, choose)
        if level and depth >= 0:
            self._below(level, of, depth + 1, lambda *_: [])  # what is left out there
        return top

    def retained(self, name: str) -> Ids:
        """Return what each row of the tree retains of this weight: (m,)."""
        return self._retained[name]

    def _at(self, columns: Mapping[str, Ids], row: int) -> dict[str, int]:
        return {name: int(each[row]) for name, each in columns.items()}

    def _below(
        self, parents: list[OwnerGroup], of: Ids, depth: int, choose: Choose
    ) -> tuple[list[OwnerGroup], Ids]:
        """Return the groups below these that are shown, and which of them each head is in, by row of the tree."""
        above = of[self._above]
        rows = self._heads[above != NOWHERE]
        rows, above = self._side_by_side(rows, above[above != NOWHERE])
        new = _changes(above, self._label[rows])
        begins = np.flatnonzero(new)
        found = self._made(rows, begins, depth)
        number = np.full(len(found), NOWHERE, of.dtype)
        shown = list[int]()
        ends = np.searchsorted(above[begins], np.arange(len(parents) + 1)).tolist()
        places = {id(group): place for place, group in enumerate(found)}
        for parent, first, end in zip(parents, ends, ends[1:], strict=False):
            parent.children = choose(found[first:end], parent if depth else None)
            some = sum(bool(each.retained[self._weight]) for each in found[first:end])
            parent.left_out = some - len(parent.children)
            shown += [places[id(each)] for each in parent.children]
        number[shown] = np.arange(len(shown))
        into: Ids = np.full(len(of), NOWHERE, of.dtype)
        into[rows] = number[np.cumsum(new) - 1]
        groups = [found[place] for place in shown]
        self._enter_own(groups, into)
        return groups, into

    def _side_by_side(self, rows: Ids, above: Ids) -> tuple[Ids, Ids]:
        """Return these heads and the groups above them, ordered so that those of one group and label are side by side."""
        label = self._label[rows]
        low = int(label.min(initial=0))
        key = above.astype(np.int64) * (int(label.max(initial=0)) - low + 1) + (label - low)
        order = np.argsort(key, kind="stable")
        return rows[order], above[order]

    def _heaviest(self, rows: Ids, begins: I64) -> list[int]:
        """Return the row of each run that has most of the first weight, of equal ones the first."""
        if not len(rows):
            return []
        weight = self._retained[self._weight][rows]
        most = np.maximum.reduceat(weight, begins)
        run = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(rows)))
        heaviest = np.flatnonzero(weight == most[run])
        found: list[int] = rows[heaviest[_changes(run[heaviest])]].tolist()
        return found

    def _made(self, rows: Ids, begins: I64, depth: int) -> list[OwnerGroup]:
        """Return a group for each run of rows."""
        sums = {
            name: np.add.reduceat(each[rows], begins, dtype=np.int64) if len(rows) else rows
            for name, each in self._retained.items()
        }
        return [
            OwnerGroup(int(self._label[first]), depth, first, self._at(sums, place))
            for place, first in enumerate(self._heaviest(rows, begins))
        ]

    def _enter_own(self, groups: list[OwnerGroup], into: Ids) -> None:
        """Enter what the rows of each group weigh: those of the runs whose heads are in it."""
        group = into[self._head]
        rows = np.flatnonzero(group != NOWHERE)
        for name, each in self._weights.items():
            # In floating point, which is exact up to 2^53.
            sums = np.bincount(group[rows], each[rows], len(groups))
            for place, one in enumerate(groups):
                one.own[name] = int(sums[place])


def _heads(parent: Ids, label: I64, top: int) -> Ids:
    """Return the topmost row of the run of equal labels that each row ends."""
    same = label == label[parent]
    same[top] = False
    return topmost(np.where(same, parent, np.arange(len(parent), dtype=parent.dtype)))


def _changes(*columns: Ids) -> Mask:
    """Return where a row differs from the one before; the first does."""
    found = np.ones(len(columns[0]), np.bool_)
    found[1:] = False
    for column in columns:
        found[1:] |= column[1:] != column[:-1]
    return found
