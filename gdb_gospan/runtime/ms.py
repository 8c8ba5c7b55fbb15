"""The Ms, Go's word for threads: which of them have begun nothing (runtime/runtime2.go, proc.go)."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from gdb_gospan.runtime.record import I64, U64, Mask, Reader

_IN_SYSTEM_CALL: Final = 3
_DEAD: Final = (6, 11)
"""g.atomicstatus (runtime2.go): _Gsyscall, _Gdead, and _Gdeadextra since Go 1.26."""
_SCAN: Final = 0x1000
_FIELDS: Final = ("procid", "locks", "mallocing", "dying", "p", "curg", "incgo", "id")


@attrs.frozen(eq=False)
class Ms:
    """What tells whether a thread is in the middle of something, one row for each m of ``allm``.

    Attributes
    ----------
    number
        int64 (n,): m.id, as Go's own messages name it.
    procid
        int64 (n,): the thread's number in the kernel, in the process's own pid namespace; 0 for none. That of an
        extra M is stale after it left Go, before Go 1.24.
    quiet
        bool (n,): nothing of the heap is in its hands. It stands idle, without a P, a goroutine and a lock, and
        allocates nothing; or its goroutine is in a system call or in C, or it has none that lives.
    complete
        Every M is known, and so are these fields of it.
    """

    number: I64
    procid: I64
    quiet: Mask
    complete: bool

    def is_quiet(self, lwp: int) -> bool | None:
        """Whether this thread of the kernel's is quiet; None when no M has it: a thread of C, or one that is not known."""
        rows = (self.procid == lwp) & (self.procid > 0)
        return bool(self.quiet[rows].all()) if rows.any() else None


def read_ms(reader: Reader, threads: U64, *, complete: bool) -> Ms | None:
    """Read what is needed of each m, and no more: the state of the random generator is in it, too (since Go 1.22).

    Parameters
    ----------
    threads
        Their addresses, uint64 (n,).
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
    of_panic = columns["dying"] != 0
    free = (columns["locks"] <= of_panic) & (columns["mallocing"] <= of_panic)
    idle = (columns["p"] == 0) & ~has_g & free
    away = (columns["incgo"] != 0) | (status == _IN_SYSTEM_CALL) | np.isin(status, _DEAD)
    return Ms(columns["id"], columns["procid"], known & (idle | away), complete and bool(known.all()))
