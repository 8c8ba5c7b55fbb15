"""Whose a mapping is: told by its name, its shape, and what of the runtime's lies in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import attrs
import numpy as np

from gdb_gospan.memory.runs import joined_runs
from gdb_gospan.memory.segments import U64
from gdb_gospan.memory.smaps import Vma
from gdb_gospan.memory.vmanames import by_name
from gdb_gospan.runtime.heap import Heap

Owner = Literal[
    "go_heap", "runtime", "other_runtimes", "text", "data", "c_heap", "c_arenas", "thread_stacks", "anonymous", "files",
    "shared", "kernel",
]  # fmt: skip

_ARENA: Final = 64 << 20
"""glibc's HEAP_MAX_SIZE on 64-bit systems: its arenas are aligned to it (malloc/arena.c)."""
_RESERVED: Final = 256 << 20
"""Address space without access that only the runtime reserves in one piece: the summaries of pages and its index."""
_FAR: Final = 1 << 39
_STACK_FAR: Final = 1 << 41
"""How far the kernel places mmap's memory from the stack at most, with all its randomness: 2^40 and more is not it."""


@attrs.frozen(eq=False, repr=False)
class Places:
    """Addresses that tell whose a mapping is, ascending.

    Attributes
    ----------
    arenas
        First addresses and ends of the heap's arenas.
    runtime
        Addresses at which something of the runtime's metadata begins.
    stacks
        Addresses in threads' stacks that are not in the heap.
    other_runtimes
        Whether the process has other Go runtimes.
    """

    arenas: tuple[U64, U64]
    runtime: U64
    stacks: U64
    other_runtimes: bool


@attrs.frozen(eq=False, repr=False)
class Owned:
    """A mapping and whose it is; that of a program's or a library's file is split into `text` and `data` later."""

    vma: Vma
    owner: Owner


def owners(vmas: Sequence[Vma], places: Places) -> list[Owned]:
    """Say whose each mapping is."""
    programs = {vma.name for vma in vmas if vma.is_file and vma.mode[2] == "x"}
    islands = _islands(vmas)
    near = [vma.start for vma in vmas if vma.is_file or vma.name in ("[heap]", "[stack]")]
    stack = next((vma.start for vma in vmas if vma.name == "[stack]"), None)
    found: list[Owned] = []
    for at, vma in enumerate(vmas):
        before = found[-1] if found else None
        following = vmas[at + 1] if at + 1 < len(vmas) else None
        owner = _by_name(vma, programs)
        if owner in (None, "anonymous"):
            far = places.other_runtimes and _is_far(vma, near, stack)
            owner = _by_place(vma, before, following, places, far=far) or owner
        if owner is None and vma.start in islands:
            owner = "runtime"
        found.append(Owned(vma, owner or "anonymous"))
    return found


def _by_name(vma: Vma, programs: Iterable[str]) -> Owner | None:
    if vma.is_file and vma.name in programs:
        return "text"
    return by_name(vma.name, vma.mode)


def _by_place(
    vma: Vma, before: Owned | None, following: Vma | None, places: Places, *, far: bool
) -> Owner | None:
    """Tell an anonymous mapping by what lies in it, and by its shape and its neighbours.

    Parameters
    ----------
    far
        There is another Go runtime, whose heap is where nothing else is, and may look like an arena of glibc's.
    """
    if _overlaps(places.arenas, vma):
        return "go_heap"
    if before is not None and before.owner in ("text", "data") and _follows(before.vma, vma):
        return "data"  # variables that begin as zeros
    holds = _any_in(places.runtime, vma)
    if far and not holds:
        return "other_runtimes"
    if _is_arena(vma, following):
        return "runtime" if holds else "c_arenas"
    if holds:
        return "runtime"
    return "thread_stacks" if _any_in(places.stacks, vma) else None


def _follows(before: Vma, vma: Vma) -> bool:
    return before.end == vma.start and before.writable and vma.writable


def _is_arena(vma: Vma, following: Vma | None) -> bool:
    """Whether it is one of glibc's arenas: aligned, what is in use of it, and the rest without access."""
    if vma.start % _ARENA or not vma.writable:
        return False
    rest = -vma.end % _ARENA
    if not rest:
        return vma.size == _ARENA
    return (
        following is not None and following.reserved and following.start == vma.end and following.size >= rest
    )


def _islands(vmas: Sequence[Vma]) -> frozenset[int]:
    """Return where those mappings begin that are islands in what the runtime reserves for its page allocator.

    The kernel joins the reservations, which lie side by side, so they are one large piece with islands that are in use.
    """
    found: set[int] = set()
    for at, vma in enumerate(vmas):
        if not (vma.reserved and not vma.name and vma.size >= _RESERVED):
            continue
        for step in (-1, 1):
            here = at
            while 0 <= here + step < len(vmas):
                near, next_one = vmas[here], vmas[here + step]
                touching = next_one.start == near.end if step > 0 else next_one.end == near.start
                if not touching or next_one.name or next_one.mode not in ("rw-p", "---p"):
                    break
                if next_one.writable:
                    found.add(next_one.start)
                here += step
    return frozenset(found)


def _is_far(vma: Vma, near: Iterable[int], stack: int | None) -> bool:
    """Whether it lies where neither the kernel places anonymous memory on its own, nor a program its files."""
    if stack is None or not vma.writable:
        return False
    return vma.start + _STACK_FAR < stack and all(abs(vma.start - each) > _FAR for each in near)


def _any_in(addresses: U64, vma: Vma) -> bool:
    low, high = np.searchsorted(addresses, np.array([vma.start, vma.end], np.uint64)).tolist()
    return bool(high > low)


def _overlaps(ranges: tuple[U64, U64], vma: Vma) -> bool:
    start, end = ranges
    row = int(np.searchsorted(start, np.uint64(vma.end), side="left")) - 1
    return row >= 0 and int(end[row]) > vma.start


def unmapped(heap: Heap, vmas: Sequence[Vma]) -> tuple[int, int]:
    """Return the bytes of spans in use, and of those the bytes that lie in no mapping: smaps is of another process then."""
    rows = np.flatnonzero(heap.spans.counted)
    nbytes, ordered = heap.spans.bytes_of(rows), sorted(vmas, key=lambda each: each.start)
    there = joined_runs(
        np.array([each.start for each in ordered], np.uint64),
        np.array([each.end for each in ordered], np.uint64),
    )
    whole = int(nbytes.sum())
    return whole, whole - int(there.within(heap.spans.start[rows], nbytes).sum())
