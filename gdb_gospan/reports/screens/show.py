"""What lies at an address."""

from __future__ import annotations

from typing import Any

from gdb_gospan.fields import units
from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.fields.units import counted
from gdb_gospan.render.provenance import footer, heading, wrapped
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens.list import span_class, tail_of

_PAGE_BYTES = 8192


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the description out, a fact on each line."""
    facts = [("address", f"{document['address']}{_what(document)}")]
    facts += _slot(document) + _stack(document)
    facts += _span(document, style)
    facts += _specials(document)
    if document["page"]:
        facts.append(("page", _page(document)))
    for side in ("before", "after"):
        if document[side]:
            facts.append((side, _neighbour(document[side])))
    lines = [_line(name, value, style) for name, value in facts]
    return "\n".join([heading(document, style), "", *lines, footer(document, style)]) + "\n"


def _line(name: str, value: str, style: Style) -> str:
    """Lay a fact out; what does not fit the width goes on below."""
    return "  " + wrapped(name, value.split(" · "), style.width - 2, indent=10).replace("\n", "\n  ")


def _what(document: dict[str, Any]) -> str:
    if document["is_descriptor"]:
        field = document["descriptor_field"]
        if field is None:
            return ", a span descriptor"
        name = f": {field['name']}" if field["name"] else ""
        return f", {counted(field['offset'], 'byte')} into a span descriptor{name}"
    if document["span"] is None:
        return ", in a page that no span owns"
    return ", past the last slot of its span" if document["in_tail"] else ""


def _slot(document: dict[str, Any]) -> list[tuple[str, str]]:
    slot = document["slot"]
    if slot is None:
        return []
    nelems = document["span"]["nelems"]
    state = {True: "allocated", False: "free", None: "allocation unknown (bitmap unreadable)"}[
        slot["allocated"]
    ]
    # Its sweep clears the marks of a span: that none is there then says nothing, until the next mark phase sets some.
    swept = document["span"]["sweep"] in ("swept", "cached")
    marked = {True: " · marked", False: "" if swept else " · not marked", None: " · mark unknown"}[
        slot["marked"]
    ]
    where = f"slot {slot['index']} of {nelems:,}, {slot['address']} + {slot['offset']}"
    pinned = {1: " · pinned", 2: " · pinned more than once"}.get(slot["pins"], "")
    facts = [("slot", f"{where} · {state}{marked}{pinned}")]
    if slot["type"]:
        facts.append(("type", _type(slot["type"], slot["size"])))
    return facts


def _stack(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Say whose stack the address is in."""
    stack = document["stack"]
    if stack is None:
        return []
    whose = "unknown whose, for some goroutines could not be read"
    if stack["goroutine"] is not None:
        whose = f"of goroutine {stack['goroutine']}, {stack['goroutine_state']}"
    elif stack["system"]:
        whose = "of a thread or the runtime (g0, gsignal, gcrash)"
    elif stack["free"]:
        whose = "free: no goroutine and no thread has it"
    return [("stack", f"{counted(stack['size'], 'byte')} from {stack['address']} · {whose}")]


def _type(kind: dict[str, Any], slot: int) -> str:
    """Name a type; of an array that a slice lies in, the runtime keeps the type of its elements."""
    size = counted(kind["size"], "byte")
    return (
        f"array of {kind['name']} · {size} each"
        if 0 < 2 * kind["size"] <= slot
        else f"{kind['name']} · {size}"
    )


def _span(document: dict[str, Any], style: Style) -> list[tuple[str, str]]:
    span = document["span"]
    if span is None:
        return []
    facts = [
        ("span", f"{span['descriptor']} · {span['state']}" + (f" · {span['sweep']}" if span["sweep"] else ""))
    ]
    if span["state"] == "dead":
        return [*facts, ("", "a descriptor kept for reuse; its other fields are stale")]
    end = int(span["start"], 16) + span["npages"] * _PAGE_BYTES
    amount = units.nbytes(span["span_bytes"], exact=style.exact)
    facts.append(("memory", f"{span['start']} to {end:#x} · {amount}, {counted(span['npages'], 'page')}"))
    held = span_class(span)
    if held:
        facts.append(
            ("class", held + (f" (span class {span['spanclass']})" if span["state"] == "in use" else ""))
        )
    if span["nelems"]:
        free, tail = (units.nbytes(value, exact=style.exact) for value in (span["free_bytes"], tail_of(span)))
        slots = f"{span['objects']:,} of {span['nelems']:,} slots · {units.percent(span['occupied'])}"
        facts.append(("objects", f"{slots} · {free} free · {tail} tail"))
        facts.append(("bitmaps", f"allocBits {span['allocBits']} · gcmarkBits {span['gcmarkBits']}"))
    flags = ["new since the last GC began"] if span["new"] else []
    flags += [
        "flagged as needing zeroing" if span["needzero"] else "not flagged as needing zeroing",
        f"sweepgen {span['sweepgen']}",
    ]
    return [*facts, ("flags", " · ".join(flags))]


def _specials(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what is attached to the slot, or how much of what to the slots of the span."""
    specials = document["specials"]
    if not specials:
        return []
    if document["slot"] is not None:
        return [
            ("attached", " · ".join(f"{special['kind']} at {special['address']}" for special in specials))
        ]
    kinds = [special["kind"] for special in specials]
    return [("attached", " · ".join(f"{kinds.count(kind):,} × {kind}" for kind in dict.fromkeys(kinds)))]


def _page(document: dict[str, Any]) -> str:
    run = document["page_run"]
    return page_words(document["page"]) + (
        f", one of {counted(run['npages'], 'page')} alike from {run['address']}" if run else ""
    )


def _neighbour(neighbour: dict[str, Any]) -> str:
    head = f"{neighbour['address']} · {counted(neighbour['npages'], 'page')} {page_words(neighbour['kind'])}"
    span = neighbour.get("span")
    if span is None:
        return head
    held = span_class(span)
    filled = f", {span['objects']:,} of {span['nelems']:,} slots" if span["nelems"] else ""
    return head + (f" · {held}{filled}" if held else "")
