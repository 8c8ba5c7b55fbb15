"""Where the garbage collector stands: phase, sweep, pacer, scavenger (runtime/mgc.go, mgcsweep.go, mgcscavenge.go)."""

from __future__ import annotations

import attrs

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.runtime.record import Reader, Record

PHASES = ("off", "mark", "mark termination")
"""_GCoff, _GCmark, _GCmarktermination (mgc.go)."""

_SWEEP_DRAINED = 1 << 31
_NO_GOAL = (1 << 64) - 1
_NO_LIMIT = (1 << 63) - 1


@attrs.frozen
class GCState:
    """The collector at the moment of the stop.

    Attributes
    ----------
    phase
        0 off, 1 mark, 2 mark termination.
    cycles
        Cycles begun: one more than NumGC while a cycle runs (mgc.go: numgc counts at mark termination).
    sweep_done
        No span waits to be swept and no sweeper is at work.
    sweepers
        Sweepers at work right now.
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
    sweep_done: bool
    sweepers: int
    gc_percent: int | None
    memory_limit: int | None
    heap_live: int
    heap_marked: int
    lock_held: bool

    @property
    def phase_name(self) -> str:
        """The phase in Go's words; a number that Go does not have stays a number."""
        return PHASES[self.phase] if self.phase < len(PHASES) else str(self.phase)


def read_gc_state(
    reader: Reader, symbols: Symbols, mheap: Record, memstats: Record, controller: Record
) -> GCState | None:
    """Read the collector's state; None when ``gcphase`` itself cannot be read."""
    phase = reader.word(symbols["gcphase"], 4)
    if phase is None:
        return None
    sweep = reader.record("sweepdata", symbols["sweep"])
    state = sweep["active.state"]
    percent, limit = controller["gcPercent"], controller["memoryLimit"]
    return GCState(
        phase=phase,
        cycles=memstats["numgc"] + (phase != 0),
        sweep_done=state == _SWEEP_DRAINED,
        sweepers=state & (_SWEEP_DRAINED - 1),
        gc_percent=None if percent < 0 else percent,
        memory_limit=None if limit == _NO_LIMIT else limit,
        heap_live=controller["heapLive"],
        heap_marked=controller["heapMarked"],
        lock_held=lock_held(mheap["lock.key"]),
    )


@attrs.frozen
class ScavengeGoals:
    """Bytes that the background scavenger would retain; None for a goal that is not active.

    Attributes
    ----------
    gc_percent
        For GOGC's sake: a tenth more than the heap in use, scaled by the coming goal.
    memory_limit
        For the memory limit's sake.
    """

    gc_percent: int | None
    memory_limit: int | None


def read_scavenge_goals(reader: Reader, symbols: Symbols) -> ScavengeGoals:
    """Read ``runtime.scavenge`` (mgcscavenge.go)."""
    scavenge = reader.record("scavenge", symbols["scavenge"])
    goals = (scavenge[name] for name in ("gcPercentGoal", "memoryLimitGoal"))
    return ScavengeGoals(*(None if goal == _NO_GOAL else goal for goal in goals))


def lock_held(key: int) -> bool:
    """Whether a runtime mutex is locked.

    A futex lock is 1 locked or 2 locked with sleepers (lock_futex.go); the
    spinning mutex of Go 1.24 on has the lock in bit 0, and bit 1 alone never
    occurs (lock_spinbit.go: it marks a pointer in the higher bits).
    """
    return bool(key & 1) or key == 2
