"""What is known of a program when its memory is judged: the bytes by account, and where to look for more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal

import attrs

from gdb_gospan.analysis.accounting import Accounts
from gdb_gospan.analysis.thresholds import Thresholds
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within

if TYPE_CHECKING:  # which the first screen does without
    from gdb_gospan.analysis.callsites import Allocator
    from gdb_gospan.analysis.goroutines import Living
    from gdb_gospan.analysis.residency import Accounted

Account = Literal[
    "objects", "garbage", "free_slots", "tail", "idle", "returned", "stacks", "metadata",
    "c_heap", "thread_stacks", "anonymous", "files", "shared", "program", "other_runtimes", "rest",
]  # fmt: skip

_RESIDENT: Final[Mapping[Account, tuple[str, ...]]] = {
    "objects": ("heap_objects",),
    "garbage": ("heap_garbage",),
    "free_slots": ("heap_free_slots",),
    "tail": ("heap_tail",),
    "idle": ("heap_idle",),
    "returned": ("heap_returned",),
    "stacks": ("heap_stacks",),
    "metadata": ("span_descriptors", "heap_tables", "gc_bitmaps", "work_buffers", "runtime_other"),
    "c_heap": ("c_heap", "c_arenas"),
    "thread_stacks": ("thread_stacks",),
    "anonymous": ("anonymous",),
    "files": ("files",),
    "shared": ("shared",),
    "program": ("text", "data"),
    "other_runtimes": ("other_runtimes",),
}
"""Parts of `analysis.residency` by account; what is in none of them is in "rest"."""
_MAPPED: Final[Mapping[Account, tuple[str, ...]]] = {
    "objects": ("objects",),
    "garbage": ("garbage_unswept",),
    "free_slots": ("free_slots",),
    "tail": ("tail", "span_metadata"),
    "idle": ("idle_retained",),
    "stacks": ("stacks", "os_thread_stacks"),
    "metadata": ("mspan", "mcache", "gc", "work_buffers", "profiling_buckets", "other"),
}
"""The same of `analysis.accounting`."""


_JUST: Final = 1_000_000_000
"""Nanoseconds in which the sweep of any heap gets on."""


@attrs.frozen
class Beyond:
    """Memory of a process that the runtime does not keep.

    Attributes
    ----------
    nbytes, whole
        Bytes of it, of all: of RSS, with pages that were returned and are resident; or of what a core has recorded, without
        these.
    recorded
        They are of a core that the kernel wrote, which leaves out what was neither in memory nor in swap.
    returned
        Besides, bytes of pages that the runtime has returned; None where not known.
    """

    nbytes: int
    whole: int
    recorded: bool = False
    returned: int | None = None


@attrs.frozen
class Most:
    """Of some objects that the roots reach, the type and the owner that have most bytes; or that strand most.

    Attributes
    ----------
    type
        None where it is not known.
    """

    type: str | None
    type_bytes: int
    owner: str
    owner_bytes: int


@attrs.frozen(eq=False, repr=False)
class Case:
    """A program to be judged.

    Attributes
    ----------
    resident
        The amounts are resident bytes; otherwise bytes that the runtime has not returned.
    total
        RSS, or Sys - HeapReleased; None where damage makes it impossible.
    amounts
        Bytes by account; with "rest" they add up to the total.
    beyond
        What there is beyond the runtime's own memory, where nothing splits what is resident; None where it is not known.
    accounted
        The resident memory by parts; None where it is not known.
    goroutines, runners
        Goroutines that are not dead; and those that run finalizers and cleanups. None where they were not looked at.
    deepest
        The function that the deepest stack has most often; "" where not known.
    allocator
        The function that allocated most of the bytes in use, by the heap profile; None where not known.
    strander
        How to learn the function whose objects strand most, of a span class or of all; or None.
    keeper, stranding_keeper
        How to learn what type and which owner keep most bytes, and strand most, of a span class or of all; or None.
    """

    heap: Heap
    limits: Thresholds
    resident: bool
    total: int | None
    amounts: Mapping[Account, int]
    beyond: Beyond | None = None
    accounted: Accounted | None = None
    goroutines: Living | None = None
    runners: Living | None = None
    deepest: str = ""
    allocator: Allocator | None = None
    strander: Callable[[int | None], Allocator | None] | None = None
    keeper: Callable[[int | None], Most | None] | None = None
    stranding_keeper: Callable[[int | None], Most | None] | None = None

    def amount(self, *accounts: Account) -> int:
        """Add accounts up."""
        return sum(self.amounts.get(each, 0) for each in accounts)

    def least(self, share: float) -> float:
        """Return the bytes that a finding must explain, if it must explain this share of the total."""
        return max(self.limits.bytes, share * (self.total or sum(self.amounts.values())))

    def figure(self, name: str) -> int | None:
        """Return a number of bytes that gcController has; None where no program can have so many."""
        return within(self.heap.controller.get(name), ADDRESS_SPACE)

    @property
    def room(self) -> int:
        """Bytes that the heap may grow by until the next cycle: free memory that it needs is no waste.

        A memory limit says what may be used. Without one, no more counts than with GOGC=100: beyond that it is the setting
        that keeps the memory.
        """
        marked, live = self.figure("heapMarked") or 0, self.figure("heapLive") or 0
        goal = within(self.heap.mem_stats["NextGC"], ADDRESS_SPACE)
        usual = 2 * marked + (4 << 20)
        if goal is None:
            goal = usual
        elif self.memory_limit is None:
            goal = min(goal, usual)
        return max(goal - live, 0)

    @property
    def room_with_tenth(self) -> int:
        """The same with the tenth more that the scavenger keeps by design (mgcscavenge.go, retainExtraPercent)."""
        live = self.figure("heapLive") or 0
        return (self.room + live) * 11 // 10 - live

    @property
    def in_cycle(self) -> bool:
        """A GC cycle runs, or has just ended: how much is free now says nothing."""
        gc = self.heap.gc
        if gc is not None and gc.phase_name not in (None, "off"):
            return True
        ended, moment = self.heap.mem_stats["LastGC"], self.heap.moment
        return not self.heap.sweep.done and moment is not None and 0 <= moment - ended < _JUST

    @property
    def memory_limit(self) -> int | None:
        """GOMEMLIMIT in bytes; None where there is none, or it is not known."""
        return None if self.heap.gc is None else within(self.heap.gc.memory_limit)


def of_heap(heap: Heap, accounts: Accounts, limits: Thresholds, rss: int | None = None) -> Case:
    """Return a case by the runtime's own accounts, where nothing splits what is resident."""
    amounts = _sorted(_MAPPED, attrs.asdict(accounts))
    total = None
    if accounts.sys is not None and accounts.idle_released is not None:
        total = within(accounts.sys - accounts.idle_released, ADDRESS_SPACE)
    beyond = None if rss is None or total is None else Beyond(rss - total, rss)
    return Case(heap, limits, resident=False, total=total, amounts=_with_rest(amounts, total), beyond=beyond)


