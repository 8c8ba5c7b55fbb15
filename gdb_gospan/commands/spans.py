"""Spans as rows of a document: shared by list and show."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gdb_gospan.analysis.accounting import span_metadata
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mspan import BEING_SWEPT
from gdb_gospan.runtime.record import I64, Column

STATES = ("dead", "in use", "stack", "work buffer", "user arena", "unreadable")


def state_of(heap: Heap, rows: I64) -> Column:
    """Name the state of each span; manual spans by what they hold."""
    spans = heap.spans
    names = np.full(len(rows), "dead", dtype=object)
    for mask, name in (
        (spans.in_use, "in use"),
        (spans.user_arena, "user arena"),
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
    for mask, name in (
        (spans.in_use, "swept"),
        (spans.unswept, "unswept"),
        (spans.in_use & (spans.delta == BEING_SWEPT), "being swept"),
        (heap.cached, "cached"),
        (heap.cached & spans.unswept, "cached, unswept"),
    ):
        names[mask[rows]] = name
    return names


def columns_of(heap: Heap, rows: I64) -> Mapping[str, Column]:
    """Columns of these spans, as the JSON contract names them; addresses stay numbers."""
    spans, columns = heap.spans, heap.spans.records
    in_use = spans.in_use[rows]
    elemsize, nelems, objects = (columns[name][rows] for name in ("elemsize", "nelems", "allocCount"))
    free = np.where(in_use, nelems - objects, 0)
    tail = spans.nbytes[rows] - nelems * elemsize - span_metadata(heap)[rows] + spans.large_tail[rows]
    occupied = 100 * objects / np.maximum(nelems, 1)
    return {
        "descriptor": spans.addresses[rows],
        "start": spans.start[rows],
        "npages": columns["npages"][rows],
        "span_bytes": spans.nbytes[rows],
        "state": state_of(heap, rows),
        "sweep": sweep_of(heap, rows),
        "spanclass": columns["spanclass"][rows],
        "noscan": columns["spanclass"][rows] & 1 != 0,
        "elemsize": elemsize,
        "nelems": nelems,
        "objects": np.where(in_use, objects, 0),
        "free_slots": free,
        "free_bytes": free * elemsize,
        "tail_bytes": np.where(in_use, tail, 0),
        "occupied": np.where(in_use, np.round(occupied, 1), 0.0),
        "freeindex": columns["freeindex"][rows],
        "sweepgen": columns["sweepgen"][rows],
        "needzero": columns["needzero"][rows] != 0,
    }


def hexadecimal(row: dict[str, object], *names: str) -> dict[str, object]:
    """Spell these addresses the way the JSON contract does."""
    return {key: f"{value:#x}" if key in names else value for key, value in row.items()}
