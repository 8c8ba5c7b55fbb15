"""Every goroutine with its stack, and the system stacks of the threads (runtime/runtime2.go, proc.go)."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Records

# g.atomicstatus (runtime2.go); the last two since Go 1.26.
STATUS_NAMES = {
    0: "idle", 1: "runnable", 2: "running", 3: "in a system call", 4: "waiting", 6: "dead", 8: "copying its stack",
    9: "preempted", 10: "leaked", 11: "dead, of a C thread",
}  # fmt: skip
_SCAN = 0x1000
"""Set while the collector scans the stack (_Gscan)."""
_MOST_THREADS = 1 << 20
_COLUMNS = ("atomicstatus", "stack.lo", "stack.hi")
"""All that is ever asked of a g: a million of them have half a gigabyte."""


@attrs.frozen(eq=False)
class Goroutines:
    """The gs of ``allgs``, one row each; dead ones are kept for reuse, some with their stack.

    Attributes
    ----------
    gs
        Columns of runtime.g.
    system
        Columns of the gs of all threads: g0, on which the scheduler runs, and gsignal; and of gcrash (Go 1.22 on),
        whose stack the runtime keeps for a crash that has none to run on (proc.go, schedinit).
    lost
        Entries of allgs, or threads, that could not be read.
    """

    gs: Records
    system: Records
    lost: int

    @property
    def complete(self) -> bool:
        """Every g is known."""
        return not self.lost and bool(self.gs.readable.all() and self.system.readable.all())

    @property
    def status(self) -> I64:
        """Status without the scan bit: int64 (n,); -1 where it could not be read."""
        return np.where(self.gs.readable, self.gs["atomicstatus"] & ~_SCAN, -1)

    @property
    def stack_bytes(self) -> I64:
        """Bytes of each goroutine's stack: int64 (n,), 0 for a dead one without."""
        return _bytes(self.gs)

    @property
    def system_stack_bytes(self) -> I64:
        """Bytes of each system stack: int64 (m,)."""
        return _bytes(self.system)


def _bytes(gs: Records) -> I64:
    return np.where(gs.readable, (gs["stack.hi"] - gs["stack.lo"]).astype(np.int64), 0)


def read_goroutines(reader: Reader, allgs: int | None, allm: int | None, gcrash: int | None) -> Goroutines:
    """Read ``allgs``, what ``allm`` links, and ``gcrash`` (the addresses of these variables; Go 1.22 on).

    A variable that was not found counts as something that could not be read.
    """
    pointers, lost = _allgs(reader, allgs)
    threads, more = read_threads(reader, allm)
    of_threads, unknown = _gs(reader, threads)
    # A thread that crashes has gcrash for its g0 (asm_*.s, switchToCrashStack0).
    system = distinct(np.append(of_threads, np.uint64(gcrash or 0)))
    gs, of_system = (reader.records("g", each, _COLUMNS) for each in (pointers, system[system != 0]))
    return Goroutines(gs, of_system, lost + more + unknown)


def _allgs(reader: Reader, allgs: int | None) -> tuple[U64, int]:
    header = None if allgs is None else reader.words(allgs, 2)
    if header is None or isinstance(header, Unreadable):
        return np.empty(0, np.uint64), 1
    array, length = header.tolist()
    pointers = reader.words(array, length) if length < 1 << 28 else None
    if pointers is None or isinstance(pointers, Unreadable):
        return np.empty(0, np.uint64), length
    return pointers[pointers != 0], 0


def read_threads(reader: Reader, allm: int | None) -> tuple[U64, int]:
    """Follow the list of threads; there are few, and each is found only by the one before.

    Returns
    -------
    U64, int
        The addresses of the ms, uint64 (n,), and 1 if the list could not be followed to its end.
    """
    link = reader.layout["m"]["alllink"].offset
    found: dict[int, None] = {}
    thread = None if allm is None else reader.word(allm)
    while thread and thread not in found and len(found) < _MOST_THREADS:
        found[thread] = None
        thread = reader.word(thread + link)
    return np.array(list(found), np.uint64), int(thread is None)


def _gs(reader: Reader, threads: U64) -> tuple[U64, int]:
    """Read g0 and gsignal of each thread, and how many threads' are not known.

    No more of an m is read: the state of the random generator is in it, too (runtime2.go, m.chacha8; since Go 1.22).
    """
    fields = [np.uint64(reader.layout["m"][name].offset) for name in ("g0", "gsignal")]
    (g0s, some), (signals, others) = (reader.pointers(threads + offset) for offset in fields)
    return np.concatenate([g0s[some], signals[others]]), int(np.count_nonzero(~(some & others)))


def in_heap(gs: Records, starts: U64, nbytes: I64) -> Mask:
    """Which stacks lie in one of these spans (uint64 and int64 (s,), ascending): bool (n,)."""
    if not len(starts):
        return np.zeros(len(gs), np.bool_)
    low = gs["stack.lo"]
    row = np.maximum(np.searchsorted(starts, low, side="right") - 1, 0)
    inside: Mask = (low >= starts[row]) & ((low - starts[row]).astype(np.int64) < nbytes[row])
    return inside & gs.readable
