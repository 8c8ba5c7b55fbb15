"""The state of the garbage collector: phase, sweep, pacer, scavenger (runtime/mgc.go, mgcsweep.go, mgcscavenge.go)."""

from __future__ import annotations

import math

import attrs
import numpy as np

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import Mask, Reader, Record

PHASES = ("off", "mark", "mark termination")
"""_GCoff, _GCmark, _GCmarktermination (mgc.go)."""

_SWEEP_DRAINED = 1 << 31
_NO_GOAL = (1 << 64) - 1
_NO_LIMIT = (1 << 63) - 1


@attrs.frozen(eq=False, repr=False)
class GCState:
    """The collector at the moment of the stop.

    Attributes
    ----------
    phase
        0 off, 1 mark, 2 mark termination.
    cycles
        Cycles begun: one more than NumGC while a cycle runs (mgc.go: numgc counts at mark termination).
    gc_percent
        GOGC; None when the percentage is off.
    memory_limit
        GOMEMLIMIT in bytes; None without a limit.
    heap_live, heap_marked
        Bytes; heapLive is the pacer's over-estimate, heapMarked what the last cycle found alive.
    lock_held
        mheap_.lock is held: a thread stands inside the page allocator.
    """

    phase: int
    cycles: int
    gc_percent: int | None
    memory_limit: int | None
    heap_live: int
    heap_marked: int
    lock_held: bool

    @property
    def phase_name(self) -> str:
        """The phase in Go's words; an unknown number stays a number."""
        return PHASES[self.phase] if self.phase < len(PHASES) else str(self.phase)


def read_gc_state(
    reader: Reader, symbols: Symbols, mheap: Record, memstats: Record, controller: Record
) -> GCState | None:
    """Read the collector's state; None when ``gcphase`` itself cannot be read.

    Where that variable is not found, the pacer tells as much: a cycle marks from its trigger on, and the trigger is
    reset when marking ends (mgcpacer.go, resetLive; mark and mark termination look alike then).
    """
    where = symbols.get("gcphase")
    marking = int(controller["triggered"] != _NO_GOAL)
    phase = marking if where is None else reader.word(where, 4)
    if phase is None:
        return None
    percent, limit = controller["gcPercent"], controller["memoryLimit"]
    return GCState(
        phase=phase,
        cycles=memstats["numgc"] + (phase != 0),
        gc_percent=None if percent < 0 else percent,
        memory_limit=None if limit == _NO_LIMIT else limit,
        heap_live=controller["heapLive"],
        heap_marked=controller["heapMarked"],
        lock_held=lock_held(mheap["lock.key"]),
    )


@attrs.frozen(eq=False, repr=False)
class Sweep:
    """The sweep of the last cycle; None for fields that this release does not have.

    Attributes
    ----------
    sweepgen
        mheap.sweepgen: two for each cycle that has reached its sweep.
    done
        No span waits to be swept and no sweeper is at work.
    sweepers
        Sweepers at work right now; None when ``runtime.sweep`` was not found.
    pages_swept
        Pages swept this cycle, by any sweeper.
    pages_per_byte
        Pages to sweep for each byte allocated (proportional sweep); None for what cannot be.
    class_reached
        Span class times two, plus one for full sets, that the background sweep takes from next.
    reclaim_done
        The page reclaimer went through all pages of this cycle.
    reclaim_credit
        Pages that it freed beyond what was asked for.
    """

    sweepgen: int
    done: bool
    sweepers: int | None
    pages_swept: int | None
    pages_per_byte: float | None
    class_reached: int | None
    reclaim_done: bool | None
    reclaim_credit: int | None


def read_sweep(reader: Reader, symbols: Symbols, mheap: Record, spans: Spans) -> Sweep:
    """Read ``runtime.sweep`` and mheap's part of it (mgcsweep.go); without that variable, infer it from the spans."""
    where = symbols.get("sweep")
    sweep = None if where is None else reader.record("sweepdata", where)
    state = None if sweep is None else sweep["active.state"]
    reclaim = mheap.get("reclaimIndex")
    return Sweep(
        sweepgen=mheap["sweepgen"],
        done=not spans.unswept.any() if state is None else state == _SWEEP_DRAINED,
        sweepers=None if state is None else state & (_SWEEP_DRAINED - 1),
        pages_swept=mheap.get("pagesSwept"),
        pages_per_byte=_possible(mheap.get("sweepPagesPerByte")),
        class_reached=None if sweep is None else sweep.get("centralIndex"),
        reclaim_done=None if reclaim is None else reclaim >= 1 << 63,
        reclaim_credit=mheap.get("reclaimCredit"),
    )


