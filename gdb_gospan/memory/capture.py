"""A capture: the pages that a report needs, copied in one stop of the process, then sealed.

Planned pages are read in runs, into buffers that were touched before, so most of the stop is the kernel's copying.
What was not copied cannot be read afterwards: that is an error, never zeros.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import numpy as np

from gdb_gospan.memory.mappings import Mapping
from gdb_gospan.memory.model import NOT_IN_PROCESS, Memory, Over, Rows, Unreadable, out_of_range
from gdb_gospan.memory.prefetched import PAGE, SHIFT, PrefetchedMemory, pages_of
from gdb_gospan.memory.segments import I64, LAST, NOWHERE, U64, Bytes, Mask, distinct, joined, overlaps

_NONE: Final = np.empty(0, np.uint64)
_SPARE: Final = 16384
"""Pages of buffer for what is known only in the stop: stacks of threads, and new mappings."""
_TOUCHED: Final = 2048
"""Pages of it that are touched before the stop."""
_APPEARED: Final = 8192
"""Pages copied from a new mapping: with 1.5 million spans, a grown allspans has 4,500."""
_NOT_TAKEN: Final = "not in the capture"
_SMALL: Final = 4096
"""Pages of a runtime mapping up to which it is copied whole: other parts may be needed a moment later.

