"""What the types of objects are found by: where each pointer lies, which words of an object are pointers, its header.

It is one walk over the same memory as the graph's, which comes out of it too (runtime/mbitmap.go, iface.go).
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis.edges import Graph, Ids, Piece, Pointers, Scan
from gdb_gospan.analysis.slots import Alike, slots
from gdb_gospan.memory.segments import Bytes
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Column, Mask

WORDS: Final = 64
"""Up to so many words in an object, its pattern is its bits; of a larger one a sum that depends on each of them."""

_LOWEST: Final = 1 << 12
_HIGHEST: Final = np.uint64(1 << 56)
"""Between them lie descriptors and itabs."""


@attrs.frozen(eq=False, repr=False)
class Edges:
    """The graph, with what types are found by.

    Attributes
    ----------
    graph
        The pointers from object to object; the columns of edges have a row for each of its targets.
    word
        uint32 (e,): which word of its object each pointer is; a malloc header is none of them.
    inner
        uint32 or uint64 (e,): how many bytes behind the begin of its object a pointer leads to.
    pattern
        uint64, a row for each slot: which words of it are pointers, as `pattern_of` counts them; 0 where that is not known, or no
        word is one, or the object has a type of its own.
    typed, types
        int64 and uint64 (t,): slots of objects with a malloc header, or with a span of their own, and the address of the descriptor.
    pairs, before
        int64 and uint64 (p,): edges behind a word that is no pointer of the object, but may be an address; and these words. Of objects
        that know their type there are none.
    """

    graph: Graph
    word: npt.NDArray[np.uint32]
    inner: Column
    pattern: U64
    typed: I64
    types: U64
    pairs: I64
    before: U64


def edges(heap: Heap) -> Edges:
    """Read all pointers of the heap with what types are found by. The graph alone is kept for who asks for it later."""
    found = list[Edges]()

    def read() -> Graph:
        found.append(_TypedScan(heap).whole())
        return found[0].graph

    known = heap.trail.part("graph", read)
    return found[0] if found else attrs.evolve(_TypedScan(heap).whole(), graph=known)


def edges_of_span(heap: Heap, span: int) -> Edges:
    """Read the pointers of one span of `Slots` in the same way; all other slots have none there."""
    return _OneSpan(heap, span).whole()


def header_bytes(heap: Heap) -> I64:
    """Return the bytes before the object in each slot of these spans: int64, a row for each span of `Slots`."""
    numbered = slots(heap)
    return np.where(heap.has_headers(numbered.rows), 8, 0)


def weights(first: int, count: int) -> U64:
    """Return what each of these words of a large object adds to its pattern, if it is a pointer (splitmix64)."""
    found = (np.arange(first, first + count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: U64 = found ^ (found >> np.uint64(31))
    return mixed


def patterns(pointers: Mask, first: int, words: int) -> U64:
    """Return the patterns of objects.

    Parameters
    ----------
    pointers
        bool (n, k): which words of each, from the word `first` on, are pointers.
    words
        Of the slots that they lie in.
    """
    if words <= WORDS:
        packed: Bytes = np.packbits(pointers, axis=1, bitorder="little")
        whole = np.zeros((len(pointers), 8), np.uint8)
        whole[:, : packed.shape[1]] = packed
        bits: U64 = whole.view("<u8").reshape(-1).astype(np.uint64, copy=False)
        return bits
    row, word = np.nonzero(pointers)
    found = np.zeros(len(pointers), np.uint64)
    np.add.at(found, row, weights(first, pointers.shape[1])[word])
    return found


def _taken(parts: list[Column]) -> Column:
    """Return parts as one column, and let go of them."""
    found: Column = np.concatenate(parts)
    parts.clear()
    return found


class _TypedScan(Scan):
    """Reads all spans with pointers, and keeps more of them."""

    def __init__(self, heap: Heap) -> None:
        super().__init__(heap)
        self._before = header_bytes(heap)
        self._pattern = np.zeros(len(self._slots), np.uint64)
        largest = int((self._slots.npages << self._slots.pages.shift).max(initial=0))
        self._inner_type = np.dtype(np.uint32 if largest < 1 << 32 else np.uint64)
        self._words: list[Column] = [np.empty(0, np.uint32)]
        self._inners: list[Column] = [np.empty(0, self._inner_type)]
        self._owners: list[I64] = [np.empty(0, np.int64)]
        self._types: list[U64] = [np.empty(0, np.uint64)]
        self._pairs: list[I64] = [np.empty(0, np.int64)]
        self._pair_words: list[U64] = [np.empty(0, np.uint64)]
        self._count = 0
        self._bits_of_piece: Mask | None = None
        self._row: I64 = np.empty(0, np.int64)

    def whole(self) -> Edges:
        graph = self.run()
        return Edges(
            graph=graph,
            word=_taken(self._words),
            inner=_taken(self._inners),
            pattern=self._pattern,
            typed=np.concatenate(self._owners),
            types=np.concatenate(self._types),
            pairs=np.concatenate(self._pairs),
            before=np.concatenate(self._pair_words),
        )

    def _targets(self, group: Alike, piece: Piece) -> Ids:
        self._bits_of_piece = None
        return super()._targets(group, piece)

    def _known_pointers(self, group: Alike, piece: Piece) -> Mask:
        pointers = super()._known_pointers(group, piece)
        self._bits_of_piece = pointers
        width = group.elemsize // self._word
        first = piece.offset // self._word
        place = group.first + (int(piece.spans[0]) - group.begin) * group.nelems
        if group.nelems == 1:
            each = min(width - first, pointers.shape[1])
            bits = pointers[:, :each]
        else:
            bits = pointers[:, : group.nelems * width].reshape(-1, width)
        some = slice(place, place + len(bits))
        found = patterns(bits, first, width)
        found[~self._taken[some]] = 0
        self._pattern[some] += found
        return pointers

    def _with_types(self, group: Alike, piece: Piece, types: U64) -> None:
        if piece.offset == 0:
            slot = group.first + (int(piece.spans[0]) - group.begin) * group.nelems + np.arange(types.size)
            some = types.reshape(-1) != 0
            self._owners.append(slot[some])
            self._types.append(types.reshape(-1)[some])

    def _kept(self, group: Alike, piece: Piece, found: Pointers, held: Mask, target: I64) -> None:
        """Note where these pointers lie, where in their objects they lead to, and the words before them."""
        if not len(target):
            return
        word, where = found.places(held)
        header = int(self._before[group.begin]) // self._word
        self._words.append((word - header).astype(np.uint32))
        span = self._slots.spans_of(target)
        elemsize = self._slots.elemsize[span]
        inner = (found.value[held] - self._slots.base[span]).view(np.int64) % elemsize - self._before[span]
        self._inners.append(np.maximum(inner, 0).astype(self._inner_type))
        if self._bits_of_piece is not None:
            behind = (word > header) & (where > 0)
            before = where - behind
            words = piece.words.reshape(-1)[before]
            behind &= (words >= _LOWEST) & (words < _HIGHEST) & (words % np.uint64(self._word) == 0)
            behind &= ~self._bits_of_piece.reshape(-1)[before]
            pairs = np.flatnonzero(behind)
            self._pairs.append(self._count + pairs)
            self._pair_words.append(words[pairs])
        self._count += len(target)


class _OneSpan(_TypedScan):
    """Reads one span."""

    def __init__(self, heap: Heap, span: int) -> None:
        self._span = span
        super().__init__(heap)

    def _scanned(self) -> list[Alike]:
        """Return the span, unless its objects have no pointers."""
        numbered, span = self._slots, self._span
        alike = Alike(
            begin=span,
            end=span + 1,
            first=int(numbered.first[span]),
            spanclass=int(numbered.spanclass[span]),
            elemsize=int(numbered.elemsize[span]),
            nelems=int(numbered.nelems[span]),
            nbytes=int(numbered.npages[span]) << numbered.pages.shift,
            inline=bool(numbered.inline[span]),
        )
        return [] if alike.noscan else [alike]
