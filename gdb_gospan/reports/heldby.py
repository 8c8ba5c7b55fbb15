"""How an object is kept, and what keeps its span: a part of go-spans show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gdb_gospan.analysis.edges import Ids
from gdb_gospan.analysis.keepers import Heaviest, groups_of, keepers
from gdb_gospan.analysis.ownerpaths import Link, Paths
from gdb_gospan.analysis.ownership import object_bytes
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.reports.holding import Holding
from gdb_gospan.reports.ownernames import OBJECTS
from gdb_gospan.reports.pathsteps import WAYS, Steps
from gdb_gospan.reports.rows.held import HeldObject, KeptSpan, Nodes, Owner, Referrer, Share

_REFERRERS = 5
_SHARES = 3
_RUNS = 20
"""Of a path that is longer than twice that: so many from either end."""


def held_object(held: Holding, address: int) -> HeldObject | None:
    """Describe how the object at an address is kept; None where none is."""
    where, found = slots(held.heap).find(np.array([address], np.uint64))
    if not len(where) or not slot_states(held.heap).taken[found[0]]:
        return None
    slot, owners = int(found[0]), held.owners
    paths = Paths(held.heap, owners, held.walk.graph, held.walk.roots)
    sums = {
        "objects": owners.of_objects(np.ones(owners.slots, np.int64)),
        "bytes": owners.of_objects(object_bytes(held.heap)),
    }
    retained = {name: owners.tree.order.sums(each.astype(np.int64)) for name, each in sums.items()}
    steps = Steps(held, retained.__getitem__)
    reached = bool(held.walk.reached[slot])
    referrers = paths.referrers(slot)
    path, left_out = _path(held, paths, steps, slot) if reached else ((), 0)
    return HeldObject(
        type=held.names.type_of(slot, int(held.types.number[slot])),
        known_by=WAYS[int(held.types.how[slot])],
        reached=reached,
        retained_objects=steps.retained("objects", slot) if reached else None,
        retained_bytes=steps.retained("bytes", slot) if reached else None,
        referrers=len(referrers),
        first_referrers=tuple(_referrers(held, paths, steps, referrers, slot)),
        owner=_owner(held, paths, steps, slot) if reached else None,
        path=path,
        path_left_out=left_out,
    )


def _referrers(held: Holding, paths: Paths, steps: Steps, nodes: Ids, slot: int) -> Iterator[Referrer]:
    """Yield the first referrers: those from outside of the heap, objects that are reached, garbage."""
    objects = nodes < held.owners.slots
    reached = np.ones(len(nodes), np.bool_)
    reached[objects] = held.walk.reached[nodes[objects]]
    order = np.lexsort((nodes, ~reached, objects))[:_REFERRERS]
    names, number = held.names, held.types.number
    for node, alive in zip(nodes[order].tolist(), reached[order].tolist(), strict=True):
        yield Referrer(
            kind=names.kind(node),
            name=names.title(node) if alive else names.type_of(node, int(number[node])),
            address=names.address(node),
            goid=names.goid(node),
            through=steps.through(Link(node, paths.offset(node, slot))),
            reached=alive,
        )


def _owner(held: Holding, paths: Paths, steps: Steps, slot: int) -> Owner:
    """Describe what the object hangs on, and what is in between; those that are alike are one."""
    nodes, names = paths.dominators(slot), held.names
    kind = names.kind(nodes[0])
    runs, left_out = _cut(_runs(held, nodes))
    between = [names.title(run[0]) for run, _ in runs]
    if left_out:
        between.insert(_RUNS, f"… {left_out:,} more …")
    return Owner(
        kind="shared" if kind == OBJECTS else kind,
        name=names.title(nodes[0]),
        address=names.address(nodes[0]),
        goid=names.goid(nodes[0]),
        retained_bytes=steps.retained("bytes", nodes[0]),
        path=tuple(between),
    )


def _path(held: Holding, paths: Paths, steps: Steps, slot: int) -> tuple[tuple[Nodes, ...], int]:
    """Return a shortest path, nodes that are alike as one; and how many nodes are left out of the middle."""
    nodes, names = paths.walked(slot), held.names
    runs, left_out = _cut(_runs(held, nodes))
    found = tuple(
        Nodes(
            kind=names.kind(run[0]),
            name=names.title(run[0]),
            count=len(run),
            address=names.address(run[0]),
            goid=names.goid(run[0]),
            through=None if after is None else steps.through(Link(run[-1], paths.offset(run[-1], after))),
        )
        for run, after in runs
    )
    return found, left_out


Run = tuple[Sequence[int], int | None]
"""Nodes of a path side by side that have one label, and the one after them."""


def _runs(held: Holding, nodes: Sequence[int]) -> list[Run]:
    """Return the runs of a path."""
    label = held.names.label[np.searchsorted(held.owners.tree.nodes, nodes)]
    begins = [0, *(1 + np.flatnonzero(label[1:] != label[:-1])).tolist()]
    after = [nodes[each] for each in begins[1:]]
    ends = [*begins[1:], len(nodes)]
    return [
        (nodes[begin:end], following)
        for begin, end, following in zip(begins, ends, [*after, None], strict=True)
    ]


def _cut(runs: list[Run]) -> tuple[list[Run], int]:
    """Return the runs at both ends of a long path, and how many nodes are between these."""
    if len(runs) <= 2 * _RUNS:
        return runs, 0
    return [*runs[:_RUNS], *runs[-_RUNS:]], sum(len(run) for run, _ in runs[_RUNS:-_RUNS])


def kept_span(held: Holding, row: int) -> KeptSpan | None:
    """Describe what keeps a span, by its row in `Spans`; None of one that has no objects."""
    group = groups_of(held.heap, np.array([row], np.int64))
    if not (group == 0).any():
        return None
    found = keepers(held.heap, held.owners, held.names.label, group, 1, _SHARES)
    return KeptSpan(
        reached_bytes=int(found.reached[0]),
        types=tuple(_shares(held, found.types, types=True)),
        owners=tuple(_shares(held, found.owners, types=False)),
    )


def _shares(held: Holding, heaviest: Heaviest, *, types: bool) -> Iterator[Share]:
    names = held.names
    nodes = held.owners.tree.nodes[heaviest.row].tolist()
    for node, nbytes in zip(nodes, heaviest.nbytes.tolist(), strict=True):
        kind = names.kind(node)
        kind = "type" if types else "shared" if kind == OBJECTS else kind
        yield Share(kind=kind, name=names.title(node), bytes=nbytes)
