"""go-spans gc: the collector, its pacer, the sweep and the scavenger."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from gdb_gospan.analysis.pauses import newest_first, quantiles
from gdb_gospan.analysis.session import Session
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.document import BYTES, COUNT, NANOSECONDS, PERCENT, Document, document, field, made_of
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.memstats import mem_stats_of
from gdb_gospan.reports.screens import apart
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within


@document
class State(Document):
    """Where the collector stands, and what debug.ReadGCStats tells."""

    phase: str | None = field("off, mark or mark termination")
    cycles: int | None = field("cycles started: one more than num_gc while one runs", unit=COUNT)
    sweep_done: bool = field("no span waits to be swept and no sweeper is active")
    sweepers: int | None = field("active sweepers; null when that was not found", unit=COUNT)
    heap_lock_held: bool | None = field("mheap_.lock is held: a thread is in the page allocator")
    gc_percent: int | None = field("GOGC; null when it is off", unit=PERCENT)
    memory_limit: int | None = field("GOMEMLIMIT in bytes; null when there is none", unit=BYTES)
    memory_limit_known: bool = field(
        "false when GOMEMLIMIT could not be read or is impossible; memory_limit is then null"
    )
    heap_marked: int | None = field(
        "bytes that the last cycle found live; null when impossible (damage)", unit=BYTES
    )
    gomaxprocs: int = field("Ps", unit=COUNT)
    num_gc: int = field("cycles completed", unit=COUNT)
    num_forced_gc: int = field("of these, cycles that the program requested", unit=COUNT)
    last_gc: int = field("nanoseconds since 1970: end of the last cycle, 0 for none")
    pause_total: int = field("nanoseconds of all pauses", unit=NANOSECONDS)
    pauses: tuple[int, ...] = field("nanoseconds of up to 256 pauses, the newest first", unit=NANOSECONDS)
    pause_quantiles: tuple[int, ...] = field(
        "nanoseconds: minimum, 25 %, 50 %, 75 %, maximum of those; empty before the first cycle",
        unit=NANOSECONDS,
    )


@document
class Pacer(Document):
    """What decides when the next cycle begins (mgcpacer.go)."""

    heap_live: int | None = field(
        "bytes of the heap as the pacer estimates them, from above; null when impossible (damage)",
        unit=BYTES,
    )
    heap_marked: int | None = field(
        "bytes that the last cycle found live; null when impossible (damage)", unit=BYTES
    )
    heap_goal: int | None = field(
        "bytes of HeapAlloc at which the pacer wants the next cycle to end: NextGC", unit=BYTES
    )
    heap_goal_last: int | None = field("bytes: the goal of the last cycle", unit=BYTES)
    heap_minimum: int | None = field("bytes below which no cycle begins: 4 MiB * GOGC / 100", unit=BYTES)
    stack_scan_last: int | None = field(
        "bytes of stacks that the last cycle scanned: a part of NextGC", unit=BYTES
    )
    globals_scan: int | None = field(
        "bytes of global variables that a cycle scans: a part of NextGC", unit=BYTES
    )
    heap_in_use_last: int | None = field("bytes of spans in use when the last cycle ended", unit=BYTES)
    memory_limit: int | None = field("GOMEMLIMIT in bytes; null when there is none", unit=BYTES)
    memory_used: int | None = field(
        "bytes that count against the limit: mappedReady; null when impossible (damage)", unit=BYTES
    )
    memory_headroom: int | None = field(
        "bytes of the limit that are left; below zero when it is exceeded", unit=BYTES
    )
    gc_cpu_fraction: float | None = field(
        "share of the program's CPU time that the collector used up to the end of the last cycle, 0 to 1"
    )


@document
class Sweep(Document):
    """The sweep of the last cycle; None is what this release does not have."""

    sweepgen: int = field("mheap_.sweepgen: two for each cycle that has reached its sweep", unit=COUNT)
    done: bool = field("no span waits to be swept and no sweeper is active")
    sweepers: int | None = field("active sweepers; null when that was not found", unit=COUNT)
    pages_swept: int | None = field("pages swept this cycle", unit=COUNT)
    pages_per_byte: float | None = field("pages to sweep for each byte allocated")
    class_reached: int | None = field(
        "span class * 2, plus 1 for full sets, where the background sweep continues"
    )
    reclaim_done: bool | None = field("the page reclaimer went through all pages of this cycle")
    reclaim_credit: int | None = field("pages that it freed beyond the request", unit=COUNT)


@document
class Scavenger(Document):
    """What returns free pages to the operating system."""

    goals_known: bool = field("runtime.scavenge was found, so that null means that a goal is not active")
    gc_percent_goal: int | None = field(
        "bytes that it would retain for GOGC: heap_goal / heap_goal_last * heap_in_use_last, and a tenth; null "
        "when that goal is not active",
        unit=BYTES,
    )
    memory_limit_goal: int | None = field("the same for the memory limit", unit=BYTES)
    retained: int | None = field(
        "bytes of the heap that are not returned, which the goals are compared with: heap_in_use + heap_free",
        unit=BYTES,
    )
    heap_in_use: int | None = field("of those, bytes of spans in use", unit=BYTES)
    heap_free: int | None = field("of those, bytes of free pages", unit=BYTES)
    released_background: int | None = field(
        "bytes returned in the background since the last line of scavtrace; in Go 1.19 all", unit=BYTES
    )
    released_eagerly: int | None = field("bytes returned while allocating; null in Go 1.19", unit=BYTES)


@document
class Collector(Answer):
    """The collector, its pacer, the sweep and the scavenger."""

    gc: State = field("the state of the collector, and what debug.ReadGCStats returns")
    pacer: Pacer = field("what decides when the next cycle begins")
    sweep: Sweep = field("the sweep of the last cycle; null for what this release does not have")
    scavenger: Scavenger = field("what returns free pages to the operating system")
    godebug: Mapping[str, int] | None = field(
        "the effective GODEBUG settings that affect memory, by name; null when they were not found"
    )


def _build(session: Session, _arguments: Arguments) -> Collector:
    """Describe the whole of garbage collection at this moment."""
    session.finish_reading("godebug", "scavenger")
    heap = session.heap
    return Collector(
        about=about(session, "gc"),
        gc=state_of(heap),
        pacer=_pacer_of(heap),
        sweep=made_of(Sweep, attrs.asdict(heap.sweep)),
        scavenger=_scavenger_of(heap),
        godebug=heap.godebug,
        proof=proof(session),
    )


def state_of(heap: Heap) -> State:
    """Describe where the collector stands, and debug.ReadGCStats' data."""
    state, stats = heap.gc, mem_stats_of(heap)
    pauses = newest_first(stats.PauseNs, stats.NumGC)
    return State(
        phase=state.phase_name if state else None,
        cycles=state.cycles if state else None,
        sweep_done=heap.sweep.done,
        sweepers=heap.sweep.sweepers,
        heap_lock_held=state.lock_held if state else None,
        gc_percent=state.gc_percent if state else None,
        memory_limit=within(state.memory_limit) if state else None,
        memory_limit_known=state is not None and (state.memory_limit is None or state.memory_limit >= 0),
        heap_marked=_now(heap, "heapMarked"),
        gomaxprocs=len(heap.ps),
        num_gc=stats.NumGC,
        num_forced_gc=stats.NumForcedGC,
        last_gc=stats.LastGC,
        pause_total=stats.PauseTotalNs,
        pauses=pauses,
        pause_quantiles=quantiles(pauses),
    )


