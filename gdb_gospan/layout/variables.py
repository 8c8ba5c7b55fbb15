"""Find the runtime's variables besides mheap_ in a program without symbols.

They are recognised by their contents and by pointers from the heap. Each test is strict enough to match only one
place; a variable that is not found this way is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from gdb_gospan.layout.image_search import SMALL_PAGE
from gdb_gospan.layout.profiletable import ProfileVariables
from gdb_gospan.layout.scheduler import SchedulerVariables
from gdb_gospan.layout.signature import Signature
from gdb_gospan.layout.word_image import I64, U64, Known, Words
from gdb_gospan.memory import Memory
from gdb_gospan.memory.segments import distinct

_DEFAULT_MINIMUM: Final = (4 << 20, 512 << 10)
"""defaultHeapMinimum, and that of GOEXPERIMENT=heapminimum512kib (mgcpacer.go)."""
_MOST_GOGC: Final = 1_000_000
_PCLNTAB_MAGICS: Final = (0xFFFFFFF0, 0xFFFFFFF1)
"""pcHeader.magic of Go 1.18 and 1.19, and since 1.20."""
_SWEEP_DRAINED: Final = 1 << 31
_SWEEP_CLASSES: Final = 272
_SWEEP_CLASS_DONE: Final = (1 << 32) - 1
_MOST_SWEEPERS: Final = 1 << 10
_SECOND: Final = 1_000_000_000
"""capacityPerProc, in nanoseconds (mgclimit.go)."""


def find_variables(
    memory: Memory, words: Words, signature: Signature, known: Mapping[str, int] = MappingProxyType({})
) -> dict[str, int]:
    """Return the addresses of the runtime's other variables that are found, by name without ``runtime.``.

    Parameters
    ----------
    known
        Addresses of variables that need not be searched for.
    """
    search = _Search(memory, words, signature)
    found = {"mheap_": signature.mheap, "memstats": signature.memstats, **known}
    for name, find in search.finders.items():
        address = None if name in known else find()
        if address is not None:
            found[name] = address
    return found


class _Search(SchedulerVariables, ProfileVariables):
    def __init__(self, memory: Memory, words: Words, signature: Signature) -> None:
        super().__init__(memory, words, signature)
        self.finders: dict[str, Callable[[], int | None]] = {
            "gcController": self.gc_controller,
            "allp": self.allp,
            "allgs": self.allgs,
            "allm": self.allm,
            "sched": self.sched,
            "gcrash": self.gcrash,
            "sweep": self.sweep,
            "work": self.work,
            "gcBitsArenas": self.gc_bits_arenas,
            "scavenge": self.scavenge,
            "debug": self.debug,
            "firstmoduledata": self.first_module_data,
            "gcCPULimiter": self.cpu_limiter,
            "buckhash": self.buckhash,
        }
        self._arenas: int | None = None
        self._controller: int | None = None

    # One finder for each variable.

    def gc_controller(self) -> int | None:
        """GcController has GOGC, a limit, and a minimum that follows from GOGC (mgcpacer.go, setGCPercent)."""
        name, width = "gcControllerState", self._words.width
        fields = self._layout[name]
        minimum = fields["heapMinimum"]
        low = np.uint64((1 << 8 * width) - 1)
        candidates = [np.empty(0, np.int64)]
        for default in _DEFAULT_MINIMUM:
            off = np.uint64(((1 << 64) - default) // 100) & low
            most = np.uint64(default * _MOST_GOGC // 100)
            rows = self._words.where(lambda value, _: (value - np.uint64(1) < most) | (value == off))  # noqa: B023
            value = self._words.value[rows]
            percent = np.minimum(value, most) * np.uint64(100)
            percent = (percent + np.uint64(default - 1)) // np.uint64(default)
            fits = (percent * np.uint64(default) // np.uint64(100) == value) | (value == off)
            rows, value, percent = rows[fits], value[fits], percent[fits]
            here = self._words.address[rows] - np.uint64(minimum.offset)
            gogc, known = self._words.at(here + np.uint64(fields["gcPercent"].offset & ~(width - 1)))
            gogc = gogc & np.uint64(0xFFFFFFFF)
            wanted = np.where(value == off, np.uint64(0xFFFFFFFF), percent)
            whole = self._beside(rows, name, "heapMinimum", "heapMinimum")
            fits = known & (gogc == wanted) & (whole & low == value)
            candidates.append(rows[fits])
        rows = np.concatenate(candidates)
        limit = self._beside(rows, name, "heapMinimum", "memoryLimit")
        rows = rows[(limit > 0) & (limit < np.uint64(1 << 63))]
        self._controller = self._only(self._nearest(rows))
        return self._controller

    def _nearest(self, rows: I64) -> U64:
        """Of several gcControllers keep those whose heap is as the statistics have it (mstats.go, heapStats)."""
        fields = self._layout["gcControllerState"]
        bases: U64 = self._words.address[rows] - np.uint64(fields["heapMinimum"].offset)
        if len(bases) <= 1:
            return bases
        stats, delta = self._layout["mstats"]["heapStats.stats"], self._layout["heapStatsDelta"]
        parts = np.uint64(self._signature.memstats + stats.offset) + np.arange(
            stats.count or 0, dtype=np.uint64
        ) * np.uint64(stats.stride)
        released, _ = self._read(parts + np.uint64(delta["released"].offset), delta["released"].size)
        same: Known = self._beside(rows, "gcControllerState", "heapMinimum", "heapReleased") == released.sum(
            dtype=np.uint64
        )
        return bases[same]

    def sweep(self) -> int | None:
        """Sweep names the background sweeper's goroutine, and how far the sweep is (mgcsweep.go)."""
        rows = np.flatnonzero(self._among(self._words.value, self._gs))
        parked = self._beside(rows, "sweepdata", "g", "parked")
        state = self._beside(rows, "sweepdata", "g", "active.state")
        reached = self._beside(rows, "sweepdata", "g", "centralIndex")
        plausible = (parked <= 1) & (
            (reached <= np.uint64(_SWEEP_CLASSES)) | (reached == np.uint64(_SWEEP_CLASS_DONE))
        )
        bases = self._words.address[rows] - np.uint64(self._layout["sweepdata"]["g"].offset)
        done = bases[plausible & (state == np.uint64(_SWEEP_DRAINED))]
        if len(done):
            return self._only(done)
        # Going on: forcegc looks alike, but its goroutine is always the second (proc.go, init).
        number, known = self._numbers("g", "goid", self._words.value[rows])
        sweeping = state & np.uint64(_SWEEP_DRAINED - 1) <= np.uint64(_MOST_SWEEPERS)
        return self._only(bases[plausible & sweeping & known & (number > 2)])

    def work(self) -> int | None:
        """Each work buffer span names the list that it is in, which is a field of work (mgcwork.go)."""
        spans = self._spans()
        state, _ = self._numbers("mspan", "state", spans)
        spans = spans[state == 2]
        size, _ = self._numbers("mspan", "elemsize", spans)
        lists, _ = self._numbers("mspan", "list", spans[size == 0])
        lists = np.unique(lists[lists != 0])
        _, inside = self._words.at(lists)
        lists = lists[inside]
        if not len(lists):
            return None
        # free comes before busy; of one list alone it is not known which, nor does it matter to who is listed.
        return int(lists[0]) - self._layout["work"]["wbufSpans.free.first"].offset

    def scavenge(self) -> int | None:
        """Scavenge has two goals, each off or whole pages of the system's; the first is about the heap in use.

        It has no pointers, so it lies in .noptrbss, beyond mheap_, where the smaller come first
        (cmd/link/internal/ld/data.go): on the side of gcBitsArenas that their sizes say. That tells it from
        cleanupBlockPtrMask, which since Go 1.25 is 16 bytes of ones where words have 32 bits.
        """
        fields, mstats = self._layout["scavenge"], self._layout["mstats"]["lastHeapInUse"]
        off = np.uint64((1 << 64) - 1)
        last = np.array([self._signature.memstats + mstats.offset], np.uint64)
        in_use, known = self._read(last, mstats.size)
        if not known[0]:
            return None
        begin = int(np.searchsorted(self._words.address, np.uint64(self._signature.mheap), "right"))
        every_bit = np.uint64((1 << 8 * self._words.width) - 1)
        ones = self._words.where(lambda value, _: value == every_bit)
        # After a cycle under GOGC=off the goal is 0: then the other one, which is off, comes after it.
        step = (fields["memoryLimitGoal"].offset - fields["gcPercentGoal"].offset) // self._words.width
        zero = ones[ones >= begin + step] - step
        zero = zero[self._words.value[zero] == 0]
        rows = np.sort(np.concatenate([self._whole_pages, ones, zero]))  # worth a closer look
        rows = rows[rows >= begin]
        larger = self._layout["gcBitsArenas"].size - fields.size
        if self._arenas is not None and larger:
            beyond = self._words.address[rows] > np.uint64(self._arenas)
            rows = rows[beyond == (larger < 0)]
        percent = self._beside(rows, "scavenge", "gcPercentGoal", "gcPercentGoal")
        limit = self._beside(rows, "scavenge", "gcPercentGoal", "memoryLimitGoal")
        near = (percent >= in_use[0] // np.uint64(8)) & (percent <= in_use[0] * np.uint64(8))
        fits = near & (percent % np.uint64(SMALL_PAGE) == 0) & (percent > 0) | (percent == off)
        limited = np.isin(limit, np.array([off, *self._limit_goals()], np.uint64))
        rows = rows[limited & fits if (limited & fits).any() else limited & (percent == 0)]
        return self._only(self._words.address[rows] - np.uint64(fields["gcPercentGoal"].offset))

    def cpu_limiter(self) -> int | None:
        """GcCPULimiter has a bucket of a second for each P (mgclimit.go, resetCapacity), and the number of Ps."""
        name, ps = "gcCPULimiterState", len(self._ps)
        fields, capacity = self._layout[name].fields, ps * _SECOND
        if not ps or not {"bucket.fill", "bucket.capacity", "nprocs"} <= set(fields):
            return None
        low = np.uint64(capacity & ((1 << 8 * self._words.width) - 1))
        rows = self._words.where(lambda value, _: value == low)
        fits = self._beside(rows, name, "bucket.capacity", "bucket.capacity") == np.uint64(capacity)
        fits &= self._beside(rows, name, "bucket.capacity", "bucket.fill") <= np.uint64(capacity)
        fits &= self._beside(rows, name, "bucket.capacity", "nprocs") == np.uint64(ps)
        return self._only(self._words.address[rows[fits]] - np.uint64(fields["bucket.capacity"].offset))

    def _limit_goals(self) -> list[int]:
        """Return the scavenger's goal for GOMEMLIMIT, less 5 %; in Go 1.19 and 1.20 it is a hundred times as much."""
        if self._controller is None:
            return []
        where = np.array([self._controller], np.uint64)
        limit, known = self._numbers("gcControllerState", "memoryLimit", where)
        if not known[0] or limit[0] >= np.uint64((1 << 63) - 1):
            return []
        return [int(float(limit[0]) * (1 - 5 / 100.0)), min(int(float(limit[0]) * 95.0), (1 << 64) - 1)]

    def debug(self) -> int | None:
        """Each GODEBUG setting has a record with its name's length and a pointer into debug (runtime1.go, dbgvars).

        All of them must be there: another release's debug, one setting shorter, has most of them one field away.
        """
        settings = self._layout["debug"].fields
        value, address = self._words.value, self._words.address
        width = np.uint64(self._words.width)
        lengths = [len(name) for name in settings]
        least, most = np.uint64(min(lengths)), np.uint64(max(lengths))
        like = self._words.where(lambda value, _: (value >= least) & (value <= most))
        like = like[like < len(value) - 1]
        inside = like[address[like + 1] - address[like] == width]
        votes = [np.empty(0, np.uint64)]
        for name, field in settings.items():
            rows = inside[value[inside] == np.uint64(len(name))]
            votes.append(distinct(value[rows + 1] - np.uint64(field.offset)))
        bases = np.sort(np.concatenate(votes))
        first = np.flatnonzero(np.append(True, bases[1:] != bases[:-1]))
        count = np.diff(first, append=len(bases))
        whole = bases[first[count == len(settings)]]
        known = self._words.at(whole & ~(width - np.uint64(1)))[1]
        return self._only(whole[known])

    def gc_bits_arenas(self) -> int | None:
        """GcBitsArenas has the lists of arenas that the spans' bitmaps lie in (mheap.go).

        A span that is swept has its marks in ``next`` and what is allocated in ``current``; one that is not, each one
        list later (mgcsweep.go, sweep). While a cycle marks that is so of every span that was there when it began, for
        then the lists move up (finishsweep_m, nextMarkBitArenaEpoch), and a new span has both in ``next``.
        """
        marking = self._marking()
        if marking is None:
            return None
        spans = self._spans()
        state, _ = self._numbers("mspan", "state", spans)
        spans = spans[state == 1]
        generation, alloc, marks = (
            self._numbers("mspan", path, spans)[0] for path in ("sweepgen", "allocBits", "gcmarkBits")
        )
        heap = np.array([self._signature.mheap], np.uint64)
        delta = (generation - self._numbers("mheap", "sweepgen", heap)[0]) & np.uint64(0xFFFFFFFF)
        swept = np.isin(delta, np.array([0, 3], np.uint64)) & (not marking)
        lists = {
            "next": self._holding(marks[swept]),
            "current": self._holding(np.concatenate([alloc[swept], marks[~swept]])),
            "previous": self._holding(alloc[~swept]),
        }
        if marking:
            lists["next"] = lists["current"][np.isin(lists["current"], lists["previous"])]
        fields, words = self._layout["gcBitsArenas"], self._words
        held = [words.address[rows] - np.uint64(fields[path].offset) for path, rows in lists.items()]
        bases, score = np.unique(np.concatenate(held), return_counts=True)
        # It begins with its lock. Where that has the address of an arena, all is one word off: so it looks for the
        # moment from the moving up of the lists until gcController knows of the cycle (mgc.go, gcStart). In the same
        # moment of a program's first two cycles nothing is free, and nothing tells.
        lock = words.at(bases)[0]
        bases, score = (column[(lock == 0) | ~self._aligned(lock)] for column in (bases, score))
        for path in ("free", *lists):
            head, known = words.at(bases + np.uint64(fields[path].offset))
            fits = known & self._aligned(head)
            if path == "free":  # what is free has no bitmap in it
                fits &= ~np.isin(head, words.value[np.concatenate([*lists.values()])])
            bases, score = bases[fits], score[fits]
        # In that moment the marks are in current, what is allocated in previous; another variable may have as much of
        # what is looked for at any other time.
        heads = {path: words.at(bases + np.uint64(fields[path].offset))[0] for path in ("free", *lists)}
        moved = (heads["free"] != 0) & (heads["next"] == 0)
        for path, rows in (("current", lists["next"]), ("previous", lists["current"])):
            moved &= np.isin(heads[path], words.value[rows])
        score = np.where(moved & (not marking), len(lists), score)
        likely = bases[score == score.max(initial=0)]
        if len(likely) > 1:  # next is empty for a moment only, when a cycle begins
            likely = likely[words.at(likely + np.uint64(fields["next"].offset))[0] > 0]
        self._arenas = self._only(likely)
        return self._arenas

    def _marking(self) -> bool | None:
        """Whether a cycle marks: gcController.triggered is ^0 when none does (mgcpacer.go); None when not known."""
        if self._controller is None:
            return None
        where = np.array([self._controller], np.uint64)
        triggered, known = self._numbers("gcControllerState", "triggered", where)
        return bool(triggered[0] != np.uint64((1 << 64) - 1)) if known[0] else None

    def _holding(self, bits: U64) -> I64:
        """Rows of the words that are the address of an arena that one of these bitmaps lies in."""
        rows, bits = self._whole_pages, distinct(bits)
        if not len(bits):
            return rows[:0]
        value = self._words.value[rows]
        at = np.minimum(np.searchsorted(bits, value), len(bits) - 1)
        room = np.uint64(self._layout["gcBitsArena"].size)
        inside: Known = (bits[at] >= value) & (bits[at] - value < room)
        return rows[inside]

    @staticmethod
    def _aligned(value: U64) -> Known:
        """Which of these may be the address of memory that the system gave: whole pages; or nil."""
        whole: Known = value % np.uint64(SMALL_PAGE) == 0
        return whole

    def first_module_data(self) -> int | None:
        """Firstmoduledata begins with a pointer to the table of functions, whose beginning is known (symtab.go)."""
        width, rows = self._words.width, self._pointing
        first, last = (self._beside(rows, "moduledata", "pcHeader", path) for path in ("types", "etypes"))
        rows = rows[(first > 0) & (first < last)]
        start, known = self._read(self._words.value[rows], 4)
        rows = rows[known & np.isin(start, np.array(_PCLNTAB_MAGICS, np.uint64))]
        headers = self._memory.read_many(self._words.value[rows], 8)
        shaped = (headers.data[:, 4:6] == 0).all(axis=1) & (headers.data[:, 7] == width)
        rows = rows[shaped]
        bases = self._words.address[rows] - np.uint64(self._layout["moduledata"]["pcHeader"].offset)
        following = self._beside(rows, "moduledata", "pcHeader", "next")
        return self._only(bases[~np.isin(bases, following)])
