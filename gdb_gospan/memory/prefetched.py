"""Memory prefetched from a target before it resumes, to be read later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from gdb_gospan.memory.model import Memory, Over, Rows, Unreadable
from gdb_gospan.memory.segments import (
    I64,
    LAST,
    U64,
    Bytes,
    Mask,
    Segments,
    disjoint,
    distinct,
    fewer,
    overlaps,
)

Places = tuple[U64, int | I64]
"""Addresses, uint64 (n,), and the bytes at each: one number for all or int64 (n,), at least 1."""

SHIFT: Final = 12
PAGE: Final = 1 << SHIFT
"""The smallest page there is: all of one can be read, or nothing."""
_BITS: Final = np.uint64(SHIFT)
MOST: Final = 1 << 19
"""Pages that are held at most, 2 GiB: thirteen million descriptors, or what else is read of sixty million spans.
More is mostly wanted of damaged memory; what is not held is left to the memory."""


class PrefetchedMemory(Over):
    """Another memory with some ranges prefetched: those keep their bytes, even if the target changes.

    Fetching is a copy of whole pages; the decoding of a million records, which takes longer, can wait.

    Parameters
    ----------
    memory
        What to fetch from, and to read all the rest from.
    wanted
        The nearer the neighbours in a column, the faster. That a page of a process cannot be read is
        held too; a file may lack a part of one, and is there to be asked again.

    Attributes
    ----------
    whole
        Nothing that is wanted is left to the memory: there was not too much of it.
    """

    def __init__(self, memory: Memory, wanted: Iterable[Places]) -> None:
        super().__init__(memory)
        pages: U64 = distinct(
            np.concatenate([np.empty(0, np.uint64), *(pages_of(*place) for place in wanted)])
        )
        self.whole = len(pages) <= MOST
        pages = pages[:MOST]
        rows = memory.read_many(pages << _BITS, PAGE)
        place = np.arange(len(pages), dtype=np.uint64) << _BITS
        every = pages << _BITS, np.full(len(pages), PAGE, np.uint64), place
        self._keep(*every, rows.readable, rows.data.reshape(-1))

    def _keep(self, start: U64, size: U64, place: U64, known: Mask, flat: Bytes) -> None:
        """Keep ranges that lie at these places of ``flat``; of those that are not known that they cannot be read."""
        self._segments = Segments(flat, *disjoint(start[known], size[known], place[known]))
        lost = ~known & (self.memory.kind in ("live", "remote"))
        self._holes = disjoint(start[lost], size[lost], place[lost])[:2]
        self._reason = self._why(self._holes[0])

    def _why(self, holes: U64) -> str:
        """Return why pages cannot be read, in the words of the memory."""
        answer = self.memory.read(int(holes[0]), 1) if len(holes) else b""
        return answer.reason if isinstance(answer, Unreadable) else "not mapped"

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        if 0 <= address <= int(LAST) and size > 0:
            data = self._segments.prefix(address, size)
            if len(data) == size:
                return data
            first = address + len(data)
            if first <= int(LAST) and overlaps(*self._holes, np.array([first], np.uint64), 1)[0]:
                return Unreadable(first, size - len(data), self._reason)
        return self.memory.read(address, size)

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        offset, inside = self._segments.locate(addresses, size)
        if inside.all():
            return Rows(self._segments.gather(offset, size), inside)
        left = ~inside
        if size and len(self._holes[0]):
            left[left] = ~overlaps(*self._holes, addresses[left], size)
        if left.all():
            return self.memory.read_many(addresses, size)
        data = np.zeros((len(addresses), size), np.uint8)
        data[inside] = self._segments.gather(offset[inside], size)
        if left.any():
            elsewhere = self.memory.read_many(addresses[left], size)
            data[left], inside[left] = elsewhere.data, elsewhere.readable
        return Rows(data, inside)

    def has(self, addresses: U64, size: int = 1) -> Mask:
        """Which of these addresses have so many prefetched bytes."""
        return self._segments.locate(addresses, size)[1]

    def layers(self) -> list[PrefetchedMemory]:
        """Return this memory and those below it that are prefetched, too, the top one first."""
        found, below = [self], self.memory
        while isinstance(below, PrefetchedMemory):
            found.append(below)
            below = below.memory
        return found

    def view(self, address: int, size: int) -> Bytes:
        """Return prefetched bytes at an address, at most so many, without copying: none where none are."""
        return self._segments.view(address, size)

    def pieces(self, start: U64, size: U64) -> list[Bytes]:
        """Return the bytes of ranges that are prefetched, here or in a layer below, without copying: one or more pieces for each."""
        found, layers = list[Bytes](), [layer.view for layer in self.layers()]
        for address, left in zip(start.tolist(), size.tolist(), strict=True):
            at, rest = address, left
            while rest:
                piece = next(piece for view in layers if len(piece := view(at, rest)))
                found.append(piece)
                at, rest = at + len(piece), rest - len(piece)
        return found


def pages_of(addresses: U64, size: int | I64) -> U64:
    """Return the numbers of the pages that these ranges touch, possibly with duplicates."""
    room = LAST - addresses
    first, last = addresses, addresses + np.minimum(np.asarray(size - 1).astype(np.uint64), room)
    longest = int((last - first).max()) if len(addresses) else 0
    between = (np.minimum(first + np.uint64(step), last) for step in range(0, longest, PAGE))
    return np.concatenate([np.empty(0, np.uint64), *(fewer(each >> _BITS) for each in (*between, last))])
