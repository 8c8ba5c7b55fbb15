"""Findings that the heap alone tells: what summary knows, too."""

from __future__ import annotations

from typing import Final

import numpy as np

from gdb_gospan.analysis.caches import caches
from gdb_gospan.analysis.case import Account, Case
from gdb_gospan.analysis.findings import SHARE, Finding, Rule, allocated, stranded_by
from gdb_gospan.analysis.occupancy import classes
from gdb_gospan.analysis.pauses import pace
from gdb_gospan.analysis.survivors import survivors
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.mgcpacer import percent_at_limit
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within

_SHORT: Final = 2
"""Runs of less than 2**2 pages are short: no large object, and no stack of more than 32 KiB fits."""
_CLOSE: Final = 25.0
"""GOGC in effect at the memory limit below which it rules the collector's work."""
_USUAL: Final = 100
_LATELY: Final = 3
"""Cycles in which the CPU limiter counts as in use."""


def limit_thrashing(case: Case) -> Finding | None:
    """Find cycles that follow each other because the live heap is close to GOMEMLIMIT (mgcpacer.go, mgclimit.go)."""
    heap = case.heap
    if heap.gc is None or case.memory_limit is None:
        return None
    percent = percent_at_limit(heap.controller, heap.flush.pending_bytes)
    often = pace(heap.mem_stats["PauseEnd"], heap.mem_stats["NumGC"])
    if percent is None or percent > _CLOSE or often is None:
        return None
    limiter, cycles = heap.limiter, heap.gc.cycles
    last = None if limiter is None else limiter.last_enabled_cycle
    limited = bool(limiter and limiter.enabled) or bool(last and cycles - last <= _LATELY)
    rate = often.up_to(heap.moment)
    marked_in_a_second = rate * (case.figure("heapMarked") or 0)  # of a large heap few cycles are much work
    busy = rate >= case.limits.cycles_per_second or marked_in_a_second >= case.limits.marked_per_second
    if not busy and not (limited and heap.moment is None):
        return None
    return Finding(
        "limit-thrashing",
        {},
        {
            "memory_limit_bytes": case.memory_limit,
            "heap_marked_bytes": case.figure("heapMarked"),
            "cycles_per_second": round(rate, 1),
            "gc_percent_at_limit": round(percent, 1),
            "cpu_limiter_used": limited,
        },
        sure="likely" if heap.moment is None else "certain",
        urgent=True,
    )


def unswept(case: Case) -> Finding | None:
    """Find what the last cycle found dead, and nothing has swept yet (mgcsweep.go)."""
    garbage = case.amount("garbage")
    if case.in_cycle:
        return None
    return Finding(
        "unswept",
        {"garbage": garbage},
        {"garbage_bytes": garbage, "unswept_spans": int(np.count_nonzero(case.heap.spans.unswept))},
        sure="likely" if case.heap.moment is None else "certain",
    )


def user_arenas(case: Case) -> Finding | None:
    """Find chunks of arenas that the program has not freed (arena.go)."""
    spans = case.heap.spans
    rows = np.flatnonzero(spans.user_arena)
    nbytes = int(spans.bytes_of(rows).sum())
    return (
        Finding("user-arenas", {"objects": nbytes}, {"chunks": len(rows), "chunk_bytes": nbytes})
        if len(rows)
        else None
    )


def garbage_waiting(case: Case) -> Finding | None:
    """Find objects that no cycle has judged, where they are most of all: GOGC is off, or large."""
    if case.amount("objects") < case.least(case.limits.share):
        return None
    found = survivors(case.heap)
    survived, new = int(found.nbytes.sum()), int(found.new_bytes.sum())
    if case.resident:  # of a ballast that nobody has written to, nothing is
        survived = min(survived, max(case.amount("objects") - new, 0))
    if new < case.limits.garbage_factor * max(survived, 4 << 20):
        return None
    gc = case.heap.gc
    return Finding(
        "garbage-waiting",
        {"objects": new},
        {
            "new_bytes": new,
            "survived_bytes": survived,
            "gc_percent": None if gc is None else gc.gc_percent,
            "cycles": case.heap.mem_stats["NumGC"],
            "heap_goal_bytes": within(case.heap.mem_stats["NextGC"], ADDRESS_SPACE),
            "memory_limit_bytes": case.memory_limit,
        },
        sure="likely" if case.memory_limit is None else "possible",
    )


