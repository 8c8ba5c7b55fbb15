"""Copy the contents of a process's objects in one short stop, which is announced and never longer than allowed.

Where the contents are is known only in the stop: spans come and go. So what the stop does is done before it, too, while the
process runs, to learn how much room it takes and how long; what that has read is discarded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, pairwise
from math import ceil, inf
from typing import Final

import numpy as np

from gdb_gospan.analysis.contents import Contents, contents, read_masks
from gdb_gospan.analysis.session import Expected, Pause, Session
from gdb_gospan.errors import GoSpansError, TargetError
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import procstatus
from gdb_gospan.memory.bulk import Bulk, TooMuchError, sample
from gdb_gospan.memory.capture import Capture, Filling, Plan
from gdb_gospan.memory.footprint import Footprint
from gdb_gospan.memory.heldstill import HeldStill
from gdb_gospan.memory.mappings import Mapping
from gdb_gospan.memory.model import Memory, Over, Rows, Unreadable
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.memory.procmem import ProcessMemory
from gdb_gospan.memory.ptrace import Stop
from gdb_gospan.memory.registers import Thread
from gdb_gospan.memory.room import touched_room
from gdb_gospan.memory.segments import I64, NOWHERE, U64, Bytes, Mask, joined
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.symtab import modules
from gdb_gospan.targets.rehearsal import Rehearsal, RehearsedError
from gdb_gospan.targets.stopping import no_job_control, standing_still

_SAMPLE: Final = 384 << 20
"""Bytes that are copied to learn how fast that is."""
_SLACK: Final = 8
"""One in so many bytes more, and some megabytes, is room for what is allocated before the stop. There may be as many again
as there are now, up to the next cycle; then the copy takes longer, for the kernel clears each page first."""
_SLACK_BYTES: Final = 32 << 20
_MOST_CONSTANTS: Final = 1 << 30
"""Bytes of the program's constants that are copied at most."""
_AT_ONCE: Final = 8 << 20
"""Bytes that are read between two looks at the clock."""
_TRIES: Final = 3
"""In a running process, something that has just moved may not be found."""
_STOPPING: Final = 1e-3
_EACH_THREAD: Final = 50e-6
"""Seconds that it takes to stop a process and to let it go, and for each of its threads."""
_LETTING_GO: Final = 2e-3
"""Seconds of the limit that are kept for letting it go, besides half of what stopping it took and the longest step."""


class _TimeOverError(Exception):
    """The process has stood still for as long as it may."""


def _never() -> None:
    """Let any time pass."""


class _Steps:
    """Measures the time between two looks at the clock, which nothing can cut short."""

    def __init__(self) -> None:
        self.longest, self._last = 0.0, time.perf_counter()

    def look(self) -> None:
        """Look at the clock."""
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now


