"""Where the resident memory of a process is: a sum that closes, from the kernel's accounts and the heap's structures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import attrs
import numpy as np

from gdb_gospan.analysis.case import Beyond
from gdb_gospan.analysis.notes import Note
from gdb_gospan.analysis.residentheap import (
    FREE_SLOTS,
    GARBAGE,
    METADATA,
    OBJECTS,
    TAIL,
    UNKNOWN,
    HeapPages,
    heap_pages,
)
from gdb_gospan.analysis.verification import Status
from gdb_gospan.analysis.vmas import Owned, Places, owners, unmapped
from gdb_gospan.memory.residency import Residency
from gdb_gospan.memory.runs import Runs
from gdb_gospan.memory.segments import NOWHERE, U64, joined, overlaps
from gdb_gospan.memory.smaps import Smaps, Vma, parse, parse_rollup, total
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mstats import within
from gdb_gospan.runtime.ownranges import OwnRanges, own_ranges

Code = Literal[
    "heap_objects", "heap_garbage", "heap_free_slots", "heap_tail", "heap_idle", "heap_returned", "heap_stacks",
    "heap_other", "go_heap", "span_descriptors", "heap_tables", "gc_bitmaps", "work_buffers", "runtime_other",
    "other_runtimes", "text", "data", "c_heap", "c_arenas", "anonymous", "thread_stacks", "files", "shared", "kernel",
    "unexplained",
]  # fmt: skip
_COUNTERS = ("mspan_sys", "mcache_sys", "buckhash_sys", "gcMiscSys", "other_sys")
"""What the runtime has mapped for its metadata (mstats.go)."""


@attrs.frozen
class Amount:
    """Bytes of one part.

    Attributes
    ----------
    resident, swapped
        In memory, and in swap.
    huge
        Of the resident ones, those in huge pages.

    None is what is not known.
    """

    resident: int | None = 0
    swapped: int | None = 0
    huge: int | None = 0

    def plus(self, other: Amount) -> Amount:
        """Return the sum; not known where one of them is not."""
        return Amount(*map(_plus, attrs.astuple(self), attrs.astuple(other)))

    def less(self, other: Amount) -> Amount:
        """Return the difference, likewise."""
        return Amount(*map(_less, attrs.astuple(self), attrs.astuple(other)))


def _plus(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _less(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one - other


@attrs.frozen(eq=False, repr=False)
class Agreement:
    """Whether the two ways to the heap's resident bytes agree.

    Attributes
    ----------
    expected, observed
        Rss of the heap's mappings, and its pages by state with what else these mappings have; None where not known.
    """

    status: Status
    expected: int
    observed: int | None
    notes: tuple[Note, ...]


@attrs.frozen(eq=False, repr=False)
class Accounted:
    """The resident memory of a process by parts.

    Attributes
    ----------
    parts
        In the order of `Code`; with "unexplained" they add up to `rss`.
    rss
        Bytes by smaps_rollup, which was read last; by smaps, where there is no such file.
    rss_smaps
        The sum of Rss in smaps.
    swap, huge, lazy_free, hugetlb
        Sums of smaps; hugetlb is no part of Rss.
    heap
        By state of page; None where the states of the pages are not known.
    heap_rss
        Rss of the mappings that have the heap's arenas.
    heap_outside
        Of that, bytes outside of the arenas; None where not known.
    cut
        The text of smaps was cut off.
    heap_bytes, heap_unmapped
        Bytes of spans in use, and of those the bytes that lie in no mapping of smaps.
    check
        That the two ways to the heap's resident bytes agree.
    """

    parts: dict[Code, Amount]
    rss: int
    rss_smaps: int
    swap: int | None
    huge: int | None
    lazy_free: int | None
    hugetlb: int | None
    heap: HeapPages | None
    heap_rss: int
    heap_outside: int | None
    cut: bool
    heap_bytes: int
    heap_unmapped: int
    check: Agreement


def account(heap: Heap, found: Residency, *, other_runtimes: bool) -> Accounted:
    """Add the resident memory up; `TargetError` when the text is no smaps."""
    smaps = parse(found.smaps, found.source)
    owned = owners(smaps.vmas, _places(heap, found, other_runtimes=other_runtimes))
    whole, missing = unmapped(heap, smaps.vmas)
    sums = _Sums(heap, found, owned)
    sums.add_mappings()
    rollup = parse_rollup(found.rollup) if found.rollup else {}
    rss_smaps = smaps.total("Rss") or 0
    rss = rollup.get("Rss", rss_smaps)
    explained = sum(amount.resident or 0 for amount in sums.parts.values())
    sums.parts["unexplained"] = Amount(rss - explained, None, None)
    return Accounted(
        parts=sums.parts,
        rss=rss,
        rss_smaps=rss_smaps,
        swap=smaps.total("Swap"),
        huge=_huge(smaps.vmas),
        lazy_free=smaps.total("LazyFree"),
        hugetlb=_together(smaps, "Shared_Hugetlb", "Private_Hugetlb"),
        heap=sums.heap_pages,
        heap_rss=sums.heap_rss,
        heap_outside=sums.heap_outside,
        cut=smaps.cut,
        heap_bytes=whole,
        heap_unmapped=missing,
        check=_check(found, sums, changed=rss - rss_smaps if rollup else None),
    )


def by_state(heap: Heap, held: Runs | None = None) -> dict[Code, int | None]:
    """Return the bytes of each state of the heap's pages that lie in these runs; without any, those of address space.

    None for what cannot be: then a check of the heap is broken.
    """
    arenas = heap.arenas
    start, size = _joined(arenas.base, np.full(len(arenas), arenas.nbytes, np.uint64))
    pages = heap_pages(heap, Runs(start, start + size) if held is None else held)
    most = int(size.sum())
    return {code: within(of(pages), most) for code, of in _STATES.items()}


def beyond_recorded(heap: Heap, held: Runs) -> Beyond:
    """Return what a core of the kernel has that is not the runtime's, and apart from it what the runtime has returned."""
    states = by_state(heap, held)
    returned = states.pop("heap_returned")
    own = sum(value or 0 for value in states.values()) + sum(heap.memstats[name] for name in _COUNTERS)
    outside = max(held.nbytes - own - (returned or 0), 0)
    return Beyond(outside, held.nbytes, recorded=True, returned=returned)


