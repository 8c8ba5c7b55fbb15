"""Sorted ranges of an address space, whose contents lie in one flat buffer.

A core file mapped into memory and a recorded image are both just that, so they
read by the same code: find the range by bisection, copy from the buffer.
"""

from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.memory.model import ADDRESS_SPACE

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
LAST = np.uint64(ADDRESS_SPACE - 1)
NOWHERE: Final = np.empty(0, np.uint64), np.empty(0, np.uint64)
"""No ranges: where they start, and their sizes."""


def fewer(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Drop what repeats the value before it."""
    new = np.ones(len(values), np.bool_)
    new[1:] = values[1:] != values[:-1]
    return values[new]


def distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the distinct values, ascending; the fewer changes from neighbour to neighbour, the faster.

    np.unique hashes them, which takes many times as long, and imports masked arrays at its first call.
    """
    return fewer(np.sort(fewer(values)))


def among(values: npt.NDArray[Any], known: npt.NDArray[Any]) -> Mask:
    """Which of these values are among the known ones, ascending; faster than np.isin for few values."""
    if not len(known):
        return np.zeros(len(values), np.bool_)
    found: Mask = known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values
    return found


def window(flat: Bytes, size: int) -> npt.NDArray[np.void]:
    """View `flat` as its ``len(flat) - size + 1`` overlapping records of `size` bytes.

    Indexing the view with offsets copies whole records; an index array over
    single bytes would be eight times as large as the bytes it fetches.
    """
    count = len(flat) - size + 1
    view: npt.NDArray[np.void] = np.ndarray((max(count, 0),), f"V{size}", buffer=flat, strides=(1,))
    return view


def disjoint(start: U64, size: U64, offset: U64) -> tuple[U64, U64, U64]:
    """Sort ranges by address, drop empty ones, and let no byte belong to two.

    Where ranges overlap, which no well-formed core has, the lower start wins.
    Neighbours both in addresses and in the buffer are joined into one, so that
    a record across the seam needs no special care.
    """
    keep = size > 0
    order = np.argsort(start[keep], kind="stable")
    start, size, offset = start[keep][order], size[keep][order], offset[keep][order]
    if not len(start):
        return start, size, offset
    # The inclusive end never overflows; one past it might.
    last = start + np.minimum(size - 1, LAST - start)
    taken = np.maximum.accumulate(last)[:-1]
    begin = start.copy()
    begin[1:] = np.maximum(start[1:], np.where(taken == LAST, LAST, taken + 1))
    keep = np.ones(len(start), np.bool_)
    keep[1:] = last[1:] > taken
    start, last, offset = begin[keep], last[keep], (offset + (begin - start))[keep]
    joint = (start[1:] - last[:-1] == 1) & (offset[1:] - offset[:-1] == start[1:] - start[:-1])
    first = np.flatnonzero(np.concatenate(([True], ~joint)))
    final = np.concatenate((first[1:] - 1, [len(start) - 1]))
    return start[first], last[final] - start[first] + 1, offset[first]


def joined(start: U64, size: U64, *, gap: int = 0) -> tuple[U64, U64]:
    """Return the same addresses as ranges that are sorted and apart: those that overlap or touch become one.

    So do those with at most `gap` bytes between them. None may be empty, or leave the address space.
    """
    order = np.argsort(start, kind="stable")
    start, last = start[order], (start + (size - np.uint64(1)))[order]
    reach = np.maximum.accumulate(last)
    new = np.ones(len(start), np.bool_)
    new[1:] = start[1:] - np.minimum(reach[:-1], start[1:]) > 1 + gap
    first = np.flatnonzero(new)
    final = np.append(first[1:], len(start))[: len(first)] - 1
    return start[first], reach[final] - start[first] + np.uint64(1)


def overlaps(start: U64, size: U64, addresses: U64, length: int | U64) -> Mask:
    """Return which records of `length` bytes, at least 1 each, touch any of the disjoint ranges.

    A record that leaves the address space is taken up to its end.
    """
    if not len(start):
        return np.zeros(len(addresses), np.bool_)
    last = addresses + np.minimum(np.asarray(length - 1).astype(np.uint64), LAST - addresses)
    i = np.searchsorted(start, last, side="right") - 1
    before = i < 0
    i[before] = 0
    touched: Mask = (start[i] + (size[i] - np.uint64(1)) >= addresses) & ~before
    return touched


def within(start: U64, size: U64, addresses: U64, length: int) -> Mask:
    """Return which records of `length` bytes lie in one of the disjoint ranges as a whole."""
    if not len(start):
        return np.zeros(len(addresses), np.bool_)
    return _inside(start, size, addresses, length)[2]


def _inside(start: U64, size: U64, addresses: U64, length: int) -> tuple[I64, U64, Mask]:
    """Return the range at or below each address, how far into it the address is, and whether the record lies in it."""
    i = np.searchsorted(start, addresses, side="right") - 1
    before = i < 0
    i[before] = 0
    skip, whole = addresses - start[i], size[i]
    inside: Mask = (skip < whole) & (whole - skip >= np.uint64(length)) & ~before
    return i, skip, inside


@attrs.frozen(eq=False, repr=False)
class Segments:
    """Contents of an address space.

    Attributes
    ----------
    flat
        uint8; every byte that there is.
    start, size, offset
        uint64, shape ``(n,)``: the ranges, sorted and disjoint; `offset` counts
        from the start of `flat`.
    """

    flat: Bytes
    start: U64
    size: U64
    offset: U64

    def index(self, address: int) -> int:
        """Return the last range that starts at or below `address`, or -1."""
        return int(np.searchsorted(self.start, np.uint64(address), side="right")) - 1

    def view(self, address: int, size: int) -> Bytes:
        """Return the bytes at `address`, at most `size`, up to the end of their range, without copying."""
        i = self.index(address)
        skip = address - int(self.start[i]) if i >= 0 else 0
        have = min(size, int(self.size[i]) - skip) if i >= 0 else 0
        begin = int(self.offset[i]) + skip if have > 0 else 0
        return self.flat[begin : begin + max(have, 0)]

    def piece(self, address: int, size: int) -> bytes:
        """Return a copy of these bytes."""
        return self.view(address, size).tobytes()

    def prefix(self, address: int, size: int) -> bytes:
        """Return as much of the `size` bytes at `address` as there is without a hole."""
        data = self.piece(address, size)
        if len(data) in (0, size):
            return data
        pieces, got = [data], len(data)
        while got < size and (data := self.piece(address + got, size - got)):
            pieces.append(data)
            got += len(data)
        return b"".join(pieces)

    def locate(self, addresses: U64, size: int) -> tuple[I64, Mask]:
        """Find the records that lie within one range.

        Returns
        -------
        offset
            int64, shape ``(n,)``: where in `flat` the record starts; 0 where it
            is not within one range.
        inside
            bool, shape ``(n,)``.
        """
        if not len(self.start) or size > len(self.flat) or not len(addresses):
            return np.zeros(len(addresses), np.int64), np.zeros(len(addresses), np.bool_)
        low, high = addresses.min(), addresses.max()
        row = self.index(int(low))
        if row >= 0 and size <= self.size[row] and high - self.start[row] <= self.size[row] - np.uint64(size):
            # All in one range, as neighbours mostly are: nothing to look up.
            shift = np.uint64((int(self.offset[row]) - int(self.start[row])) % ADDRESS_SPACE)
            return (addresses + shift).view(np.int64), np.ones(len(addresses), np.bool_)
        i, skip, inside = _inside(self.start, self.size, addresses, size)
        return np.where(inside, self.offset[i] + skip, 0).astype(np.int64), inside

    def gather(self, offset: I64, size: int) -> Bytes:
        """Return the records of `size` bytes at `offset` as uint8, shape ``(n, size)``."""
        if size == 0 or not len(offset):
            return np.zeros((len(offset), size), np.uint8)
        return window(self.flat, size)[offset].view(np.uint8).reshape(-1, size)