class ContentsCopy:
    """The copy of one stop.

    Parameters
    ----------
    session, memory, mappings
        Of the process, which runs.
    plan
        What of its metadata to copy.
    pause
        Who asks, and how long the stop may be.
    rehearse
        Builds the report of a session; also in the stop, where what it reads and the plan lacks is found so.
    masks
        Find out in the stop, too, what the masks of types are made of: mostly of what is copied in any case.
    """

    def __init__(
        self,
        session: Session,
        memory: ProcessMemory,
        mappings: Sequence[Mapping],
        plan: Plan,
        pause: Pause,
        rehearse: Callable[[Session], object],
        *,
        masks: bool,
    ) -> None:
        self._session, self._memory, self._plan = session, memory, plan
        self._pause, self._rehearse, self._with_masks = pause, rehearse, masks
        # A debugger that holds the process anyway has it stand still for longer.
        self._most = 0.0 if procstatus.held(memory.pid) else pause.most
        self._lasting = _constants(session.heap, mappings)
        constants = Bulk(*self._lasting, np.empty(int(self._lasting[1].sum()), np.uint8))
        constants.take(memory, _never)
        self._constants = constants.over(memory)
        self._room: Bytes = np.empty(0, np.uint8)
        self._need, self._seconds = 0, 0.0
        self._step = self._batch = 0.0
        self._bulk: Bulk | None = None
        self._masks: Bulk | None = None

    def rehearse(self) -> Expected:
        """Do what the stop will do, make the room for it, and return how long it will take.

        Raises
        ------
        TargetError
            That is longer than allowed, or there is no room.
        """
        pid = self._memory.pid
        seconds, found = self._looked()
        seconds += _STOPPING + _EACH_THREAD * len(procstatus.threads(pid))
        need = self._need = int(found.size.sum())
        expected = self._expected(seconds, found, None)
        self._refuse(expected)
        slack = need // _SLACK + _SLACK_BYTES
        self._room = touched_room(need + slack, need + slack)
        expected = self._expected(seconds, found, self._room)
        self._refuse(expected)
        self._seconds = expected.seconds
        return expected

    def _looked(self) -> tuple[float, Contents]:
        """Take the plan and find the contents; return how long both take at best, and what was found last."""
        found, best = None, inf
        for _ in range(_TRIES):
            with suppress(Exception):
                seconds, found = self._look()
                best = min(best, seconds)
        if found is not None:
            return best, found
        with no_job_control(), standing_still(self._memory.pid):
            return self._look()

    def _look(self) -> tuple[float, Contents]:
        """Take the plan and find the contents, once; note how long the longest step takes."""
        began, steps = time.perf_counter(), _Steps()
        self._plan.take(_Timed(self._memory, steps.look))
        found = self._find(self._session.heap.symbols, (), steps.look)
        steps.look()
        self._step = max(self._step, steps.longest)
        return time.perf_counter() - began, found

    def _expected(self, seconds: float, found: Contents, room: Bytes | None) -> Expected:
        """Return what is to be expected by the time that a sample takes, and these seconds for all else.

        The sample is copied to the beginning of the room, or to one of its own.
        """
        start, size = sample(found.start, found.size, _SAMPLE)
        trial = Bulk(start, size, touched_room(int(size.sum()), 0) if room is None else room)
        began, steps = time.perf_counter(), _Steps()
        trial.take(self._memory, steps.look)
        copying = time.perf_counter() - began
        self._batch = max(self._batch, steps.longest)
        seconds += copying * int(found.size.sum()) / max(trial.nbytes, 1)
        return Expected(self._pause.report, self._memory.pid, seconds, found.scan_bytes)

    def _refuse(self, expected: Expected) -> None:
        if self._most and expected.seconds > self._most:
            raise TargetError(
                f"{expected.report} would pause process {expected.pid} for about {_seconds(expected.seconds)} to read "
                f"{expected.nbytes:,} bytes of objects with pointers; the limit is {self._most:g} s "
                f"(try: --max-pause {ceil(1.5 * expected.seconds)}, or the core that gcore makes)"
            )

    def take(
        self,
        stop: Stop | HeldStill,
        threads: Sequence[Thread],
        more: Callable[[Filling], object],
        symbols: Callable[[Memory], Symbols],
    ) -> None:
        """Copy everything while the process stands still.

        Parameters
        ----------
        more
            Adds to the plan what is known only in the stop.
        symbols
            Finds the runtime's variables in the copy.

        Raises
        ------
        TargetError
            The time is over, or the heap has outgrown the room.
        """
        until = self._most - _LETTING_GO - stop.seconds / 2 if self._most else inf

        def check(step: float = self._step) -> None:
            if stop.seconds > until - step:
                raise _TimeOverError

        timed = _Timed(self._memory, check)
        try:
            self._plan.take(timed)
            more(timed)
            found = self._find(symbols(self._plan.sealed(self._constants)), threads, check)
            self._bulk = Bulk(found.start, found.size, self._room)
            self._bulk.take(self._memory, partial(check, self._batch))
            if self._with_masks:
                self._take_masks(check)
        except TooMuchError:
            grown = "its heap has more than doubled since it was looked at (try: again"
            raise self._resumed(stop, f": {grown}") from None
        except _TimeOverError:
            done = 0 if self._bulk is None else self._bulk.done
            longer = ceil(max(2 * self._most, 1.5 * self._seconds))
            raise self._resumed(
                stop,
                f" after {_seconds(stop.seconds)}: the limit is {self._most:g} s, and {done:,} of about "
                f"{self._need:,} bytes had been read (try: --max-pause {longer}",
            ) from None

    def _resumed(self, stop: Stop | HeldStill, why: str) -> TargetError:
        """Let the process go, and return the error."""
        stop.release()
        return TargetError(
            f"{self._pause.report} resumed process {stop.pid}{why}, or the core that gcore makes)"
        )

    def sealed(self, unmapped: tuple[U64, U64] = NOWHERE) -> Capture:
        """Return what was taken; of these ranges it is known that nothing is there."""
        found = self._plan.sealed(self._constants, unmapped)
        for each in (self._bulk, self._masks):
            found = found if each is None else each.over(found)
        return found

    def _take_masks(self, check: Callable[[], None]) -> None:
        """Copy what there is of the masks of types that is not among what was taken."""
        copy = self.sealed()
        probe = Footprint(_Checked(copy, check))
        read_masks(self._heap(probe, self._session.heap.symbols))
        start, size = joined(*probe.lacking(lambda at, size: copy.has(at, size) | self._known(at, size)))
        self._masks = Bulk(start, size, np.empty(int(size.sum()), np.uint8))
        self._masks.take(self._memory, check)

    def _find(self, symbols: Symbols, threads: Sequence[Thread], check: Callable[[], None]) -> Contents:
        """Find the contents, and what the plan lacks of all that leads to them."""
        probe = Footprint(_Checked(self._plan.sealed(self._constants), check))
        heap = self._heap(probe, symbols)
        with suppress(RehearsedError):
            self._rehearse(Rehearsal(self._session, heap, probe))
        found = contents(heap, threads, self._lasting)
        start, size = probe.lacking(self._known)
        ranges = joined(np.concatenate([found.start, start]), np.concatenate([found.size, size]))
        return Contents(*ranges, found.scan_bytes)

    def _heap(self, memory: Memory, symbols: Symbols) -> Heap:
        """Return the heap, to be read through other memory."""
        tried = self._session.heap
        heap = Heap(memory, tried.layout, symbols, tried.evidence)
        heap.image = tried.image
        return heap

    def _known(self, addresses: U64, size: int) -> Mask:
        """Which of these are in the plan, or constants."""
        planned = self._plan.sealed(self._constants)
        return planned.has(addresses, size) | self._constants.has(addresses, size)


