"""Every goroutine with its stack, and the system stacks of the threads (runtime/runtime2.go, proc.go)."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Records

# g.atomicstatus (runtime2.go); the last two since Go 1.26.
STATUS_NAMES = {
    0: "idle", 1: "runnable", 2: "running", 3: "in a system call", 4: "waiting", 6: "dead", 8: "copying its stack",
    9: "preempted", 10: "leaked", 11: "dead, of a C thread",
}  # fmt: skip
_DEAD = (6, 11)
"""_Gdead and _Gdeadextra: kept for reuse."""
_SCAN = 0x1000
"""Set while the collector scans the stack (_Gscan)."""
_MOST_THREADS = 1 << 20
_COLUMNS = ("atomicstatus", "goid", "stack.lo", "stack.hi")
"""All that most reports ask of a g: a million of them have half a gigabyte."""
DETAILS = (
    "atomicstatus", "goid", "stack.lo", "stack.hi", "waitreason", "waitsince", "gopc", "startpc", "parentGoid", "labels",
    "sched.pc", "sched.sp", "sched.lr", "syscallpc", "syscallsp",
)  # fmt: skip
"""And what the report of goroutines asks."""


@attrs.frozen(eq=False, repr=False)
class Goroutines:
    """The gs of ``allgs``, one row each; dead ones are kept for reuse, some with their stack.

    Attributes
    ----------
    gs
        Columns of runtime.g.
    system
        Columns of the gs of all threads: g0, on which the scheduler runs, and gsignal; and of gcrash (Go 1.22 on),
        whose stack the runtime keeps for a crash that has none to run on (proc.go, schedinit).
    set_aside
        Low and high end of each stack that a thread of C's has taken the place of: uint64 (k,), twice. Such a thread
        calls Go and has a signal stack of its own already (signal_unix.go, minitSignalStack).
    exited
        Columns of the g0 of the threads that have exited: their Ms wait on sched.freem, each with its stack, until the
        next M is made (proc.go, mexit, allocm). None where that list is not known.
    last_status
        The highest status that this release has.
    lost
        Entries of allgs, or threads, that could not be read.
    """

    gs: Records
    system: Records
    set_aside: tuple[U64, U64]
    exited: Records | None
    last_status: int
    lost: int

    @property
    def complete(self) -> bool:
        """Whether every g is known."""
        return not self.lost and bool(self.gs.readable.all() and self.system.readable.all())

    @property
    def status(self) -> I64:
        """Status without the scan bit: int64 (n,); -1 where it could not be read."""
        return np.where(self.gs.readable, self.gs["atomicstatus"] & ~_SCAN, -1)

    @property
    def has_status(self) -> Mask:
        """Which of them have a status that this release has: bool (n,); any other status is damage."""
        return np.isin(self.status, [each for each in STATUS_NAMES if each <= self.last_status])

    @property
    def damaged(self) -> Mask:
        """Which of them can be read and have an unknown status: bool (n,)."""
        return self.gs.readable & ~self.has_status

    @property
    def dead(self) -> Mask:
        """Which of them are dead, and kept for reuse: bool (n,)."""
        return np.isin(self.status, _DEAD)


def read_goroutines(reader: Reader, symbols: Symbols) -> Goroutines:
    """Read the gs of ``allgs``, of the threads of ``allm`` and of ``sched.freem``, and ``gcrash`` (since Go 1.22).

    A variable that was not found counts as something that could not be read.
    """
    pointers, lost = _allgs(reader, symbols.get("allgs"))
    threads, more = read_threads(reader, symbols.get("allm"))
    of_threads, unknown = _gs(reader, threads, "g0", "gsignal")
    # A thread that crashes has gcrash for its g0 (asm_*.s, switchToCrashStack0).
    system = distinct(np.append(of_threads, np.uint64(symbols.get("gcrash") or 0)))
    gs, of_system = (reader.records("g", each, _COLUMNS) for each in (pointers, system[system != 0]))
    aside, missed = _set_aside(reader, threads)
    exited = _exited(reader, symbols.get("sched"))
    last = reader.layout.traits.last_goroutine_status
    return Goroutines(gs, of_system, aside, exited, last, lost + more + unknown + missed)


def _set_aside(reader: Reader, threads: U64) -> tuple[tuple[U64, U64], int]:
    """Read m.goSigStack of each thread, and how many are not known; a recording of an older release has none."""
    fields = [f"goSigStack.stack.{end}" for end in ("lo", "hi")]
    if any(field not in reader.layout["m"] for field in fields):
        return (np.empty(0, np.uint64), np.empty(0, np.uint64)), 0
    (low, some), (high, others) = (
        reader.pointers(threads + np.uint64(reader.layout["m"][field].offset)) for field in fields
    )
    known = some & others
    there = known & (low != 0)
    return (low[there], high[there]), int(np.count_nonzero(~known))


def _exited(reader: Reader, sched: int | None) -> Records | None:
    """Read the g0 of each thread on sched.freem, linked by m.freelink (proc.go, mexit)."""
    if sched is None or "freelink" not in reader.layout["m"] or "freem" not in reader.layout["schedt"]:
        return None
    head = reader.word(sched + reader.layout["schedt"]["freem"].offset)
    threads, cut = _linked(reader, head, "freelink")
    own, unknown = _gs(reader, threads, "g0")
    return None if cut or unknown else reader.records("g", distinct(own[own != 0]), _COLUMNS)


def places(reader: Reader, symbols: Symbols, most: int) -> U64:
    """Return the address of every goroutine; none if there are more than so many."""
    pointers, _ = _allgs(reader, symbols.get("allgs"))
    return pointers if len(pointers) <= most else pointers[:0]


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
    """Follow the list of threads, one by one: there are few.

    Returns
    -------
    U64, int
        The addresses of the ms, uint64 (n,), and 1 if the list could not be followed to its end.
    """
    return _linked(reader, None if allm is None else reader.word(allm), "alllink")


def _linked(reader: Reader, first: int | None, path: str) -> tuple[U64, int]:
    """Follow a list of ms by this field: their addresses, and 1 where it does not end."""
    if first is None:
        return np.empty(0, np.uint64), 1
    link = reader.layout["m"][path].offset
    found: dict[int, None] = {}
    thread: int | None = first
    while thread and thread not in found and len(found) < _MOST_THREADS:
        found[thread] = None
        thread = reader.word(thread + link)
    return np.array(list(found), np.uint64), int(thread != 0)


def _gs(reader: Reader, threads: U64, *paths: str) -> tuple[U64, int]:
    """Read pointers to gs of each thread, and how many threads' are not known.

    No more of an m is read: the state of the random generator is in it, too (runtime2.go, m.chacha8; since Go 1.22).
    """
    known, found = np.ones(len(threads), np.bool_), [np.empty(0, np.uint64)]
    for path in paths:
        pointers, there = reader.pointers(threads + np.uint64(reader.layout["m"][path].offset))
        found.append(pointers[there])
        known &= there
    return np.concatenate(found), int(np.count_nonzero(~known))
