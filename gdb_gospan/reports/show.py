"""go-spans show: what lies at an address."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import attrs
import numpy as np

from gdb_gospan.analysis import location
from gdb_gospan.analysis.location import locate
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.spancolumns import columns_of
from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.fields.document import Address, made_of
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.memory import ADDRESS_SPACE
from gdb_gospan.reports import ownersoption
from gdb_gospan.reports.allocatedby import allocated_by
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.graphextra import with_scipy
from gdb_gospan.reports.rows.held import HeldObject, KeptSpan
from gdb_gospan.reports.rows.place import (
    DescriptorField,
    Neighbour,
    PageRun,
    Place,
    Slot,
    Special,
    Stack,
    Type,
    WholeSpan,
)
from gdb_gospan.reports.screens import apart
from gdb_gospan.runtime.heap import Heap

if TYPE_CHECKING:
    from gdb_gospan.reports.holding import Holding


def _build(session: Session, arguments: Arguments) -> Place:
    """Describe the address; `TargetError` when it is not in the heap."""
    heap, address = session.heap, _address(arguments["argument"])
    place = locate(heap, address)
    if place is None:
        raise TargetError(_elsewhere(session, address))
    owners = _Owners(session, arguments, place)
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
        # All else is read before.
        object=owners.object,
        kept=owners.kept,
        incomplete=ownersoption.unread(owners.held),
        proof=proof(session),
    )


class _Owners:
    """How the object at a place is kept, and what keeps its span, if that is asked for."""

    def __init__(self, session: Session, arguments: Arguments, place: location.Location) -> None:
        self._session, self._arguments, self._place = session, arguments, place

    @cached_property
    def held(self) -> Holding | None:
        """Who holds the objects, found at the first use."""
        return ownersoption.holding_if(self._session, self._arguments)

    @property
    def object(self) -> HeldObject | None:
        """None if no object is there."""
        if self.held is None or self._place.slot is None:
            return None
        from gdb_gospan.reports.heldby import held_object  # noqa: PLC0415  # only for who asks for it

        return held_object(self.held, self._place.slot.address)

    @property
    def kept(self) -> KeptSpan | None:
        """None if no span is there."""
        if self.held is None or self._place.row is None:
            return None
        from gdb_gospan.reports.heldby import kept_span  # noqa: PLC0415  # as above

        return kept_span(self.held, self._place.row)


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


REPORT = Report(
    name="show",
    summary="what is at an address: span, slot, page, neighbours",
    description="Accepts the address of a span descriptor, any heap address, or a package variable; inside gdb, any expression.",
    example="go-spans show 0xc000012340",
    place=40,
    document=Place,
    build=_build,
    screen=apart("show"),
    rows=("span", "slot", "page_run"),
    spans=lambda answer: None if answer.span is None else (answer.span,),
    argument=(
        "ADDRESS",
        "address of a span descriptor, a heap address, a package variable, or (in gdb and with --dlv) an expression",
    ),
    options=ownersoption.options(
        "the object's type, its owner, a path to it and what points to it, and what keeps the span"
    ),
    prepare=with_scipy("show", "owners"),
    contents_for="owners",
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
        ("retains", "with --owners: what would be garbage without the object, itself among it"),
        (
            "owner",
            "with --owners: what keeps the object: without any one of these, the outermost first, it would be garbage",
        ),
        ("path", "with --owners: a shortest way to it from a root, with the fields that lead on"),
        ("referrers", "with --owners: how many have a pointer to it, and the first ones, with the field"),
        (
            "span has",
            "with --owners: the types of which most bytes in the span are, among objects that the roots lead to",
        ),
        ("kept by", "with --owners: the owners that keep most bytes of these objects"),
        ("attached", "finalizers, cleanups, weak handles, profile records"),
        ("page", "the state of its page in the page allocator"),
    ),
)
