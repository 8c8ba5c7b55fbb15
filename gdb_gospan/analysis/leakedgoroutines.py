"""Goroutines that wait for what nothing can reach that may ever run: they wait forever (mgc.go, findGoroutineLeaks, Go 1.26).

A channel, a mutex or a wait group is reached by what runs, by package variables, and by goroutines that it may itself wake.
So one walk from all roots but the stacks of goroutines that wait finds them, if each such object leads to those that wait
for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np

from gdb_gospan.analysis.edges import Graph, Ids, id_type
from gdb_gospan.analysis.reach import Reach, breadth_first
from gdb_gospan.analysis.roots import objects_with
from gdb_gospan.analysis.slots import Slots, slots
from gdb_gospan.layout import waitreasons
from gdb_gospan.memory.registers import Thread
from gdb_gospan.runtime import mgcmark
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Mask

_RUNNING: Final = 2
_WAITING: Final = (4, 10)
"""_Gwaiting, and _Gleaked: the runtime itself has found that it waits forever (runtime2.go, since Go 1.26)."""


@attrs.frozen(eq=False, repr=False)
class Waits:
    """What goroutines wait for.

    Attributes
    ----------
    row
        int64 (k,): of the goroutine.
    target
        int64 (k,): the object that would wake it; -1 for one outside of the heap.
    sudogs
        int64: slots of the sudogs.
    """

    row: I64
    target: I64
    sudogs: I64


@attrs.frozen(eq=False, repr=False)
class Leaks:
    """Goroutines that wait forever.

    Attributes
    ----------
    rows
        int64 (k,): of `Goroutines.gs`.
    kept
        bool, a row for each slot: objects that only they keep.
    """

    rows: I64
    kept: Mask


def leaked_goroutines(heap: Heap, walk: Reach, threads: Sequence[Thread]) -> Leaks | None:
    """Find the goroutines that wait forever; None where something that may wake them is not known.

    What waits in queues of finalizers and cleanups, which are not found without symbols, is the one exception.
    SciPy must be installed.
    """
    unread = walk.roots.unread - {mgcmark.FINALIZER_QUEUE, mgcmark.CLEANUP_QUEUE}
    if unread or walk.graph.unread_bytes or len(slots(heap).left_out) or not heap.goroutines.complete:
        return None
    known = waits(heap, walk.graph, threads)
    return None if known is None else _found(heap, walk, known)


def waits(heap: Heap, pointers: Graph, threads: Sequence[Thread]) -> Waits | None:
    """Find what goroutines wait for, once; None where some run, and what these have in their registers is not known."""
    return heap.trail.part("waits", lambda: _waits(heap, pointers, threads))


def _waits(heap: Heap, pointers: Graph, threads: Sequence[Thread]) -> Waits | None:
    if (heap.goroutines.status == _RUNNING).any() and not threads:
        return None
    reasons = _reasons(heap)
    return _sudogs(
        heap, pointers, slots(heap), np.flatnonzero(reasons[1]) if reasons else np.empty(0, np.int64)
    )


def _reasons(heap: Heap) -> tuple[Mask, Mask] | None:
    """Return which goroutines wait for nothing that there is, and which for a channel or a lock; None where that is not known."""
    reasons = heap.goroutine_details.get("waitreason")
    if reasons is None:
        return None
    words = heap.layout.traits.wait_reasons
    known = np.isin(heap.goroutines.status, _WAITING) & (reasons < len(words))
    reason = np.where(known, reasons, 0)
    never, channel, sync = (
        known & np.isin(reason, [number for number, word in enumerate(words) if word in some])
        for some in (waitreasons.NOTHING, waitreasons.CHANNELS, waitreasons.LOCKS)
    )
    return never, channel | sync


def _found(heap: Heap, walk: Reach, waits: Waits) -> Leaks:
    numbered, gs, reasons = slots(heap), heap.goroutine_details, _reasons(heap)
    if reasons is None:
        return Leaks(np.empty(0, np.int64), np.zeros(len(numbered), np.bool_))
    found = np.zeros(len(gs.addresses), np.bool_)
    found[waits.row] = True
    candidate = reasons[0] | found
    outside = np.zeros(len(found), np.bool_)
    outside[waits.row[waits.target < 0]] = True
    own, there = numbered.find(gs.addresses)
    # A weak pointer may be made strong again, and what is finalized or cleaned up for may wake anybody.
    may, _ = objects_with(heap, ("weak handle", "finalizer", "cleanup"))
    return _not_reached(walk, may, candidate, outside, waits, _slots_of(len(found), own, there))


def _slots_of(count: int, rows: I64, slot: I64) -> I64:
    """Return the slot of each goroutine's descriptor, -1 where it is in none."""
    found = np.full(count, -1, np.int64)
    found[rows] = slot
    return found


