"""A span as a row: what list, show and cache print of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from gdb_gospan.analysis.spancolumns import columns_of
from gdb_gospan.fields import units
from gdb_gospan.fields.document import (
    BYTES,
    COUNT,
    DOWN,
    PERCENT,
    UP,
    Address,
    Document,
    Looks,
    document,
    field,
)
from gdb_gospan.fields.rows import rows_of as documents_of
from gdb_gospan.fields.spanclass import class_name
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64

_LONGEST_NAME = 32

State = Literal["dead", "in use", "stack", "work buffer", "user arena", "quarantined", "unreadable"]
Sweep = Literal["", "swept", "unswept", "being swept", "cached", "cached, unswept"]
Shown = Callable[["Span", Looks], str]


def _living(cell: Shown) -> Shown:
    """Show nothing of a dead descriptor, whose fields are stale."""
    return lambda row, looks: "" if row.state == "dead" else cell(row, looks)


def _with_slots(cell: Shown) -> Shown:
    """Show it of spans that have slots."""
    return lambda row, looks: cell(row, looks) if row.nelems and row.state != "dead" else ""


def _size(value: int | None, looks: Looks) -> str:
    return units.nbytes(value, exact=looks.exact)


@document
class Span(Document):
    """One span, by its descriptor."""

    descriptor: Address = field("address of the mspan", heading="descriptor", sorts=UP)
    start: Address = field(
        "address of the span's first byte",
        heading="start",
        rank=2,
        shown=_living(lambda row, _: f"{row.start:#x}"),
        sorts=UP,
    )
    npages: int = field("pages of 8 KiB", unit=COUNT, sorts=DOWN)
    span_bytes: int | None = field(
        "bytes of these pages; null when the descriptor is inconsistent",
        help="bytes of the whole span, in pages of 8 KiB",
        unit=BYTES,
        heading="bytes",
        rank=3,
        shown=_living(lambda row, looks: _size(row.span_bytes, looks)),
        keeps=("npages",),
        sorts=DOWN,
    )
    state: State = field(
        "what the descriptor is; dead: without memory, its other values are stale",
        help="in use, stack, work buffer, user arena (quarantined once freed) or dead (a descriptor kept for reuse)",
        heading="state",
        rank=5,
        left=True,
        sorts=UP,
    )
    sweep: Sweep = field(
        "sweep state of a span in use; cached: a P allocates from it",
        help="swept, unswept, being swept, or cached by a P",
        heading="sweep",
        rank=8,
        left=True,
        shown=_living(lambda row, _: row.sweep),
        column_after="tail_bytes",
        sorts_as="sweepgen",
        keeps=("sweepgen",),
    )
    spanclass: int = field(
        "span class: size class * 2, plus 1 for noscan; 0 and 1 are large objects",
        heading="class",
        rank=6,
        shown=lambda row, _: str(row.spanclass) if row.state == "in use" else "",
        sorts=UP,
    )
    noscan: bool = field("its objects hold no pointers")
    elemsize: int = field(
        "bytes of a slot; for a stack span, of one stack",
        unit=BYTES,
        heading="size",
        left=True,
        shown=lambda row, _: span_class(row),
        sorts=DOWN,
    )
    nelems: int = field("slots", unit=COUNT, sorts=DOWN)
    objects: int = field(
        "allocated slots; garbage counts until it is swept",
        unit=COUNT,
        heading="objects",
        rank=1,
        shown=_with_slots(lambda row, _: f"{row.objects:,}/{row.nelems:,}"),
        keeps=("nelems", "free_slots"),
        sorts=DOWN,
    )
    object_bytes: int | None = field(
        "bytes of the allocated slots; null when the descriptor is inconsistent",
        unit=BYTES,
        heading="object bytes",
        rank=11,
        shown=_with_slots(lambda row, looks: _size(row.object_bytes, looks)),
        sorts=DOWN,
    )
    free_slots: int | None = field(
        "free slots; null when the descriptor is inconsistent", unit=COUNT, sorts=DOWN
    )
    free_bytes: int | None = field(
        "bytes of the free slots; null when the descriptor is inconsistent",
        unit=BYTES,
        heading="free bytes",
        shown=_with_slots(lambda row, looks: _size(row.free_bytes, looks)),
        sorts=DOWN,
    )
    tail_bytes: int | None = field(
        "bytes after the last slot, without bitmaps; null when the descriptor is inconsistent",
        help="bytes after the last slot; for a large object, beyond its requested size",
        unit=BYTES,
        heading="tail",
        rank=7,
        shown=_with_slots(lambda row, looks: _size(tail_of(row), looks)),
        keeps=("large_tail_bytes",),
        sorts=DOWN,
    )
    large_tail_bytes: int | None = field(
        "for a large object, bytes beyond the requested size; null when mspan.limit is impossible",
        unit=BYTES,
        sorts=DOWN,
    )
    occupied: float | None = field(
        "percent of the slots that are allocated; null when the descriptor is inconsistent",
        unit=PERCENT,
        heading="occupied",
        rank=1,
        shown=_with_slots(lambda row, _: units.percent(row.occupied)),
        column_after="object_bytes",
        sorts=DOWN,
    )
    freeindex: int = field("slots below this one are allocated", unit=COUNT)
    sweepgen: int = field("mspan.sweepgen; sweep gives its meaning relative to mheap_.sweepgen", sorts=DOWN)
    needzero: bool = field(
        "flagged as needing zeroing",
        help="whether the span was flagged as needing zeroing",
        heading="zero",
        rank=9,
        left=True,
        shown=_living(lambda row, _: "yes" if row.needzero else ""),
        sorts=DOWN,
    )
    has_specials: bool = field("finalizers, profile records or the like are attached to its objects")
    large_type: str | None = field(
        "type of a large object (Go 1.22 on); null for others, and when not known",
        help="type of a large object with pointers (since Go 1.22); the column appears only if a row has one",
        heading="type",
        rank=4,
        left=True,
        shown=_living(lambda row, _: _shortened(row.large_type or "")),
        column_after="new",
        sorts=UP,
        since="1.22",
    )
    new: bool | None = field(
        "a span in use that was allocated since the last cycle began, so that no cycle has seen it; null when not known, or not in use",
        help="allocated since the last GC began; the age of other spans is not recorded",
        heading="new",
        rank=10,
        left=True,
        shown=_living(lambda row, _: "yes" if row.new else ""),
        sorts=DOWN,
    )


def rows_of(heap: Heap, rows: I64) -> tuple[Span, ...]:
    """Return these rows of `heap.spans` as documents."""
    return documents_of(Span, columns_of(heap, rows))


def tail_of(row: Span) -> int | None:
    """Return the bytes at the end of a span that no object has: past the last slot, or beyond the requested size."""
    tail, past = row.tail_bytes, row.large_tail_bytes
    return None if tail is None or past is None else tail + past


def span_class(row: Span) -> str:
    """Name what a span holds: ``4,096 noscan``, ``large scan``, the size of its stacks, or nothing."""
    if row.state == "stack":
        return f"stacks of {row.elemsize:,}"
    if row.state not in ("in use", "user arena", "quarantined"):
        return ""
    return class_name(None if row.spanclass <= 1 else row.elemsize, noscan=row.noscan)


def _shortened(name: str) -> str:
    """Keep the end of a long name, which tells types of one package apart."""
    return name if len(name) <= _LONGEST_NAME else "…" + name[1 - _LONGEST_NAME :]