class _Timed:
    """The memory of a process, to be read for as long as the clock allows."""

    kind = "live"
    at_hand = True

    def __init__(self, memory: ProcessMemory, check: Callable[[], None]) -> None:
        self._memory, self._check = memory, check

    @property
    def reads(self) -> int:
        """Calls made so far."""
        return self._memory.reads

    @property
    def bytes_read(self) -> int:
        """Bytes read so far."""
        return self._memory.bytes_read

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        self._check()
        return self._memory.read(address, size)

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        self._check()
        return self._memory.read_many(addresses, size)

    def fill(self, address: int, buffer: Bytes) -> bool:
        """Read ``len(buffer)`` bytes at an address; False when not all of them could be read."""
        for part in blocks(len(buffer), _AT_ONCE):
            self._check()
            if not self._memory.fill(address + part.start, buffer[part]):
                return False
        return True

    def fill_many(self, begins: U64, ends: I64, buffer: Bytes) -> Mask:
        """Read runs that begin at these addresses to where they end in a buffer: which of them could be read."""
        if not len(begins):
            return np.zeros(0, np.bool_)
        starts = np.append(np.int64(0), ends[:-1])
        long, part = ends - starts > _AT_ONCE, starts // _AT_ONCE
        apart = (part[1:] != part[:-1]) | long[1:] | long[:-1]
        known = np.zeros(len(begins), np.bool_)
        for first, last in pairwise([0, *(np.flatnonzero(apart) + 1).tolist(), len(begins)]):
            low, high = int(starts[first]), int(ends[last - 1])
            if last - first == 1:
                known[first] = self.fill(int(begins[first]), buffer[low:high])
            else:
                self._check()
                some = slice(first, last)
                known[some] = self._memory.fill_many(begins[some], ends[some] - low, buffer[low:high])
        return known


class _Checked(Over):
    """Memory that looks at the clock before each read."""

    def __init__(self, memory: Memory, check: Callable[[], None]) -> None:
        super().__init__(memory)
        self._check = check

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        self._check()
        return self.memory.read(address, size)

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        self._check()
        return self.memory.read_many(addresses, size)


def _constants(heap: Heap, mappings: Sequence[Mapping]) -> tuple[U64, U64]:
    """Return where the program's constants are: types, and the masks of these; they never change."""
    here = set(_of_modules(heap))
    names = {each.path for each in mappings if each.path and any(_holds(each, at) for at in here)}
    found = [
        (each.start, each.size)
        for each in mappings
        if not each.writable
        and each.path
        and (any(_holds(each, at) for at in here) or (each.path in names and not each.executable))
    ]
    start, size = np.array(found, np.uint64).reshape(-1, 2).T
    some = np.cumsum(size) <= _MOST_CONSTANTS
    return joined(start[some], size[some])


def _of_modules(heap: Heap) -> Iterator[int]:
    """Yield an address in each part of the modules' constants; of the code where the modules are not known."""
    known: list[int] = []
    with suppress(GoSpansError):
        for module in modules(heap.reader, heap.symbols)[0]:
            names = ("types", "gcdatamask.bytedata", "gcbssmask.bytedata")
            known += [at for at in map(module.get, names) if at]
    yield from chain(known, (start for start, _ in heap.image) if not known else ())


def _holds(mapping: Mapping, address: int) -> bool:
    return mapping.start <= address < mapping.start + mapping.size


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 9.5 else f"{value:.2g} s"