def _sudogs(heap: Heap, pointers: Graph, numbered: Slots, rows: I64) -> Waits:
    """Find the sudogs of these goroutines, among what points to their descriptors, and what each is for (runtime2.go, sudog)."""
    struct, reader = heap.layout["sudog"], heap.reader
    gs = heap.goroutine_details.addresses
    which, slot = numbered.find(gs[rows])
    of_slot = dict(zip(slot.tolist(), rows[which].tolist(), strict=True))
    wanted = np.zeros(len(numbered), np.bool_)
    wanted[slot] = True
    edges = np.flatnonzero(wanted[pointers.targets]).astype(pointers.starts.dtype)
    source: I64 = np.searchsorted(pointers.starts, edges, side="right") - 1
    row = np.array([of_slot[each] for each in pointers.targets[edges].tolist()], np.int64)
    fits = (
        numbered.elemsize[numbered.spans_of(source)] >= struct.size if len(source) else np.zeros(0, np.bool_)
    )
    source, row = source[fits], row[fits]
    address = numbered.addresses(source) if len(source) else np.empty(0, np.uint64)
    values = {
        name: reader.pointers(address + np.uint64(struct[name].offset))[0] for name in ("g", "c", "elem")
    }
    mine = (values["g"] == gs[row]) & ((values["c"] != 0) | (values["elem"] != 0))
    source, row = source[mine], row[mine]
    object_at: U64 = np.where(values["c"][mine] != 0, values["c"][mine], values["elem"][mine])
    target = np.full(len(row), -1, np.int64)
    inside, found = numbered.find(object_at)
    target[inside] = found
    return Waits(row, target, source)


def _not_reached(walk: Reach, may: I64, candidate: Mask, outside: Mask, waits: Waits, own: I64) -> Leaks:
    """Walk from all roots but the candidates, and from what may be used again, and return what was not reached."""
    count, goroutines = len(walk.reached), len(candidate)
    if not candidate.any():
        return Leaks(np.empty(0, np.int64), np.zeros(count, np.bool_))
    top = count + goroutines
    cut = np.zeros(count, np.bool_)
    cut[waits.sudogs] = True
    mine = np.flatnonzero(candidate & (own >= 0))
    cut[own[mine]] = True
    stacks = np.isin(walk.roots.kind, (mgcmark.STACK, mgcmark.REGISTERS)) & (walk.roots.holder >= 0)
    stacks[stacks] = candidate[walk.roots.holder[stacks]]
    held = np.flatnonzero(waits.target >= 0)
    outs = walk.graph.starts[own[mine] + 1] - walk.graph.starts[own[mine]]
    pairs = [
        (waits.target[held], count + waits.row[held]),
        (count + walk.roots.holder[stacks], walk.roots.target[stacks]),
        (count + np.repeat(mine, outs), walk.graph.of(own[mine])),
    ]
    begin = np.zeros(top, np.bool_)
    begin[walk.roots.target[~stacks]] = begin[may] = True
    begin[count + np.flatnonzero(outside & candidate)] = True
    first = np.flatnonzero(begin)
    pairs.append((np.full(len(first), top), first))
    reached = _walked(walk.graph, cut, pairs, top) >= 0
    return Leaks(np.flatnonzero(candidate & ~reached[count:top]), walk.reached & ~reached[:count])


def _walked(graph: Graph, cut: Mask, pairs: list[tuple[Ids, Ids]], top: int) -> Ids:
    """Walk the graph without the pointers of what is cut off, and with a few more edges."""
    ids = id_type(top + len(graph.targets) + sum(len(source) for source, _ in pairs) + 1)
    source, target = (
        np.concatenate([each.astype(ids) for each in column]) for column in zip(*pairs, strict=True)
    )
    order = np.argsort(source, kind="stable")
    source, target = source[order], target[order]
    counts = np.diff(graph.starts)
    kept = graph.targets[~np.repeat(cut, counts)]
    counts[cut] = 0
    ends = np.full(top + 1, len(kept), ids)
    np.cumsum(counts, out=ends[: len(counts)])
    targets = np.insert(kept, ends[source], target).astype(ids, copy=False)
    ends += np.cumsum(np.bincount(source, minlength=top + 1))
    return breadth_first(np.concatenate([np.zeros(1, ids), ends], dtype=ids), targets, top)
