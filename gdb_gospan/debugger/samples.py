"""Read some span descriptors again as gdb values, and compare the bulk reads with them."""

from __future__ import annotations

import gdb
import numpy as np

from gdb_gospan.analysis.notes import Note
from gdb_gospan.analysis.verification import Check, Status
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import I64

CODE = "gdb-values"

_MOST, _OVER_A_LINK = 256, 16
"""Descriptors: each takes some 30 microseconds, and through a remote stub a round trip."""
_RARE = 4
"""One of so many is a large object or a manual span, of which there may be few."""
_BLOCK = 1 << 12
"""Descriptors whose columns are made Python's numbers at once: some megabytes."""
_RATIO = (5**0.5 - 1) / 2
"""Its multiples, less their whole parts, are spread evenly, and in step with nothing (the golden ratio)."""


def sample(heap: Heap, mspan: gdb.Type, most: int | None = None) -> Check:
    """Compare every field of some descriptors.

    Parameters
    ----------
    mspan
        runtime.mspan as gdb has it from debug information (runtime/mheap.go, type mspan).
    most
        Descriptors to compare; some hundred if not given, fewer over a link.

    Returns
    -------
    Check
        ``expected``: the fields that were read; ``observed``: those that bulk reads had alike.
    """
    struct = heap.layout["mspan"]
    if most is None:
        most = _OVER_A_LINK if heap.memory.kind == "remote" else _MOST
    else:
        heap.want(*struct.fields)
    spans = heap.spans
    rows = _chosen(spans, most)
    heap.trail.stage("reading descriptors as gdb.Value")
    paths = {path: _steps(mspan, path) for path in struct.fields}
    known = {path: steps for path, steps in paths.items() if steps}
    different: list[Note] = []
    doubts = [Note("field-not-in-gdb", {"path": path}) for path in paths if path not in known]
    compared = sum(
        _compared(spans, mspan, known, rows[block], different, doubts) for block in blocks(len(rows), _BLOCK)
    )
    status: Status = "broken" if different else "unknown" if doubts else "exact"
    return Check(
        code=CODE,
        severity="error",
        status=status,
        unit="fields",
        subject=f"fields of {len(rows)} span descriptors = the same fields read as gdb.Value",
        expected=compared,
        observed=compared - len(different),
        notes=tuple((different + doubts)[:1]),
    )


def _compared(
    spans: Spans,
    mspan: gdb.Type,
    paths: dict[str, list[gdb.Field]],
    rows: I64,
    different: list[Note],
    doubts: list[Note],
) -> int:
    """Compare the fields of these rows, add to what is different and to what could not be told, and count the fields."""
    records = spans.records
    bulk = [
        (path, steps, records.at(path, rows).tolist(), (1 << 8 * records.struct[path].size) - 1)
        for path, steps in paths.items()
    ]
    known, compared = records.readable[rows].tolist(), 0
    for place, address in enumerate(spans.addresses[rows].tolist()):
        try:
            value = gdb.Value(address).cast(mspan.pointer()).dereference()
            value.fetch_lazy()
        except gdb.MemoryError:
            doubts.append(Note("not-in-gdb", {"address": address}))
            continue
        except gdb.error:  # larger than max-value-size: then each field by itself
            pass
        if not known[place]:
            doubts.append(Note("not-in-bulk", {"address": address}))
            continue
        compared += len(bulk)
        for path, steps, values, mask in bulk:
            inner = value
            for step in steps:
                inner = inner[step]
            own = int(inner) & (1 << 8 * inner.type.sizeof) - 1
            if own != values[place] & mask:
                params = {"path": path, "address": address, "own": own, "bulk": values[place] & mask}
                different.append(Note("different-field", params))
    return compared


def _chosen(spans: Spans, most: int) -> I64:
    """Return at most so many rows from everywhere, the same ones each time: int64, ascending."""
    if most >= len(spans):
        return np.arange(len(spans))
    large = spans.in_use & (spans.records.narrow("spanclass") <= 1)
    rare = np.flatnonzero(large | spans.manual)
    few = min(most // _RARE, len(rare))
    rows: I64 = distinct(np.append(_spread(len(spans), most - few), rare[_spread(len(rare), few)]))
    return rows


def _spread(count: int, most: int) -> I64:
    """Return all of ``count`` positions, or at most so many of them."""
    if count <= most:
        return np.arange(count)
    return (np.arange(1, most + 1) * _RATIO % 1 * count).astype(np.int64)


def _steps(kind: gdb.Type, path: str) -> list[gdb.Field]:
    """Return the fields that lead to a number: those named, and the only one with a size of each struct below; else none."""
    found: list[gdb.Field] = []
    names = path.split(".")
    kind = kind.strip_typedefs()
    while names or kind.code == gdb.TYPE_CODE_STRUCT:
        name = names.pop(0) if names else None
        fields = [field for field in kind.fields() if field.type and field.type.sizeof]
        fields = [field for field in fields if name in (None, field.name)]
        if len(fields) != 1 or fields[0].type is None:
            return []
        found += fields
        kind = fields[0].type.strip_typedefs()
    return found