def _pacer_of(heap: Heap) -> Pacer:
    controller, stats = heap.controller, mem_stats_of(heap)
    limit = within(heap.gc.memory_limit) if heap.gc else None
    used = _now(heap, "mappedReady")
    return Pacer(
        heap_live=_now(heap, "heapLive"),
        heap_marked=_now(heap, "heapMarked"),
        heap_goal=stats.NextGC,
        heap_goal_last=controller.get("lastHeapGoal"),
        heap_minimum=controller.get("heapMinimum"),
        stack_scan_last=_now(heap, "lastStackScan"),
        globals_scan=_now(heap, "globalsScan"),
        heap_in_use_last=heap.memstats.get("lastHeapInUse"),
        memory_limit=limit,
        memory_used=used,
        memory_headroom=None if limit is None or used is None else limit - used,
        gc_cpu_fraction=stats.GCCPUFraction,
    )


def _scavenger_of(heap: Heap) -> Scavenger:
    found = heap.scavenger
    return Scavenger(
        goals_known=found.goals_known,
        gc_percent_goal=within(found.gc_percent_goal, ADDRESS_SPACE),
        memory_limit_goal=within(found.memory_limit_goal, ADDRESS_SPACE),
        retained=within(found.retained, ADDRESS_SPACE),
        heap_in_use=within(found.heap_in_use, ADDRESS_SPACE),
        heap_free=within(found.heap_free, ADDRESS_SPACE),
        released_background=within(found.released_background, ADDRESS_SPACE),
        released_eagerly=within(found.released_eagerly, ADDRESS_SPACE),
    )


def _now(heap: Heap, name: str) -> int | None:
    """Return a number of bytes that gcController says there are; None where no program can have so many."""
    return within(heap.controller.get(name), ADDRESS_SPACE)


REPORT = Report(
    name="gc",
    summary="the garbage collector: cycle, pacer, memory limit, sweep, scavenger, pauses",
    description=(
        "Shows the state of the collector and what decides when it runs next. It also has everything that\n"
        "debug.ReadGCStats returns: LastGC, NumGC, PauseTotal, the pauses and their quantiles."
    ),
    example="go-spans gc",
    place=90,
    document=Collector,
    build=_build,
    screen=apart("gc"),
    rows=("gc", "pacer", "sweep", "scavenger", "godebug"),
    words=(
        (
            "estimated live",
            "heapLive: marked by the last cycle or allocated since; cached spans count in full",
        ),
        (
            "next heap goal",
            "MemStats.NextGC: HeapAlloc at which the next cycle should end, from GOGC, or from the memory limit if that is lower",
        ),
        ("also scanned", "stacks at the last cycle, and globals: GOGC adds them to the live heap"),
        ("Limit", "GOMEMLIMIT, and what counts against it: all mapped memory that is not returned"),
        (
            "Sweep",
            "frees what the last cycle found dead, span by span, in the background and on allocation",
        ),
        (
            "heap not returned",
            "what the scavenger's goals are compared with: spans in use, and idle pages kept",
        ),
        (
            "Scavenger",
            "returns free pages to the OS down to a goal: for GOGC next goal / last goal * heap in use at the last cycle * 1.1",
        ),
        (
            "Pauses",
            "stop-the-world time of each of the last 256 cycles, with the time that a debugger stopped the program during a pause",
        ),
        ("GODEBUG", "settings that affect memory and differ from the default"),
    ),
)
