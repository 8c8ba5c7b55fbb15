"""go-spans show: what lies at an address."""

from __future__ import annotations

from contextlib import suppress

import attrs
import numpy as np

from gdb_gospan.analysis import location
from gdb_gospan.analysis.location import locate
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.spancolumns import columns_of
from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.document import BYTES, COUNT, Address, Document, Looks, document, field, made_of
from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.fields.units import counted
from gdb_gospan.memory import ADDRESS_SPACE
from gdb_gospan.render.provenance import footer, heading, wrapped
from gdb_gospan.reports.allocatedby import allocated_by
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.rows.span import Span, span_class, tail_of
from gdb_gospan.runtime.heap import Heap

_PAGE_BYTES = 8192
_MOST_CALLS = 8
"""Of the stack that allocated an object, in the text."""


@document
class WholeSpan(Span):
    """The span of an address, with what its descriptor points to."""

    limit: Address = field("end of the bytes that the collector scans")
    allocBits: Address = field("address of the bitmap of allocated slots, valid from freeindex on")
    gcmarkBits: Address = field("address of the bitmap of marks")
    specials: Address = field("address of the first special (finalizer, profile record …), 0x0 for none")


@document
class Neighbour(Document):
    """A span, or pages of one kind that no span owns."""

    address: Address = field("address of its first byte")
    npages: int = field("pages of 8 KiB", unit=COUNT)
    kind: str = field("the kind of the pages, in the words of page")
    span: WholeSpan | None = field(
        "the span; not there for pages that no span owns", optional=True, default=None
    )


@document
class DescriptorField(Document):
    """Where in a descriptor an address is."""

    name: str | None = field("the field of mspan; null for one that no report reads")
    offset: int = field("bytes from the start of the descriptor", unit=BYTES)


@document
class Stack(Document):
    """A stack, and whose it is."""

    address: Address = field("address of its lowest byte")
    size: int = field("bytes of the stack", unit=BYTES)
    goroutine: int | None = field("number of the goroutine that owns it; null when none does")
    goroutine_state: str | None = field("what that goroutine does; a dead one keeps its stack for the next")
    system: bool = field("it is a thread's g0 or gsignal, or gcrash")
    free: bool | None = field("it has no owner; null when not all goroutines could be read")


@document
class Type(Document):
    """A Go type."""

    address: Address = field("address of its descriptor")
    name: str = field("as the program prints it")
    size: int = field("bytes of a value", unit=BYTES)


@document
class Slot(Document):
    """A slot of a span."""

    index: int = field("0 for the first")
    address: Address = field("address of its first byte")
    offset: int = field("bytes from there to the address", unit=BYTES)
    size: int = field("bytes of the slot", unit=BYTES)
    allocated: bool | None = field("an object is in it; null when the bitmap could not be read")
    marked: bool | None = field("the last mark phase reached it; cleared by the sweep; null when not known")
    pins: int | None = field(
        "how often it is pinned: 0, 1, or 2 for more; null when not known, and before Go 1.21"
    )
    type: Type | None = field(
        "type of the object; recorded for large objects, and for those with pointers of more than 512 bytes (Go 1.22 on)"
    )


@document
class Special(Document):
    """What is attached to an object."""

    address: Address = field("address of the struct")
    offset: int = field("bytes from the start of the span", unit=BYTES)
    kind: str = field("finalizer, profile record …")


@document
class PageRun(Document):
    """Pages of one kind side by side."""

    address: Address = field("address of its first byte")
    npages: int = field("pages of 8 KiB", unit=COUNT)


@document
class Place(Answer):
    """What lies at an address."""

    address: Address = field("the requested address")
    is_descriptor: bool = field("it is in a span descriptor, and the rest describes its span")
    descriptor_field: DescriptorField | None = field(
        "where in the descriptor it is; null at its start, and elsewhere"
    )
    span: WholeSpan | None = field("the span; null when none owns the address")
    slot: Slot | None = field("the slot of the span; null when there is none at the address")
    stack: Stack | None = field("the stack of the span; null when the address is in none")
    in_tail: bool = field("the address is in the span, past its last slot")
    specials: tuple[Special, ...] = field(
        "records attached to the object, or for a descriptor to any object of its span"
    )
    allocated_by: tuple[str, ...] | None = field(
        "the calls that allocated the object, the innermost first; null unless the heap profile has sampled it"
    )
    page: str | None = field(
        "the state of the page in the page allocator, as the keys of pages of summary, with spaces; null outside of its ranges"
    )
    page_run: PageRun | None = field("the pages of the same kind around it, when no span owns it")
    before: Neighbour | None = field("what lies just before; null when not known")
    after: Neighbour | None = field("what lies just after; null when not known")


