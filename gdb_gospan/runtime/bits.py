"""Read bitmaps of many objects at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gdb_gospan.runtime.record import I64, U64, Mask, Reader

_LONGEST = 1 << 16
"""Bits of a span's bitmap at most: nelems has 16 bits since Go 1.22, and was below 1,025 before (mheap.go).
More is damage, and is not given memory."""


def _below(bits: I64) -> U64:
    """Words whose lowest ``bits`` bits are set; negative is none, 64 and more is all, since numpy shifts them all out."""
    masks: U64 = (np.uint64(1) << np.maximum(bits, 0).astype(np.uint64)) - np.uint64(1)
    return masks


def bytes_of(nbits: I64) -> I64:
    """Size in bytes of a bitmap of so many bits: at least one word, and no more for a damaged length."""
    words: I64 = np.where(nbits <= _LONGEST, np.maximum((nbits + 63) >> 6, 1), 1)
    return 8 * words


def popcount_between(reader: Reader, addresses: U64, first: I64, end: I64) -> tuple[I64, Mask]:
    """Count the set bits ``[first, end)`` of the bitmap at each address.

    The bitmaps are gcBits (mheap.go): little-endian bytes, allocated in multiples
    of 8 bytes. Each address is read up to its own end only, so that the last
    bitmap of a mapping is never overrun.

    Returns
    -------
    int64 (n,) counts, and bool (n,) which of them are known.
    """
    (counts,), known = popcounts(reader, addresses, (first,), end)
    return counts, known


def popcounts(
    reader: Reader, addresses: U64, firsts: Sequence[I64], end: I64
) -> tuple[tuple[I64, ...], Mask]:
    """Count the set bits likewise, from each of these first ones on: as many counts, each int64 (n,)."""
    counts = tuple(np.zeros(len(addresses), np.int64) for _ in firsts)
    known: Mask = end <= _LONGEST
    words = np.where(known, np.maximum((end + 63) >> 6, 0), 0)
    for width in np.flatnonzero(np.bincount(words)).tolist():
        rows = np.flatnonzero(words == width)
        if width == 0:
            continue
        read = reader.read_many(addresses[rows], width * 8)
        bits = np.ascontiguousarray(read.data).view("<u8")
        for word, start in enumerate(range(0, 64 * width, 64)):
            below = bits[:, word] & _below(end[rows] - start)
            for count, first in zip(counts, firsts, strict=True):
                count[rows] += np.bitwise_count(below & ~_below(first[rows] - start))
        known[rows] = read.readable
    return counts, known


def unpack(data: bytes | np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Mask:
    """One bool per bit, lowest bit of the first byte first."""
    return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").view(np.bool_)