class _Sums:
    """The parts while they are added up."""

    def __init__(self, heap: Heap, found: Residency, owned: Sequence[Owned]) -> None:
        self._heap = heap
        self._pages = found.pages
        self._owned = owned
        self._pointers = found.stack_pointers
        self.parts: dict[Code, Amount] = {}
        self.heap_pages: HeapPages | None = None
        self.heap_rss = 0
        self.heap_outside: int | None = None

    def add_mappings(self) -> None:
        """Add each mapping to its part, and those with several parts by pages."""
        alone: tuple[Code, ...] = (
            "other_runtimes", "c_heap", "c_arenas", "anonymous", "thread_stacks", "files", "shared", "kernel",
        )  # fmt: skip
        for owner in alone:
            self._add(owner, _amount([each.vma for each in self._owned if each.owner == owner]))
        self._add_programs()
        rest = self._add_heap()
        self._add_runtime(rest)

    def _add(self, code: Code, amount: Amount) -> None:
        self.parts[code] = self.parts.get(code, Amount()).plus(amount)

    def _add_programs(self) -> None:
        files = [each.vma for each in self._owned if each.owner == "text"]
        own = total(files, "Anonymous") or 0
        whole = _amount(files)
        self._add("text", Amount(_less(whole.resident, own), 0, total(files, "FilePmdMapped") or 0))
        self._add("data", Amount(own, whole.swapped, total(files, "AnonHugePages")))
        self._add("data", _amount([each.vma for each in self._owned if each.owner == "data"]))

    def _add_heap(self) -> Amount:
        """Add the heap by state of page, and return what its mappings have besides."""
        vmas = [each.vma for each in self._owned if each.owner == "go_heap"]
        whole = _amount(vmas)
        self.heap_rss = whole.resident or 0
        if self._pages is None:
            self._add("go_heap", whole)
            return Amount()
        known: list[HeapPages | None] = [
            None if runs is None else heap_pages(self._heap, runs)
            for runs in (self._pages.resident, self._pages.swapped, self._pages.huge)
        ]
        self.heap_pages = known[0]
        for code, of in _STATES.items():
            self._add(code, Amount(*(None if each is None else of(each) for each in known)))
        start, size = _ranges(vmas)
        arenas = self._heap.arenas
        nbytes = np.full(len(arenas), arenas.nbytes, np.uint64)
        outside = self._in_runs(start, size).less(self._in_runs(*_clip(*_joined(arenas.base, nbytes), vmas)))
        self.heap_outside = outside.resident
        return outside

    def _in_runs(self, start: U64, size: U64) -> Amount:
        """Return what of these ranges is resident, by pages."""
        assert self._pages is not None  # noqa: S101  # for mypy: who calls it has looked
        runs: list[Runs | None] = [self._pages.resident, self._pages.swapped, self._pages.huge]
        return Amount(
            *(None if one is None else int(one.within(start, size.astype(np.int64)).sum()) for one in runs)
        )

    def _add_runtime(self, rest: Amount) -> None:
        """Add the runtime's metadata: what lies in its known ranges, and of the rest as much as its counters have."""
        vmas = [each.vma for each in self._owned if each.owner == "runtime"]
        pool = _amount(vmas).plus(rest)
        counters = sum(self._heap.memstats[name] for name in _COUNTERS)
        if self._pages is not None:
            for each in own_ranges(self._heap):
                start, size = _clipped(each, vmas)
                amount = self._in_runs(start, size)
                self._add(_METADATA[each.kind], amount)
                pool = pool.less(amount)
                counters -= int(each.size.sum()) if each.kind != "arena_map" else 0
            stacks = self._in_runs(*_stacks_in(self._heap, vmas))
            self._add("thread_stacks", stacks)
            pool = pool.less(stacks)
        own = max(min(pool.resident or 0, counters), 0)
        beyond = (pool.resident or 0) - own
        larger = beyond > own
        self._add("runtime_other", Amount(own) if larger else Amount(own, pool.swapped, pool.huge))
        self._add("anonymous", Amount(beyond, pool.swapped, pool.huge) if larger else Amount(beyond))