def _build(session: Session, arguments: Arguments) -> Place:
    """Describe the address; `TargetError` when it is not in the heap."""
    heap, address = session.heap, _address(arguments["argument"])
    place = locate(heap, address)
    if place is None:
        raise TargetError(_elsewhere(session, address))
    return Place(
        about=about(session, "show"),
        address=Address(address),
        is_descriptor=place.is_descriptor,
        descriptor_field=None
        if place.field is None
        else DescriptorField(name=place.field[0], offset=place.field[1]),
        span=None if place.row is None else _whole_span(heap, place.row),
        slot=None if place.slot is None else _slot_of(place.slot),
        stack=None if place.stack is None else _stack_of(place.stack),
        in_tail=place.in_tail,
        specials=tuple(made_of(Special, attrs.asdict(special)) for special in place.specials),
        allocated_by=allocated_by(session, place),
        page=place.page,
        page_run=None
        if place.page_run is None
        else PageRun(address=Address(place.page_run[0]), npages=place.page_run[1]),
        before=_neighbour_of(heap, place.before),
        after=_neighbour_of(heap, place.after),
        proof=proof(session),
    )


def _elsewhere(session: Session, address: int) -> str:
    """Say what an address is that has neither a span nor a page, as far as that is known."""
    if address == 0:
        return "0x0 is nil: it points to nothing"
    low, high = session.heap.current_arena or (0, 0)
    if low <= address < high:
        return (
            f"{address:#x} is in the part of the current arena that is reserved for the heap to grow into "
            f"(mheap_.curArena, {low:#x} to {high:#x}): it has no page and no span yet"
        )
    symbol = session.symbol_at(address) if session.symbol_at else None
    if symbol is None:
        return (
            f"{address:#x} is not in the Go heap and is no span descriptor "
            "(a global, a C or thread-stack address, or runtime metadata)"
        )
    name = symbol.name + (f" + {symbol.offset}" if symbol.offset else "")
    found = f"{address:#x} is {name}, {'a global, ' if symbol.is_global else ''}not in the Go heap"
    leads = symbol.points_to is not None and locate(session.heap, symbol.points_to) is not None
    return found + (f" (try: go-spans show '{symbol.name}')" if leads else "")


def _address(text: str) -> int:
    with suppress(ValueError):
        if 0 <= (address := int(text, 0)) < ADDRESS_SPACE:
            return address
    raise UsageError(f"show: {text} is not an address (try: a number such as 0xc000012340)")


def _whole_span(heap: Heap, row: int) -> WholeSpan:
    columns = columns_of(heap, np.array([row], np.int64))
    raw = heap.spans.records
    values = {name: column.tolist()[0] for name, column in columns.items()}
    values |= {name: int(raw[name][row]) for name in ("limit", "allocBits", "gcmarkBits", "specials")}
    return made_of(WholeSpan, values)


def _slot_of(slot: location.Slot) -> Slot:
    values = attrs.asdict(slot)
    kind = None if slot.type is None else made_of(Type, values["type"])
    return made_of(Slot, {**values, "type": kind})


def _stack_of(stack: location.Stack) -> Stack:
    number, state = stack.goroutine or (None, None)
    return Stack(
        address=Address(stack.address),
        size=stack.size,
        goroutine=number,
        goroutine_state=state,
        system=stack.system,
        free=stack.free,
    )


def _neighbour_of(heap: Heap, neighbour: location.Neighbour | None) -> Neighbour | None:
    if neighbour is None:
        return None
    return Neighbour(
        address=Address(neighbour.address),
        npages=neighbour.npages,
        kind=neighbour.kind,
        span=None if neighbour.row is None else _whole_span(heap, neighbour.row),
    )


def _screen(answer: Place, looks: Looks) -> str:
    """Lay the description out, a fact on each line."""
    facts = [("address", f"{answer.address:#x}{_what(answer)}")]
    facts += _slot(answer) + _stack(answer)
    facts += _span(answer, looks)
    facts += _specials(answer)
    facts += [
        ("" if i else "allocated", call) for i, call in enumerate((answer.allocated_by or ())[:_MOST_CALLS])
    ]
    if answer.page:
        facts.append(("page", _page(answer.page, answer.page_run)))
    for side in ("before", "after"):
        if getattr(answer, side):
            facts.append((side, _neighbour(getattr(answer, side))))
    lines = [_line(name, value, looks) for name, value in facts]
    return "\n".join([heading(answer, looks), "", *lines, footer(answer, looks)]) + "\n"


def _line(name: str, value: str, looks: Looks) -> str:
    """Lay a fact out; what does not fit the width goes on below."""
    return "  " + wrapped(name, value.split(" · "), looks.width - 2, indent=10).replace("\n", "\n  ")


def _what(answer: Place) -> str:
    if answer.is_descriptor:
        field = answer.descriptor_field
        if field is None:
            return ", a span descriptor"
        name = f": {field.name}" if field.name else ""
        return f", {counted(field.offset, 'byte')} into a span descriptor{name}"
    if answer.span is None:
        return ", in a page that no span owns"
    return ", past the last slot of its span" if answer.in_tail else ""


