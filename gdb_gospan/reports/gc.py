"""go-spans gc: the collector, its pacer, the sweep and the scavenger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from gdb_gospan.analysis.pauses import newest_first, pace, quantiles
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.survivors import survivors
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.document import BYTES, COUNT, NANOSECONDS, PERCENT, Document, document, field, made_of
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.memstats import mem_stats_of
from gdb_gospan.reports.screens import apart
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mgcpacer import percent_at_limit, trigger
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within

if TYPE_CHECKING:
    from gdb_gospan.analysis.goroutines import Living


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
    trigger: int | None = field(
        "bytes of the heap at which the next cycle begins; null where that is not known", unit=BYTES
    )
    gc_percent_at_limit: float | None = field(
        "the GOGC that would lead to the goal of the memory limit; null where the limit is not what decides"
    )


@document
class Pace(Document):
    """How often the last cycles ended."""

    cycles: int = field("the newest cycles that the figures are of, at most 16", unit=COUNT)
    nanoseconds: int = field("from the end of the first of them to the end of the last", unit=NANOSECONDS)
    per_second: float = field("cycles a second in that time")


@document
class Limiter(Document):
    """The limit on the collector's CPU time (mgclimit.go), which lets the heap exceed a memory limit that is too low."""

    enabled: bool | None = field(
        "the collector has used more than half of the CPU time, and gets no more than that for now"
    )
    fill: int | None = field(
        "nanoseconds of CPU time by which the collector is ahead of half", unit=NANOSECONDS
    )
    capacity: int | None = field("at how many the limiter is enabled: a second for each P", unit=NANOSECONDS)
    overflow: int | None = field("nanoseconds beyond the capacity, since the program began", unit=NANOSECONDS)
    last_enabled_cycle: int | None = field("the cycle in which it was enabled last; 0 for none", unit=COUNT)


@document
class Survived(Document):
    """Objects by the last cycle: those that it found live, and those allocated since."""

    survived: int = field(
        "objects that survived the last cycle, those allocated while it marked among them", unit=COUNT
    )
    survived_bytes: int = field("bytes of their slots", unit=BYTES)
    new: int = field("objects allocated since the last cycle", unit=COUNT)
    new_bytes: int = field("bytes of their slots", unit=BYTES)
    unknown_bytes: int = field(
        "bytes of objects in spans whose bitmaps cannot be read or whose descriptor is inconsistent",
        unit=BYTES,
    )


@document
class QueueGoroutine(Document):
    """A goroutine that runs finalizers or cleanups."""

    goid: int | None = field("its number")
    state: str = field("in Go's words")
    wait_reason: str | None = field(
        "what it waits for; finalizer wait or cleanup wait when it has nothing to do"
    )
    function: str | None = field(
        "the newest function on its stack outside the standard library: what it runs; null when it runs nothing"
    )
    waited_ns: int | None = field(
        "nanoseconds for which it has waited at the end of the last cycle, at least", unit=NANOSECONDS
    )


