"""go-spans gc: the collector, its pacer, the sweep and the scavenger."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.analysis.session import Session
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import gc as view
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mgc import GCState
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, possible, within

_RING = 256
"""Pauses that the runtime keeps (mstats.go)."""


def document(session: Session, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Describe the whole of garbage collection at this moment."""
    session.let_go("godebug", "scavenger")
    heap = session.heap
    return {
        **session.envelope("gc"),
        "gc": gc_state(heap),
        "pacer": _pacer(heap),
        "sweep": attrs.asdict(heap.sweep),
        "scavenger": {
            name: within(value, ADDRESS_SPACE)
            if isinstance(value, int) and not isinstance(value, bool)
            else value
            for name, value in attrs.asdict(heap.scavenger).items()
        },
        "godebug": heap.godebug,
        **session.provenance(),
    }


def gc_state(heap: Heap) -> dict[str, Any]:
    """Describe where the collector stands, and debug.ReadGCStats' data."""
    state: GCState | None = heap.gc
    stats = possible(heap.mem_stats)
    count = stats["NumGC"]
    # readGCStats: the newest pause is at (NumGC+255)%256, and there are at most 256 (mstats.go).
    kept = min(count, _RING)
    order = [(count - 1 - back) % _RING for back in range(kept)]
    pauses = [stats["PauseNs"][index] for index in order]
    ordered = sorted(pauses)
    # As debug.ReadGCStats fills five PauseQuantiles (runtime/debug/garbage.go).
    quantiles = [ordered[kept * i // 4] for i in range(4)] + [ordered[-1]] if ordered else []
    return {
        "phase": state.phase_name if state else None,
        "cycles": state.cycles if state else None,
        "sweep_done": heap.sweep.done,
        "sweepers": heap.sweep.sweepers,
        "heap_lock_held": state.lock_held if state else None,
        "gc_percent": state.gc_percent if state else None,
        "memory_limit": within(state.memory_limit) if state else None,
        "memory_limit_known": state is not None and (state.memory_limit is None or state.memory_limit >= 0),
        "heap_marked": _now(heap, "heapMarked"),
        "gomaxprocs": len(heap.ps),
        "num_gc": count,
        "num_forced_gc": stats["NumForcedGC"],
        "last_gc": stats["LastGC"],
        "pause_total": stats["PauseTotalNs"],
        "pauses": pauses,
        "pause_quantiles": quantiles,
    }


def _pacer(heap: Heap) -> dict[str, Any]:
    """Describe what decides when the next cycle begins (mgcpacer.go); bytes."""
    controller, stats = heap.controller, possible(heap.mem_stats)
    limit = within(heap.gc.memory_limit) if heap.gc else None
    used = _now(heap, "mappedReady")
    return {
        "heap_live": _now(heap, "heapLive"),
        "heap_marked": _now(heap, "heapMarked"),
        "heap_goal": stats["NextGC"],
        "heap_goal_last": controller.get("lastHeapGoal"),
        "heap_minimum": controller.get("heapMinimum"),
        "stack_scan_last": _now(heap, "lastStackScan"),
        "globals_scan": _now(heap, "globalsScan"),
        "heap_in_use_last": heap.memstats.get("lastHeapInUse"),
        "memory_limit": limit,
        "memory_used": used,
        "memory_headroom": None if limit is None or used is None else limit - used,
        "gc_cpu_fraction": stats["GCCPUFraction"],
    }


def _now(heap: Heap, name: str) -> int | None:
    """Return a number of bytes that gcController says there are; None where no program can have so many."""
    return within(heap.controller.get(name), ADDRESS_SPACE)


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