def _slot(answer: Place) -> list[tuple[str, str]]:
    slot, span = answer.slot, answer.span
    if slot is None or span is None:
        return []
    state = {True: "allocated", False: "free", None: "allocation unknown (bitmap unreadable)"}[slot.allocated]
    # Its sweep clears the marks of a span: that none is there then says nothing, until the next mark phase sets some.
    swept = span.sweep in ("swept", "cached")
    marked = {True: " · marked", False: "" if swept else " · not marked", None: " · mark unknown"}[
        slot.marked
    ]
    where = f"slot {slot.index} of {span.nelems:,}, {slot.address:#x} + {slot.offset}"
    pinned = {1: " · pinned", 2: " · pinned more than once"}.get(slot.pins or 0, "")
    facts = [("slot", f"{where} · {state}{marked}{pinned}")]
    if slot.type:
        facts.append(("type", _type(slot.type, slot.size)))
    return facts


def _stack(answer: Place) -> list[tuple[str, str]]:
    """Say whose stack the address is in."""
    stack = answer.stack
    if stack is None:
        return []
    whose = "owner unknown: some goroutines could not be read"
    if stack.goroutine is not None:
        whose = f"of goroutine {stack.goroutine}, {stack.goroutine_state}"
    elif stack.system:
        whose = "of a thread or the runtime (g0, gsignal, gcrash)"
    elif stack.free:
        whose = "free: no goroutine and no thread uses it"
    return [("stack", f"{counted(stack.size, 'byte')} from {stack.address:#x} · {whose}")]


def _type(kind: Type, slot: int) -> str:
    """Name a type; of an array that a slice lies in, the runtime keeps the type of its elements."""
    size = counted(kind.size, "byte")
    return f"array of {kind.name} · {size} each" if 0 < 2 * kind.size <= slot else f"{kind.name} · {size}"


def _span(answer: Place, looks: Looks) -> list[tuple[str, str]]:
    span = answer.span
    if span is None:
        return []
    facts = [("span", f"{span.descriptor:#x} · {span.state}" + (f" · {span.sweep}" if span.sweep else ""))]
    if span.state == "dead":
        return [*facts, ("", "a descriptor kept for reuse; its other fields are stale")]
    end = span.start + span.npages * _PAGE_BYTES
    amount = units.nbytes(span.span_bytes, exact=looks.exact)
    facts.append(("memory", f"{span.start:#x} to {end:#x} · {amount}, {counted(span.npages, 'page')}"))
    held = span_class(span)
    if held:
        facts.append(("class", held + (f" (span class {span.spanclass})" if span.state == "in use" else "")))
    if span.nelems:
        free, tail = (units.nbytes(value, exact=looks.exact) for value in (span.free_bytes, tail_of(span)))
        slots = f"{span.objects:,} of {span.nelems:,} slots · {units.percent(span.occupied)}"
        facts.append(("objects", f"{slots} · {free} free · {tail} tail"))
        facts.append(("bitmaps", f"allocBits {span.allocBits:#x} · gcmarkBits {span.gcmarkBits:#x}"))
    flags = ["new since the last GC began"] if span.new else []
    flags += [
        "flagged as needing zeroing" if span.needzero else "not flagged as needing zeroing",
        f"sweepgen {span.sweepgen}",
    ]
    return [*facts, ("flags", " · ".join(flags))]


def _specials(answer: Place) -> list[tuple[str, str]]:
    """Say what is attached to the slot, or how much of what to the slots of the span."""
    specials = answer.specials
    if not specials:
        return []
    if answer.slot is not None:
        return [("attached", " · ".join(f"{special.kind} at {special.address:#x}" for special in specials))]
    kinds = [special.kind for special in specials]
    return [("attached", " · ".join(f"{kinds.count(kind):,} × {kind}" for kind in dict.fromkeys(kinds)))]


def _page(page: str, run: PageRun | None) -> str:
    return page_words(page) + (
        f", one of {counted(run.npages, 'such page')} from {run.address:#x}" if run else ""
    )


def _neighbour(neighbour: Neighbour) -> str:
    head = f"{neighbour.address:#x} · {counted(neighbour.npages, 'page')} {page_words(neighbour.kind)}"
    span = neighbour.span
    if span is None:
        return head
    held = span_class(span)
    filled = f", {span.objects:,} of {span.nelems:,} slots" if span.nelems else ""
    return head + (f" · {held}{filled}" if held else "")


REPORT = Report(
    name="show",
    summary="what is at an address: span, slot, page, neighbours",
    description="Accepts the address of a span descriptor, any heap address, or a package variable; inside gdb, any expression.",
    example="go-spans show 0xc000012340",
    place=40,
    document=Place,
    build=_build,
    screen=_screen,
    rows=("span", "slot", "page_run"),
    spans=lambda answer: None if answer.span is None else (answer.span,),
    argument=(
        "ADDRESS",
        "address of a span descriptor, a heap address, a package variable, or (in gdb and with --dlv) an expression",
    ),
    words=(
        ("slot", "the slot that the address is in, by number, and whether it is allocated"),
        (
            "marked",
            "whether the last mark phase reached the object; a sweep clears marks, so a swept slot without one has no such word",
        ),
        (
            "type",
            "type of the object; Go has recorded it since 1.22, for objects with pointers of over 512 bytes; of an array, the element's type",
        ),
        ("attached", "finalizers, cleanups, weak handles, profile records"),
        ("page", "the state of its page in the page allocator"),
    ),
)