def _possible(ratio: float | None) -> float | None:
    """Return a ratio of pages to bytes; None for what damage may have made of it, not a number among that."""
    return ratio if ratio is not None and 0 <= ratio < math.inf else None


@attrs.frozen(eq=False, repr=False)
class Scavenger:
    """The scavenger, which returns free pages to the OS; bytes.

    Attributes
    ----------
    goals_known
        False when ``runtime.scavenge`` was not found, so that nothing is known of the two goals.
    gc_percent_goal
        What it would retain for GOGC's sake: a tenth more than the heap in use at the end of the last
        cycle, scaled as the goal is from that cycle to the next; None when that goal is not active.
    memory_limit_goal
        The same for the memory limit's sake.
    retained
        What the goals are compared with, heapRetained: the heap's pages that are not returned.
    heap_in_use, heap_free
        Its two parts: spans in use, and free pages kept.
    released_background, released_eagerly
        Returned since the last line of GODEBUG=scavtrace=1, so mostly since the program began; one sum
        (background) in Go 1.19.
    """

    goals_known: bool
    gc_percent_goal: int | None
    memory_limit_goal: int | None
    retained: int
    heap_in_use: int
    heap_free: int
    released_background: int | None
    released_eagerly: int | None


def read_scavenger(reader: Reader, symbols: Symbols, mheap: Record, controller: Record) -> Scavenger:
    """Read ``runtime.scavenge`` and the page allocator's part of it (mgcscavenge.go)."""
    where = symbols.get("scavenge")
    goals: list[int | None] = [None, None]
    if where is not None:
        scavenge = reader.record("scavenge", where)
        goals = [scavenge["gcPercentGoal"], scavenge["memoryLimitGoal"]]
    percent, limit = (None if goal == _NO_GOAL else goal for goal in goals)
    in_one = mheap.get("pages.scav.released")
    in_use, free = controller["heapInUse"], controller["heapFree"]
    return Scavenger(
        goals_known=where is not None,
        gc_percent_goal=percent,
        memory_limit_goal=limit,
        retained=in_use + free,
        heap_in_use=in_use,
        heap_free=free,
        released_background=mheap.get("pages.scav.releasedBg") if in_one is None else in_one,
        released_eagerly=mheap.get("pages.scav.releasedEager"),
    )


def read_godebug(reader: Reader, symbols: Symbols) -> dict[str, int] | None:
    """Read ``runtime.debug`` (runtime1.go): each setting that this release has, by its name in GODEBUG.

    None when the variable was not found.
    """
    where = symbols.get("debug")
    if where is None:
        return None
    debug = reader.record("debug", where)
    return {name: debug[name] for name in debug.struct.fields}


@attrs.frozen(eq=False, repr=False)
class WorkBufferLists:
    """The spans in the lists of work buffers (mgcwork.go, work.wbufSpans).

    Attributes
    ----------
    holds
        bool, a row for each span: it is in one of the two lists. None is where these are not known.
    some
        A span of work buffers is in some list, known or not. The first one ever is in none while it is made (getempty).
    """

    holds: Mask
    some: bool


def read_work_buffer_lists(reader: Reader, symbols: Symbols, spans: Spans) -> WorkBufferLists:
    """Tell which spans are in ``work.wbufSpans``, by mspan.list, which the runtime keeps to check its own removals.

    Without symbols the lists are found by the spans in them; where none are, there is no list to be found.
    """
    work, where = reader.layout["work"], symbols.get("work")
    names = () if where is None else ("free", "busy")
    lists = [(where or 0) + work[f"wbufSpans.{name}.first"].offset for name in names]
    manual, holds = np.flatnonzero(spans.manual), np.zeros(len(spans), np.bool_)
    heads = spans.records.at("list", manual)
    holds[manual] = np.isin(heads, np.array(lists, np.uint64))
    return WorkBufferLists(holds, some=bool(heads[spans.work_buffer[manual]].any()))


def lock_held(key: int) -> bool:
    """Whether a runtime mutex is locked.

    A futex lock is 1 locked or 2 locked with sleepers (lock_futex.go); the
    spinning mutex of Go 1.24 on has the lock in bit 0, and bit 1 alone never
    occurs (lock_spinbit.go: it marks a pointer in the higher bits).
    """
    return bool(key & 1) or key == 2
