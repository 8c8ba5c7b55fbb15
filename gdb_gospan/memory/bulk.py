"""Copy gigabytes of a process in one stop: long ranges, by several threads, into a buffer that was touched before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from gdb_gospan.memory.capture import Capture, Filling
from gdb_gospan.memory.model import Memory
from gdb_gospan.memory.parallel import each_block
from gdb_gospan.memory.prefetched import PAGE
from gdb_gospan.memory.segments import I64, U64, Bytes

_PIECE: Final = 1 << 20
"""Bytes of a range that are read together at most: several of them go into one call (`readv`)."""
_BATCH: Final = 4 << 20
"""Bytes that a thread reads before it looks at the clock: about a millisecond."""
_PAGES: Final = 256
"""Pages between two looks at the clock, where pages are read one by one."""


class TooMuchError(Exception):
    """There is more to copy than the buffer has room for."""


class Bulk:
    """Ranges of memory, and the copy of them.

    Parameters
    ----------
    start, size
        The ranges, sorted and apart: uint64 (n,).
    room
        The buffer, at least as long as all of them.

    Attributes
    ----------
    nbytes
        Bytes of the ranges.

    Raises
    ------
    TooMuchError
        The buffer is too small.
    """

    def __init__(self, start: U64, size: U64, room: Bytes) -> None:
        self.nbytes = int(size.sum())
        if self.nbytes > len(room):
            raise TooMuchError
        self._room = room
        self._begin, self._length = _cut(start, size)
        self._end = np.cumsum(self._length)
        self._known = np.zeros(len(self._begin), np.bool_)
        batch = _batches(self._length)
        first = np.flatnonzero(np.append(True, batch[1:] != batch[:-1])[: len(batch)])
        self._edges = np.append(first, len(self._begin))
        self._pages: list[tuple[int, int, int]] = []
        self._read: list[int] = []

    @property
    def done(self) -> int:
        """Bytes that were read so far."""
        return sum(self._read)

    def take(self, memory: Filling, check: Callable[[], None]) -> None:
        """Copy everything.

        Parameters
        ----------
        check
            Is called between two batches; what it raises ends the copying.
        """
        self._pages.clear()
        self._read.clear()

        def work(some: slice) -> None:
            check()
            self._take(memory, check, int(self._edges[some.start]), int(self._edges[some.stop]))

        each_block(len(self._edges) - 1, work, 1)

    def _take(self, memory: Filling, check: Callable[[], None], first: int, last: int) -> None:
        """Read these pieces, which stand side by side in the buffer."""
        some = slice(first, last)
        low = int(self._end[first] - self._length[first])
        room = self._room[low : int(self._end[last - 1])]
        self._known[some] = memory.fill_many(self._begin[some], self._end[some] - low, room)
        self._read.append(int(self._length[some][self._known[some]].sum()))
        for piece in (first + np.flatnonzero(~self._known[some])).tolist():
            self._by_page(memory, check, piece)

    def _by_page(self, memory: Filling, check: Callable[[], None], piece: int) -> None:
        """Read a piece of which some cannot be read, page by page."""
        at, end = int(self._begin[piece]), int(self._begin[piece]) + int(self._length[piece])
        place = int(self._end[piece]) - end
        for number, low in enumerate(range(at & ~(PAGE - 1), end, PAGE)):
            if number % _PAGES == 0:
                check()
            begin, over = max(low, at), min(low + PAGE, end)
            if memory.fill(begin, self._room[place + begin : place + over]):
                self._pages.append((begin, over - begin, place + begin))
                self._read.append(over - begin)

    def over(self, memory: Memory) -> Capture:
        """Return the copy, over other memory; of its ranges that is not asked for what could not be read."""
        pages = np.array(sorted(self._pages), np.int64).reshape(-1, 3).view(np.uint64)
        size = self._length.view(np.uint64)
        start, place = self._begin, (self._end - self._length).view(np.uint64)
        return Capture(
            memory,
            np.concatenate([pages[:, 0], start]),
            np.concatenate([pages[:, 1], size]),
            np.concatenate([pages[:, 2], place]),
            np.concatenate([np.ones(len(pages), np.bool_), self._known]),
            self._room,
        )


def _cut(start: U64, size: U64) -> tuple[U64, I64]:
    """Cut ranges into pieces: where each begins, and its bytes."""
    whole = size.astype(np.int64)
    count = -(-whole // _PIECE)
    row = np.repeat(np.arange(len(start)), count)
    within = (np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)) * _PIECE
    return start[row] + within.view(np.uint64), np.minimum(whole[row] - within, _PIECE)


def _batches(length: I64) -> I64:
    """Return the batch of each piece: the pieces of one follow each other."""
    return (np.cumsum(length) - length) // _BATCH


def sample(start: U64, size: U64, most: int) -> tuple[U64, U64]:
    """Return pieces of ranges, evenly spread, that have about so many bytes together; all, if they have no more."""
    begin, length = _cut(start, size)
    batch = _batches(length)
    every = int(batch[-1]) + 1 if len(batch) else 0
    count = min(max(most // _BATCH, 1), every)
    chosen = np.zeros(every, np.bool_)
    chosen[np.arange(count) * every // max(count, 1)] = True
    some = chosen[batch]
    return begin[some], length[some].view(np.uint64)
