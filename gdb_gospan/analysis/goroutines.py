"""Goroutines by what they wait for, who started them and where they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs
import numpy as np

from gdb_gospan.analysis.stacks import holders
from gdb_gospan.layout import sizeclasses
from gdb_gospan.layout.functions import Lines
from gdb_gospan.layout.inlining import Call
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.goroutines import STATUS_NAMES
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Mask
from gdb_gospan.runtime.traceback import Tracebacks, read_tracebacks, used_bytes

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Session

_WAITING: Final = 4
_IDLE: Final = 0
_DEAD: Final = 6
"""_Gdead (runtime2.go)."""
_LIBRARY: Final = frozenset(
    (
        "archive", "bufio", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug", "embed",
        "encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "internal", "io", "iter", "log",
        "maps", "math", "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "slices", "sort", "strconv",
        "strings", "structs", "sync", "syscall", "testing", "text", "time", "unicode", "unique", "unsafe", "vendor", "weak",
    )
)  # fmt: skip
"""First elements of the import paths of Go's standard library."""
_MAIN: Final = "runtime.main"
_USERS: Final = (_MAIN, "runtime.corostart", "runtime.handleAsyncEvent")
"""Functions of the runtime that goroutines of the program begin in (traceback.go, isSystemGoroutine)."""


_QUEUES: Final = (
    "runtime.runfinq",
    "runtime.runFinalizers",
    "runtime.runCleanups",
    "runtime.(*cleanupQueue)",
)
"""What the goroutines that run finalizers and cleanups begin with (mfinal.go, mcleanup.go)."""
_WRAPPER: Final = re.compile(r"\.gowrap\d+$")
"""What the compiler makes of a go statement whose call has arguments, in snapshots that do not say which are wrappers."""
_UNWRAPPED: Final = ("runtime.gopanic", "runtime.sigpanic", "runtime.panicwrap")
"""What a wrapper is shown below (runtime/traceback.go, elideWrapperCalling)."""


class Place(NamedTuple):
    """A place in the program; what is not known is empty or 0."""

    function: str = ""
    file: str = ""
    line: int = 0


@attrs.frozen(eq=False, repr=False)
class Code:
    """Names of the places where goroutines stand and were started; nothing has one if `lines` is None."""

    lines: Lines | None
    _calls: dict[int, tuple[Call, ...]] = attrs.field(factory=dict, init=False)

    def called(self, returns: int) -> Place:
        """Return the place of the call that returns to this address, in the function that has it, inlined or not."""
        for call in self._at(returns - 1)[:1] if returns else ():
            return Place(call.function or "", call.file or "", call.line or 0)
        return Place()

    def begins(self, entry: int) -> str:
        """Return the name of the function that begins here."""
        return self._physical(entry) if entry else ""

    def standing(self, pc: int) -> str:
        """Return the name of the function whose frame stands at this address: behind a call, or at its beginning.

        It is the one that exists, whatever is inlined there.
        """
        return self._physical(self._instruction(pc))

    def functions(self, frames: Iterable[int]) -> list[str]:
        """Return the functions on a stack, newest first, as Go prints it: with those that are inlined, without wrappers.

        Parameters
        ----------
        frames
            The program counters of the stack, newest first.
        """
        found, callee = list[str](), ""
        for call in chain.from_iterable(self._at(self._instruction(pc)) for pc in frames):
            if call.function and (not call.wrapper or callee in _UNWRAPPED):
                found.append(call.function)
            callee = call.function or ""
        return found

    def _instruction(self, pc: int) -> int:
        """Return an address of the instruction that a frame stands at."""
        at_entry = self.lines is not None and self.lines.entry(pc) == pc
        return pc if at_entry else pc - 1

    def _physical(self, address: int) -> str:
        return "" if self.lines is None else (self.lines.function(address) or "").removesuffix(".abi0")

    def _at(self, address: int) -> tuple[Call, ...]:
        if address not in self._calls:
            self._calls[address] = () if self.lines is None else self.lines.calls(address)
        return self._calls[address]


@attrs.frozen
class Group:
    """Goroutines that are alike.

    Attributes
    ----------
    rows
        int64 (k,): which ones, rows of `Living`.
    state, reason
        In Go's words; no reason unless they wait.
    function
        Where they stand: the newest function outside the standard library, or else the one that they began with.
    started
        The ``go`` statement.
    """

    rows: I64
    state: str
    reason: str
    function: str
    started: Place
    system: bool


