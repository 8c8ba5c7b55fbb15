"""Damage to the metadata of a heap: one field of a core or of a snapshot is changed, and nothing else."""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.image import Image, write
from gdb_gospan.runtime.mpagealloc import FREE, PADDING, RELEASED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from gdb_gospan.runtime.heap import Heap
    from gdb_gospan.runtime.record import Record

Change = tuple[int, bytes]
"""An address, and the bytes that are there instead."""

MIB = 1 << 20


@dataclass(frozen=True)
class Damage:
    """One way to damage a heap.

    Attributes
    ----------
    name
        What is damaged, and by how much.
    find
        Returns the change; None where a heap has no such field.
    nbytes
        By how much a counter of bytes is off; 0 for what is no such counter.
    """

    name: str
    find: Callable[[Heap], Change | None]
    nbytes: int = 0


def value_at(heap: Heap, address: int, size: int) -> int:
    """Return the number that these bytes are."""
    data = heap.memory.read(address, size)
    assert isinstance(data, bytes)
    return int.from_bytes(data, "little")


def flipped(heap: Heap, bitmap: int, bit: int) -> Change:
    """Return the change of one bit of a bitmap."""
    address = bitmap + bit // 8
    return address, bytes([value_at(heap, address, 1) ^ 1 << bit % 8])


def page_bit(heap: Heap, name: str, position: int) -> Change:
    """Return the change of a page's bit in `pallocBits` or `scavenged`; `position` is as in `Pages`."""
    layout = heap.layout
    chunk, table = layout["pallocData"], layout["mheap"]["pages.chunks[].*"]
    page = int(heap.pages.addresses(np.array([position]))[0]) - layout.platform.arena_base_offset
    page = page % (1 << 64) // layout.platform.page_size
    index, bit = divmod(page, 8 * chunk[name].size * (chunk[name].count or 1))
    tables = heap.mheap.array("pages.chunks").tolist()
    first, second = divmod(index, table.count or 1)
    return flipped(heap, tables[first] + second * table.stride + chunk[name].offset, bit)


def _added(heap: Heap, record: Record, path: str, amount: int) -> Change:
    """Return the change of a counter by so much."""
    size = record.struct[path].size
    address = record.address_of(path)
    return address, (value_at(heap, address, size) + amount).to_bytes(size, "little")


def _of_controller(path: str, amount: int) -> Callable[[Heap], Change]:
    return lambda heap: _added(heap, heap.controller, path, amount)


def _large_objects(heap: Heap) -> Change:
    """One large object more was allocated than there is."""
    stats = heap.reader.record("heapStatsDelta", heap.memstats.address_of("heapStats.stats"))
    return _added(heap, stats, "largeAllocCount", 1)


