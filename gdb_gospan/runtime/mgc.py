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
        Cycles begun, ``work.cycles``; one more than NumGC while a cycle runs.
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
    scavenge_goals
        Bytes that the background scavenger retains for GOGC's and for the memory
        limit's sake; None for one that is not active.
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
    scavenge_goals: tuple[int | None, int | None]
    lock_held: bool

    @property
    def phase_name(self) -> str:
        """The phase in Go's words; a number that Go does not have stays a number."""
        return PHASES[self.phase] if self.phase < len(PHASES) else str(self.phase)


def read_gc_state(reader: Reader, symbols: Symbols, mheap: Record, controller: Record) -> GCState | None:
    """Read the collector's state; None when ``gcphase`` itself cannot be read."""
    phase = reader.word(symbols["gcphase"], 4)
    if phase is None:
        return None
    work = reader.record("work", symbols["work"])
    sweep = reader.record("sweepdata", symbols["sweep"])
    scavenge = reader.record("scavenge", symbols["scavenge"])
    state = sweep["active.state"]
    goals = tuple(scavenge[name] for name in ("gcPercentGoal", "memoryLimitGoal"))
    percent, limit = controller["gcPercent"], controller["memoryLimit"]
    return GCState(
        phase=phase,
        cycles=work["cycles"],
        sweep_done=state == _SWEEP_DRAINED,
        sweepers=state & (_SWEEP_DRAINED - 1),
        gc_percent=None if percent < 0 else percent,
        memory_limit=None if limit == _NO_LIMIT else limit,
        heap_live=controller["heapLive"],
        heap_marked=controller["heapMarked"],
        scavenge_goals=(
            None if goals[0] == _NO_GOAL else goals[0],
            None if goals[1] == _NO_GOAL else goals[1],
        ),
        lock_held=lock_held(mheap["lock.key"]),
    )


def lock_held(key: int) -> bool:
    """Whether a runtime mutex is locked.

    A futex lock is 1 locked or 2 locked with sleepers (lock_futex.go); the
    spinning mutex of Go 1.24 on has the lock in bit 0, and bit 1 alone never
    occurs (lock_spinbit.go: it marks a pointer in the higher bits).
    """
    return bool(key & 1) or key == 2
