"""Check whether goroutines, threads, Ps and settings fit a layout; mheap's signature does not cover them.

m changes with patch releases while mheap stays (in 1.24.6, for instance), so the layout of mheap does not prove that of m.
Each sign holds at any instant of a program that runs main.main, between two stores of the scheduler as well (proc.go,
Go 1.19 to 1.27): a pointer back is there, or not yet, or no longer, but never another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from gdb_gospan.layout.bundled import Bundled
from gdb_gospan.layout.signature import Evidence
from gdb_gospan.layout.structs import Structs
from gdb_gospan.layout.word_image import U64, Known
from gdb_gospan.memory import Memory

_MOST_THREADS: Final = 1 << 16
_MOST_PS: Final = 1 << 16
_MOST_GS: Final = 1 << 28
_MOST_SETTINGS: Final = 1 << 10
_ENOUGH: Final = 4
"""One of so many may be damaged."""
_SOME: Final = 256
"""Goroutines checked, of possibly a million: the oldest ones, including those that the runtime itself starts."""
_HIGHEST_THREAD: Final = 1 << 22
"""Numbers of threads are lower (include/linux/threads.h, PID_MAX_LIMIT)."""
_DEAD: Final = 6
"""g.atomicstatus of one that has ended, or is being made: _Gdead, with _Gscan or without."""
_SCANNED: Final = 0x1000
_WAITING: Final = 4
"""g.atomicstatus of a goroutine that waits and whose stack nobody holds: _Gwaiting without _Gscan (runtime2.go)."""


def examine_scheduler(memory: Memory, table: Bundled, addresses: Mapping[str, int]) -> tuple[Evidence, ...]:
    """Collect the evidence that the scheduler's structs have this layout.

    Parameters
    ----------
    addresses
        Of allgs, allm, allp and sched, without the ``runtime.``. Checks that need a missing one
        count as unreadable.
    """
    return tuple(_Scheduler(memory, table, addresses).evidence())


class _Scheduler(Structs):
    def __init__(self, memory: Memory, table: Bundled, addresses: Mapping[str, int]) -> None:
        super().__init__(memory, table.layout)
        self._addresses = addresses

    def evidence(self) -> Iterator[Evidence]:
        threads, last = self._threads()
        yield Evidence("m: allm ends with m0, number 0", 0, last)
        yield from self._of_threads(threads)
        yield from self._of_goroutines()
        yield from self._of_ps()
        yield from self._of_sched(threads)
        yield self._of_debug()

    def _threads(self) -> tuple[U64, int | None]:
        """Follow allm: the threads, and the number of the last one, None where the list cannot be followed to its end."""
        found: dict[int, None] = {}
        thread = self._one(self._addresses.get("allm"))
        while thread and thread not in found and len(found) < _MOST_THREADS:
            found[thread] = None
            thread = self._one(thread + self._layout["m"]["alllink"].offset)
        threads = np.array(list(found), np.uint64)
        number, known = self._numbers("m", "id", threads[-1:])
        return threads, int(number[0]) if thread == 0 and known.all() and len(threads) else None

    def _one(self, address: int | None) -> int | None:
        """Read one pointer; None when it cannot be read."""
        value = None if address is None else self._pointers(address, 1)
        return int(value[0]) if value is not None and len(value) else None

    def _of_threads(self, threads: U64) -> Iterator[Evidence]:
        for name in ("g0", "gsignal", "curg"):
            yield self._all(f"m.{name}.m = m", *self._named_by(threads, "m", name, "g", "m"))
        number, known = self._numbers("m", "id", threads)
        yield Evidence(
            "m.id: all different",
            len(threads),
            len(np.unique(number)) if len(threads) and known.all() else None,
        )
        thread, known = self._numbers("m", "procid", threads)
        yield self._all("m.procid: a thread id", thread < np.uint64(_HIGHEST_THREAD), known)

    def _of_goroutines(self) -> Iterator[Evidence]:
        gs = self._slice("allgs", _MOST_GS, _SOME)
        number, numbered = self._numbers("g", "goid", gs)
        status, known = self._numbers("g", "atomicstatus", gs)
        # Main has number 1, but a library's main goroutine ends at once. One that is being made is dead, and has none yet.
        given = (status & ~np.uint64(_SCANNED) != np.uint64(_DEAD)) | (number != 0)
        another = np.zeros(len(gs), np.bool_)
        another[np.unique(number, return_index=True)[1]] = True
        yield self._all("g.goid: all different", (another & (number != 0))[given], (numbered & known)[given])
        waiting = gs[known & (status == _WAITING)]
        low, some = self._numbers("g", "stack.lo", waiting)
        high, others = self._numbers("g", "stack.hi", waiting)
        pointer, more = self._numbers("g", "sched.sp", waiting)
        # It is 0 where the collector has its own goroutine wait while that goes on running (mgc.go, gcMarkTermination).
        inside = (pointer == 0) | (low < pointer) & (pointer <= high)
        yield self._all("g.sched.sp: within g.stack of each waiting g", inside, some & others & more)

    def _of_ps(self) -> Iterator[Evidence]:
        ps = self._slice("allp", _MOST_PS, _MOST_PS)
        number, known = self._numbers("p", "id", ps)
        yield self._all("p: allp[i].id = i", number == np.arange(len(ps), dtype=np.uint64), known)
        yield self._all("p.m.p = p", *self._named_by(ps, "p", "m", "m", "p"))

    def _of_sched(self, threads: U64) -> Iterator[Evidence]:
        address = self._addresses.get("sched")
        at = np.array([] if address is None else [address], np.uint64)
        made, known = self._numbers("schedt", "mnext", at)
        number, _ = self._numbers("m", "id", threads)
        highest = number.max(initial=np.uint64(0))
        yield self._all("sched.mnext: above every m.id", made > highest, known)
        given, known = self._numbers("schedt", "goidgen", at)
        number, _ = self._numbers("g", "goid", self._slice("allgs", _MOST_GS, _SOME))
        dealt = (given >= number.max(initial=np.uint64(1))) & (given < np.uint64(1 << 62))
        yield self._all("sched.goidgen: above every g.goid", dealt, known)

    def _of_debug(self) -> Evidence:
        """Count the GODEBUG settings that lie where runtime.dbgvars has one with a name as long (runtime1.go).

        Without its address it is enough that debug was found, for that takes them all (`variables`).
        """
        settings, at = self._layout["debug"].fields, self._addresses.get("debug")
        what, width = "debug: each setting is in dbgvars", self._layout.platform.pointer_size
        if "dbgvars" not in self._addresses or at is None:
            return Evidence(what, len(settings), None if at is None else len(settings))
        header = self._pointers(self._addresses["dbgvars"], 2)
        if len(header) < 2 or not 0 < header[1] <= _MOST_SETTINGS:
            return Evidence(what, len(settings), 0 if len(header) else None)
        array, count = int(header[0]), int(header[1])
        inline = self._pointers(array, 3 * count)  # name, its length, and where the setting is; up to Go 1.20
        listed = self._pointers(array, count)
        lengths, known = self._read(listed + np.uint64(width), width)
        values, more = self._read(listed + np.uint64(2 * width), width)
        if len(inline) == 3 * count:
            lengths, values = np.append(lengths, inline[1::3]), np.append(values, inline[2::3])
            known, more = (np.append(each, np.ones(count, np.bool_)) for each in (known, more))
        there = set(zip(lengths[known & more].tolist(), values[known & more].tolist(), strict=True))
        found = sum((len(name), at + field.offset) in there for name, field in settings.items())
        return Evidence(what, len(settings), found)

    def _named_by(self, structs: U64, name: str, path: str, other: str, back: str) -> tuple[Known, Known]:
        """Which of these structs point to none, or to one that points back or to none: bool (n,), and which are known."""
        there, known = self._numbers(name, path, structs)
        backward, readable = self._numbers(other, back, there)
        return (there == 0) | (backward == 0) | (backward == structs), known & ((there == 0) | readable)

    def _slice(self, name: str, most: int, first: int) -> U64:
        """Read the first pointers of a slice of at most so many; none when they cannot be read."""
        address = self._addresses.get(name)
        header = self._pointers(address, 2) if address is not None else np.empty(0, np.uint64)
        if len(header) < 2 or header[1] > most:
            return header[:0]
        pointers = self._pointers(int(header[0]), min(int(header[1]), first))
        found: U64 = pointers[pointers != 0]
        return found

    @staticmethod
    def _all(what: str, holds: Known, known: Known) -> Evidence:
        """Count of how many it holds; not known where there is none of them, or one that cannot be read.

        By another layout hardly one of them is right. One that is wrong among many is damage, which is for the identities
        to tell: they name it, while a layout that is refused tells nothing.
        """
        count, good = len(holds), int(np.count_nonzero(holds))
        good = count if _ENOUGH * (count - good) <= count else good
        return Evidence(what, max(count, 1), good if count and known.all() else None)
