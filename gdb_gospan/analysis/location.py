"""What lies at an address: its span, its slot, its page and the neighbours."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import KIND_NAMES
from gdb_gospan.runtime.record import I64, U64
from gdb_gospan.runtime.rtype import GoType
from gdb_gospan.runtime.special import Special, read_specials


@attrs.frozen
class Slot:
    """One slot of a span.

    ``allocated`` and ``marked`` are None where the bitmap could not be read. ``type`` is that of the
    object where the runtime has it: large objects, and since Go 1.22 those with pointers of more than
    512 bytes (128 on 32-bit), which begin with a pointer to it (mbitmap.go, the malloc header).
    """

    index: int
    address: int
    offset: int
    size: int
    allocated: bool | None
    marked: bool | None
    type: GoType | None


@attrs.frozen
class Neighbour:
    """What lies right before or after: a span (``row``) or a run of pages of one kind."""

    address: int
    npages: int
    kind: str
    row: int | None


@attrs.frozen
class Location:
    """An address and what it belongs to.

    Attributes
    ----------
    is_descriptor
        The address is that of a span descriptor, and the rest describes its span.
    row
        Row of the span in `Spans`, or None when no span owns the address.
    page
        Name of the page's kind; None outside the page allocator's ranges.
    page_run
        First address and pages of the run of free pages around it, when no span owns it.
    in_tail
        The address is in the span but past its last slot.
    specials
        Finalizers and the like: of the slot, or for a descriptor of all its slots.
    """

    address: int
    is_descriptor: bool
    row: int | None
    slot: Slot | None
    in_tail: bool
    specials: tuple[Special, ...]
    page: str | None
    page_run: tuple[int, int] | None
    before: Neighbour | None
    after: Neighbour | None


def locate(heap: Heap, address: int) -> Location | None:
    """Say what is at ``address``: a span descriptor or a heap address; None when it is neither."""
    spans, pages = heap.spans, heap.pages
    if not 0 <= address < 1 << 64:
        return None
    row = int(spans.rows_of(np.array([address], np.uint64))[0])
    is_descriptor = row >= 0
    found: int | None = row if is_descriptor else spans.find(address)
    place = address
    if is_descriptor:
        live = bool(spans.in_use[row] or spans.manual[row])
        place = int(spans.start[row]) if live else -1
    position = int(pages.positions(np.array([place], np.uint64))[0]) if place >= 0 else -1
    if found is None and position < 0:
        return None
    page = KIND_NAMES[int(heap.page_kinds.kinds[position])] if position >= 0 else None
    slot = _slot(heap, found, address) if found is not None and not is_descriptor else None
    in_use = found is not None and bool(spans.in_use[found])
    before, after, run = _surroundings(heap, position, found)
    return Location(
        address=address,
        is_descriptor=is_descriptor,
        row=found,
        slot=slot,
        in_tail=in_use and not is_descriptor and slot is None,
        specials=_specials(heap, found, slot) if in_use and found is not None else (),
        page=page,
        page_run=run,
        before=before,
        after=after,
    )


def _slot(heap: Heap, row: int, address: int) -> Slot | None:
    spans, columns = heap.spans, heap.spans.records
    size, nelems = int(columns["elemsize"][row]), int(columns["nelems"][row])
    if not spans.in_use[row] or size <= 0:
        return None
    start = int(spans.start[row])
    index = (address - start) // size
    if index >= nelems:
        return None
    allocated: bool | None = True
    if index >= int(columns["freeindex"][row]):
        allocated = _bit(heap, int(columns["allocBits"][row]), index)
    marked = _bit(heap, int(columns["gcmarkBits"][row]), index)
    if not heap.span_map.known[row] and not marked:
        marked = None  # there may be marks inside the span
    if heap.span_map.inline_marks[row] and not marked:
        struct = heap.layout["spanInlineMarkBits"]
        base = start + int(spans.bytes_of(np.array([row]))[0]) - struct.size
        inline = _bit(heap, base + struct["marks"].offset, index)
        marked = inline if marked is not None else None
    at = start + index * size
    kind = _type(heap, row, at) if allocated else None
    return Slot(index, at, address - at, size, allocated, marked, kind)


def _type(heap: Heap, row: int, slot: int) -> GoType | None:
    """Type of the object in a slot that is taken, where the runtime keeps it."""
    columns = heap.spans.records
    if "largeType" not in columns:
        return None
    if columns["spanclass"][row] <= 1:
        return heap.type_at(int(columns["largeType"][row]))
    with_header = heap.has_headers(np.array([row])).all()
    return heap.type_at(heap.reader.word(slot) or 0) if with_header else None


def _specials(heap: Heap, row: int, slot: Slot | None) -> tuple[Special, ...]:
    found, _ = read_specials(heap.reader, int(heap.spans.records["specials"][row]))
    if slot is None:
        return tuple(found)
    start = slot.index * slot.size
    return tuple(special for special in found if start <= special.offset < start + slot.size)


def _bit(heap: Heap, bitmap: int, index: int) -> bool | None:
    data = heap.reader.read(bitmap + index // 8, 1)
    return None if isinstance(data, Unreadable) else bool(data[0] >> (index % 8) & 1)


def _surroundings(
    heap: Heap, position: int, row: int | None
) -> tuple[Neighbour | None, Neighbour | None, tuple[int, int] | None]:
    """Neighbours of the span, or of the run of alike free pages, at ``position``."""
    if position < 0:
        return None, None, None
    pages, spans = heap.pages, heap.spans
    if row is not None:
        first = int(pages.positions(np.array([spans.start[row]], np.uint64))[0])
        last = first + int(spans.records["npages"][row])
        run = None
    else:
        first, last = _run(heap, position)
        run = (_address(heap, first), last - first)
    return _neighbour(heap, first - 1, first), _neighbour(heap, last, last - 1), run


def _neighbour(heap: Heap, position: int, beside: int) -> Neighbour | None:
    """Describe what is at ``position``, if it is the page next to ``beside`` in address too."""
    pages, kinds = heap.pages, heap.page_kinds
    if not 0 <= position < len(pages) or not 0 <= beside < len(pages):
        return None
    if abs(_address(heap, position) - _address(heap, beside)) != pages.page_size:
        return None
    owner = int(kinds.owner[position])
    if owner >= 0:
        start, npages = int(heap.spans.start[owner]), int(heap.spans.records["npages"][owner])
        return Neighbour(start, npages, KIND_NAMES[int(kinds.kinds[position])], owner)
    first, last = _run(heap, position)
    return Neighbour(_address(heap, first), last - first, KIND_NAMES[int(kinds.kinds[position])], None)


def _run(heap: Heap, position: int) -> tuple[int, int]:
    """First and one past the last page of the run of pages alike around ``position``, in one range."""
    pages, kinds = heap.pages, heap.page_kinds.kinds
    home = int(np.searchsorted(pages.first, position, side="right")) - 1
    low, high = int(pages.first[home]), int(pages.first[home + 1])
    alike = (kinds[low:high] == kinds[position]) & (heap.page_kinds.owner[low:high] < 0)
    other: I64 = np.flatnonzero(~alike)
    here = position - low
    cut = int(np.searchsorted(other, here))
    first = int(other[cut - 1]) + 1 if cut else 0
    last = int(other[cut]) if cut < len(other) else high - low
    return low + first, low + last


def _address(heap: Heap, position: int) -> int:
    address: U64 = heap.pages.addresses(np.array([position], np.int64))
    return int(address[0])
