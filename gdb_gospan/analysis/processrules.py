"""Findings about a process: memory that is resident and not of the heap, or returned and yet resident."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gdb_gospan.analysis.case import Account, Case
from gdb_gospan.analysis.findings import SHARE, Code, Finding, Rule
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within


def returned_resident(case: Case) -> Finding | None:
    """Find pages that the runtime has returned and the kernel has not taken: MADV_FREE, or huge pages (mgcscavenge.go)."""
    lazily = (case.heap.godebug or {}).get("madvdontneed") == 0
    accounted = case.accounted
    if accounted is None or not case.resident:
        return None
    returned, lazy = case.amount("returned"), accounted.lazy_free
    part = accounted.parts.get("heap_returned")
    huge = None if part is None else part.huge
    collapsed = huge is not None and 2 * huge >= returned > 0 and not 2 * (lazy or 0) >= returned
    return Finding(
        "huge-pages" if collapsed else "returned-resident",
        {"returned": returned},
        {"returned_bytes": returned, "lazy_free_bytes": lazy, "huge_bytes": huge, "madvdontneed_0": lazily},
    )


def returned_recorded(case: Case) -> Finding | None:
    """Find returned pages that a core of the kernel has, which were in memory or in swap; or that may have been (MADV_FREE)."""
    if case.resident:
        return None
    lazily = (case.heap.godebug or {}).get("madvdontneed") == 0
    recorded = None if case.beyond is None else case.beyond.returned
    returned = recorded
    if recorded is None and lazily:
        returned = within(case.heap.mem_stats["HeapReleased"], ADDRESS_SPACE)
    if returned is None or returned < max(case.limits.bytes, case.limits.share * (case.total or 0)):
        return None
    return Finding(
        "returned-resident",
        {},
        {"returned_bytes": returned, "recorded": recorded is not None, "madvdontneed_0": lazily},
        sure="possible" if recorded is None else "likely",
        urgent=recorded is not None and returned > (case.total or 0),
        brings=frozenset({"beyond-go"}),
    )


def _outside(code: Code, account: Account) -> Callable[[Case], Finding | None]:
    def rule(case: Case) -> Finding | None:
        amount = case.amount(account)
        return (
            Finding(code, {account: amount}, {"outside_bytes": amount}) if amount and case.resident else None
        )

    return rule


PROCESS_RULES: Final[tuple[tuple[Rule, str], ...]] = (
    (_outside("c-heap", "c_heap"), SHARE),
    (_outside("c-threads", "thread_stacks"), SHARE),
    (_outside("anonymous-memory", "anonymous"), SHARE),
    (_outside("mapped-files", "files"), SHARE),
    (_outside("shared-memory", "shared"), SHARE),
    (_outside("program-data", "program"), "beyond_share"),
    (_outside("other-runtime", "other_runtimes"), SHARE),
    (returned_resident, SHARE),
    (returned_recorded, SHARE),
)
"""What a process has besides the heap, or against the heap's own word."""
