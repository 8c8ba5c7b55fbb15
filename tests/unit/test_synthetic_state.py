"""The collector's state and the pacer's formulas, on a heap made by hand: cases that a core at rest never shows."""

from __future__ import annotations

import numpy as np
import pytest

from gdb_gospan.analysis.occupancy import decile
from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.reports.envelope import proof
from gdb_gospan.reports.gc import state_of
from gdb_gospan.runtime.mgc import lock_held
from tools.tiny_heap import SWEEPGEN, TinyHeap

MIB = 1 << 20
NO_LIMIT = (1 << 63) - 1


def session(tiny: TinyHeap) -> Session:
    return Session(Target("core", "core of tiny"), tiny.heap())


def next_gc(**controller: int) -> int:
    tiny = TinyHeap()
    tiny.put("gcControllerState", tiny.at["gcController"], **controller)
    goal: int = tiny.heap().mem_stats["NextGC"]
    return goal


def test_the_goal_is_that_of_gogc() -> None:
    assert next_gc(gcPercentHeapGoal=40 * MIB) == 40 * MIB


def test_the_sweep_needs_some_distance() -> None:
    assert next_gc(gcPercentHeapGoal=4 * MIB, sweepDistMinTrigger=5 * MIB) == 5 * MIB


def test_a_triggered_cycle_has_64_kib_of_runway() -> None:
    assert next_gc(gcPercentHeapGoal=4 * MIB, triggered=4 * MIB) == 4 * MIB + (64 << 10)
    assert next_gc(gcPercentHeapGoal=4 * MIB, triggered=3 * MIB) == 4 * MIB


def limited(limit: int, **more: int) -> int:
    """NextGC with 100 MiB mapped, of which 10 are free pages and 60 objects: 30 MiB are not heap."""
    values = {
        "mappedReady": 100 * MIB,
        "heapFree": 10 * MIB,
        "totalAlloc": 60 * MIB,
        "heapMarked": 7 * MIB,
    } | more
    # Two objects of 64 bytes in the cached span are not counted in totalAlloc yet.
    values["totalAlloc"] -= 2 * 64
    return next_gc(gcPercentHeapGoal=1 << 50, memoryLimit=limit, **values)


def test_a_memory_limit_leaves_what_is_not_heap_and_three_percent() -> None:
    goal = 500 * MIB - 30 * MIB
    assert limited(500 * MIB) == goal - goal // 100 * 3


def test_a_small_limit_leaves_a_mebibyte() -> None:
    assert limited(90 * MIB) == 90 * MIB - 30 * MIB - 10 * MIB - (50 * MIB) // 100 * 3
    assert limited(42 * MIB, mappedReady=42 * MIB, totalAlloc=20 * MIB) == 42 * MIB - 12 * MIB - MIB


def test_what_exceeds_the_limit_counts_twice() -> None:
    assert limited(80 * MIB, heapMarked=0) == 80 * MIB - 30 * MIB - 20 * MIB - MIB


def test_a_limit_below_what_is_not_heap_leaves_what_is_alive() -> None:
    assert limited(30 * MIB) == 7 * MIB


@pytest.mark.parametrize(
    ("key", "held"),
    [(0, False), (1, True), (2, True), (3, True), (0x7F00_0000_0402, False), (0x7F00_0000_0403, True)],
)
def test_locks_of_both_kinds(key: int, held: bool) -> None:
    assert lock_held(key) is held
    tiny = TinyHeap()
    tiny.put("mheap", tiny.at["mheap"], lock__key=key)
    assert state_of(tiny.heap()).heap_lock_held is held


def test_between_cycles() -> None:
    state = state_of(TinyHeap().heap())
    assert (state.phase, state.cycles, state.num_gc) == ("off", SWEEPGEN // 2, SWEEPGEN // 2)
    assert (state.sweep_done, state.sweepers) == (True, 0)
    assert (state.gc_percent, state.memory_limit, state.gomaxprocs) == (100, None, 1)


def test_while_marking_one_cycle_more_has_begun() -> None:
    tiny = TinyHeap()
    tiny.write(tiny.at["gcphase"], (1).to_bytes(4, "little"))
    state = state_of(tiny.heap())
    assert (state.phase, state.cycles) == ("mark", SWEEPGEN // 2 + 1)


def test_while_sweeping() -> None:
    tiny = TinyHeap()
    tiny.put("sweepdata", tiny.at["sweep"], active__state=(1 << 31) + 3)
    assert state_of(tiny.heap()).sweep_done is False
    assert state_of(tiny.heap()).sweepers == 3


def test_gogc_off_and_a_limit() -> None:
    tiny = TinyHeap()
    tiny.put("gcControllerState", tiny.at["gcController"], gcPercent=-1, memoryLimit=5 * MIB)
    state = state_of(tiny.heap())
    assert (state.gc_percent, state.memory_limit) == (None, 5 * MIB)


@pytest.mark.parametrize("cycles", [0, 1, 3, 256, 300])
def test_pauses_are_the_newest_first_and_their_quantiles_are_gos(cycles: int) -> None:
    tiny = TinyHeap()
    tiny.put("mstats", tiny.at["memstats"], numgc=cycles)
    ring = tiny.at["memstats"] + tiny.layout["mstats"]["pause_ns"].offset
    for cycle in range(1, cycles + 1):
        tiny.words(ring + 8 * ((cycle + 255) % 256), 1000 * cycle)
    state = state_of(tiny.heap())
    kept = [1000 * cycle for cycle in range(cycles, max(cycles - 256, 0), -1)]
    assert list(state.pauses) == kept
    ordered = sorted(kept)
    # runtime/debug/garbage.go, ReadGCStats, with room for five.
    assert [*state.pause_quantiles] == [ordered[len(ordered) * i // 4] for i in range(4) if kept] + ordered[
        -1:
    ]


def test_needing_zeroing_counts_spans_in_use_only() -> None:
    tiny = TinyHeap()
    for descriptor in (tiny.small, tiny.stack, tiny.free[0]):
        tiny.put("mspan", descriptor, needzero=1)
    assert proof(session(tiny)).spans.needzero == 1


def test_deciles() -> None:
    nelems = np.array([10] * 7 + [8192 // 8])
    objects = np.array([0, 1, 2, 5, 9, 10, 11, 1])
    assert decile(objects, nelems).tolist() == [0, 0, 1, 4, 8, 9, 9, 0]