@attrs.frozen(eq=False, repr=False, slots=False)
class Living:
    """The goroutines that are not dead, one row each.

    Attributes
    ----------
    rows
        int64 (n,): rows of `Goroutines.gs`.
    tracebacks
        Their stacks; None where nothing names the functions, or the stacks are not there.
    """

    heap: Heap
    rows: I64
    tracebacks: Tracebacks | None
    code: Code

    def column(self, path: str) -> I64 | U64 | None:
        """Return a column of runtime.g; None where this release, or a snapshot, has none."""
        column = self.heap.goroutine_details.get(path)
        return None if column is None else column[self.rows]

    @cached_property
    def status(self) -> I64:
        """Status without the scan bit: int64 (n,); -1 where it could not be read."""
        return self.heap.goroutines.status[self.rows]

    @cached_property
    def stack_bytes(self) -> I64:
        """Bytes of their stacks: int64 (n,)."""
        return holders(self.heap).goroutines[self.rows]

    @cached_property
    def used_bytes(self) -> I64:
        """Bytes of their stacks that are in use: int64 (n,); -1 for a goroutine that runs, and where not known."""
        details = self.heap.goroutine_details
        return used_bytes(details, self.heap.goroutines.status)[self.rows]

    @cached_property
    def waited(self) -> I64:
        """Nanoseconds for which each has waited at the end of the last GC cycle, at least: int64 (n,); -1 where not known.

        The first cycle that sees a goroutine wait enters the time at which that cycle began (mgcmark.go, markroot).
        """
        since, ended = self.column("waitsince"), self.heap.memstats.get("last_gc_nanotime")
        if since is None or not ended:
            return np.full(len(self.rows), -1, np.int64)
        blocked = np.isin(self.status, (3, _WAITING)) & (since > 0)
        return np.where(blocked & (since <= ended), ended - since.astype(np.int64), -1)

    @cached_property
    def _functions(self) -> tuple[I64, list[str]]:
        """Where each stands: int64 (n,), which of the names, and these; "" is the first of them."""
        names, start = {"": 0}, self.column("startpc")
        nodes = np.full(len(self.rows), -1, np.int64)
        if self.tracebacks is not None:
            nodes = self.tracebacks.node[self.rows]
        outside = _numbered(nodes, self._outside, names)
        begins = np.zeros_like(outside) if start is None else _numbered(start, self.code.begins, names)
        return np.where(outside > 0, outside, begins), list(names)

    def _outside(self, node: int) -> str:
        """Return the newest function outside the standard library, or the oldest one; not what the compiler made of a call."""
        frames = self.tracebacks.frames(node) if self.tracebacks is not None else []
        names = [name for name in self.code.functions(frames) if not _WRAPPER.search(name)]
        return next((name for name in names if not in_library(name)), names[-1] if names else "")

    def function(self, row: int) -> str:
        """Return where this one stands."""
        numbers, names = self._functions
        return names[int(numbers[row])]

    def frames(self, row: int) -> list[str]:
        """Return the functions on its stack, newest first; none where they are not known."""
        if self.tracebacks is None:
            return []
        return self.code.functions(self.tracebacks.frames(int(self.tracebacks.node[self.rows[row]])))

    def state(self, row: int) -> str:
        """Return the state in Go's words."""
        return STATUS_NAMES.get(int(self.status[row]), "unknown")

    def reason(self, row: int) -> str:
        """Return what it waits for, in Go's words; "" unless it waits, or where that is not known."""
        numbers, names = self.column("waitreason"), self.heap.layout.traits.wait_reasons
        if numbers is None or self.status[row] != _WAITING or numbers[row] >= len(names):
            return ""
        return names[int(numbers[row])]

    def started(self, row: int) -> Place:
        """Return the ``go`` statement that started it; the main goroutine has none."""
        calls, start = self.column("gopc"), self.column("startpc")
        if calls is None or (start is not None and self.code.begins(int(start[row])) == _MAIN):
            return Place()
        return self.code.called(int(calls[row]))

    @cached_property
    def system(self) -> Mask:
        """Which are the runtime's own (traceback.go, isSystemGoroutine): bool (n,)."""
        start = self.column("startpc")
        if start is None:
            return np.zeros(len(self.rows), np.bool_)
        begins: dict[str, int] = {}
        number = _numbered(start, self.code.begins, begins)
        numbers, functions = self._functions
        # One that runs a finalizer or a cleanup is the program's for as long.
        runs = np.array([name.startswith(_QUEUES) for name in begins], np.bool_)[number]
        runs &= np.array([not in_library(name) for name in functions], np.bool_)[numbers]
        return np.array([_is_system(name) for name in begins], np.bool_)[number] & ~runs

    def groups(self) -> list[Group]:
        """Return the goroutines that are alike, the largest group first."""
        none = np.zeros(len(self.rows), np.int64)
        reasons = self.column("waitreason")
        calls = self.column("gopc")
        keys = [
            self.status,
            none if reasons is None else np.where(self.status == _WAITING, reasons, 0),
            none if calls is None else calls.view(np.int64),
            self._functions[0],
            self.system,
        ]
        return [
            Group(
                rows=rows,
                state=self.state(first := int(rows[0])),
                reason=self.reason(first),
                function=self.function(first),
                started=self.started(first),
                system=bool(self.system[first]),
            )
            for rows in _alike(keys)
        ]