def _middle(mask: npt.NDArray[np.bool_]) -> int | None:
    """Return the row in the middle of those in the mask: far from where a new one would be."""
    rows = np.flatnonzero(mask)
    return int(rows[len(rows) // 2]) if len(rows) else None


def _alloc_count(heap: Heap) -> Change | None:
    """A swept span that no P has cached holds two objects, by its own count."""
    spans, columns = heap.spans, heap.spans.records
    small = spans.counted & (columns["spanclass"] > 1) & ~spans.user_arena
    row = _middle(small & (spans.delta == 0) & ~heap.cached & (columns["allocCount"] > 2))
    if row is None:
        return None
    place = heap.layout["mspan"]["allocCount"]
    return int(spans.addresses[row]) + place.offset, (2).to_bytes(place.size, "little")


def _page_of_a_span(heap: Heap) -> Change | None:
    """A page of a span is free in the bitmap."""
    position = _middle(heap.page_kinds.owner >= 0)
    return None if position is None else page_bit(heap, "pallocBits", position)


def _page_of_nobody(heap: Heap) -> Change | None:
    """A free page is allocated in the bitmap."""
    position = _middle((heap.page_kinds.kinds == FREE) | (heap.page_kinds.kinds == RELEASED))
    return None if position is None else page_bit(heap, "pallocBits", position)


def _padding(heap: Heap) -> Change | None:
    """A page before the first span is no longer one that was never touched (Go 1.26 on)."""
    position = _middle(heap.page_kinds.kinds == PADDING)
    return None if position is None else page_bit(heap, "scavenged", position)


def _central_entry(heap: Heap) -> Change | None:
    """A list of swept spans has another list's span in the place of one of its own."""
    central, sets = heap.central, heap.span_sets
    entries, _ = sets.places(heap.reader)
    listed = np.flatnonzero(central.valid & ~central.unswept)
    if not len(listed):
        return None
    mine = int(listed[len(listed) // 2])
    others = listed[central.spanclass[listed] != central.spanclass[mine]]
    if not len(others):
        return None
    width = heap.layout.platform.pointer_size
    here = int(heap.spans.addresses[central.row[mine]]).to_bytes(width, "little")
    there = int(heap.spans.addresses[central.row[int(others[0])]])
    each = (heap.layout["spanSetBlock"]["spans"].count or 1) * width
    own = sets.spanclass[sets.blocks != 0] == central.spanclass[mine]
    for block in entries[own].tolist():
        data = heap.memory.read(block, each)
        assert isinstance(data, bytes)
        found = [at for at in range(0, each, width) if data[at : at + width] == here]
        if found:
            return block + found[-1], there.to_bytes(width, "little")
    return None


DAMAGES = (
    Damage("heapInUse +8 KiB", _of_controller("heapInUse", 8 << 10), 8 << 10),
    Damage("heapInUse +100 MiB", _of_controller("heapInUse", 100 * MIB), 100 * MIB),
    Damage("heapInUse +1 GiB", _of_controller("heapInUse", 1024 * MIB), 1024 * MIB),
    Damage("heapFree +100 MiB", _of_controller("heapFree", 100 * MIB), 100 * MIB),
    Damage("mappedReady +1 GiB", _of_controller("mappedReady", 1024 * MIB), 1024 * MIB),
    Damage("largeAllocCount +1", _large_objects),
    Damage("allocCount", _alloc_count),
    Damage("page of a span", _page_of_a_span),
    Damage("page of nobody", _page_of_nobody),
    Damage("padding", _padding),
    Damage("central entry", _central_entry),
)


class CopiedCore:
    """A copy of a core of which bytes are changed for a while, in place: most of it is holes and never read.

    Parameters
    ----------
    core
        Stays as it is.
    path
        Where the copy will be.
    """

    def __init__(self, core: Path, path: Path) -> None:
        self.path = path
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(core), str(path)], check=True)
        self._segments = CoreFile(path).segments

    def offset(self, change: Change) -> int:
        """Return where in the file the bytes of a change belong."""
        address, data = change
        at, inside = self._segments.locate(np.array([address], np.uint64), len(data))
        assert inside[0], f"the core has no {len(data)} bytes at {address:#x}"
        return int(at[0])

    @contextlib.contextmanager
    def changed(self, change: Change | None) -> Iterator[None]:
        """Change these bytes, and put them back at the end of the block."""
        if change is None:
            yield
            return
        offset, new = self.offset(change), change[1]
        with self.path.open("r+b", buffering=0) as file:
            file.seek(offset)
            old = file.read(len(new))
            try:
                file.seek(offset)
                file.write(new)
                yield
            finally:
                file.seek(offset)
                file.write(old)


def changed_snapshot(snapshot: Path, change: Change, path: Path) -> Path:
    """Write a snapshot again with other bytes at an address, to `path`."""
    image, meta = Image.load(snapshot)
    segments = image.segments
    address, data = change
    at, inside = segments.locate(np.array([address], np.uint64), len(data))
    assert inside[0], f"{len(data)} bytes at {address:#x} are not recorded"
    flat = segments.flat.copy()
    flat[at[0] : at[0] + len(data)] = np.frombuffer(data, np.uint8)
    write(path, meta, segments.start, segments.size, [flat], image.holes)
    return path
