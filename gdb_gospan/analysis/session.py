"""One target: what it is, its heap, and what the checks found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

import attrs

from gdb_gospan.analysis.verification import Check, verify
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.several import Runtime

if TYPE_CHECKING:
    from gdb_gospan.analysis.standing import Frames
    from gdb_gospan.layout.functions import Lines
    from gdb_gospan.layout.globals import Global
    from gdb_gospan.memory.corecontents import CoreContents
    from gdb_gospan.memory.mappings import Mapped
    from gdb_gospan.memory.registers import Thread
    from gdb_gospan.memory.residency import Residency
    from gdb_gospan.runtime.record import U64
    from gdb_gospan.runtime.traceback import Tracebacks


@attrs.frozen(eq=False)
class Target:
    """What is read.

    Attributes
    ----------
    kind
        ``core``, ``live``, ``remote`` or ``snapshot``.
    description
        A phrase for people: ``core of frag, died of SIGABRT``.
    executable, core
        Paths as far as known.
    build_id
        Of the executable, when it has one.
    missing
        Bytes that a core that was cut off lacks.
    resident
        Bytes of a live process on this machine that are in memory now (RSS).
    runtimes
        Every Go runtime of the process, by address; empty where only one can be read (Delve), and in snapshots of
        before they were recorded.
    """

    kind: Literal["core", "live", "remote", "snapshot"]
    description: str
    executable: str | None = None
    core: str | None = None
    pid: int | None = None
    build_id: str | None = None
    resident: int | None = None
    missing: int = 0
    runtimes: tuple[Runtime, ...] = ()


@attrs.frozen
class Pause:
    """What a report that reads the contents of objects may ask of a process that runs.

    Attributes
    ----------
    report
        Its name.
    most
        Seconds for which the process may stand still; 0 for any time.
    """

    report: str
    most: float


@attrs.frozen
class Expected:
    """A pause that is about to begin.

    Attributes
    ----------
    seconds
        How long it will take.
    nbytes
        Bytes of the spans whose objects have pointers.
    """

    report: str
    pid: int
    seconds: float
    nbytes: int


@attrs.frozen(eq=False, repr=False)
class Symbol:
    """What the symbols have at an address.

    Attributes
    ----------
    offset
        Of the address, from where the symbol begins.
    is_global
        A variable of a package, and not code or the like.
    points_to
        What its value points to; None when it is no pointer, slice, string or interface.
    """

    name: str
    offset: int
    is_global: bool
    points_to: int | None


class Samples(Protocol):
    """Holds some of what was read in bulk against a debugger's own values."""

    def __call__(self, most: int | None = None) -> Check:
        """Compare so many span descriptors at most; as many as take no time if not given."""


