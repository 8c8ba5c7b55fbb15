"""Memory that records what is read from it, to write it to a file."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from gdb_gospan.memory.image import Image, write
from gdb_gospan.memory.model import Memory, Over, Rows, Unreadable
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.memory.prefetched import PAGE, SHIFT, Places, PrefetchedMemory, pages_of
from gdb_gospan.memory.segments import (
    NOWHERE,
    U64,
    Bytes,
    Mask,
    Segments,
    disjoint,
    distinct,
    joined,
    window,
    within,
)

_LONG: Final = 1 << 12
"""Bytes of a run, at least in the mean, that make it worth a step of its own."""

_Part = tuple[U64, Bytes, Mask]
"""Addresses, a row for the record at each, and which could be read: uint64 (n,), uint8 (n, size), bool (n,)."""


class Recorder(Over):
    """Memory that records what was read through it.

    Where reads overlap, the target must not have run between them: which of
    two different bytes at one address stays is not defined. What is read again is
    kept again until it is saved; a `PrefetchedMemory` of it keeps once what many read.

    Parameters
    ----------
    memory
        What to read from.
    """

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self._parts: list[_Part] = []
        self._holes: dict[tuple[int, int], Unreadable] = {}

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        data = self.memory.read(address, size)
        if isinstance(data, Unreadable):
            self._holes[address, size] = data
        elif size:
            row = np.frombuffer(data, np.uint8).reshape(1, size)
            self._parts.append((np.array([address], np.uint64), row, np.ones(1, np.bool_)))
        return data

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        rows = self.memory.read_many(addresses, size)
        if size:
            self._parts.append((addresses.copy(), rows.data, rows.readable.copy()))
        return rows

    def save(
        self,
        path: str | os.PathLike[str],
        meta: Mapping[str, Any],
        *,
        graph: Sequence[Bytes] | None = None,
        replace: bool = True,
    ) -> tuple[int, int]:
        """Write what was read so far to a file, to be read by `Image.load`; overlaps are merged.

        Parameters
        ----------
        path, meta, graph, replace
            As for `image.write`, which raises the same.

        Returns
        -------
        int, int
            Bytes, and ranges that they lie in.
        """
        start, size, data = self._recorded()
        write(path, meta, start, size, data, self._holes, graph=graph, replace=replace)
        return int(size.sum()), len(start)

    def image(self) -> Image:
        """Return an image of what was read so far."""
        start, size, data = self._recorded()
        flat = np.concatenate([np.empty(0, np.uint8), *data])
        return Image(Segments(flat, start, size, _offsets(size)), self._holes)

    def _recorded(self) -> tuple[U64, U64, list[Bytes]]:
        """Return the ranges, no two of them adjacent, and their bytes in pieces, both in order of addresses."""
        long: list[tuple[U64, U64, U64, Bytes]] = []
        short: list[_Part] = []
        for part in self._parts:
            start, size, offset = _runs(*part)
            if int(size.sum()) < _LONG * len(start):
                short.append(part)
            else:
                long.append((start, size, offset, part[1].reshape(-1)))
        rest = _merged(short)
        flats = [*long, (rest.start, rest.size, rest.offset, rest.flat)]
        base = _offsets(np.array([len(flat) + 1 for *_, flat in flats], np.uint64))  # none touches the next
        start, size, offset = disjoint(
            np.concatenate([start for start, _, _, _ in flats]),
            np.concatenate([size for _, size, _, _ in flats]),
            np.concatenate([first + offset for first, (_, _, offset, _) in zip(base, flats, strict=True)]),
        )
        ranges = disjoint(start, size, start)
        return ranges[0], ranges[1], _pieces([flat for *_, flat in flats], base, offset, size)


class RecorderOfCopy(Recorder):
    """A recorder for memory that is already a copy: it records only addresses, since the bytes stay in place."""

    def __init__(self, memory: PrefetchedMemory) -> None:
        super().__init__(memory)
        self._copy = memory
        self._layers = memory.layers()
        self._places: list[tuple[U64, U64]] = []
        self._noted = NOWHERE

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        data = self.memory.read(address, size)
        if isinstance(data, Unreadable):
            self._holes[address, size] = data
        elif size:
            self._places.append((np.array([address], np.uint64), np.array([size], np.uint64)))
        return data

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        rows = self.memory.read_many(addresses, size)
        if size:
            known = addresses[rows.readable]
            fresh = distinct(known[~self.noted(known, size)])
            self._places.append(_joined(fresh, size))
        return rows

    def note(self, places: Iterable[Places]) -> None:
        """Record the whole pages of these ranges, as if they had been read."""
        pages = [np.empty(0, np.uint64), *(distinct(pages_of(*place)) for place in places)]
        start = distinct(np.concatenate(pages)) << np.uint64(SHIFT)
        runs = _joined(start[self.has(start)], PAGE)
        self._places.append(runs)
        self._noted = joined(*map(np.concatenate, zip(self._noted, runs, strict=True)))

    def noted(self, addresses: U64, size: int) -> Mask:
        """Which of these lie in pages that are recorded already, as a whole."""
        return within(*self._noted, addresses, size)

    def has(self, addresses: U64, size: int = 1) -> Mask:
        """Which of these addresses have so many copied bytes."""
        found = self._copy.has(addresses, size)
        for layer in self._layers[1:]:
            found |= layer.has(addresses, size)
        return found

    def _recorded(self) -> tuple[U64, U64, list[Bytes]]:
        none = np.empty(0, np.uint64)
        begin = np.concatenate([none, *(start for start, _ in self._places)])
        start, size, _ = disjoint(begin, np.concatenate([none, *(size for _, size in self._places)]), begin)
        return start, size, self._copy.pieces(start, size)


def _joined(addresses: U64, size: int) -> tuple[U64, U64]:
    """Join records that follow each other or overlap, ascending: where each run starts, and its bytes."""
    new = np.append(True, addresses[1:] - addresses[:-1] > np.uint64(size))[: len(addresses)]
    first = np.flatnonzero(new)
    last = np.append(first, len(addresses))[1:] - 1
    return addresses[first], addresses[last] - addresses[first] + np.uint64(size)


def _pieces(flats: list[Bytes], base: U64, offset: U64, size: U64) -> list[Bytes]:
    """Cut ranges out of buffers that begin at ``base``; those that follow each other there are one piece."""
    new = np.append(True, offset[1:] != offset[:-1] + size[:-1])[: len(offset)]
    first = np.flatnonzero(new)
    end = np.append(offset + size, np.uint64(0))[np.append(first, len(offset))[1:] - 1]
    which = np.searchsorted(base, offset[first], side="right") - 1
    shift = base[which]
    rows = zip(which.tolist(), (offset[first] - shift).tolist(), (end - shift).tolist(), strict=True)
    return [flats[i][begin:stop] for i, begin, stop in rows]


def _offsets(size: U64) -> U64:
    """Where each of so many bytes begins that follow each other."""
    offsets: U64 = np.cumsum(size, dtype=np.uint64) - size
    return offsets


def _merged(parts: list[_Part]) -> Segments:
    """Copy parts of many small runs into one."""
    runs = [_runs(*part) for part in parts]
    none = np.empty(0, np.uint64)
    begin = np.concatenate([none, *(start for start, _, _ in runs)])
    start, size, _ = disjoint(begin, np.concatenate([none, *(length for _, length, _ in runs)]), begin)
    segments = Segments(np.empty(int(size.sum()), np.uint8), start, size, _offsets(size))
    for addresses, data, readable in parts:
        length = data.shape[1]
        records = data.view(f"V{length}")[:, 0]
        for block in blocks(len(addresses)):
            known = readable[block]
            at, _ = segments.locate(addresses[block][known], length)
            window(segments.flat, length)[at] = records[block][known]
    return segments


def _runs(addresses: U64, data: Bytes, readable: Mask) -> tuple[U64, U64, U64]:
    """Join records that follow each other, in memory as in the column.

    Returns
    -------
    Where each run starts, its bytes, and where it lies in the column: uint64 (m,). What could not be read is in none.
    """
    size = data.shape[1]
    rows = np.flatnonzero(readable)
    where = addresses[rows]
    apart = (where[1:] < where[:-1]) | (where[1:] - where[:-1] != size) | (rows[1:] - rows[:-1] != 1)
    first = np.flatnonzero(np.append(True, apart)[: len(rows)])
    records = np.diff(np.append(first, len(rows)))
    width = np.uint64(size)
    return where[first], records.astype(np.uint64) * width, rows[first].astype(np.uint64) * width
