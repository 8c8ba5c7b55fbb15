"""The Ms, Go's word for threads: which of them are in the middle of nothing (runtime/runtime2.go, proc.go)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np

from gdb_gospan.runtime.record import I64, U64, Mask, Reader

_IN_SYSTEM_CALL: Final = 3
_DEAD: Final = (6, 11)
"""g.atomicstatus (runtime2.go): _Gsyscall, _Gdead, and _Gdeadextra since Go 1.26."""
_SCAN: Final = 0x1000
_FIELDS: Final = ("procid", "locks", "mallocing", "dying", "p", "curg", "incgo", "id")


@attrs.frozen(eq=False, repr=False)
class Ms:
    """Fields that show whether a thread is in the middle of something, one row for each m of ``allm``.

    Attributes
    ----------
    number
        int64 (n,): m.id, as Go's own messages name it.
    procid
        int64 (n,): the thread's number in the kernel, in the process's own pid namespace; 0 for none. That of an
        extra M is stale after it left Go, before Go 1.24.
    quiet
        bool (n,): nothing of the heap is in its hands. It holds no lock and allocates nothing; and it stands idle, without
        a P and a goroutine, or its goroutine is in a system call or in C, or it has none that lives.
    complete
        Every M is known, and so are these fields of it.
    spare
        bool (n,): no thread has it. It is an extra M, for a thread of C's that calls Go: its goroutine is dead.
    first_idle
        m0 has neither a P nor a goroutine.
    dying
        uint64 (k,): the goroutines, by address, of Ms that die (m.dying); 0 for an M without one.
    throwing
        One of them has thrown (m.throwing).
    counted
        How many there must be by the scheduler's count: Ms made, less Ms freed (sched.mnext, sched.nmfreed); None
        when not known.
    """

    number: I64
    procid: I64
    quiet: Mask
    complete: bool
    spare: Mask
    first_idle: bool = False
    dying: U64 = attrs.field(factory=lambda: np.empty(0, np.uint64))
    throwing: bool = False
    counted: int | None = None

    def strangers(self, lwps: Sequence[int]) -> int | None:
        """Count the threads of a process without an M, which are C's; None if the ids are from another namespace."""
        there = np.array(lwps, np.int64)
        own = np.isin(there, self.procid[~self.spare])
        return int(np.count_nonzero(~own)) if self.knows(lwps) else None

    def knows(self, lwps: Sequence[int]) -> bool:
        """Whether these ids are from the process's own namespace: m0's is among them."""
        return bool(np.isin(self.procid[self.number == 0], np.array(lwps, np.int64)).all())

    def is_quiet(self, lwp: int) -> bool | None:
        """Whether this kernel thread is quiet; None if it has no M: a C thread, or an unknown one."""
        rows = (self.procid == lwp) & (self.procid > 0)
        return bool(self.quiet[rows].all()) if rows.any() else None


def read_ms(reader: Reader, threads: U64, sched: int | None, *, complete: bool) -> Ms | None:
    """Read only the needed fields of each m: it also holds the state of the random generator (since Go 1.22).

    Parameters
    ----------
    threads
        Their addresses, uint64 (n,).
    sched
        Address of runtime.sched; None when not known.
    complete
        Whether that is all of them.

    Returns
    -------
    Ms or None
        None when the layout does not have the fields.
    """
    if any(name not in reader.layout["m"] for name in _FIELDS):
        return None
    known = np.ones(len(threads), np.bool_)
    columns: dict[str, I64] = {}
    for name in _FIELDS:
        columns[name], there = reader.numbers("m", name, threads)
        known &= there
    has_g = columns["curg"] != 0
    status = np.full(len(threads), -1, np.int64)
    status[has_g], there = reader.numbers("g", "atomicstatus", columns["curg"][has_g].astype(np.uint64))
    known[has_g] &= there
    status = np.where(status < 0, status, status & ~_SCAN)
    # A thread that dies has raised mallocing and holds paniclk (panic.go, startpanic_m).
    dying = columns["dying"] != 0
    free = (columns["locks"] <= dying * reader.layout.traits.mutex_locks) & (columns["mallocing"] <= dying)
    idle = (columns["p"] == 0) & ~has_g & free
    spare = np.isin(status, _DEAD)
    # On the way out of a system call or of C it takes a P, and that may sweep (proc.go, exitsyscallfast_pidle, acquirep):
    # there it holds a lock.
    away = ((columns["incgo"] != 0) | (status == _IN_SYSTEM_CALL) | spare) & free
    first_idle = bool((idle & (columns["id"] == 0)).any())
    return Ms(
        number=columns["id"],
        procid=columns["procid"],
        quiet=known & (idle | away),
        complete=complete and bool(known.all()),
        spare=spare,
        dying=columns["curg"][dying].astype(np.uint64),
        first_idle=first_idle,
        throwing=_throwing(reader, threads[dying]),
        counted=_counted(reader, sched),
    )


def _throwing(reader: Reader, dying: U64) -> bool:
    """Whether one of these Ms that die has thrown by itself: a signal that is fatal makes it throwing, too (signal_unix.go)."""
    if not {"throwing", "caughtsig"} <= set(reader.layout["m"].fields) or not len(dying):
        return False
    value, known = reader.numbers("m", "throwing", dying)
    signal, there = reader.numbers("m", "caughtsig", dying)
    return bool((known & there & (value != 0) & (signal == 0)).any())


def _counted(reader: Reader, sched: int | None) -> int | None:
    """Return how many Ms there are by the scheduler's count (proc.go, mcount)."""
    if sched is None or "mnext" not in reader.layout["schedt"]:
        return None
    at = np.array([sched], np.uint64)
    made, freed = (reader.numbers("schedt", name, at) for name in ("mnext", "nmfreed"))
    return int(made[0][0] - freed[0][0]) if made[1].all() and freed[1].all() else None
