"""Which object points to which: every pointer of the heap's objects, as compressed sparse rows (runtime/mgcmark.go, scanObject).

Spans that are alike are read side by side, a block at a time, and words that are no address of the heap are dropped first.
Slots are numbered in the order in which they are read, so that what is found needs no sorting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import Alike, Slots, slots
from gdb_gospan.memory.segments import Bytes
from gdb_gospan.runtime.gcmask import UNKNOWN, GCMasks
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mbitmap import pointer_bits
from gdb_gospan.runtime.record import I64, U64, Mask

Ids = npt.NDArray[Any]
"""Numbers of slots, in 32 bits where that is enough."""
_BLOCK: Final = 4 << 20
"""Bytes that are read at once: what is computed of them on the way stays small beside the graph."""


@attrs.frozen(eq=False, repr=False)
class Graph:
    """The pointers from objects to those that are not known to be dead; from an object to itself none.

    Attributes
    ----------
    starts
        (n + 1,): where the pointers of each slot begin, and end.
    targets
        The slots that they lead to, of the same type.
    unread_bytes
        Bytes of spans with pointers that could not be read: what they point to is not known.
    untyped
        Objects of which it is not known which words are pointers: every word that looks like one counts.
    word
        uint32 (e,): which word of its object each pointer is, a malloc header not counted. None where the contents of objects
        are there to tell.
    """

    starts: Ids
    targets: Ids
    unread_bytes: int
    untyped: int
    word: npt.NDArray[np.uint32] | None = None

    def of(self, some: I64) -> I64:
        """Return what these slots point to, of all of them together."""
        begins, ends = self.starts[some].astype(np.int64), self.starts[some + 1].astype(np.int64)
        found: I64 = self.targets[expanded(begins, ends)].astype(np.int64)
        return found


def expanded(begins: I64, ends: I64) -> I64:
    """Return the numbers of these ranges, one range after the other."""
    counts = ends - begins
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    found: I64 = np.repeat(begins, counts) + within
    return found


def id_type(count: int) -> np.dtype[Any]:
    """Return the type of numbers below this one."""
    return np.dtype(np.int32 if count < 1 << 31 else np.int64)


def narrow(values: I64) -> Ids:
    """Return the same numbers in 32 bits, if none of them needs more."""
    wide = len(values) and (int(values.max()) >= 1 << 31 or int(values.min()) < -(1 << 31))
    return values if wide else values.astype(np.int32)


def graph(heap: Heap) -> Graph:
    """Read all pointers of the heap, once."""
    return heap.trail.part("graph", lambda: Scan(heap).run())


@attrs.frozen(eq=False, repr=False)
class Piece:
    """A rectangle of words: spans that are alike, or a part of a large one.

    Attributes
    ----------
    spans
        int64 (k,): of `Slots`.
    offset
        Where each row begins in its span, in bytes.
    data, words
        The contents: uint8 (k, bytes) and uint64 (k, words).
    """

    spans: I64
    offset: int
    data: Bytes
    words: U64


@attrs.frozen(eq=False, repr=False)
class Pointers:
    """Words of a piece that are pointers: int64 and uint64 (n,).

    Attributes
    ----------
    source
        The slot that each is in.
    value
        Where it points to.
    candidates
        Words that looked like pointers, int64 (m,) each: their numbers in their slots, and in the piece.
    good
        bool (m,): which of the candidates these are.
    """

    source: I64
    value: U64
    candidates: tuple[I64, I64]
    good: Mask

    def places(self, some: Mask) -> tuple[I64, I64]:
        """Return of some of them the numbers in their slots, and in the piece."""
        rows = np.flatnonzero(self.good)[some]
        return self.candidates[0][rows], self.candidates[1][rows]


class Scan:
    """Reads all spans with pointers. Who wants more of them than the graph extends it (`typescan`)."""

    def __init__(self, heap: Heap) -> None:
        self._reader, self._spans = heap.reader, heap.spans
        self._slots: Slots = slots(heap)
        states = slot_states(heap)
        self._taken, self._alive = states.taken, states.alive
        self._bits = pointer_bits(heap.reader, heap.arenas)
        self._masks = GCMasks(heap.reader)
        self._typed = "largeType" in heap.spans.records and "bitmap" not in heap.layout["heapArena"]
        self._word = heap.layout.platform.pointer_size
        self._marks = (
            heap.layout["spanInlineMarkBits"].size if "spanInlineMarkBits" in heap.layout.structs else 0
        )
        words = sum((each.end - each.begin) * each.nbytes for each in self._scanned()) // self._word
        self._ids = id_type(max(len(self._slots), words) + 1)
        self._starts: Ids = np.zeros(len(self._slots) + 1, self._ids)
        self._unread = self._untyped = 0

    def run(self) -> Graph:
        """Return the graph."""
        found = [np.empty(0, self._ids)]
        for group in self._scanned():
            found += [self._targets(group, piece) for piece in self._pieces(group)]
        np.cumsum(self._starts, out=self._starts)  # of how many each slot has, at the place of the next one
        return Graph(self._starts, np.concatenate(found), self._unread, self._untyped)

    def _scanned(self) -> list[Alike]:
        """Return the spans whose objects have pointers."""
        return [group for group in self._slots.groups() if not group.noscan]

    def _pieces(self, group: Alike) -> Iterator[Piece]:
        """Read spans that are alike: many at once, or one large one in parts."""
        step = max(_BLOCK // group.nbytes, 1)
        for begin in range(group.begin, group.end, step):
            spans = np.arange(begin, min(begin + step, group.end))
            for offset in range(0, group.nbytes, _BLOCK):
                size = min(_BLOCK, group.nbytes - offset)
                data = self._read(self._slots.base[spans] + np.uint64(offset), size)
                words = data.view(self._reader.word_type).astype(np.uint64, copy=False)
                yield Piece(spans, offset, data, words)

    def _read(self, base: U64, size: int) -> Bytes:
        """Read so many bytes at each address; of what lacks pages, those that are there, and zeros for the others."""
        read = self._reader.memory.read_many(base, size)
        if read.readable.all():
            return read.data
        rows, page = np.flatnonzero(~read.readable), 1 << self._slots.pages.shift
        pages = base[rows][:, np.newaxis] + np.arange(0, size, page).astype(np.uint64)
        parts = self._reader.read_many(pages.reshape(-1), page)
        self._unread += int(np.count_nonzero(~parts.readable)) * page
        data: Bytes = read.data.copy()
        data[rows] = parts.data.reshape(len(rows), size)
        return data

    def _targets(self, group: Alike, piece: Piece) -> Ids:
        """Return what the objects of a piece point to, and enter how many pointers each has."""
        maybe = self._slots.pages.inside(piece.words)
        typed = self._typed and (group.spanclass <= 1 or group.elemsize > self._word * self._word * 8)
        if not typed:
            maybe &= self._known_pointers(group, piece)
        where = np.flatnonzero(maybe)
        value = piece.words.reshape(-1)[where]
        row, word = np.divmod(where, piece.words.shape[1])
        number, word = np.divmod(word + piece.offset // self._word, group.elemsize // self._word)
        source = group.first + (piece.spans[0] - group.begin + row) * group.nelems + number
        good = number < group.nelems
        source[~good] = 0
        good &= self._taken[source]
        if typed:
            good &= self._by_type(group, piece, row, number, word)
        return self._entered(group, piece, Pointers(source[good], value[good], (word, where), good))

    def _known_pointers(self, group: Alike, piece: Piece) -> Mask:
        base = self._slots.base[piece.spans] + np.uint64(piece.offset)
        pointers, known = self._bits(base, piece.data, group.elemsize, self._marks if group.inline else 0)
        if not known.all():  # every word, then
            pointers[~known] = True
            self._untyped += int(np.count_nonzero(~known)) * group.nelems
        return pointers

    def _entered(self, group: Alike, piece: Piece, found: Pointers) -> Ids:
        """Return the objects that these words of objects lead to, and enter for each object how many there are."""
        target, held = self._slots.at(found.value)
        held &= self._alive[target] & (target != found.source)
        target = target[held]
        self._kept(group, piece, found, held, target)
        source = found.source[held]
        if len(source):
            low = int(source[0])
            counts = np.bincount(source - low)
            self._starts[low + 1 : low + 1 + len(counts)] += counts.astype(self._ids)
        return target.astype(self._ids)

    def _kept(self, group: Alike, piece: Piece, found: Pointers, held: Mask, target: I64) -> None:
        """Take note of the pointers that lead to objects, these of those found."""

    def _with_types(self, group: Alike, piece: Piece, types: U64) -> None:
        """Take note of the types of objects that know it, 0 where there is none: uint64, a row for each row of the piece."""

    def _by_type(self, group: Alike, piece: Piece, row: I64, number: I64, word: I64) -> Mask:
        """Whether these words are pointers by the type that their object has (mbitmap.go, typePointersOfUnchecked)."""
        if group.spanclass <= 1:
            types = self._spans.records.at("largeType", self._slots.rows[piece.spans])[:, np.newaxis]
            before, taken = 0, np.ones(types.shape, np.bool_)
        else:
            each = group.elemsize // self._word
            whole = piece.words[:, : group.nelems * each].reshape(len(piece.words), group.nelems, each)
            first = group.first + (int(piece.spans[0]) - group.begin) * group.nelems
            types, before = whole[:, :, 0], 8 // self._word
            taken = self._taken[first : first + types.size].reshape(types.shape)
        types = np.where(taken, types, 0)
        self._with_types(group, piece, types)
        masks = self._masks.numbers(types.reshape(-1), group.elemsize - before * self._word)
        masks = masks.reshape(types.shape)
        if piece.offset == 0:
            self._untyped += int(np.count_nonzero(masks == UNKNOWN))
        inside = number < group.nelems
        of_object = masks[row, np.where(inside, number, 0)]
        return inside & (word >= before) & self._masks.pointers(of_object, np.maximum(word - before, 0))
