"""What lies at an address: its span, its slot, its page and the neighbours."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.errors import LayoutError
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.goroutines import STATUS_NAMES
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import KIND_NAMES
from gdb_gospan.runtime.record import I64, U64, Records
from gdb_gospan.runtime.rtype import GoType
from gdb_gospan.runtime.special import Special, read_specials


@attrs.frozen
class Slot:
    """One slot of a span.

    ``allocated`` and ``marked`` are None where the bitmap could not be read. ``pins`` is 0, 1, or 2 for more
    than one, None where that is not known or no release before Go 1.21 had it. ``type`` is that of the
    object where the runtime has it: large objects, and since Go 1.22 those with pointers of more than
    512 bytes (128 on 32-bit), which begin with a pointer to it (mbitmap.go, the malloc header).
    """

    index: int
    address: int
    offset: int
    size: int
    allocated: bool | None
    marked: bool | None
    pins: int | None
    type: GoType | None


@attrs.frozen
class Stack:
    """One stack of a stack span, and whose it is (stack.go, stackalloc).

    Attributes
    ----------
    address, size
        Its lowest address, and bytes.
    goroutine
        The goroutine that has it: its number, and its state by `STATUS_NAMES`; dead ones keep theirs for the next.
    system
        It is the g0 or gsignal of a thread, or gcrash.
    free
        Nobody has it: it waits in its span, or in the cache of a P. None when not all goroutines are known.
    """

    address: int
    size: int
    goroutine: tuple[int, str] | None
    system: bool
    free: bool | None


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
        The address is in a span descriptor, and the rest describes its span.
    field
        The field of the descriptor that it is in, with its offset; None when it is at the start, or elsewhere.
    row
        Row of the span in `Spans`, or None when no span owns the address.
    page
        Name of the page's kind; None outside the page allocator's ranges.
    page_run
        First address and pages of the run of free pages around it, when no span owns it.
    in_tail
        The address is in the span but past its last slot.
    stack
        The stack that the address is in.
    specials
        Finalizers and the like: of the slot, or for a descriptor of all its slots.
    """

    address: int
    is_descriptor: bool
    field: tuple[str | None, int] | None
    row: int | None
    slot: Slot | None
    stack: Stack | None
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
    row = spans.holding(address)
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
        field=_field(heap, address - int(spans.addresses[row])) if is_descriptor else None,
        row=found,
        slot=slot,
        stack=_stack(heap, found, address) if found is not None and not is_descriptor else None,
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
    return Slot(index, at, address - at, size, allocated, marked, _pins(heap, row, index), kind)


def _pins(heap: Heap, row: int, index: int) -> int | None:
    """How often the object is pinned, as far as its span says: two bits, one for pinned and one for more than once.

    How often exactly then is in a special (pinner.go, Go 1.21 on).
    """
    bits = heap.spans.records.get("pinnerBits")
    if bits is None:
        return None
    if not bits[row]:
        return 0
    pinned, more = (_bit(heap, int(bits[row]), 2 * index + each) for each in (0, 1))
    return None if pinned is None or more is None else pinned + (pinned and more)


def _field(heap: Heap, offset: int) -> tuple[str | None, int] | None:
    """Name the field of a descriptor that has this byte: of those that are known, and None between them."""
    if not offset:
        return None
    fields = heap.layout["mspan"].fields.items()
    inside = (
        path
        for path, field in fields
        if field.offset <= offset < field.offset + field.size * (field.count or 1)
    )
    return next(inside, None), offset


def _stack(heap: Heap, row: int, address: int) -> Stack | None:
    """Say whose stack it is, by who has one that the address is in."""
    spans = heap.spans
    if not spans.stack[row]:
        return None
    size = int(spans.records["elemsize"][row])
    if not 0 < size <= int(spans.bytes_of(np.array([row]))[0]):  # damage: the span has no such stacks
        return None
    start = int(spans.start[row])
    low = start + (address - start) // size * size
    try:
        goroutines = heap.goroutines
    except LayoutError:  # a release whose goroutines are not known
        return Stack(low, size, None, system=False, free=None)
    own = _standing(goroutines.gs, address)
    if own is not None:
        number = heap.reader.word(int(goroutines.gs.addresses[own]) + heap.layout["g"]["goid"].offset, 8)
        status = int(goroutines.status[own])
        return Stack(
            low, size, (number or 0, STATUS_NAMES.get(status, f"state {status}")), system=False, free=False
        )
    system = _standing(goroutines.system, address) is not None
    return Stack(low, size, None, system, False if system else True if goroutines.complete else None)


def _standing(gs: Records, address: int) -> int | None:
    """Row of the g that has a stack with this address in it."""
    at = np.uint64(address)
    rows = np.flatnonzero(gs.readable & (gs["stack.lo"] <= at) & (at < gs["stack.hi"]))
    return int(rows[0]) if len(rows) else None


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
