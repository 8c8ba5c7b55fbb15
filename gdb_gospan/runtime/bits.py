"""Bitmaps of many objects at once."""

from __future__ import annotations

import numpy as np

from gdb_gospan.runtime.columns import distinct
from gdb_gospan.runtime.record import I64, U64, Mask, Reader

_ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
_LONGEST = 1 << 16
"""Bits of a span's bitmap at most: nelems has 16 bits since Go 1.22, and was below 1,025 before (mheap.go).
More is damage, and is not given memory."""


def _below(bits: I64) -> U64:
    """Words whose lowest ``bits`` bits are set; negative is none, 64 and more is all."""
    inside = np.clip(bits, 0, 63).astype(np.uint64)
    words = (np.uint64(1) << inside) - np.uint64(1)
    masks: U64 = np.where(bits >= 64, _ALL, words)
    return masks


def popcount_between(reader: Reader, addresses: U64, first: I64, end: I64) -> tuple[I64, Mask]:
    """Count the set bits ``[first, end)`` of the bitmap at each address.

    The bitmaps are gcBits (mheap.go): little-endian bytes, allocated in multiples
    of 8 bytes. Each address is read up to its own end only, so that the last
    bitmap of a mapping is never overrun.

    Returns
    -------
    int64 (n,) counts, and bool (n,) which of them are known.
    """
    counts = np.zeros(len(addresses), np.int64)
    known: Mask = end <= _LONGEST
    words = np.where(known, np.maximum((end + 63) >> 6, 0), 0)
    for width in distinct(words).tolist():
        rows = np.flatnonzero(words == width)
        if width == 0:
            continue
        read = reader.read_many(addresses[rows], width * 8)
        bits = np.ascontiguousarray(read.data).view("<u8")
        start = np.arange(width, dtype=np.int64) * 64
        inside = _below(end[rows, None] - start) & ~_below(first[rows, None] - start)
        counts[rows] = np.bitwise_count(bits & inside).sum(axis=1, dtype=np.int64)
        known[rows] = read.readable
    return counts, known


def unpack(data: bytes | np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Mask:
    """One bool per bit, lowest bit of the first byte first."""
    return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").view(np.bool_)