So is a larger one of which half is needed.
"""
_GAP: Final = 64
"""Pages copied from a larger mapping between and behind the needed ones."""
_UNTOUCHED: Final = 1024
"""Likewise for an anonymous mapping of which nothing is needed yet; the stack of a C thread is larger."""
_AROUND: Final = 4
"""Pages on each side of a needed page of an arena: Gs and Ms are objects there."""
_FEW: Final = 1024
"""Only if there are at most so many of these."""


class Filling(Memory, Protocol):
    """Memory that can be read into an existing buffer."""

    def fill(self, address: int, buffer: Bytes) -> bool:
        """Read ``len(buffer)`` bytes at an address; False when not all of them could be read."""
        ...

    def fill_many(self, begins: U64, ends: I64, buffer: Bytes) -> Mask:
        """Read runs that begin at these addresses to where they end in a buffer: which of them could be read."""
        ...


class Plan:
    """What to copy, and the buffer for it.

    Parameters
    ----------
    pages
        Numbers of pages, ascending, each once: uint64 (n,).
    pieces
        Pieces of other pages: addresses, and the bytes at each, uint64 (m,), in any order. They may overlap.

    Attributes
    ----------
    arenas
        First addresses and bytes of the arenas, as far as they are known.
    """

    def __init__(
        self, pages: U64, pieces: tuple[U64, U64] = NOWHERE, arenas: tuple[U64, U64] = NOWHERE
    ) -> None:
        self.arenas = arenas
        pages, (self._starts, self._sizes) = _apart(pages, joined(*pieces))
        self._pages = pages
        self._known = np.ones(len(pages), np.bool_)
        self._whole = (len(pages) + _SPARE) << SHIFT
        self._room = np.empty(self._whole + int(self._sizes.sum()), np.uint8)
        # The kernel allocates pages when they are touched, which takes longer than the copying.
        self._room[: (len(pages) + _TOUCHED) << SHIFT : PAGE] = self._room[self._whole :: PAGE] = 0
        self._read = np.zeros(len(self._starts), np.bool_)

    def take(self, memory: Filling) -> None:
        """Copy everything planned; once more, if it was copied before."""
        self._known[:] = True
        self._take(memory, 0)
        if len(self._starts):
            ends = np.cumsum(self._sizes).astype(np.int64)
            self._read = memory.fill_many(self._starts, ends, self._room[self._whole :])

    def take_more(self, memory: Filling, *more: U64) -> None:
        """Read more pages, known only once the process is stopped, as far as the buffer allows."""
        for wanted in map(distinct, more):
            at = len(self._pages)
            fresh = wanted[~np.isin(wanted, self._pages)][: (self._whole >> SHIFT) - at]
            self._pages = np.concatenate([self._pages, fresh])
            self._known = np.concatenate([self._known, np.ones(len(fresh), np.bool_)])
            self._take(memory, at)

    def _take(self, memory: Filling, begin: int) -> None:
        """Read the pages from this place on, as runs of those that follow each other."""
        pages = self._pages[begin:]
        first = np.flatnonzero(np.append(True, pages[1:] - pages[:-1] != 1)[: len(pages)])
        end = np.append(first[1:], len(pages))[: len(first)]
        room = self._room[begin << SHIFT : len(self._pages) << SHIFT]
        known = memory.fill_many(pages[first] << np.uint64(SHIFT), end << SHIFT, room)
        for run in np.flatnonzero(~known).tolist():
            low, high = begin + int(first[run]), begin + int(end[run])
            self._known[low:high] = [self._take_one(memory, at) for at in range(low, high)]

    def _take_one(self, memory: Filling, at: int) -> bool:
        return memory.fill(int(self._pages[at]) << SHIFT, self._room[at << SHIFT : (at + 1) << SHIFT])

    def sealed(self, memory: Memory, unmapped: tuple[U64, U64] = NOWHERE) -> Capture:
        """Return the copy, over memory that is now closed; of these ranges it is known that nothing is there."""
        count = len(self._pages)
        start = np.concatenate([self._pages << np.uint64(SHIFT), self._starts])
        size = np.concatenate([np.full(count, PAGE, np.uint64), self._sizes])
        place = np.cumsum(size) - size
        place[count:] += np.uint64(self._whole - (count << SHIFT))
        known = np.concatenate([self._known, self._read])
        return Capture(memory, start, size, place, known, self._room, unmapped)


def _apart(pages: U64, pieces: tuple[U64, U64]) -> tuple[U64, tuple[U64, U64]]:
    """Add to the pages those of each piece that touches one of them, so that a piece is never split."""
    start, size = pieces
    while len(start):
        touches = overlaps(pages << np.uint64(SHIFT), np.full(len(pages), PAGE, np.uint64), start, size)
        if not touches.any():
            break
        pages = distinct(np.concatenate([pages, pages_of(start[touches], size[touches].astype(np.int64))]))
        start, size = start[~touches], size[~touches]
    return pages, (start, size)


class Capture(PrefetchedMemory):
    """The bytes that a plan has copied; any other read goes to the closed memory, which raises.

    What was not mapped when they were copied is no such read: it is unreadable.
    """

    def __init__(
        self,
        memory: Memory,
        start: U64,
        size: U64,
        place: U64,
        known: Mask,
        room: Bytes,
        unmapped: tuple[U64, U64] = NOWHERE,
    ) -> None:
        super().__init__(memory, ())
        self._keep(start, size, place, known, room)
        if len(unmapped[0]):
            self._holes = joined(*map(np.concatenate, zip(self._holes, unmapped, strict=True)))
            self._reason = NOT_IN_PROCESS

    def _why(self, _holes: U64) -> str:
        return NOT_IN_PROCESS

    def alone(self, mappings: Iterable[Mapping]) -> Guess:
        """Return the same pages as a `Guess`, which also knows these mappings."""
        return Guess(self, mappings)


class Guess(Over):
    """A capture that may be asked for more than was copied: the rest is unreadable, not an error.

    Attributes
    ----------
    lacked
        Whether mapped memory was asked for that was not copied.
    """

    def __init__(self, capture: Capture, mappings: Iterable[Mapping]) -> None:
        there = sorted((each.start, each.size) for each in mappings if each.writable)
        self._starts, self._sizes = np.array(there, np.uint64).reshape(-1, 2).T
        self.lacked = False
        self._held = copy.copy(capture)
        self._held.memory = _NotTaken(capture.memory, self)
        super().__init__(capture.memory)

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that was not taken."""
        return self._held.read(address, size)

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        return self._held.read_many(addresses, size)

    def lacks(self, addresses: U64, size: int) -> None:
        """Note a read of memory that was not copied."""
        self.lacked = self.lacked or bool(overlaps(self._starts, self._sizes, addresses, size).any())


