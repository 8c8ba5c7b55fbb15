"""The screen of go-spans show: a fact on each line."""

from __future__ import annotations

from gdb_gospan.fields import units
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.fields.units import counted
from gdb_gospan.render.provenance import footer, heading, wrapped
from gdb_gospan.reports.rows.place import Neighbour, PageRun, Place, Type
from gdb_gospan.reports.rows.span import span_class, tail_of
from gdb_gospan.reports.screens.held import kept_facts

_PAGE_BYTES = 8192
_MOST_CALLS = 8
"""Of the stack that allocated an object, in the text."""


def screen(answer: Place, looks: Looks) -> str:
    """Lay the description out, a fact on each line."""
    facts = [("address", f"{answer.address:#x}{_what(answer)}")]
    facts += _slot(answer) + _stack(answer)
    if answer.incomplete is not None:
        facts += kept_facts(answer, looks)
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
    if slot.type and answer.object is None:
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