def _numbered(values: I64 | U64, name_of: Callable[[int], str], names: dict[str, int]) -> I64:
    """Return the number of each value's name, int64 (n,); names that are new are added to these."""
    different, which = np.unique(values, return_inverse=True)
    numbers = [names.setdefault(name_of(value), len(names)) for value in different.tolist()]
    return np.array(numbers, np.int64)[which]


def living(heap: Heap, lines: Lines | None, tracebacks: Tracebacks | None) -> Living:
    """Return the goroutines that are not dead; those of an unknown state are left out."""
    every = heap.goroutines
    alive = every.has_status & ~every.dead & (every.status != _IDLE)
    return Living(heap, np.flatnonzero(alive), _fitting(tracebacks, heap), Code(lines))


def _alike(keys: Iterable[I64 | Mask]) -> list[I64]:
    """Return the rows that agree in all keys, the largest group first, then by the first row."""
    columns = [np.asarray(key).astype(np.int64) for key in keys]
    order = np.lexsort(columns[::-1])
    if not len(order):
        return []
    new = np.zeros(len(order) - 1, np.bool_)
    for column in columns:
        new |= column[order][1:] != column[order][:-1]
    found = np.split(order, np.flatnonzero(new) + 1)
    return sorted((np.sort(rows) for rows in found), key=lambda rows: (-len(rows), int(rows[0])))


def in_library(function: str) -> bool:
    """Whether a function belongs to Go's standard library, by its name."""
    first, slash, _ = function.partition("/")
    return (first if slash else function.partition(".")[0]) in _LIBRARY


def _is_system(begins: str) -> bool:
    return begins.startswith("runtime.") and begins not in _USERS


def of_queues(session: Session) -> Living | None:
    """Return the goroutines that run finalizers and cleanups, with their stacks; None where functions have no names."""
    heap, lines = session.heap, session.lines
    start = heap.goroutine_details.get("startpc")
    if lines is None or start is None:
        return None
    code = Code(lines)
    own = [pc for pc in distinct(start).tolist() if code.begins(pc).startswith(_QUEUES)]
    which = np.isin(start, np.array(own, np.uint64)) & ~heap.goroutines.dead
    stacks = recorded(session)
    if stacks is None:
        stacks = read_tracebacks(heap.reader, heap.goroutine_details, heap.goroutines.status, lines, which)
    return Living(heap, np.flatnonzero(which), stacks, code)


def recorded(session: Session) -> Tracebacks | None:
    """Return the stacks as a snapshot has recorded them: it has no memory of stacks to follow them in.

    None of any other target, and where the record does not fit the goroutines.
    """
    if session.target.kind != "snapshot":
        return None
    return _fitting(session.tracebacks, session.heap)


def _fitting(tracebacks: Tracebacks | None, heap: Heap) -> Tracebacks | None:
    """Leave out a recording that is damaged."""
    fits = tracebacks is not None and len(tracebacks.node) == len(heap.goroutines.gs)
    return tracebacks if fits else None


@attrs.frozen
class Dead:
    """Goroutines that have ended; the runtime keeps each for the next one, and frees none (proc.go, gfput).

    Attributes
    ----------
    descriptor_bytes
        Bytes of their gs, each in a slot of the heap.
    stack_bytes
        Bytes of the stacks that they keep.
    """

    count: int
    descriptor_bytes: int
    stack_bytes: int


def dead(heap: Heap) -> Dead:
    """Return what the dead goroutines cost."""
    ended = heap.goroutines.status == _DEAD  # an extra M's never ran
    count = int(np.count_nonzero(ended))
    return Dead(count, count * descriptor_slot(heap), int(holders(heap).goroutines[ended].sum()))


def descriptor_slot(heap: Heap) -> int:
    """Return the bytes of the slot that a goroutine's descriptor lies in."""
    size = heap.layout["g"].size
    word = heap.layout.platform.pointer_size
    if "largeType" in heap.layout["mspan"] and size > word * word * 8:
        size += word  # the malloc header, since Go 1.22
    return next((each for each in sizeclasses.SIZES if each >= size), size)


def repeated(every: Living, row: int) -> str:
    """Return the function that stands most often on this goroutine's stack, which recursion made deep; "" where not known."""
    if every.code.lines is None:
        return ""
    heap = every.heap
    which = np.zeros(len(heap.goroutines.gs), np.bool_)
    which[every.rows[row]] = True
    stacks = every.tracebacks
    if stacks is None:
        stacks = read_tracebacks(
            heap.reader, heap.goroutine_details, heap.goroutines.status, every.code.lines, which
        )
    names = Counter(map(every.code.standing, stacks.frames(int(stacks.node[every.rows[row]]))))
    return names.most_common(1)[0][0] if names else ""