_STATES: Final[Mapping[Code, Callable[[HeapPages], int]]] = {
    "heap_objects": lambda pages: pages.in_spans.sums[OBJECTS],
    "heap_garbage": lambda pages: pages.in_spans.sums[GARBAGE],
    "heap_free_slots": lambda pages: pages.in_spans.sums[FREE_SLOTS],
    "heap_tail": lambda pages: pages.in_spans.sums[TAIL] + pages.in_spans.sums[METADATA],
    "heap_idle": lambda pages: pages.idle,
    "heap_returned": lambda pages: pages.returned,
    "heap_stacks": lambda pages: pages.stacks,
    "heap_other": lambda pages: pages.in_spans.sums[UNKNOWN] + pages.other + pages.beyond,
    "work_buffers": lambda pages: pages.work_buffers,
}  # fmt: skip
_METADATA: dict[str, Code] = {
    "span_descriptors": "span_descriptors",
    "arena_map": "heap_tables",
    "arena_tables": "heap_tables",
    "page_tables": "heap_tables",
    "gc_bitmaps": "gc_bitmaps",
}


def _places(heap: Heap, found: Residency, *, other_runtimes: bool) -> Places:
    """Gather the addresses that tell whose a mapping is."""
    arenas = heap.arenas
    order = np.argsort(arenas.base)
    base = arenas.base[order]
    ends = base + np.uint64(arenas.nbytes)
    low, _ = _system_stacks(heap)
    stacks = np.concatenate([low, np.array(found.stack_pointers, np.uint64)])
    inside = overlaps(base, ends - base, stacks, 1)
    return Places(
        arenas=(base, ends),
        runtime=np.sort(np.concatenate([each.start for each in own_ranges(heap)])),
        stacks=np.sort(stacks[~inside]),
        other_runtimes=other_runtimes,
    )


