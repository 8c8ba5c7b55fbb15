"""The runtime's allocators of fixed-size structs, and their free lists (runtime/mfixalloc.go)."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.runtime import linked
from gdb_gospan.runtime.columns import Ranges
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import I64, U64, Column, Reader, Record

_BLOCK = 16 << 10
"""fixalloc takes memory in chunks of 16 KiB (malloc.go, _FixAllocChunk)."""


@attrs.frozen(eq=False, repr=False)
class FixAlloc:
    """One fixalloc.

    Attributes
    ----------
    name
        Its field in mheap: ``spanalloc``, ``cachealloc``, ….
    size
        Bytes of one object.
    inuse
        Bytes of the objects handed out.
    free
        Objects on the free list, counted by walking it; None when the walk met
        unreadable memory or a loop, and then ``free_at_least`` is how far it got.
    chunk_left
        Bytes of the current chunk that were never handed out.
    """

    name: str
    address: int
    size: int
    inuse: int
    free: int | None
    free_at_least: int
    chunk_left: int


def read_fixallocs(reader: Reader, mheap: Record, spans: Spans) -> tuple[FixAlloc, ...]:
    """Read every fixalloc of mheap, in the order of the struct's fields."""
    struct = reader.layout["fixalloc"]
    offsets = sorted(reader.layout.fixallocs.items(), key=lambda item: item[1])
    return tuple(
        _read(
            reader,
            name,
            Record(mheap.layout, struct, mheap.address + offset, mheap.data[offset:][: struct.size]),
            spans,
        )
        for name, offset in offsets
    )


def _read(reader: Reader, name: str, fixalloc: Record, spans: Spans) -> FixAlloc:
    head = fixalloc["list"]
    if name == "spanalloc":
        free, complete = _walk_spans(head, spans)
    else:
        free, complete = _walk(reader, head, fixalloc["size"])
    return FixAlloc(
        name=name,
        address=fixalloc.address,
        size=fixalloc["size"],
        inuse=fixalloc["inuse"],
        free=free if complete else None,
        free_at_least=free,
        chunk_left=fixalloc["nchunk"],
    )


def _walk_spans(head: int, spans: Spans) -> tuple[int, bool]:
    """Count the free descriptors: their links are in the columns already.

    A freed descriptor stays in allspans and its first word (``next``) becomes the
    link, so the list is a permutation of rows.
    """
    if head == 0:
        return 0, True
    count = len(spans)
    first = int(spans.rows_of(np.array([head], np.uint64))[0])
    if first < 0:
        return 0, False
    links = np.empty(count, np.int32)
    for block in blocks(count):
        link = spans.records["next"][block]
        row = spans.rows_of(link)
        row[(row < 0) | ~spans.records.readable[block]] = count + 1
        links[block] = np.where(link == 0, count, row)
    return linked.follow(links, first)


