"""go-spans summary: where the memory went."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.analysis.accounting import accounts
from gdb_gospan.analysis.occupancy import classes
from gdb_gospan.commands.classes import rows_of
from gdb_gospan.commands.fixalloc import fixalloc_rows
from gdb_gospan.commands.session import Session
from gdb_gospan.runtime.mpagealloc import KIND_NAMES
from gdb_gospan.views import summary as view
from gdb_gospan.views.style import Style


def document(session: Session, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Build the summary's document; its keys are the JSON contract."""
    heap = session.heap
    kinds = heap.page_kinds
    money = attrs.asdict(accounts(heap))
    del money["complete"]
    return {
        **session.envelope("summary"),
        "memstats": heap.mem_stats,
        "gc": gc_state(session),
        "bytes": money,
        "pages": dict(
            zip((name.replace(" ", "_") for name in KIND_NAMES), kinds.counts.tolist(), strict=True)
        ),
        "classes": rows_of(classes(heap)),
        "fixallocs": fixalloc_rows(heap),
        "mspancache": heap.ps.mspancache,
        **session.provenance(),
    }


def gc_state(session: Session) -> dict[str, Any]:
    """Describe where the collector stands, and debug.ReadGCStats' data."""
    heap = session.heap
    state = heap.gc
    stats = heap.mem_stats
    count = stats["NumGC"]
    # readGCStats: the newest pause is at (NumGC+255)%256, and there are at most 256 (mstats.go).
    kept = min(count, 256)
    order = [(count - 1 - back) % 256 for back in range(kept)]
    pauses = [stats["PauseNs"][index] for index in order]
    ordered = sorted(pauses)
    # As debug.ReadGCStats fills five PauseQuantiles (runtime/debug/garbage.go).
    quantiles = [ordered[kept * i // 4] for i in range(4)] + [ordered[-1]] if ordered else []
    return {
        "phase": state.phase_name if state else None,
        "cycles": state.cycles if state else None,
        "sweep_done": state.sweep_done if state else None,
        "sweepers": state.sweepers if state else None,
        "heap_lock_held": state.lock_held if state else None,
        "gc_percent": state.gc_percent if state else None,
        "memory_limit": state.memory_limit if state else None,
        "heap_marked": heap.controller["heapMarked"],
        "gomaxprocs": len(heap.ps),
        "num_gc": count,
        "num_forced_gc": stats["NumForcedGC"],
        "last_gc": stats["LastGC"],
        "pause_total": stats["PauseTotalNs"],
        "pauses": pauses,
        "pause_quantiles": quantiles,
    }


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
