"""The identities of goroutines, threads and their stacks; each exact in a quiet stop, Go 1.19 to 1.27.

They need every goroutine, of which there may be a million: the reports about stacks and `check` have them, no other.
"""

from __future__ import annotations

import numpy as np

from gdb_gospan.analysis.identity import Finding, Identities
from gdb_gospan.analysis.notes import Note
from gdb_gospan.analysis.stacks import holders
from gdb_gospan.memory.segments import fewer
from gdb_gospan.runtime.heap import Heap

IDENTITIES = Identities()


@IDENTITIES.enter(
    "goroutine-states", "error", "scheduler", "items", "goroutines whose status is one that this release has"
)
def _goroutine_states(heap: Heap) -> Finding:
    goroutines = heap.goroutines
    bad = np.flatnonzero(goroutines.damaged)
    where = None
    if len(bad):
        address, status = int(goroutines.gs.addresses[bad[0]]), int(goroutines.gs["atomicstatus"][bad[0]])
        where = Note("goroutine-status", {"g": address, "status": status})
    total = len(goroutines.gs)
    return Finding(total, total - len(bad), where, complete=goroutines.complete)


@IDENTITIES.enter("goroutine-ids", "warning", "scheduler", "items", "goroutines, each with an id of its own")
def _goroutine_ids(heap: Heap) -> Finding:
    gs = heap.goroutines.gs
    # One that is being made is on allgs before it has its id, and dead until then (proc.go, newproc1).
    ids = np.sort(gs["goid"][~heap.goroutines.dead | (gs["goid"] != 0)])
    again = ids[1:][ids[1:] == ids[:-1]]
    where = Note("goroutine-id-again", {"goid": int(again[0])}) if len(again) else None
    return Finding(len(ids), len(fewer(ids)), where, complete=heap.goroutines.complete)


@IDENTITIES.enter(
    "goroutine-stacks",
    "error",
    "scheduler",
    "items",
    "stacks of goroutines and threads that are each one stack of a stack span",
)
def _goroutine_stacks(heap: Heap) -> Finding:
    found = holders(heap)
    where = Note("stack-outside", {"stack": found.stray}) if found.stray else None
    return Finding(found.claims, len(found.low), where, complete=_complete(heap))


@IDENTITIES.enter(
    "stack-holders", "error", "scheduler", "items", "stacks that one goroutine or thread has, and no other"
)
def _stack_holders(heap: Heap) -> Finding:
    low = holders(heap).low
    again = low[1:][low[1:] == low[:-1]]
    where = Note("stack-shared", {"stack": int(again[0])}) if len(again) else None
    return Finding(len(low), len(fewer(low)), where, complete=_complete(heap))


@IDENTITIES.enter(
    "stack-use",
    "error",
    "scheduler",
    "page bytes",
    "bytes of stacks given out = those of goroutines and threads",
)
def _stack_use(heap: Heap) -> Finding:
    found = holders(heap)
    if found.exited is None:
        return _lacks(Note("no-exited-threads"))
    held = found.living + found.dead + found.system + found.exited
    return Finding(heap.stacks.in_use_bytes, held, complete=_complete(heap))


def _lacks(what: Note) -> Finding:
    return Finding(None, 0, complete=False, missing=what)


def _complete(heap: Heap) -> bool:
    return heap.goroutines.complete and (
        heap.goroutines.exited is None or bool(heap.goroutines.exited.readable.all())
    )


@IDENTITIES.enter("thread-count", "warning", "scheduler", "items", "Ms of allm = Ms made, less Ms freed")
def _thread_count(heap: Heap) -> Finding:
    ms = heap.ms
    if ms is None or ms.counted is None:
        return _lacks(Note("no-thread-count"))
    listed = len(ms.number)
    # m0 never leaves allm, for its thread cannot end before the process does: it is counted as freed, and stands idle for
    # good (proc.go, mexit).
    listed -= ms.first_idle and listed == ms.counted + 1
    return Finding(ms.counted, listed, complete=ms.complete)


@IDENTITIES.enter(
    "thread-numbers", "warning", "scheduler", "items", "Ms that have a thread of their own, by its number"
)
def _thread_numbers(heap: Heap) -> Finding:
    ms, there = heap.ms, heap.lwps
    if ms is None or there is None:
        return _lacks(Note("no-thread-numbers"))
    numbers = ms.procid[~ms.spare]
    if not ms.knows(there):
        return _lacks(Note("other-pid-namespace"))
    order = np.sort(numbers)
    twice = order[1:][order[1:] == order[:-1]]
    good = np.isin(numbers, np.array(there, np.int64)) & ~np.isin(numbers, twice)
    bad = np.flatnonzero(~good)
    where = None
    if len(bad):
        first = int(bad[0])
        where = Note("thread-not-own", {"m": int(ms.number[~ms.spare][first]), "lwp": int(numbers[first])})
    return Finding(len(numbers), len(numbers) - len(bad), where, complete=ms.complete)
