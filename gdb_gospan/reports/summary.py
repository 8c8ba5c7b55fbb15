"""go-spans summary: where the memory went."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.analysis.accounting import accounts
from gdb_gospan.analysis.occupancy import classes
from gdb_gospan.analysis.session import Session
from gdb_gospan.render.style import Style
from gdb_gospan.reports.classes import rows_of
from gdb_gospan.reports.fixalloc import fixalloc_rows
from gdb_gospan.reports.gc import gc_state
from gdb_gospan.reports.screens import summary as view
from gdb_gospan.runtime.mpagealloc import KIND_NAMES
from gdb_gospan.runtime.mstats import possible


def document(session: Session, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Build the summary's document; its keys are the JSON contract."""
    session.let_go("godebug")
    heap = session.heap
    kinds = heap.page_kinds
    doubted = {
        check.code
        for check in session.checks
        if check.status in ("broken", "unknown") and check.expected != check.observed
    }
    money = attrs.asdict(accounts(heap, generation_known="gc-cycles" not in doubted))
    del money["complete"]
    return {
        **session.envelope("summary"),
        "memstats": possible(heap.mem_stats),
        "gc": gc_state(heap),
        "bytes": money,
        "pages": dict(
            zip((name.replace(" ", "_") for name in KIND_NAMES), kinds.counts.tolist(), strict=True)
        ),
        "classes": rows_of(classes(heap)),
        "fixallocs": fixalloc_rows(heap),
        "mspancache": heap.ps.mspancache,
        "godebug": heap.godebug,
        **session.provenance(),
    }


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