def large_tails(case: Case) -> Finding | None:
    """Find what large objects lose, which take whole pages (mcache.go, allocLarge)."""
    table = classes(case.heap)
    large = table.spanclass <= 1
    tail, number = int(table.large_tail_bytes[large].sum()), int(table.spans[large].sum())
    return Finding(
        "large-tails",
        {"objects": tail},
        {
            "large_tail_bytes": tail,
            "large_objects": number,
            "large_span_bytes": int(table.span_bytes[large].sum()),
        },
        sure="likely" if case.resident else "certain",
    )


def p_hoard(case: Case) -> Finding | None:
    """Find memory that Ps keep for themselves, which no other P can use (mcache.go, mpagecache.go)."""
    table = caches(case.heap)
    if not len(table):
        return None
    return Finding(
        "p-hoard",
        {"free_slots": int(table.free_bytes.sum()), "idle": int(table.page_bytes.sum())},
        {
            "parked_bytes": int(table.parked_bytes.sum()),
            "ps": len(table),
            "most_bytes": int(table.parked_bytes.max()),
        },
        sure="likely" if case.resident else "certain",
        brings=frozenset({"garbage-waiting"}),
    )


def gc_setting(case: Case) -> Finding | None:
    """Find what GOGC above 100 lets the heap keep, more than GOGC=100 would, in whatever part of a cycle it is."""
    heap = case.heap
    percent = None if heap.gc is None else heap.gc.gc_percent
    goal, marked = within(heap.mem_stats["NextGC"], ADDRESS_SPACE), case.figure("heapMarked")
    if (
        percent is None
        or percent <= _USUAL
        or goal is None
        or marked is None
        or case.memory_limit is not None
    ):
        return None
    found = survivors(heap)
    new = min(int(found.new_bytes.sum()), case.amount("objects"))
    usual = 2 * marked + (4 << 20)
    left = max(case.amount("objects", "garbage", "free_slots", "idle") - usual, 0)
    claims: dict[Account, int] = {}
    most: dict[Account, int] = {
        "idle": case.amount("idle"),
        "free_slots": case.amount("free_slots"),
        "objects": new,
    }
    for account, nbytes in most.items():
        claims[account] = min(nbytes, left)
        left -= claims[account]
    return Finding(
        "gc-setting",
        claims,
        {"gc_percent": percent, "heap_goal_bytes": goal, "heap_marked_bytes": marked, "usual_bytes": usual},
        brings=frozenset({"garbage-waiting"}),
    )


def wasted_slots(case: Case) -> Finding | None:
    """Find free slots beyond what the program fills until the next cycle: few survivors hold whole spans."""
    free, table = case.amount("free_slots"), classes(case.heap)
    beyond = 0 if case.in_cycle else max(free - case.room, 0)
    whole = int(table.free_bytes.sum())
    if not whole or not beyond:
        return None
    worst = int(np.argmax(table.free_bytes))
    share = int(table.free_bytes[worst]) / whole
    alone = share >= case.limits.class_share
    nelems = int(table.nelems[worst]) if alone else int(table.nelems.sum())
    objects = int(table.objects[worst]) if alone else int(table.objects.sum())
    enough = beyond >= case.least(case.limits.free_slots_share)
    return Finding(
        "class-waste" if alone else "sparse-spans",
        {"free_slots": beyond},
        {
            "free_slot_bytes": free,
            "elemsize": int(table.elemsize[worst]),
            "noscan": bool(table.spanclass[worst] & 1),
            "class_share": round(share, 3),
            "occupied_share": round(objects / nelems, 3) if nelems else None,
            "spans": int(table.spans[worst]) if alone else int(table.spans.sum()),
            **(stranded_by(case, int(table.spanclass[worst]) if alone else None) if enough else {}),
        },
        against={"reused_before_next_cycle_bytes": min(case.room, free)} if case.room else {},
    )


def idle_pages(case: Case) -> Finding | None:
    """Find free pages that are kept beyond what the next cycle needs: scattered, or held back by the scavenger's goal."""
    heap, idle = case.heap, case.amount("idle")
    beyond = max(idle - max(case.room_with_tenth - case.amount("free_slots"), 0), 0)
    if case.in_cycle or beyond < case.least(case.limits.idle_share):  # the runs take time
        return None
    from gdb_gospan.analysis.contiguity import free_runs, orders  # noqa: PLC0415  # most first screens do without

    by_order = orders(free_runs(heap.pages))
    kept = by_order.npages - by_order.released
    total = int(kept.sum())
    short = int(kept[:_SHORT].sum()) / total if total else 0.0
    found = heap.scavenger
    goals = [
        within(each, ADDRESS_SPACE)
        for each in (found.gc_percent_goal, found.memory_limit_goal)
        if each is not None
    ]
    goal = min((each for each in goals if each is not None), default=None)
    retained = within(found.retained, ADDRESS_SPACE)
    scattered = short >= case.limits.short_runs
    held = goal is not None and retained is not None and retained <= goal
    return Finding(
        "contiguity" if scattered else "idle-retained",
        {"idle": beyond},
        {
            "idle_bytes": idle,
            "beyond_bytes": beyond,
            "short_runs_share": round(short, 3),
            "scavenger_goal_bytes": goal,
            "heap_retained_bytes": retained,
            "held_by_goal": held if goal is not None and retained is not None else None,
            "gc_percent": None if heap.gc is None else heap.gc.gc_percent,
        },
    )


