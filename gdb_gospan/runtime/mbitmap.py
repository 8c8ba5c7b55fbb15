"""Which words of a span are pointers, by the bits that the runtime keeps for words (runtime/mbitmap.go).

Since Go 1.22 spans of small objects end with these bits, and larger objects know their type (`gcmask`). Before, the arena
had them for all of its words.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from gdb_gospan.memory.segments import Bytes
from gdb_gospan.runtime.mheap import Arenas
from gdb_gospan.runtime.record import U64, Mask, Reader

_BITS: Final = 8
_HALF: Final = 4
"""Words that a byte of two bits for each describes: the low half has the bits for pointers (Go 1.19)."""


class PointerBits(Protocol):
    """Tells the pointers of spans of small objects, or of parts of the span of a large one."""

    def __call__(self, base: U64, data: Bytes, elemsize: int, reserved: int) -> tuple[Mask, Mask]:
        """Return which words are pointers, and of which rows that is known.

        Parameters
        ----------
        base, data
            Where each row begins, and its bytes: whole pages of a span.
        elemsize
            Bytes of a slot.
        reserved
            Bytes at the end that are for marks.

        Returns
        -------
        bool (n, words) and bool (n,).
        """


def pointer_bits(reader: Reader, arenas: Arenas) -> PointerBits:
    """Return what tells the pointers of small objects in this program."""
    if "bitmap" in reader.layout["heapArena"]:
        return _OfArena(reader, arenas)
    return _OfSpan(reader)


def places_of_bits(reader: Reader, arenas: Arenas, pages: U64) -> tuple[U64, int]:
    """Return where the bits of these pages are that are kept outside of them: addresses, and the bytes at each."""
    if "bitmap" not in reader.layout["heapArena"]:
        return pages[:0], 1
    where, there, each = _OfArena(reader, arenas).places(pages)
    return where[there], each


class _OfSpan:
    """The bits at the end of each span (mbitmap.go, spanHeapBitsRange)."""

    def __init__(self, reader: Reader) -> None:
        self._word = reader.word_type

    def __call__(self, base: U64, data: Bytes, elemsize: int, reserved: int) -> tuple[Mask, Mask]:
        del elemsize
        words = data.shape[1] // self._word.itemsize
        end = data.shape[1] - reserved
        kept = np.ascontiguousarray(data[:, end - words // _BITS : end])
        return _unpacked(kept, self._word), np.ones(len(base), np.bool_)


class _OfArena:
    """heapArena.bitmap: of each page, as its words follow each other, a bit for a word, or two (Traits.scan_bits)."""

    def __init__(self, reader: Reader, arenas: Arenas) -> None:
        self._reader = reader
        self._arenas = arenas
        self._field = reader.layout["heapArena"]["bitmap"]
        self._page = reader.layout.platform.page_size
        self._two = reader.layout.traits.scan_bits

    def __call__(self, base: U64, data: Bytes, elemsize: int, reserved: int) -> tuple[Mask, Mask]:
        del reserved
        count, nbytes = data.shape
        within = np.arange(0, nbytes, self._page).astype(np.uint64)
        pages: U64 = (base[:, np.newaxis] + within).reshape(-1)
        kept, known = self._read(pages)
        rows = np.ascontiguousarray(kept).reshape(count, -1)
        of_row: Mask = np.logical_and.reduce(known.reshape(count, -1), axis=1)
        word = self._reader.word_type
        if self._two:
            return _before_the_last(rows, elemsize // word.itemsize), of_row
        return _unpacked(rows, word), of_row

    def places(self, pages: U64) -> tuple[U64, Mask, int]:
        """Return where the bits of each page are, of which pages that is known, and the bytes for a page."""
        arenas, each = self._arenas, self._page // self._reader.word_type.itemsize // _BITS * (1 + self._two)
        home = arenas.of(pages)
        number = arenas.page_of(pages, home, self._page).astype(np.uint64)
        where: U64 = arenas.metadata[home] + np.uint64(self._field.offset) + number * np.uint64(each)
        return where, (home >= 0) & (arenas.metadata[home] != 0), each

    def _read(self, pages: U64) -> tuple[Bytes, Mask]:
        """Read the bits of these pages."""
        where, there, each = self.places(pages)
        read = self._reader.read_many(where[there], each)
        if there.all():
            return read.data, read.readable
        kept, known = np.zeros((len(pages), each), np.uint8), there.copy()
        kept[there], known[there] = read.data, read.readable
        return kept, known


def _unpacked(kept: Bytes, word: np.dtype[np.uint64]) -> Mask:
    """Unpack bits that are kept as pointer-sized words, the lowest first."""
    if word.byteorder == ">":
        kept = kept.view(word).astype(word.newbyteorder("<")).view(np.uint8)
    found: Mask = np.unpackbits(kept, axis=1, bitorder="little").view(np.bool_)
    return found


def _before_the_last(kept: Bytes, words: int) -> Mask:
    """Unpack two bits for each word: whether it is a pointer, and whether more follow in its object.

    Behind the last one the bits of an object are not kept: they may be those of one that lay there before.

    Parameters
    ----------
    words
        Of an object, which begins with the row; more than the row has where this is a part of it.
    """
    both = np.unpackbits(kept, axis=1, bitorder="little").reshape(len(kept), -1, 2, _HALF).view(np.bool_)
    pointer = both[:, :, 0].reshape(len(kept), -1)
    more = both[:, :, 1].reshape(len(kept), -1)
    width = min(words, pointer.shape[1])
    objects = pointer.shape[1] // width
    found = np.zeros_like(pointer)
    some = slice(0, objects * width)
    until = np.logical_and.accumulate(more[:, some].reshape(len(kept), objects, width), axis=2)
    found[:, some] = pointer[:, some] & until.reshape(len(kept), -1)
    return found