def of_residency(heap: Heap, accounted: Accounted, accounts: Accounts, limits: Thresholds) -> Case:
    """Return a case by what of the process is resident; the heap as a whole where nothing tells of each page."""
    parts: dict[str, int | None] = {code: amount.resident for code, amount in accounted.parts.items()}
    amounts = _sorted(_RESIDENT, parts)
    if accounted.heap is None:
        amounts |= _spread(parts.get("go_heap") or 0, _sorted(_MAPPED, attrs.asdict(accounts)))
    return Case(
        heap,
        limits,
        resident=True,
        total=accounted.rss,
        amounts=_with_rest(amounts, accounted.rss),
        accounted=accounted,
    )


def _spread(resident: int, kept: Mapping[Account, int]) -> dict[Account, int]:
    """Return the resident bytes of the heap by account, where only their sum is known.

    Each has what it keeps, or where less is resident a share of that; what is beyond all has been returned.
    """
    inside = {account: kept[account] for account in _IN_HEAP}
    whole = sum(inside.values())
    part = min(resident, whole)
    found = {account: nbytes * part // max(whole, 1) for account, nbytes in inside.items()}
    return {**found, "returned": resident - part}


_IN_HEAP: Final[tuple[Account, ...]] = ("objects", "garbage", "free_slots", "tail", "idle", "stacks")


def _sorted(names: Mapping[Account, tuple[str, ...]], parts: Mapping[str, int | None]) -> dict[Account, int]:
    return {account: sum(parts.get(name) or 0 for name in some) for account, some in names.items()}


def _with_rest(amounts: dict[Account, int], total: int | None) -> dict[Account, int]:
    rest = 0 if total is None else max(total - sum(amounts.values()), 0)
    return amounts | {"rest": rest}
