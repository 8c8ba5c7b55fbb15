"""Find the scheduler's variables in a program without symbols: Ps, goroutines, threads and their counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from gdb_gospan.layout.image_search import Looking
from gdb_gospan.layout.signature import Signature
from gdb_gospan.layout.word_image import U64, Known, Words
from gdb_gospan.memory import Memory
from gdb_gospan.memory.segments import among, distinct

_MOST_PS: Final = 1 << 16
_MOST_GS: Final = 1 << 28
_MOST_NUMBERS: Final = 1 << 48
_LAST_STATE: Final = 15
"""Of a goroutine: there are 12 states in Go 1.26, each with or without the next (runtime2.go, _Gscan)."""
_SCANNED: Final = 0x1000
_CRASH_STACK: Final = (16384, 1000)
"""Bytes of gcrash's stack and of its guard (proc.go, schedinit; Go 1.22 on)."""
_LAST_STATUS: Final = 4
"""Of a P: _Pdead, after GOMAXPROCS was lowered (runtime2.go)."""
_MOST_THREADS: Final = 1 << 16
_ENOUGH: Final = 4
"""One of so many goroutines may be damaged."""
_MOST_LOOKED_AT: Final = 4096
"""Goroutines at each end of allgs whose ids are checked."""


class SchedulerVariables(Looking):
    """Finders for allp, allgs, allm, sched and gcrash, to be called in this order."""

    def __init__(self, memory: Memory, words: Words, signature: Signature) -> None:
        super().__init__(memory, words, signature)
        self._gs: U64 = np.empty(0, np.uint64)
        self._ps: U64 = np.empty(0, np.uint64)
        self._ms: U64 = np.empty(0, np.uint64)

    def allp(self) -> int | None:
        """Allp lists the Ps, each by its number; the mcache of each names spans, or the one that is none.

        An m keeps a copy of the slice while it looks for work (proc.go, findRunnable), m0 among the variables: after
        GOMAXPROCS was lowered it may be longer, with Ps that are dead since. Of equal ones allp comes first.
        """
        rows, arrays, lengths = self._slices(_MOST_PS)
        first, known = self._read(arrays, self._words.width)
        rows, lengths, first = rows[known], lengths[known], first[known]
        for path, most in (("id", 0), ("status", _LAST_STATUS)):
            value, known = self._numbers("p", path, first)
            fits = known & (value <= np.uint64(most))
            rows, lengths, first = rows[fits], lengths[fits], first[fits]
        found: int | None = None
        for row in rows[np.argsort(-lengths.astype(np.int64), kind="stable")].tolist():
            ps = self._pointers(int(self._words.value[row]), int(self._words.value[row + 1]))
            if not self._are_ps(ps):
                continue
            alive = bool((self._numbers("p", "status", ps)[0] != np.uint64(_LAST_STATUS)).all())
            if found is None or alive:
                found, self._ps = int(self._words.address[row]), np.sort(ps)
            if alive:
                break
        return found

    def _are_ps(self, ps: U64) -> bool:
        number, known = self._numbers("p", "id", ps)
        if not len(ps) or not known.all() or (number != np.arange(len(ps))).any():
            return False
        caches, _ = self._numbers("p", "mcache", ps)
        caches = caches[caches != 0]
        if not len(caches) or len(np.unique(caches)) < len(caches):
            return False
        alloc = self._layout["mcache"]["alloc"]
        named = np.concatenate(
            [self._pointers(cache + alloc.offset, alloc.count or 0) for cache in caches.tolist()]
        )
        foreign = np.unique(named[~among(named, distinct(self._spans()))])
        return len(named) > 0 and len(foreign) <= 1  # emptymspan, which stands for none

    def allgs(self) -> int | None:
        """Allgs lists the goroutines; allgptr names its array too (proc.go, allgadd), and the first is main.

        While allgadd moves them, allgptr still names the old array. In a library the main goroutine ends at once
        (proc.go, main), and what was its g becomes another's.
        """
        rows, arrays, lengths = self._slices(_MOST_GS)
        named = np.sort(self._words.value[self._pointing])
        twice = np.searchsorted(named, arrays, "right") - np.searchsorted(named, arrays, "left") > 1
        first, known = self._read(arrays, self._words.width)
        number, _ = self._numbers("g", "goid", first)
        fits = known & self._are_gs(first) & (twice | (number == 1))
        rows, lengths, arrays, twice = rows[fits], lengths[fits], arrays[fits], twice[fits]
        # What only looks like it may be said to be very long: its last one is no g.
        width = np.uint64(self._words.width)
        last, known = self._read(arrays + (lengths - np.uint64(1)) * width, self._words.width)
        fits = known & self._are_gs(last)
        rows, lengths, twice = rows[fits], lengths[fits], twice[fits]
        for row in rows[np.lexsort((-lengths.astype(np.int64), ~twice))].tolist():
            gs = self._pointers(int(self._words.value[row]), int(self._words.value[row + 1]))
            bad = np.count_nonzero(
                ~self._have_stacks(gs)
            )  # one that is damaged makes the others no less goroutines
            if len(gs) and _ENOUGH * bad <= len(gs) and len(np.unique(gs)) == len(gs):
                self._gs = np.sort(gs)
                return int(self._words.address[row])
        return None

    def _are_gs(self, addresses: U64) -> Known:
        """Which of these may be goroutines, dead ones included: a stack, a number, a state (runtime2.go)."""
        number, _ = self._numbers("g", "goid", addresses)
        status, _ = self._numbers("g", "atomicstatus", addresses)
        stated = (number < np.uint64(_MOST_NUMBERS)) & (
            status & ~np.uint64(_SCANNED) <= np.uint64(_LAST_STATE)
        )
        fits: Known = self._have_stacks(addresses) & stated
        return fits

    def _have_stacks(self, addresses: U64) -> Known:
        low, known = self._numbers("g", "stack.lo", addresses)
        high, _ = self._numbers("g", "stack.hi", addresses)
        fits: Known = known & (low <= high)
        return fits

    def allm(self) -> int | None:
        """Allm begins the list of threads, which ends with m0, the first one; the longest such list is all of it.

        One that has exited is longer: its M waits on sched.freem, and still has its link. But it has no gsignal any
        more (proc.go, mexit).
        """
        chains: dict[int, list[int]] = {}
        targets = distinct(self._words.value[self._pointing])
        own, known = self._numbers("m", "g0", targets)
        fits = known & (own != 0)
        targets, own = targets[fits], own[fits]
        back, known = self._numbers("g", "m", own)
        targets = targets[known & (back == targets)]
        signals, known = self._numbers("m", "gsignal", targets)
        targets = targets[known & (signals != 0)]
        links, known = self._numbers("m", "alllink", targets)
        following = dict(zip(targets.tolist(), np.where(known, links, np.uint64(1)).tolist(), strict=True))
        for start in following:
            chain: list[int] = []
            at = start
            while at and len(chain) < _MOST_THREADS:
                after = following[at] if at in following else self._link(at)
                if after is None:
                    break
                chain.append(at)
                at = after
            # A program has two threads before its main function begins: sysmon is the second (proc.go, main).
            if not at and len(chain) > 1 and self._is_first(chain[-1]):
                chains[start] = chain
        if not chains:
            return None
        newest = max(chains, key=lambda start: len(chains[start]))
        self._ms = np.array(sorted(chains[newest]), np.uint64)
        return int(self._words.address[self._words.value == np.uint64(newest)][0])

    def _link(self, thread: int) -> int | None:
        """Return the thread after this one, which the image itself does not name; None if it is no thread."""
        one = np.array([thread], np.uint64)
        own, known = self._numbers("m", "g0", one)
        if not known[0]:
            return None
        back, known = self._numbers("g", "m", own)
        link, _ = self._numbers("m", "alllink", one)
        return int(link[0]) if known[0] and back[0] == one[0] else None

    def _is_first(self, thread: int) -> bool:
        """Whether this is m0, whose number is 0."""
        number, known = self._numbers("m", "id", np.array([thread], np.uint64))
        return bool(known[0] and not number[0])

    def sched(self) -> int | None:
        """Sched counts the threads and the numbers of goroutines, and heads the lists of idle Ms and Ps (proc.go).

        Ms that were made less those freed are the Ms of allm, which keeps m0 when it has exited (mexit).
        """
        name, base = "schedt", "mnext"
        if not len(self._ms) or not len(self._gs) or not len(self._ps):
            return None
        threads = np.uint64(len(self._ms))
        some = np.concatenate([self._gs[:_MOST_LOOKED_AT], self._gs[-_MOST_LOOKED_AT:]])
        numbers, known = self._numbers("g", "goid", some)
        highest = numbers[known].max(initial=1)
        rows = self._words.where(lambda value, _: value > 0)
        made, freed = (self._beside(rows, name, base, path) for path in ("mnext", "nmfreed"))
        rows = rows[(made - freed == threads) | (made - freed == threads - np.uint64(1))]
        tests: dict[str, Callable[[U64], Known]] = {
            "maxmcount": lambda most: (most >= threads) & (most < np.uint64(1 << 31)),
            "nmsys": lambda system: (system > 0) & (system <= threads),
            "nmidle": lambda idle: idle <= threads,
            "npidle": lambda idle: idle <= np.uint64(len(self._ps)),
            "goidgen": lambda given: (given >= highest) & (given < np.uint64(1 << 62)),
            "gcwaiting": lambda flag: flag <= 1,
            "midle.obj": lambda idle: (idle == 0) | self._among(idle, self._ms),
            "pidle": lambda idle: (idle == 0) | self._among(idle, self._ps),
        }
        for path, fits in tests.items():
            rows = rows[fits(self._beside(rows, name, base, path))]
        return self._only(self._words.address[rows] - np.uint64(self._layout[name][base].offset))

    def gcrash(self) -> int | None:
        """Gcrash is a g of the image with a stack of 16 KiB and a guard that no other g has."""
        value = self._words.value
        size, guard = _CRASH_STACK
        rows = self._pointing[self._pointing < len(value) - 1]
        rows = rows[value[rows + 1] - value[rows] == np.uint64(size)]
        base = "stack.lo"
        fits = self._beside(rows, "g", base, "stackguard0") == value[rows] + np.uint64(guard)
        return self._only(self._words.address[rows[fits]] - np.uint64(self._layout["g"][base].offset))