@document
class Queues(Document):
    """What waits to be run for objects that are dead; null where it is not known."""

    finalizers: int | None = field("finalizers that wait; until Go 1.24 cleanups, too", unit=COUNT)
    cleanups: int | None = field("cleanups that wait", unit=COUNT, since="1.25")
    cleanup_goroutines: int | None = field("goroutines for cleanups", unit=COUNT, since="1.25")
    cleanups_running: int | None = field("of those, goroutines that run one", unit=COUNT, since="1.25")
    goroutines: tuple[QueueGoroutine, ...] | None = field(
        "the goroutines that run them; null where functions have no names"
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
        "bytes of the heap that are not returned, heap_in_use + heap_free; the scavenger compares this with its goals",
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
    pace: Pace | None = field(
        "how often the last cycles ended; from the fourth cycle on", optional=True, default=None
    )
    limiter: Limiter | None = field(
        "the limit on the collector's CPU time, where it was found", optional=True, default=None
    )
    objects: Survived | None = field("objects by the last cycle", optional=True, default=None)
    queues: Queues | None = field("finalizers and cleanups that wait", optional=True, default=None)
    godebug: Mapping[str, int] | None = field(
        "the effective GODEBUG settings that affect memory, by name; null when they were not found"
    )


def _build(session: Session, _arguments: Arguments) -> Collector:
    """Describe the whole of garbage collection at this moment."""
    from gdb_gospan.analysis.goroutines import of_queues  # noqa: PLC0415  # summary has the state from here

    goroutines = of_queues(session)
    session.finish_reading("godebug", "scavenger", "goroutines", "limiter", "queues")
    heap = session.heap
    return Collector(
        about=about(session, "gc"),
        gc=state_of(heap),
        pacer=pacer_of(heap),
        sweep=made_of(Sweep, attrs.asdict(heap.sweep)),
        scavenger=_scavenger_of(heap),
        pace=pace_of(heap),
        limiter=None if heap.limiter is None else made_of(Limiter, attrs.asdict(heap.limiter)),
        objects=survived_of(heap),
        queues=_queues_of(heap, goroutines),
        godebug=heap.godebug,
        proof=proof(session),
    )


def pace_of(heap: Heap) -> Pace | None:
    """Say how often the last cycles ended; None of few cycles."""
    lately = pace(heap.mem_stats["PauseEnd"], heap.mem_stats["NumGC"])
    if lately is None:
        return None
    return Pace(cycles=lately.cycles, nanoseconds=lately.nanoseconds, per_second=round(lately.per_second, 3))


def survived_of(heap: Heap) -> Survived:
    """Describe the objects by the last cycle."""
    found = survivors(heap)
    return Survived(
        survived=int(found.objects.sum()),
        survived_bytes=int(found.nbytes.sum()),
        new=int(found.new_objects.sum()),
        new_bytes=int(found.new_bytes.sum()),
        unknown_bytes=found.unknown_bytes,
    )


def _queues_of(heap: Heap, goroutines: Living | None) -> Queues:
    rows = (
        None if goroutines is None else tuple(_runner(goroutines, row) for row in range(len(goroutines.rows)))
    )
    return Queues(goroutines=rows, **attrs.asdict(heap.queues))


def _runner(every: Living, row: int) -> QueueGoroutine:
    from gdb_gospan.analysis.goroutines import in_library  # noqa: PLC0415  # as above

    goid, waited, function = every.column("goid"), int(every.waited[row]), every.function(row)
    return QueueGoroutine(
        goid=None if goid is None else int(goid[row]),
        state=every.state(row),
        wait_reason=every.reason(row) or None,
        function=None if in_library(function) else function or None,
        waited_ns=None if waited < 0 else waited,
    )


def state_of(heap: Heap) -> State:
    """Describe where the collector stands, and debug.ReadGCStats' data."""
    state, stats = heap.gc, mem_stats_of(heap)
    newest = newest_first(stats.PauseNs, stats.NumGC)
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
        pauses=newest,
        pause_quantiles=quantiles(newest),
    )


def pacer_of(heap: Heap) -> Pacer:
    """Say what decides when the next cycle begins."""
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
        trigger=within(trigger(controller, heap.flush.pending_bytes), ADDRESS_SPACE),
        gc_percent_at_limit=percent_at_limit(controller, heap.flush.pending_bytes),
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
    rows=("gc", "pacer", "sweep", "scavenger", "pace", "limiter", "objects", "queues", "godebug"),
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
            "spans in use and idle pages kept; the scavenger compares this with its goals",
        ),
        (
            "Scavenger",
            "returns free pages to the OS until the heap is at a goal; from GOGC: next goal / last goal * heap in use at the last cycle * 1.1",
        ),
        (
            "Pauses",
            "stop-the-world time of each of the last 256 cycles, with the time that a debugger stopped the program during a pause",
        ),
        ("GODEBUG", "settings that affect memory and differ from the default"),
    ),
)