class Session:
    """One target at one stop. It is valid until the target runs or changes.

    Attributes
    ----------
    frames
        How to learn where the threads stand, or None.
    lwps
        How to learn the numbers of the threads, in the process's own pid namespace, or None.
    symbol_at
        How to learn which symbol an address belongs to, or None.
    address_of
        How to turn an expression into an address, or None: takes the expression and the words that ask for it.
    still
        How to make sure that the target has not moved since the session was opened, or None; raises if it has.
    variables
        How to find a package variable by its name, for the command that wants it, where no debugger evaluates it; or None.
    variables_at
        How to find the name and the address of the package variable that each address is in, or None where there are no
        symbols.
    samples
        How to hold some of what was read in bulk against a debugger's own values, or None.
    code
        How to learn the names and the lines of the program's code, or None.
    residency
        How to learn what of the process is resident, or None where there is no process; to be called in a capture, before
        the target goes on. It gives None where the kernel does not tell.
    contents
        How to learn what the program that wrote a core has recorded of its pages, or None.
    mapped
        How to learn where the files of the process are mapped, those that have code at least, or None where the target does
        not tell.
    threads
        How to learn the registers of the threads, or None.
    pause_ms
        How long the last capture paused a live process, or a remote one; None for a core.
    reads
        How often the last capture read the memory of a remote process; None for any other.
    opened_in
        Seconds that it took to open the session, while a debugger's process stood still; they, and
        what was read meanwhile, are of the first capture.
    started
        When the first capture began, on the clock of time.perf_counter.
    stood
        How to learn for how many seconds a debugger has held the process, or None.
    clock
        What time it is, in nanoseconds since 1970, where the target runs; or None.
    taken
        All that is to be read was read in one capture, and reports are built without another.
    announce
        Is told of a pause before it begins, if the contents of objects are read in it; or None.
    """

    def __init__(
        self,
        target: Target,
        heap: Heap,
        frames: Frames | None = None,
        symbol_at: Callable[[int], Symbol | None] | None = None,
        samples: Samples | None = None,
        *,
        lwps: Callable[[], tuple[int, ...]] | None = None,
        address_of: Callable[[str, str], str] | None = None,
        still: Callable[[], None] | None = None,
        variables: Callable[[str, str], Global] | None = None,
        variables_at: Callable[[U64], list[tuple[str, int] | None]] | None = None,
        code: Callable[[], Lines | None] | None = None,
        residency: Callable[[], Residency | None] | None = None,
        contents: Callable[[], CoreContents] | None = None,
        mapped: Callable[[], Mapped] | None = None,
        threads: Callable[[], Sequence[Thread]] | None = None,
    ) -> None:
        self.target = target
        self.heap = heap
        self.frames = frames
        self.symbol_at = symbol_at
        self.samples = samples
        self.lwps = lwps
        self.address_of = address_of
        self.still = still
        self.variables = variables
        self.variables_at = variables_at or (self._globals_at if symbol_at else None)
        self.code = code
        self.residency = residency
        self.contents = contents
        self.mapped = mapped
        self.threads = threads
        self.pause_ms: float | None = None
        self.reads: int | None = None
        self.opened_in = 0.0
        self._reads_before = 0
        self._all_read: float | None = None
        self._capturing = self._ended = False
        self._stopped = None
        if target.kind in ("live", "remote"):
            from gdb_gospan.memory.stopped import Stopped  # noqa: PLC0415  # no memory of a file is one

            self._stopped = heap.memory if isinstance(heap.memory, Stopped) else None
        self.started = time.perf_counter()
        self.stood: Callable[[], float | None] | None = None
        self.taken = False
        self.announce: Callable[[Expected], object] | None = None
        self._contents = False
        # Another machine has another clock, and a file none.
        self.clock: Callable[[], int] | None = time.time_ns if target.kind == "live" else None

    def _globals_at(self, addresses: U64) -> list[tuple[str, int] | None]:
        symbols = [self.symbol_at(address) if self.symbol_at else None for address in addresses.tolist()]
        return [
            None if each is None or not each.is_global else (each.name, address - each.offset)
            for address, each in zip(addresses.tolist(), symbols, strict=True)
        ]

    @property
    def has_objects(self) -> bool:
        """Whether the contents of objects can be read, or what reports of objects need of them: of a snapshot only with its graph."""
        return self.target.kind != "snapshot" or self.heap.trail.given("graph")

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Every identity of the heap, checked once."""
        self.heap.trail.stage("identities")
        return verify(self.heap, self.frames)

    @cached_property
    def all_checks(self) -> tuple[Check, ...]:
        """Those, and the identities of goroutines and threads, which need every goroutine."""
        self.heap.trail.stage("identities")
        self.heap.lwps = self.lwps() if self.lwps else None
        return verify(self.heap, self.frames, scheduler=True)

    @cached_property
    def lines(self) -> Lines | None:
        """What names the program's code; None without its executable."""
        return None if self.code is None else self.code()

    @cached_property
    def tracebacks(self) -> Tracebacks | None:
        """The stacks of the goroutines that do not run; None where nothing says how deep they are."""
        if self.lines is None:
            return None
        from gdb_gospan.runtime.traceback import read_tracebacks  # noqa: PLC0415  # for the report of goroutines

        self.heap.trail.stage("tracebacks")
        heap = self.heap
        return read_tracebacks(heap.reader, heap.goroutine_details, heap.goroutines.status, self.lines)

    @contextmanager
    def capture(
        self, rehearse: Callable[[Session], object] | None = None, pause: Pause | None = None
    ) -> Iterator[None]:
        """Read within this block only: here the target stands still, and it may go on afterwards.

        `rehearse` reads of another session what will be read in the block. A process that runs is taken by what that
        touches, and goes on at once; for any other target nothing is rehearsed. With a `pause` the contents of objects are
        taken, too, and any other target stands still to the end of the block.

        A debugger has stopped it already; then `pause_ms` is what a stop just for this capture would
        have cost, until `release`; the debugger's own lasts longer. A read after the block, or after
        `release`, raises `ReadAfterReleaseError`, unless the target is a file.
        """
        del rehearse
        if self._ended:
            raise ReadAfterReleaseError
        self._contents = pause is not None
        began, self._all_read = time.perf_counter() - self.opened_in, None
        if self._stopped is not None:
            self._stopped.open()
        self._capturing = True
        try:
            yield
        except Exception:
            self._make_sure()  # a target that has moved explains whatever went wrong
            raise
        else:
            self._make_sure()
        finally:
            self._capturing = False
            if self._stopped is not None:
                self._stopped.close()
        if self.target.kind in ("live", "remote"):
            over = time.perf_counter() if self._all_read is None else self._all_read
            self.pause_ms = 1000 * (over - began)
        if self.target.kind == "remote":
            self.reads = self.heap.memory.reads - self._reads_before
        self.opened_in, self._reads_before = 0.0, self.heap.memory.reads

    def recapture(self) -> bool:
        """Make ready for another capture, after `ReadAfterReleaseError`: False where that would come to the same."""
        return False

    def finish_reading(self, *parts: str) -> None:
        """Read what is still to be read, these parts of the heap, too; then the target need not stand still any more.

        A document that needs nothing else calls it first. A core has time: there each part is read when it is needed.
        """
        if self.clock is not None:
            stood = self.stood() if self.stood else None
            self.heap.moment = self.clock() - int(1e9 * (stood or 0))
        if self.target.kind in ("live", "remote"):
            self.heap.read(*parts)
            if self.heap.all_held and not self._contents:
                self.release()

    def release(self) -> None:
        """Take the time: all is read, for this capture; a debugger's process is the debugger's to let go."""
        self._make_sure()
        self._all_read = time.perf_counter()
        if self._stopped is not None:
            self._stopped.close()

    def _make_sure(self) -> None:
        if self.still is not None:
            self.still()

    @property
    def ended(self) -> bool:
        """Whether the target has gone on, or changed, since."""
        return self._ended

    def end(self) -> None:
        """Allow no further capture: the target has gone on, or changed, or gdb knows more about its files.

        Nothing goes on in the middle of a capture, so that one may be finished.
        """
        self._ended = True
        if self._stopped is not None and not self._capturing:
            self._stopped.close()
