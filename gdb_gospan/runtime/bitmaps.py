"""The bitmaps of many spans, kept to be asked for single slots (runtime/mbitmap.go: allocBits and gcmarkBits)."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.runtime import bits, mspan
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import I64, U64, Mask, Reader


@attrs.frozen(eq=False, repr=False)
class Bitmaps:
    """Bitmaps, one for each of some rows.

    Attributes
    ----------
    flat
        uint8: the bytes of all, one after another.
    first
        int64 (n,): where each begins.
    known
        bool (n,): it could be read.
    """

    flat: np.ndarray[tuple[int], np.dtype[np.uint8]]
    first: I64
    known: Mask

    def __getitem__(self, where: tuple[I64, I64]) -> Mask:
        """Whether bits are set: those of these numbers in the bitmaps of these rows."""
        row, number = where
        found: Mask = (self.flat[self.first[row] + (number >> 3)] >> (number & 7).astype(np.uint8)) & 1 != 0
        return found


def read_bitmaps(reader: Reader, addresses: U64, nbits: I64) -> Bitmaps:
    """Read a bitmap of so many bits at each address."""
    widths = bits.bytes_of(nbits)
    first = np.cumsum(widths) - widths
    flat, known = np.zeros(int(widths.sum()), np.uint8), np.zeros(len(addresses), np.bool_)
    for width in np.flatnonzero(np.bincount(widths)).tolist():
        some = np.flatnonzero(widths == width)
        read = reader.read_many(addresses[some], width)
        flat[first[some][:, np.newaxis] + np.arange(width)] = read.data
        known[some] = read.readable
    return Bitmaps(flat, first, known)


def read_marks(reader: Reader, spans: Spans, rows: I64, inline: Mask) -> Bitmaps:
    """Read which slots of these spans are marked: in gcmarkBits, or inside the span (see `mspan.marked_slots`)."""
    columns = spans.records
    nelems = columns.at("nelems", rows)
    marks = read_bitmaps(reader, columns.at("gcmarkBits", rows), nelems)
    where = np.flatnonzero(inline)
    if len(where):
        addresses, _ = mspan.inline_marks_at(reader, spans, rows[where])
        inside = read_bitmaps(reader, addresses, nelems[where])
        marks.known[where] &= inside.known
        widths = bits.bytes_of(nelems[where])
        place = np.repeat(marks.first[where] - inside.first, widths) + np.arange(len(inside.flat))
        marks.flat[place] |= inside.flat
    return marks
