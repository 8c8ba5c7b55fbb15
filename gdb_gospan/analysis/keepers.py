"""What keeps spans: of which type, and by which owner, most bytes are that the roots reach in them."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.edges import Ids
from gdb_gospan.analysis.ownership import Ownership, object_bytes
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.treeorder import topmost
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64

NOT_ASKED = -1


@attrs.frozen(eq=False, repr=False)
class Heaviest:
    """What has most bytes of each group of spans, side by side: the groups ascending, in each the heaviest first.

    Attributes
    ----------
    group
        int64 (k,)
    row
        int64 (k,): a row of the dominator tree that has the label.
    nbytes
        int64 (k,): bytes of the objects that are reached in the spans of the group.
    """

    group: I64
    row: I64
    nbytes: I64


@attrs.frozen(eq=False, repr=False)
class Keepers:
    """What keeps groups of spans.

    Attributes
    ----------
    reached
        int64 (g,): bytes of the objects of each group that are reached.
    types, owners
        By the labels of the objects; by those of what hangs on the top of the tree and retains them: a holder, or an object
        that several of these share.
    """

    reached: I64
    types: Heaviest
    owners: Heaviest


def keepers(
    heap: Heap,
    owners: Ownership,
    label: I64,
    group: I64,
    groups: int,
    most: int = 1,
    weights: Ids | None = None,
) -> Keepers:
    """Find what keeps the spans of each group.

    Parameters
    ----------
    label
        int64 (m,): of each row of the dominator tree; type and holder have one that no other has.
    group
        int64 (s,): of each span of `Slots`, less than `groups`; `NOT_ASKED` for what is in none.
    most
        How many types and owners of a group are wanted.
    weights
        (n,): what is added up instead of bytes, a row for each slot.
    """
    numbered, nodes = slots(heap), owners.tree.nodes
    rows = np.flatnonzero(owners.is_object)
    of = group[numbered.spans_of(nodes[rows].astype(np.int64))] if len(rows) else rows
    rows, of = rows[of != NOT_ASKED], of[of != NOT_ASKED]
    nbytes = (object_bytes(heap) if weights is None else weights)[nodes[rows]].astype(np.int64)
    above = _holders(owners)[rows].astype(np.int64)
    return Keepers(
        reached=np.bincount(of, nbytes, groups).astype(np.int64),
        types=_heaviest(of, rows, label, nbytes, most),
        owners=_heaviest(of, above, label, nbytes, most),
    )


def groups_of(heap: Heap, rows: I64) -> I64:
    """Return the group of each span of `Slots` where each of these rows of `Spans` is a group of its own: int64 (s,)."""
    place = np.full(len(heap.spans), NOT_ASKED, np.int64)
    place[rows] = np.arange(len(rows))
    found: I64 = place[slots(heap).rows]
    return found


def _holders(owners: Ownership) -> Ids:
    """Return the row that hangs on the top of the tree and that each row is below of, or is: (m,)."""
    parent = owners.tree.parent
    top = int(owners.tree.order.nodes[0])
    return topmost(np.where(parent == top, np.arange(len(parent), dtype=parent.dtype), parent))


def _heaviest(group: I64, row: I64, label: I64, nbytes: I64, most: int) -> Heaviest:
    """Add the bytes up by group and label, and return the heaviest of each group."""
    kind = label[row]
    width = int(label.max(initial=0)) + 1
    key, first, which = np.unique(group * width + kind, return_index=True, return_inverse=True)
    # In floating point, which is exact up to 2^53.
    sums = np.bincount(which.reshape(-1), nbytes, len(key)).astype(np.int64)
    of = key // width
    order = np.lexsort((-sums, of))
    begins = np.searchsorted(of, of, side="left")
    order = order[np.arange(len(order)) - begins < most]
    return Heaviest(of[order], row[first[order]], sums[order])