def metadata(case: Case) -> Finding | None:
    """Add up the runtime's own structures: span descriptors, bitmaps, profiling buckets (mstats.go)."""
    if case.amount("metadata") < case.limits.metadata_bytes:
        return None
    stats = case.heap.memstats
    kinds = {
        "profiler_bytes": within(stats["buckhash_sys"], ADDRESS_SPACE),
        "span_descriptor_bytes": within(stats["mspan_sys"], ADDRESS_SPACE),
        "gc_bytes": within(stats["gcMiscSys"], ADDRESS_SPACE),
        "special_bytes": sum(each.inuse for each in case.heap.fixallocs if each.name.startswith("special")),
        "other_bytes": within(stats["other_sys"], ADDRESS_SPACE),
    }
    return Finding("metadata", {"metadata": case.amount("metadata")}, kinds)


def live_objects(case: Case) -> Finding | None:
    """Find objects that survived, where the last cycle found more of them than the one before it."""
    heap, grown = case.heap, growth(case)
    if grown is None or grown < case.limits.growth:
        return None
    found = survivors(heap)
    survived = int(found.nbytes.sum())
    worst = int(np.argmax(found.nbytes))
    return Finding(
        "live-objects",
        {"objects": survived},
        {
            "survived_bytes": survived,
            "growth": round(grown, 2),
            "elemsize": int(sizeclasses.sizes()[worst >> 1]) if 1 < worst < 2 * sizeclasses.COUNT else 0,
            "noscan": bool(worst & 1),
            "class_bytes": int(found.nbytes[worst]),
            "cycles": heap.mem_stats["NumGC"],
            **allocated(case),
        },
        sure="possible",
    )


def growth(case: Case) -> float | None:
    """Return the heap goal by that of the cycle before; None where GOGC does not rule them."""
    heap = case.heap
    if heap.gc is None or heap.gc.gc_percent is None:
        return None
    minimum, before = heap.controller.get("heapMinimum"), heap.controller.get("lastHeapGoal")
    now = within(heap.controller.get("gcPercentHeapGoal"), ADDRESS_SPACE)
    if percent_at_limit(heap.controller, heap.flush.pending_bytes) is not None:
        return None
    if now is None or not before or minimum is None or before <= minimum or before > ADDRESS_SPACE:
        return None
    return float(now / before)


def beyond_go(case: Case) -> Finding | None:
    """Find resident memory that the runtime does not keep, where nothing tells what it is."""
    beyond = case.beyond
    if beyond is None or beyond.nbytes < max(case.limits.bytes, case.limits.beyond_share * beyond.whole):
        return None
    return Finding(
        "beyond-go",
        {},
        {"beyond_bytes": beyond.nbytes, "whole_bytes": beyond.whole, "recorded": beyond.recorded},
        urgent=True,
    )


def stacks(case: Case) -> Finding | None:
    """Find goroutine stacks, where nothing tells of which goroutines."""
    nbytes = case.amount("stacks")
    return Finding("stacks", {"stacks": nbytes}, {"stack_bytes": nbytes})


HEAP_RULES: Final[tuple[tuple[Rule, str], ...]] = (
    (limit_thrashing, SHARE),
    (unswept, SHARE),
    (user_arenas, SHARE),
    (p_hoard, "hoard_share"),
    (gc_setting, SHARE),
    (garbage_waiting, SHARE),
    (large_tails, SHARE),
    (wasted_slots, "free_slots_share"),
    (idle_pages, "idle_share"),
    (metadata, "metadata_share"),
    (live_objects, "live_share"),
)
"""The most special first, each with the threshold for its share."""

SUMMARY_RULES: Final = ((beyond_go, SHARE), (stacks, "stacks_share"), *HEAP_RULES)
"""What the figures of the first screen tell."""
