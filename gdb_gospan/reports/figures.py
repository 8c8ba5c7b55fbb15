"""Every figure that can have a limit, by name: what summary, memstats and gc answer, and a few counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import numpy as np

from gdb_gospan.analysis.goroutines import living
from gdb_gospan.analysis.limits import Known, Reason, known
from gdb_gospan.analysis.pauses import pace
from gdb_gospan.analysis.session import Session
from gdb_gospan.fields.answer import Proof
from gdb_gospan.fields.document import BYTES, COUNT, PERCENT, fields_of, names_of
from gdb_gospan.render.notes import NOT_READ
from gdb_gospan.reports.gc import pacer_of, state_of
from gdb_gospan.reports.memstats import MemStats, mem_stats_of
from gdb_gospan.reports.summary import Bytes, bytes_of
from gdb_gospan.runtime.heap import Heap

RATE: Final = "per_second"
BROKEN: Final = "broken_checks"

ACCOUNTS: Final = names_of(Bytes)
STATS: Final = tuple(each.name for each in fields_of(MemStats) if each.column.unit in (BYTES, COUNT))
OTHERS: Final[Mapping[str, str]] = {
    "rss": BYTES,
    "goroutines": COUNT,
    "threads": COUNT,
    "unswept_spans": COUNT,
    "gc_cycles_per_second": RATE,
    "gc_cpu_percent": PERCENT,
    "memory_headroom": BYTES,
    BROKEN: COUNT,
}
UNITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(ACCOUNTS, BYTES),
    **{each.name: each.column.unit for each in fields_of(MemStats) if each.name in STATS},
    **OTHERS,
}
"""The unit of each figure."""

Base = Literal["Sys", "memory_limit"]

_COUNTERS: Final = frozenset(
    {"os_thread_stacks", "mspan", "mcache", "gc", "profiling_buckets", "other", "sys"}
)
"""Accounts that the runtime counts itself; the others are sums over what could be read."""
_OF_SLOTS: Final = frozenset({"objects", "garbage_unswept", "free_slots", "span_metadata", "tail"})
"""Accounts in which spans with an inconsistent descriptor are missing."""


class Figures(NamedTuple):
    """All figures, what a limit in percent is a share of, and why none of the figures is certain, if so."""

    known: Mapping[str, Known]
    bases: Mapping[Base, int | None]
    doubt: Reason | None


def base_of(name: str) -> Base:
    """Return what a limit in percent is a share of."""
    return "memory_limit" if name == "memory_headroom" else "Sys"


def figures(session: Session, evidence: Proof) -> Figures:
    """Return every figure; goroutines must have been read."""
    heap = session.heap
    stats, pacer = mem_stats_of(heap), pacer_of(heap)
    return Figures(
        {
            **_accounts(heap, evidence),
            **{name: known(getattr(stats, name)) for name in STATS},
            **_scheduler(heap),
            "rss": known(session.target.resident, otherwise="no_process"),
            "unswept_spans": known(evidence.spans.unswept, complete=evidence.complete),
            "gc_cycles_per_second": _rate(heap),
            "gc_cpu_percent": known(_percent(stats.GCCPUFraction)),
            "memory_headroom": _headroom(heap, pacer.memory_headroom),
            BROKEN: known(_number(evidence, "broken")),
        },
        {"Sys": stats.Sys, "memory_limit": pacer.memory_limit},
        _doubt(evidence),
    )


def _number(evidence: Proof, status: str) -> int:
    return sum(check.status == status for check in evidence.checks)


def _doubt(evidence: Proof) -> Reason | None:
    """Return why figures cannot be trusted. Of what was not read each figure knows by itself whether it is a bound."""
    if _number(evidence, "broken"):
        return "broken_checks"
    differs = any(
        check.status == "unknown"
        and check.note != NOT_READ
        and None not in (check.expected, check.observed)
        and check.expected != check.observed
        for check in evidence.checks
    )
    return "open_checks" if differs else None


def _accounts(heap: Heap, evidence: Proof) -> dict[str, Known]:
    found = bytes_of(heap, evidence.checks)
    sound = not found.contradictory
    return {
        name: known(
            getattr(found, name),
            complete=name in _COUNTERS or (evidence.complete and (sound or name not in _OF_SLOTS)),
        )
        for name in ACCOUNTS
    }


def _scheduler(heap: Heap) -> dict[str, Known]:
    goroutines, ms = heap.goroutines, heap.ms
    whole = goroutines.complete and not goroutines.damaged.any()
    threads = None if ms is None else int(np.count_nonzero(~ms.spare))
    return {
        "goroutines": known(len(living(heap, None, None).rows), complete=whole),
        "threads": known(threads, complete=ms is not None and ms.complete),
    }


def _rate(heap: Heap) -> Known:
    lately = pace(heap.mem_stats["PauseEnd"], heap.mem_stats["NumGC"])
    rate = None if lately is None else round(lately.up_to(heap.moment), 3)
    return known(rate, otherwise="few_cycles")


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 6)


def _headroom(heap: Heap, value: int | None) -> Known:
    state = state_of(heap)
    unlimited = state.memory_limit_known and state.memory_limit is None
    return known(value, otherwise="no_memory_limit" if unlimited else "not_known")
