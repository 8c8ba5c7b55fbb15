"""gdb sources this file: it writes what the engine decoded, for a comparison with reference_walker.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gdb_gospan.debugger.target import current_session
from gdb_gospan.layout import requirements
from gdb_gospan.runtime import mspan
from gdb_gospan.runtime.mpagealloc import KIND_NAMES


def dump_columns(file):
    spans = current_session().heap.spans
    (needs,) = (struct.needs for struct in requirements.STRUCTS if struct.name == "mspan")
    columns = {need.path: spans.records.get(need.path) for need in needs}
    with Path(file).open("w") as out:
        json.dump(
            {
                "addresses": spans.addresses.tolist(),
                "columns": {
                    path: None if column is None else column.tolist() for path, column in columns.items()
                },
                "aliases": {need.path: need.aliases for need in needs},
            },
            out,
        )


def dump_decoded(file):
    heap = current_session().heap
    spans, pages, central = heap.spans, heap.pages, heap.central
    addresses = pages.addresses(np.arange(len(pages)))
    sets = {}
    assert (central.row >= 0).all()
    for descriptor, spanclass, full, unswept in zip(
        spans.addresses[central.row].tolist(),
        central.spanclass.tolist(),
        central.full,
        central.unswept,
        strict=True,
    ):
        key = f"{spanclass} {'full' if full else 'partial'} {'unswept' if unswept else 'swept'}"
        sets.setdefault(key, []).append(descriptor)
    rows = np.flatnonzero(spans.in_use)
    allocated = mspan.allocated_slots(heap.reader, spans, rows)
    marked = mspan.marked_slots(heap.reader, spans, rows, heap.span_map.inline_marks[rows])
    at = spans.addresses[rows].tolist()
    with Path(file).open("w") as out:
        json.dump(
            {
                "pages": [
                    [address, KIND_NAMES[kind]]
                    for address, kind in zip(addresses.tolist(), heap.page_kinds.kinds.tolist(), strict=True)
                ],
                "central": sets,
                "fixallocs": {entry.name: entry.free for entry in heap.fixallocs},
                "allocated": dict(zip(at, allocated.counts.tolist(), strict=True)),
                "marked": dict(zip(at, marked.counts.tolist(), strict=True)),
                "cached": spans.addresses[heap.cached].tolist(),
                "allocCount": dict(zip(at, spans.records["allocCount"][rows].tolist(), strict=True)),
                "unswept": spans.addresses[spans.unswept].tolist(),
                "stacks": decoded_stacks(heap),
                "work buffers": spans.addresses[heap.work_buffer_lists.holds].tolist(),
                "state": decoded_state(heap),
                "new": spans.addresses[heap.new_spans].tolist(),
                "goroutines": decoded_goroutines(heap.goroutines),
            },
            out,
        )


def decoded_stacks(heap):
    spans, found = heap.spans, heap.stacks
    rows = np.flatnonzero(spans.stack)
    free = np.where(found.pool[rows], found.capacity(rows) - found.given_out(rows), 0)
    return {
        "listed": spans.addresses[found.listed].tolist(),
        "free": dict(zip(spans.addresses[rows].tolist(), free.tolist(), strict=True)),
        "cached": int(found.cached_bytes.sum()),
    }


def decoded_state(heap):
    sweep, scavenger, none = heap.sweep, heap.scavenger, (1 << 64) - 1
    return {
        "arena": list(heap.current_arena),
        "swept": sweep.pages_swept,
        "credit": sweep.reclaim_credit,
        "reclaimed": sweep.reclaim_done,
        "class": sweep.class_reached,
        "active": sweep.done << 31 | sweep.sweepers,
        "percent": none if scavenger.gc_percent_goal is None else scavenger.gc_percent_goal,
        "limit": none if scavenger.memory_limit_goal is None else scavenger.memory_limit_goal,
    }


def decoded_goroutines(found):
    status, size = found.status, stack_bytes(found.gs)
    return {
        "by status": [
            [value, int((status == value).sum()), int(size[status == value].sum())]
            for value in sorted(set(status.tolist()))
        ],
        "system": int(stack_bytes(found.system).sum()),
    }


def stack_bytes(gs):
    return (gs["stack.hi"] - gs["stack.lo"]).astype("i8")
