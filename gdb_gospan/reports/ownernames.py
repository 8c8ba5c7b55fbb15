"""What the groups of go-spans owners are called: types, package variables, goroutines by where they stand."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from gdb_gospan.analysis.goroutines import Group, Living
from gdb_gospan.analysis.objecttypes import ObjectTypes
from gdb_gospan.analysis.ownership import Ownership
from gdb_gospan.analysis.ownertree import OwnerGroup
from gdb_gospan.analysis.slots import Slots, slots
from gdb_gospan.fields.document import Address
from gdb_gospan.fields.units import nbytes
from gdb_gospan.runtime import mgcmark
from gdb_gospan.runtime.record import I64

OBJECTS: Final = "objects"
_LARGE: Final = 1
"""Span classes up to this one have objects of any size."""
_KINDS: Final = {
    mgcmark.BSS: "variable",
    mgcmark.STACK: "goroutine",
    mgcmark.FINALIZER: "finalizer",
    mgcmark.FINALIZED: "finalized",
    mgcmark.WEAK_HANDLE: "weak_handle",
    mgcmark.CLEANUP: "cleanup",
    mgcmark.FINALIZER_QUEUE: "finalizer_queue",
    mgcmark.CLEANUP_QUEUE: "cleanup_queue",
}
_TITLES: Final = {
    "finalizer": "functions of finalizers",
    "finalized": "objects with finalizers",
    "weak_handle": "handles of weak pointers",
    "cleanup": "functions of cleanups",
    "finalizer_queue": "finalizers that wait to be run",
    "cleanup_queue": "cleanups that wait to be run",
}


class OwnerNames:
    """Labels of the rows of a dominator tree, and what they stand for.

    A label is that of a type, of a span class where no type is known, of a variable, of goroutines that are alike, or of
    another kind of root.
    """

    def __init__(self, owners: Ownership, types: ObjectTypes, goroutines: Living) -> None:
        self._owners, self._goroutines = owners, goroutines
        self._slots: Slots = slots(goroutines.heap)
        self._types = tuple(dict.fromkeys(each.name for each in types.types))
        self._classes = len(self._types)
        self._holders = self._classes + int(self._slots.spanclass.max(initial=0)) + 1
        self._variables = self._holders + len(_KINDS) + len(self._groups)
        number = {name: row for row, name in enumerate(self._types)}
        self._of_type = np.array([number[each.name] for each in types.types], np.int64)
        self.label: I64 = self._labels(types)

    @cached_property
    def _groups(self) -> list[Group]:
        """Goroutines that are alike: those that stand in the same function, and were started by the same statement."""
        return self._goroutines.groups()

    def _labels(self, types: ObjectTypes) -> I64:
        """Return the label of each row of the tree: int64 (m,)."""
        nodes = self._owners.tree.nodes.astype(np.int64)
        objects = nodes < self._owners.slots
        found = np.full(len(nodes), self._holders, np.int64)
        some = nodes[objects]
        label = self._of_type[types.number[some]] if len(some) else some
        nameless = label == 0
        label[nameless] = self._classes + self._slots.spanclass[self._slots.spans_of(some[nameless])]
        found[objects] = label
        holders = ~objects & (nodes < self._owners.top)
        found[holders] = self._of_holders()[nodes[holders] - self._owners.slots]
        return found

    def _of_holders(self) -> I64:
        """Return the label of each holder: int64 (k,)."""
        holders, kinds = self._owners.holders, list(_KINDS)
        found = np.array([self._holders + kinds.index(kind) for kind in holders.kind.tolist()], np.int64)
        alike = np.full(len(self._goroutines.heap.goroutine_details.addresses) + 1, -1, np.int64)
        for number, group in enumerate(self._groups):
            alike[self._goroutines.rows[group.rows]] = number
        stacks = np.flatnonzero(holders.kind == mgcmark.STACK)
        group_of = alike[holders.key[stacks].view(np.int64)] if len(stacks) else stacks
        known = group_of >= 0
        found[stacks[known]] = self._holders + len(_KINDS) + group_of[known]
        variables = np.flatnonzero(holders.kind == mgcmark.BSS)
        found[variables] = self._variables + np.arange(len(variables))
        return found

    def node(self, group: OwnerGroup) -> int:
        """Return the node of a group that retains most."""
        return int(self._owners.tree.nodes[group.first])

    def kind(self, node: int) -> str:
        """Return the stable name of what a node is: an object, or a kind of holder."""
        holder = node - self._owners.slots
        return OBJECTS if holder < 0 else _KINDS[int(self._owners.holders.kind[holder])]

    def title(self, node: int) -> str:
        """Return what a node that is reached is called; a goroutine like all that are alike."""
        label = int(self.label[np.searchsorted(self._owners.tree.nodes, node)])
        if label < self._classes:
            return self._types[label]
        if label < self._holders:
            return self._by_class(label - self._classes)
        kind, group = self.kind(node), label - self._holders - len(_KINDS)
        if kind == "variable":
            address = self._key(node)
            return self._owners.holders.names.get(address) or f"variable at {address:#x}"
        return (
            _goroutine(self._groups[group])
            if 0 <= group < len(self._groups)
            else _TITLES.get(kind, "goroutine")
        )

    def type_of(self, slot: int, number: int) -> str:
        """Return the type of an object by its number, or what its span class says."""
        spanclass = int(self._slots.spanclass[self._slots.spans_of(np.array([slot]))[0]])
        return self._types[int(self._of_type[number])] if number else self._by_class(spanclass)

    def _by_class(self, spanclass: int) -> str:
        pointers = "no pointers" if spanclass & 1 else "pointers"
        if spanclass <= _LARGE:
            return f"large object, {pointers}"
        row = int(np.searchsorted(self._slots.spanclass, spanclass))
        return f"object of {nbytes(int(self._slots.elemsize[row]))}, {pointers}"

    def _key(self, node: int) -> int:
        return int(self._owners.holders.key[node - self._owners.slots])

    def address(self, node: int) -> Address | None:
        """Return where an object or a variable is; None of other holders."""
        if node < self._owners.slots:
            return Address(int(self._slots.addresses(np.array([node], np.int64))[0]))
        return Address(self._key(node)) if self.kind(node) == "variable" else None

    def goid(self, node: int) -> int | None:
        """Return the number of a goroutine; None of what is none."""
        numbers = self._goroutines.heap.goroutine_details.get("goid")
        return None if numbers is None or self.kind(node) != "goroutine" else int(numbers[self._key(node)])


def _goroutine(group: Group) -> str:
    where = f" in {group.function}" if group.function else ""
    started = f", started by {group.started.function}" if group.started.function else ""
    return f"goroutine{where}{started}"
