"""Objects by what the roots reach of them, added up by span; and from spans by class and by occupancy."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.occupancy import DECILES, SPAN_CLASSES, decile
from gdb_gospan.analysis.reach import Reach, walked
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.stranding import stranded, unstranded_bytes
from gdb_gospan.runtime import mgcmark
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Column, Mask

COUNTS = ("objects", "reached", "garbage", "new", "new_garbage")
STRANDED = ("stranded_bytes", "garbage_stranded_bytes", "empty_bytes")
UNKNOWN = ("unknown", "unknown_bytes", "unknown_free_bytes")


@attrs.frozen(eq=False, repr=False)
class ObjectsBySpan:
    """Sums of each span that HeapInuse counts and whose descriptor does not contradict itself.

    Attributes
    ----------
    spanclass, decile
        int64 (s,): of the span; the tenth of its occupancy, 0 for up to 10 %.
    sums
        By name, int64 (s,): spans, `COUNTS` and their bytes, `STRANDED`, `UNKNOWN`.
    """

    spanclass: I64
    decile: I64
    sums: dict[str, I64]

    def by_class(self) -> tuple[I64, dict[str, Column]]:
        """Return the classes that have a span, ascending, and the sums of each."""
        return _added(self.spanclass, SPAN_CLASSES, self.sums)

    def by_occupancy(self) -> tuple[I64, dict[str, Column]]:
        """Return the tenths that have a span, ascending, and the sums of each."""
        return _added(self.decile, DECILES, self.sums)


def _added(key: I64, count: int, sums: dict[str, I64]) -> tuple[I64, dict[str, Column]]:
    present = np.flatnonzero(np.bincount(key, minlength=count))
    found = {}
    for name, values in sums.items():
        total = np.zeros(count, np.int64)
        np.add.at(total, key, values)
        found[name] = total[present]
    return present, found


def objects_by_span(heap: Heap, walk: Reach) -> ObjectsBySpan:
    """Add up the objects of each span by what they are."""
    numbered, states = slots(heap), slot_states(heap)
    taken, reached, survived = states.taken, walk.reached, states.survived | states.dead
    per_slot = (taken, reached, taken & ~reached, taken & ~survived, taken & ~survived & ~reached)
    counts = [_by_span(mask, numbered.first) for mask in per_slot]
    sums = {"spans": np.ones(len(numbered.rows), np.int64), **dict(zip(COUNTS, counts, strict=True))}
    names = [_bytes_of(name) for name in COUNTS]
    sums |= {name: values * numbered.elemsize for name, values in zip(names, counts, strict=True)}
    kept = stranded(heap)
    parts = (_by_span(np.where(mask, kept, 0), numbered.first) for mask in (reached, ~reached))
    sums |= dict(zip(STRANDED, (*parts, unstranded_bytes(heap)), strict=True))
    allocated = np.where(states.known, 0, heap.spans.records.at("allocCount", numbered.rows))
    free = np.where(states.known, 0, numbered.nelems - allocated)
    unknown = (allocated, allocated * numbered.elemsize, free * numbered.elemsize)
    sums |= dict(zip(UNKNOWN, unknown, strict=True))
    tenth = decile(heap.spans.records.at("allocCount", numbered.rows), numbered.nelems)
    return _with_left_out(heap, ObjectsBySpan(numbered.spanclass, tenth, sums), numbered.left_out)


def by_stacks_alone(heap: Heap, walk: Reach) -> int:
    """Return the bytes of objects that only stacks and registers lead to, whose words may be stale: dead ones are among them."""
    numbered, kinds = slots(heap), walk.roots.kind
    others = walk.roots.target[~np.isin(kinds, (mgcmark.STACK, mgcmark.REGISTERS))]
    without = walked(walk.graph, others, len(numbered)) >= 0
    return int((_by_span(walk.reached & ~without, numbered.first) * numbered.elemsize).sum())


def _bytes_of(name: str) -> str:
    return "object_bytes" if name == "objects" else f"{name}_bytes"


def _by_span(values: Column, first: I64) -> I64:
    if len(first) == 1:
        return np.empty(0, np.int64)
    found: I64 = np.add.reduceat(values, first[:-1], dtype=np.int64)
    return found


def _with_left_out(heap: Heap, found: ObjectsBySpan, rows: I64) -> ObjectsBySpan:
    """Add the spans that no arena has: how many objects are in them is known, and no more."""
    some: Mask = ~shapes(heap).contradictory[rows]
    rows, columns = rows[some], heap.spans.records
    objects, nelems, elemsize = (columns.at(name, rows) for name in ("allocCount", "nelems", "elemsize"))
    unknown = (objects, objects * elemsize, (nelems - objects) * elemsize)
    known = {"spans": np.ones(len(rows), np.int64), **dict(zip(UNKNOWN, unknown, strict=True))}
    nothing = np.zeros(len(rows), np.int64)
    return ObjectsBySpan(
        spanclass=np.concatenate([found.spanclass, columns.at("spanclass", rows)]),
        decile=np.concatenate([found.decile, decile(objects, nelems)]),
        sums={
            name: np.concatenate([values, known.get(name, nothing)]) for name, values in found.sums.items()
        },
    )