def _system_stacks(heap: Heap) -> tuple[U64, U64]:
    """Return the ends of the stacks of threads: of each M's g0 and gsignal."""
    system = heap.goroutines.system
    low, high = system["stack.lo"], system["stack.hi"]
    there = (low != 0) & (high > low)
    return low[there], high[there]


def _stacks_in(heap: Heap, vmas: Sequence[Vma]) -> tuple[U64, U64]:
    """Return the threads' stacks that lie in these mappings, apart: starts and sizes."""
    low, high = _system_stacks(heap)
    return _clip(*_joined(low, high - low), vmas)


def _joined(start: U64, size: U64) -> tuple[U64, U64]:
    return joined(start, size) if len(start) else NOWHERE


def _clipped(ranges: OwnRanges, vmas: Sequence[Vma]) -> tuple[U64, U64]:
    return _clip(ranges.start, ranges.size, vmas)


def _clip(start: U64, size: U64, vmas: Sequence[Vma]) -> tuple[U64, U64]:
    """Return what of these ranges, ascending and apart, lies in the mappings."""
    runs = Runs(start, start + size)
    pieces = [np.empty((2, 0), np.uint64)]
    for vma in vmas:
        low = int(np.searchsorted(runs.end, np.uint64(vma.start), side="right"))
        high = int(np.searchsorted(runs.start, np.uint64(vma.end), side="left"))
        begin = np.maximum(runs.start[low:high], np.uint64(vma.start))
        end = np.minimum(runs.end[low:high], np.uint64(vma.end))
        pieces.append(np.stack([begin, end - begin]))
    start, size = np.concatenate(pieces, axis=1)
    return start, size


def _ranges(vmas: Sequence[Vma]) -> tuple[U64, U64]:
    start = np.array([vma.start for vma in vmas], np.uint64)
    return start, np.array([vma.end for vma in vmas], np.uint64) - start


def _amount(vmas: Sequence[Vma]) -> Amount:
    """Add mappings up."""
    return Amount(
        resident=sum(vma.rss for vma in vmas),
        swapped=total(vmas, "Swap") if vmas else 0,
        huge=_huge(vmas) if vmas else 0,
    )


def _huge(vmas: Sequence[Vma]) -> int | None:
    """Bytes in huge pages, of whatever kind; a kernel without one of the figures has no such pages."""
    kinds = [total(vmas, name) for name in ("AnonHugePages", "ShmemPmdMapped", "FilePmdMapped")]
    return None if kinds[0] is None else sum(each or 0 for each in kinds)


def _together(smaps: Smaps, *names: str) -> int | None:
    sums = [smaps.total(name) for name in names]
    return None if None in sums else sum(each or 0 for each in sums)


def _check(found: Residency, sums: _Sums, changed: int | None) -> Agreement:
    """Compare the two ways to the resident bytes of the heap: Rss of its mappings, and its pages by state."""
    expected, pages = sums.heap_rss, sums.heap_pages
    observed = None if pages is None else pages.total + (sums.heap_outside or 0)
    status: Status = "exact"
    notes: tuple[Note, ...] = ()
    if observed is None or found.pages is None:
        status, notes = "unknown", (Note("no-page-states"),)
    elif observed != expected:
        doubtful = found.pages.doubtful
        vmas = [each.vma for each in sums._owned if each.owner == "go_heap"]  # noqa: SLF001
        maybe = 0 if doubtful is None else int(doubtful.within(*_signed(*_ranges(vmas))).sum())
        if changed:
            status, notes = "transient", (Note("pages-moved", {"bytes": abs(changed)}),)
        elif 0 < observed - expected <= maybe:
            status, notes = "unknown", (Note("zero-pages", {"bytes": maybe}),)
        else:
            status = "broken"
    return Agreement(status, expected, observed, notes)


def _signed(start: U64, size: U64) -> tuple[U64, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    return start, size.astype(np.int64)
