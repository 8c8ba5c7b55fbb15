"""Columns of what keeps spans: what the options --owners of list, classes and pages add."""

from __future__ import annotations

import numpy as np

from gdb_gospan.analysis.case import Most
from gdb_gospan.analysis.keepers import NOT_ASKED, Heaviest, groups_of, keepers
from gdb_gospan.analysis.ownership import stranded_bytes
from gdb_gospan.analysis.rows import unknown_where
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.reports.holding import Holding
from gdb_gospan.reports.ownernames import OBJECTS
from gdb_gospan.runtime.record import I64, Column, Mask


def kept_spans(held: Holding, rows: I64) -> dict[str, Column]:
    """Return the columns of `rows.kept` for these rows of `Spans`."""
    return _columns(held, groups_of(held.heap, rows), len(rows))


def kept_classes(held: Holding, spanclass: I64) -> dict[str, Column]:
    """Return the columns of `rows.kept` for these span classes."""
    every = slots(held.heap).spanclass
    place = np.full(1 + max(int(every.max(initial=0)), int(spanclass.max(initial=0))), NOT_ASKED, np.int64)
    place[spanclass] = np.arange(len(spanclass))
    return _columns(held, place[every], len(spanclass))


def most_of(held: Holding, spanclass: int | None, *, stranded: bool) -> Most | None:
    """Return the type and the owner that keep most bytes, or that strand most, of a span class or of all."""
    every = slots(held.heap).spanclass
    group = np.where((every == spanclass) | (spanclass is None), 0, NOT_ASKED)
    weights = stranded_bytes(held.heap) if stranded else None
    found = keepers(held.heap, held.owners, held.names.label, group, 1, weights=weights)
    if not found.reached[0]:
        return None
    (type_name,), (type_bytes,) = _named(held, found.types, 1, types=True)
    (owner,), (owner_bytes,) = _named(held, found.owners, 1, types=False)
    return Most(type_name, type_bytes, owner, owner_bytes)


def _columns(held: Holding, group: I64, groups: int) -> dict[str, Column]:
    found = keepers(held.heap, held.owners, held.names.label, group, groups)
    known = _known(held, group, groups)
    type_name, type_bytes = _named(held, found.types, groups, types=True)
    owner_name, owner_bytes = _named(held, found.owners, groups, types=False)
    columns = {
        "reached_bytes": found.reached.astype(np.object_),
        "top_type": type_name,
        "top_type_bytes": type_bytes,
        "top_owner": owner_name,
        "top_owner_bytes": owner_bytes,
    }
    return {name: unknown_where(~known, column) for name, column in columns.items()}


def _known(held: Holding, group: I64, groups: int) -> Mask:
    """Which groups have objects, of spans whose bitmaps could all be read."""
    asked = group != NOT_ASKED
    readable = slot_states(held.heap).known[asked]
    number, lost = (np.bincount(group[asked], each, groups) for each in (None, ~readable))
    found: Mask = (number > 0) & (lost == 0)
    return found


def _named(held: Holding, heaviest: Heaviest, groups: int, *, types: bool) -> tuple[Column, Column]:
    """Return the name and the bytes of what is the heaviest of each group; None where nothing is."""
    names, nbytes = (np.full(groups, None, np.object_) for _ in range(2))
    _, first, which = np.unique(held.names.label[heaviest.row], return_index=True, return_inverse=True)
    titles = [_title(held, int(held.owners.tree.nodes[row]), types=types) for row in heaviest.row[first]]
    names[heaviest.group] = np.array([*titles, None], np.object_)[which.reshape(-1)]
    nbytes[heaviest.group] = heaviest.nbytes
    return names, nbytes


def _title(held: Holding, node: int, *, types: bool) -> str | None:
    """Return what is known of a node: the type of an object; or its name, as a row of depth 0 of owners."""
    names = held.names
    if types:
        return names.title(node) if held.types.number[node] else None
    return f"{'shared: ' if names.kind(node) == OBJECTS else ''}{names.title(node)}"
