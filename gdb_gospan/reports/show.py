"""go-spans show: what lies at an address."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import attrs
import numpy as np

from gdb_gospan.analysis.location import Neighbour, Stack, locate
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.spancolumns import columns_of, hexadecimal
from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.memory import ADDRESS_SPACE
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import show as view
from gdb_gospan.runtime.heap import Heap


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Describe the address; `UsageError` when it is not in the heap."""
    heap = session.heap
    address = _address(arguments["argument"])
    place = locate(heap, address)
    if place is None:
        raise TargetError(_elsewhere(session, address))
    slot = attrs.asdict(place.slot) if place.slot else None
    if slot is not None and slot["type"] is not None:
        slot["type"] = hexadecimal(slot["type"], "address")
    return {
        **session.envelope("show"),
        "address": f"{address:#x}",
        "is_descriptor": place.is_descriptor,
        "descriptor_field": None
        if place.field is None
        else {"name": place.field[0], "offset": place.field[1]},
        "span": None if place.row is None else _span(heap, place.row),
        "slot": hexadecimal(slot, "address") if slot else None,
        "stack": _stack(place.stack),
        "in_tail": place.in_tail,
        "specials": [hexadecimal(attrs.asdict(special), "address") for special in place.specials],
        "page": place.page,
        "page_run": {"address": f"{place.page_run[0]:#x}", "npages": place.page_run[1]}
        if place.page_run
        else None,
        "before": _neighbour(heap, place.before),
        "after": _neighbour(heap, place.after),
        **session.provenance(),
    }


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


def _span(heap: Heap, row: int) -> dict[str, Any]:
    columns = columns_of(heap, np.array([row], np.int64))
    span = {name: column.tolist()[0] for name, column in columns.items()}
    raw = heap.spans.records
    more = {name: int(raw[name][row]) for name in ("limit", "allocBits", "gcmarkBits", "specials")}
    span.update(more)
    return hexadecimal(span, "descriptor", "start", *more)


def _stack(stack: Stack | None) -> dict[str, Any] | None:
    if stack is None:
        return None
    number, state = stack.goroutine or (None, None)
    return {
        "address": f"{stack.address:#x}",
        "size": stack.size,
        "goroutine": number,
        "goroutine_state": state,
        "system": stack.system,
        "free": stack.free,
    }


def _neighbour(heap: Heap, neighbour: Neighbour | None) -> dict[str, Any] | None:
    if neighbour is None:
        return None
    described: dict[str, Any] = {
        "address": f"{neighbour.address:#x}",
        "npages": neighbour.npages,
        "kind": neighbour.kind,
    }
    if neighbour.row is not None:
        described["span"] = _span(heap, neighbour.row)
    return described


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
