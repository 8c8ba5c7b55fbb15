"""The runtime's allocators of fixed-size structs, and their free lists (runtime/mfixalloc.go)."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import I64, Reader, Record

_BLOCK = 16 << 10
"""fixalloc takes memory in chunks of 16 KiB (malloc.go, _FixAllocChunk)."""


@attrs.frozen
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
    chunk_bytes
        Bytes taken at a time: 16 KiB rounded down to whole objects.
    """

    name: str
    address: int
    size: int
    inuse: int
    free: int | None
    free_at_least: int
    chunk_left: int
    chunk_bytes: int


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
        chunk_bytes=fixalloc["nalloc"],
    )


def _walk_spans(head: int, spans: Spans) -> tuple[int, bool]:
    """Count the free descriptors: their links are in the columns already.

    A freed descriptor stays in allspans and its first word (``next``) becomes the
    link, so the list is a permutation of rows and is followed by doubling:
    log2(n) passes over columns instead of a step for each node.
    """
    if head == 0:
        return 0, True
    count = len(spans)
    first = int(spans.rows_of(np.array([head], np.uint64))[0])
    if first < 0:
        return 0, False
    link = spans.records["next"]
    # Row `count` is the end of the list; -1 (a link out of allspans) becomes row `count + 1`.
    follow: I64 = np.where(link == 0, count, spans.rows_of(link))
    follow = np.where(follow < 0, count + 1, follow)
    follow = np.where(spans.records.readable, follow, count + 1)
    jump = np.concatenate([follow, [count, count + 1]])
    steps = np.concatenate([np.ones(count, np.int64), [0, 0]])
    for _ in range(max(count, 1).bit_length() + 1):
        steps = steps + steps[jump]
        jump = jump[jump]
    # A loop never reaches an end, whatever the number of passes.
    if jump[first] < count:
        return 0, False
    return int(steps[first]), int(jump[first]) == count


def _walk(reader: Reader, head: int, size: int) -> tuple[int, bool]:
    """Count a list whose nodes are known only by following it, reading a chunk's worth at a time."""
    width, order = reader.layout.platform.pointer_size, reader.layout.platform.byteorder
    seen: set[int] = set()
    block, start = b"", 0
    node = head
    while node:
        if node in seen or size < width:
            return len(seen), False
        offset = node - start
        if not 0 <= offset <= len(block) - width:
            # The chunk that the node lies in is not known; what is around it most likely is the same chunk.
            start = node & ~(_BLOCK - 1)
            data = reader.memory.read(start, _BLOCK)  # a guess: when it fails, nothing is lost
            if isinstance(data, Unreadable) or node - start > _BLOCK - width:
                start, data = node, reader.read(node, width)
            if isinstance(data, Unreadable):
                return len(seen), False
            block, offset = data, node - start
        seen.add(node)
        node = int.from_bytes(block[offset : offset + width], order)
    return len(seen), True
