"""Spans as rows of a document: shared by list and show."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from gdb_gospan.analysis.rows import unknown_where
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.analysis.span_overhead import span_metadata
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mspan import BEING_SWEPT
from gdb_gospan.runtime.mstats import ADDRESS_SPACE
from gdb_gospan.runtime.record import I64, Column, Mask

STATES = ("dead", "in use", "stack", "work buffer", "user arena", "quarantined", "unreadable")


LATE_COLUMNS = ("specials", "largeType")
"""What `columns_of` needs of the descriptors besides what every report does."""


def state_of(heap: Heap, rows: I64) -> Column:
    """Name the state of each span; manual spans by what they hold."""
    spans = heap.spans
    names = np.full(len(rows), "dead", dtype=object)
    for mask, name in (
        (spans.in_use, "in use"),
        (spans.user_arena, "user arena"),
        (spans.quarantined, "quarantined"),
        (spans.stack, "stack"),
        (spans.work_buffer, "work buffer"),
        (spans.state < 0, "unreadable"),
    ):
        names[mask[rows]] = name
    return names


def sweep_of(heap: Heap, rows: I64) -> Column:
    """Name where each in-use span stands in the sweep; empty for every other span."""
    spans = heap.spans
    names = np.full(len(rows), "", dtype=object)
    in_use, unswept, cached = spans.in_use[rows], spans.unswept[rows], heap.cached[rows]
    for mask, name in (
        (in_use, "swept"),
        (unswept, "unswept"),
        (in_use & (spans.delta[rows] == BEING_SWEPT), "being swept"),
        (cached, "cached"),
        (cached & unswept, "cached, unswept"),
    ):
        names[mask] = name
    return names


def columns_of(heap: Heap, rows: I64, names: Collection[str] = ()) -> dict[str, Column]:
    """Columns of these spans, or those of them that are named, as the JSON contract names them; addresses stay numbers.

    What is not known of a span whose descriptor contradicts itself (`Shapes`) is None; its own fields stay
    what they are.
    """
    spans, columns = heap.spans, heap.spans.records
    found = shapes(heap)
    in_use, unknown, tail_unknown = spans.in_use[rows], found.contradictory[rows], found.limit[rows]
    elemsize, nelems, objects = (columns.at(name, rows) for name in ("elemsize", "nelems", "allocCount"))
    free = np.where(in_use, nelems - objects, 0)
    nbytes = spans.bytes_of(rows)

    def known(column: Column, but: Mask = unknown) -> Column:
        return unknown_where(but, column)

    every: dict[str, Callable[[], Column]] = {
        "descriptor": lambda: spans.addresses[rows],
        "start": lambda: spans.start[rows],
        "npages": lambda: _unsigned(columns.at("npages", rows)),
        "span_bytes": lambda: known(nbytes, unknown | (nbytes >= ADDRESS_SPACE)),
        "state": lambda: state_of(heap, rows),
        "sweep": lambda: sweep_of(heap, rows),
        "spanclass": lambda: columns.at("spanclass", rows),
        "noscan": lambda: columns.at("spanclass", rows) & 1 != 0,
        "elemsize": lambda: _unsigned(elemsize),
        "nelems": lambda: _unsigned(nelems),
        "objects": lambda: np.where(in_use, objects, 0),
        "object_bytes": lambda: known(np.where(in_use, objects * elemsize, 0)),
        "free_slots": lambda: known(free),
        "free_bytes": lambda: known(free * elemsize),
        "tail_bytes": lambda: known(
            np.where(in_use, nbytes - nelems * elemsize - span_metadata(heap, rows), 0)
        ),
        "large_tail_bytes": lambda: known(spans.large_tail(rows), unknown | tail_unknown),
        "occupied": lambda: known(np.where(in_use, np.round(100 * objects / np.maximum(nelems, 1), 1), 0.0)),
        "freeindex": lambda: _unsigned(columns.at("freeindex", rows)),
        "sweepgen": lambda: columns.at("sweepgen", rows),
        "needzero": lambda: columns.at("needzero", rows) != 0,
        "has_specials": lambda: columns.at("specials", rows) != 0,
        "large_type": lambda: _large_types(heap, rows),
        "new": lambda: _new(heap, rows),
    }
    return {name: column() for name, column in every.items() if not names or name in names}


def _unsigned(column: I64) -> Column:
    """Return a field of the descriptor as Go has it; of a healthy one the numbers are small either way."""
    return column if not len(column) or column.min() >= 0 else column.view(np.uint64)


def _new(heap: Heap, rows: I64) -> Column:
    """Say of each span in use whether it was taken since the last cycle began; None when not known."""
    new = heap.new_spans
    known = np.full(len(rows), None, dtype=object)
    if new is not None:
        in_use = heap.spans.in_use[rows]
        known[in_use] = new[rows][in_use]
    return known


def _large_types(heap: Heap, rows: I64) -> Column:
    """Name the type of each large object, where its span has it (Go 1.22 on); None for all others."""
    names = np.full(len(rows), None, dtype=object)
    if "largeType" in heap.spans.records:
        large = np.flatnonzero(heap.spans.in_use[rows] & (heap.spans.records.at("spanclass", rows) <= 1))
        types = heap.spans.records.at("largeType", rows[large])
        for address in distinct(types).tolist():
            found = heap.type_at(address)
            names[large[types == address]] = found.name if found else None
    return names


def hexadecimal(row: dict[str, object], *names: str) -> dict[str, object]:
    """Spell these addresses the way the JSON contract does."""
    return {key: f"{value:#x}" if key in names else value for key, value in row.items()}
