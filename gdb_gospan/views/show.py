"""What lies at an address."""

from __future__ import annotations

from typing import Any

from gdb_gospan.views import units
from gdb_gospan.views.list_spans import span_class
from gdb_gospan.views.provenance import footer, heading
from gdb_gospan.views.style import Style
from gdb_gospan.views.units import counted

_PAGE_BYTES = 8192


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the description out, a fact on each line."""
    facts = [("address", f"{document['address']}{_what(document)}")]
    facts += _slot(document)
    facts += _span(document, style)
    if document["page"]:
        facts.append(("page", _page(document)))
    for side in ("before", "after"):
        if document[side]:
            facts.append((side, _neighbour(document[side])))
    lines = [f"  {name:<10}{value}" for name, value in facts]
    return "\n".join([heading(document, style), "", *lines, footer(document, style)]) + "\n"


def _what(document: dict[str, Any]) -> str:
    if document["is_descriptor"]:
        return ", a span descriptor"
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
    swept = document["span"]["sweep"] in ("swept", "cached")
    unmarked = "no mark since its sweep" if swept else "not marked"
    marked = {True: "marked", False: unmarked, None: "mark unknown"}[slot["marked"]]
    where = f"slot {slot['index']} of {nelems:,}, {slot['address']} + {slot['offset']}"
    return [("slot", f"{where} · {state} · {marked}")]


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
        free, tail = (units.nbytes(span[name], exact=style.exact) for name in ("free_bytes", "tail_bytes"))
        slots = f"{span['objects']:,} of {span['nelems']:,} slots · {span['occupied']:.1f} %"
        facts.append(("objects", f"{slots} · {free} free · {tail} tail"))
        facts.append(("bitmaps", f"allocBits {span['allocBits']} · gcmarkBits {span['gcmarkBits']}"))
    flags = ["needs zeroing" if span["needzero"] else "zeroed", f"sweepgen {span['sweepgen']}"]
    return [*facts, ("flags", " · ".join(flags))]


def _page(document: dict[str, Any]) -> str:
    run = document["page_run"]
    page: str = document["page"]
    return page + (f", one of {counted(run['npages'], 'page')} alike from {run['address']}" if run else "")


def _neighbour(neighbour: dict[str, Any]) -> str:
    head = f"{neighbour['address']} · {counted(neighbour['npages'], 'page')} {neighbour['kind']}"
    span = neighbour.get("span")
    if span is None:
        return head
    held = span_class(span)
    filled = f", {span['objects']:,} of {span['nelems']:,} slots" if span["nelems"] else ""
    return head + (f" · {held}{filled}" if held else "")
