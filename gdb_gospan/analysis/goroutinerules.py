"""Findings about goroutines: leaks, deep stacks, the dead, and queues that nobody empties."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gdb_gospan.analysis import goroutines
from gdb_gospan.analysis.case import Account, Case
from gdb_gospan.analysis.findings import SHARE, Code, Finding, Rule, Sure
from gdb_gospan.analysis.goroutines import Living, in_library
from gdb_gospan.analysis.heaprules import stacks as stacks_of_nobody
from gdb_gospan.analysis.stacks import stack_bytes
from gdb_gospan.runtime.record import I64, U64, Mask

_IN_SYSCALL: Final = 3
_WAITING: Final = 4
_DEEP: Final = 16
"""Goroutines that are few."""
_IDLE_RUNNERS: Final = ("finalizer wait", "cleanup wait")
_EXPECTED: Final = "IO wait"
"""A goroutine that waits for a connection may be meant to."""


def finalizers_stuck(case: Case) -> Finding | None:
    """Find finalizers or cleanups that wait, because what runs them is stuck in one, or slow (mfinal.go, mcleanup.go)."""
    queues = case.heap.queues
    every, row = case.runners, None
    if every is not None:
        runs = [each for each in range(len(every.rows)) if _runs_one(every, each)]
        row = max(runs, key=lambda each: int(every.waited[each]), default=None)
    waited = -1 if every is None or row is None else int(every.waited[row])
    # The queue of a stripped program is not found; that a cycle has seen its goroutine wait in a finalizer tells, too.
    unknown = queues.finalizers is None and waited >= 0
    if max(queues.finalizers or 0, queues.cleanups or 0) < case.limits.queue and not unknown:
        return None
    evidence: dict[str, Any] = {"finalizers": queues.finalizers, "cleanups": queues.cleanups}
    if every is not None and row is not None:
        evidence |= {
            "function": every.function(row),
            "wait_reason": every.reason(row) or every.state(row),
            "waited_ns": None if waited < 0 else waited,
        }
    # A cycle enters the time since when a goroutine waits: one that goes on between two cycles has none.
    sure: Sure = "possible" if waited < 0 else "certain" if waited >= _LONG and not unknown else "likely"
    stuck = sure != "possible"
    # The objects of cleanups are freed all the same.
    brings: frozenset[Code] = frozenset({"live-objects"} if stuck and queues.finalizers != 0 else ())
    return Finding("finalizers-stuck", {}, evidence, sure=sure, urgent=stuck, brings=brings)


_LONG: Final = 1_000_000_000
"""Nanoseconds in which a finalizer is done that is only slow."""


def _runs_one(every: Living, row: int) -> bool:
    """Whether it is in what it runs, and does not wait for more to run."""
    return every.reason(row) not in _IDLE_RUNNERS and not in_library(every.function(row))


def os_threads(case: Case) -> Finding | None:
    """Find the system stacks of threads: the runtime keeps each thread that it has once started (proc.go, stopm)."""
    stacks, ms = stack_bytes(case.heap), case.heap.ms
    nbytes = sum(each or 0 for each in (stacks.system_bytes, stacks.exited_bytes))
    return Finding(
        "os-threads",
        {"stacks": nbytes},
        {"stack_bytes": nbytes, "threads": None if ms is None else int(np.count_nonzero(~ms.spare))},
        sure="likely" if case.resident else "certain",
    )


def dead_goroutines(case: Case) -> Finding | None:
    """Find goroutines that have ended: the runtime never frees a descriptor (proc.go, gfput)."""
    dead = goroutines.dead(case.heap)
    if not dead.count:
        return None
    return Finding(
        "dead-goroutines",
        {"objects": dead.descriptor_bytes, "stacks": dead.stack_bytes},
        {
            "dead": dead.count,
            "descriptor_bytes": dead.descriptor_bytes,
            "stack_bytes": dead.stack_bytes,
            "alive": 0 if case.goroutines is None else len(case.goroutines.rows),
        },
    )


def goroutine_leak(case: Case) -> Finding | None:
    """Find the function that has started most of the goroutines that wait."""
    every = case.goroutines
    calls = None if every is None else every.column("gopc")
    if every is None or calls is None:
        return None
    waiting = np.flatnonzero(np.isin(every.status, (_IN_SYSCALL, _WAITING)) & ~every.system)
    if len(waiting) < case.limits.goroutines:
        return None
    rows = waiting[_largest(every, calls[waiting], waiting)]
    if len(rows) < max(case.limits.goroutines, case.limits.waiting_share * len(waiting)):
        return None
    first = int(rows[0])
    started, (reason, alike), waited = every.started(first), _most(every, rows), every.waited[rows]
    long = int(np.count_nonzero(waited >= 1e9 * case.limits.waited)) * 2 >= len(rows)
    stacks = int(every.stack_bytes[rows].sum())
    evidence = {
        "goroutines": len(rows),
        "waiting_share": round(len(rows) / len(waiting), 3),
        "wait_reason": reason,
        "alike": alike,
        "statements": len(np.unique(calls[rows])),
        "waited_ns": int(waited.max()) if (waited >= 0).any() else None,
        "stack_bytes": stacks,
        "started_by": started.function or None,
        "started_file": started.file or None,
        "started_line": started.line or None,
        "go_pc": hex(int(calls[first])),
    }
    claims: dict[Account, int] = {
        "stacks": stacks,
        "objects": len(rows) * goroutines.descriptor_slot(case.heap),
    }
    sure: Sure = "likely" if long and reason != _EXPECTED else "possible"
    against = {} if sure == "likely" else {"may_be_idle": True}
    return Finding("goroutine-leak", claims, evidence, sure=sure, against=against, always=long)


def _largest(every: Living, calls: I64 | U64, rows: I64) -> Mask:
    """Which of these come from the go statement that has started most, or from the few beside it in the same function.

    A request that is never done mostly leaves as many of each behind: a reader and a writer.
    """
    places, which, counts = np.unique(calls, return_inverse=True, return_counts=True)
    first = np.zeros(len(places), np.int64)
    first[which] = rows
    functions = [every.started(int(row)).function for row in first]
    sets = []
    for place in np.flatnonzero(counts >= counts.max() / _STATEMENTS).tolist():
        near = np.flatnonzero(np.abs(counts - counts[place]) * _ALIKE <= counts[place])
        beside = [each for each in near.tolist() if functions[each] and functions[each] == functions[place]]
        sets.append(beside if 1 < len(beside) <= _STATEMENTS else [place])
    found: Mask = np.isin(which, max(sets, key=lambda each: int(counts[each].sum())))
    return found


_STATEMENTS: Final = 4
"""Go statements of one function that make one leak at most."""
_ALIKE: Final = 10
"""They have started as many, but for a tenth."""


def _most(every: Living, rows: I64) -> tuple[str, int]:
    """Return what most of these wait for, and how many do."""
    reasons = every.column("waitreason")
    if reasons is None:
        return "", 0
    _, first, counts = np.unique(reasons[rows], return_index=True, return_counts=True)
    worst = int(np.argmax(counts))
    return every.reason(int(rows[first[worst]])), int(counts[worst])


def large_stacks(case: Case) -> Finding | None:
    """Find stacks of goroutines that are alive: a few deep ones, or many."""
    every = case.goroutines
    if every is None or not len(every.rows):
        return stacks_of_nobody(case)
    given = every.stack_bytes
    order = np.argsort(-given, kind="stable")[:_DEEP]
    deep = order[given[order] >= case.limits.deep_bytes]
    total, of_deep = int(given.sum()), int(given[deep].sum())
    used = every.used_bytes
    first, goid = int(order[0]), every.column("goid")
    evidence: dict[str, Any] = {
        "goroutines": len(every.rows),
        "stack_bytes": total,
        "used_bytes": int(used[used >= 0].sum()) if (used >= 0).any() else None,
        "deep": len(deep),
        "deep_bytes": of_deep,
        "largest_bytes": int(given[first]),
        "goid": None if goid is None else int(goid[first]),
        "function": case.deepest or None,
    }
    return Finding("deep-stacks" if 2 * of_deep > total else "many-stacks", {"stacks": total}, evidence)


GOROUTINE_RULES: Final[tuple[tuple[Rule, str], ...]] = (
    (finalizers_stuck, SHARE),
    (dead_goroutines, SHARE),
    (goroutine_leak, SHARE),
    (os_threads, "stacks_share"),
    (large_stacks, "stacks_share"),
)
"""They come before those of the heap."""