class _NotTaken(Over):
    """Memory of which nothing can be read."""

    def __init__(self, memory: Memory, guess: Guess) -> None:
        super().__init__(memory)
        self._guess = guess

    def read(self, address: int, size: int) -> bytes | Unreadable:
        known = out_of_range(address, size)
        if known is None:
            self._guess.lacks(np.array([address], np.uint64), size)
        return Unreadable(address, size, _NOT_TAKEN) if known is None else known

    def read_many(self, addresses: U64, size: int) -> Rows:
        if len(addresses) and size:
            self._guess.lacks(addresses, size)
        return Rows.none(len(addresses), size)


def between(mappings: Iterable[Mapping]) -> tuple[U64, U64]:
    """Return the ranges in which nothing is mapped."""
    found = sorted((each.start, each.size) for each in mappings if each.size)
    start, size = joined(*np.array(found, np.uint64).reshape(-1, 2).T)
    low = np.append(np.uint64(0), start + size)
    high = np.append(start, LAST)
    return low[high > low], (high - low)[high > low]


def appeared(before: Iterable[Mapping], now: Iterable[Mapping], arenas: tuple[U64, U64]) -> U64:
    """Return the numbers of anonymous pages mapped since, where the runtime has just got memory.

    Parameters
    ----------
    arenas
        As `grown` takes them: what has been mapped there is for the program's objects.
    """
    found = [np.arange(first >> SHIFT, last >> SHIFT, dtype=np.uint64) for first, last in _fresh(before, now)]
    pages = np.concatenate([_NONE, *(each for each in found if len(each) <= _APPEARED)])
    return pages[~overlaps(*arenas, pages << np.uint64(SHIFT), PAGE)]


def _fresh(before: Iterable[Mapping], now: Iterable[Mapping]) -> Iterator[tuple[int, int]]:
    """Yield the anonymous mappings made since, as address ranges."""
    known = sorted((each.start, each.start + each.size) for each in before)
    starts, same = [start for start, _ in known], {*known}
    for each in now:
        start, end = each.start, each.start + each.size
        if not each.writable or each.path or (start, end) in same:
            continue
        near = slice(max(bisect_right(starts, start) - 1, 0), bisect_left(starts, end))
        yield from _without(start, end, known[near])


def _without(start: int, end: int, known: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the parts of a range outside the known ones, ascending."""
    for first, last in known:
        if start < last and first < end:
            if start < first:
                yield start, first
            start = last
    if start < end:
        yield start, end


def grown(pages: U64, mappings: Iterable[Mapping], arenas: tuple[U64, U64]) -> U64:
    """Return the pages, with those between and right behind them in the runtime's own mappings.

    Parameters
    ----------
    arenas
        First addresses and bytes of the arenas: there lie the program's objects, and only what was needed is taken.
    """
    found = [pages]
    own = overlaps(*arenas, pages << np.uint64(SHIFT), PAGE)
    objects = pages[own]
    if len(objects) <= _FEW:
        found += [objects + np.uint64(step) for step in range(1, _AROUND + 1)]
        found += [objects - np.uint64(step) for step in range(1, _AROUND + 1)]
    metadata = pages[~own]
    for mapping in mappings:
        begin, end = mapping.start >> SHIFT, (mapping.start + mapping.size) >> SHIFT
        low, high = np.searchsorted(metadata, np.array([begin, end], np.uint64)).tolist()
        needed = high - low
        if not mapping.writable or overlaps(*arenas, np.array([mapping.start], np.uint64), mapping.size)[0]:
            continue
        if not needed and (mapping.path or end - begin > _UNTOUCHED):
            continue
        if end - begin <= max(_SMALL, 2 * needed):
            found.append(np.arange(begin, end, dtype=np.uint64))
        else:
            found += _filled(metadata[low:high], end)
    return distinct(np.concatenate(found))


def _filled(pages: U64, end: int) -> Iterator[U64]:
    """Yield these pages, with those in small gaps and right behind."""
    apart = np.flatnonzero(pages[1:] - pages[:-1] > _GAP)
    firsts, lasts = np.append(0, apart + 1), np.append(apart, len(pages) - 1)
    for first, last in zip(pages[firsts].tolist(), pages[lasts].tolist(), strict=True):
        yield np.arange(first, min(last + 1 + _GAP, end), dtype=np.uint64)