def _walk(reader: Reader, head: int, size: int) -> tuple[int, bool]:
    """Count a list whose nodes are known only by following it: a few one by one, and then all that lie around them."""
    if size < reader.word_type.itemsize:
        return 0, head == 0
    nodes, node, complete = _step(reader, head, _FEW)
    if complete is not None:
        return nodes, complete
    around, half = _Around(reader), _FIRST
    for _ in range(_ROUNDS):
        around.load(node, half)
        followed = around.follow(node)
        if followed is None:  # an odd address, or the last few bytes of a segment
            more, node, complete = _step(reader, node, 1)
        else:
            more, node = followed
            complete = None if node > 0 else node == 0
        nodes += more
        if complete is not None:
            return nodes, complete
        # The chunks of persistentalloc mostly lie next to each other: then more is read each time. Where a list leads from
        # one mapping to another, what lies around a node is of no use, and a running process is stopped meanwhile.
        half = 2 * half if more >= half else max(half // 2, _LEAST)
    more, _, complete = _step(reader, node, _MOST)
    return nodes + more, bool(complete)


_FEW = 4096
"""Nodes that are followed one by one: it takes about a millisecond."""
_ROUNDS = 64
_MOST = 1 << 28
_CIRCLE = -1


def _step(reader: Reader, node: int, most: int) -> tuple[int, int, bool | None]:
    """Follow at most so many links, reading a chunk's worth at a time.

    Returns
    -------
    The nodes passed, the next one, and whether the list is complete; None if it continues.
    """
    width, order = reader.layout.platform.pointer_size, reader.layout.platform.byteorder
    seen: set[int] = set()
    block, start = b"", 0
    while node and len(seen) < most:
        if node in seen:
            return len(seen), node, False
        offset = node - start
        if not 0 <= offset <= len(block) - width:
            # The chunk that the node lies in is not known; what is around it most likely is the same chunk.
            start = node & ~(_BLOCK - 1)
            data = reader.memory.read(start, _BLOCK)  # a guess: when it fails, nothing is lost
            if isinstance(data, Unreadable) or node - start > _BLOCK - width:
                start, data = node, reader.read(node, width)
            if isinstance(data, Unreadable):
                return len(seen), node, False
            block, offset = data, node - start
        seen.add(node)
        node = int.from_bytes(block[offset : offset + width], order)
    return len(seen), node, None if node else True


class _Around:
    """Memory around the nodes of a list, as a column of words of which each may be the link of a node.

    Pages, in the order in which they were read; what is in them besides the nodes does no harm. A larger block may have a
    part that is not mapped, and then all of it would be missing.
    """

    def __init__(self, reader: Reader) -> None:
        self._memory, self._word = reader.memory, reader.word_type
        self._base: U64 = np.empty(0, np.uint64)  # ascending; where each is among those read
        self._row: I64 = np.empty(0, np.int64)
        self._read: list[Column] = []

    def load(self, node: int, half: int) -> None:
        """Read the page of a node and so many on either side of it, those that can be read and are not here yet."""
        middle = node // _PAGE
        near = np.arange(max(middle - half, 0), min(middle + half + 1, 1 << 50), dtype=np.uint64)
        near *= np.uint64(_PAGE)
        near = near[self._ranges().of(near) < 0] if len(self._base) else near
        rows = self._memory.read_many(near, _PAGE)  # a guess: where it fails, nothing is lost
        found = near[rows.readable]
        data = rows.data if len(found) == len(near) else rows.data[rows.readable]
        self._read.append(data.view(self._word))
        base = np.append(self._base, found)
        order = np.argsort(base)
        self._base = base[order]
        self._row = np.append(self._row, np.arange(len(self._row), len(base)))[order]

    def follow(self, node: int) -> tuple[int, int] | None:
        """Follow the list from a node on.

        Returns
        -------
        The nodes passed and the next one, which is not here: 0 for the end, `_CIRCLE` for none. None when the first is not here.
        """
        if not len(self._base):
            return None
        ranges = self._ranges()
        each = _PAGE // self._word.itemsize
        count = len(self._base) * each
        first = int(self._places(ranges, np.array([node], np.uint64))[0])
        if first > count:
            return None
        links = np.empty(count, np.int32)
        low, room = self._base[0], self._base[-1] + np.uint64(_PAGE) - self._base[0]
        at = 0
        for words in (
            piece[block].reshape(-1) for piece in self._read for block in blocks(len(piece), _FIRST)
        ):
            block, values = links[at : at + len(words)], words.astype(np.uint64, copy=False)
            np.copyto(block, np.where(values == 0, count, count + 1), casting="unsafe")
            inside = np.flatnonzero(values - low < room)  # most words are no addresses at all
            block[inside] = self._places(ranges, values[inside])
            at += len(words)
        nodes, last = linked.trace(links, first)
        return nodes, self._at(last) if last >= 0 else _CIRCLE

    def _ranges(self) -> Ranges:
        return Ranges(self._base, self._base + np.uint64(_PAGE))

    def _at(self, place: int) -> int:
        """Return the word at this place."""
        for piece in self._read:
            if place < piece.size:
                return int(piece.reshape(-1)[place])
            place -= piece.size
        raise IndexError(place)

    def _places(self, ranges: Ranges, addresses: U64) -> I64:
        """Position of the word at each address, and for what is not here one more than there are words."""
        width = self._word.itemsize
        row = ranges.of(addresses)
        inside = addresses & np.uint64(_PAGE - 1)
        place: I64 = self._row[row] * (_PAGE // width) + (inside // np.uint64(width)).astype(np.int64)
        place[(row < 0) | (inside % np.uint64(width) != 0)] = len(self._base) * (_PAGE // width) + 1
        return place


_PAGE = 4 << 10
_FIRST, _LEAST = 1024, 256
"""Pages on either side of a node that are read at first, 8 MiB in all, and at least, 2 MiB."""
