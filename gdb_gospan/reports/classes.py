"""go-spans classes: spans, objects and free slots by span class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from gdb_gospan.analysis import occupancy
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.survivors import Survivors, survivors
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.command import LIMIT, WORST
from gdb_gospan.fields.document import BYTES, COUNT, DOWN, Document, Looks, document, field, names_of
from gdb_gospan.fields.report import Arguments, Report, TableOf, sort_by
from gdb_gospan.fields.rows import cut
from gdb_gospan.fields.spanclass import number_column, size_column
from gdb_gospan.render.bars import sparkline
from gdb_gospan.reports import ownersoption
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.graphextra import with_scipy
from gdb_gospan.reports.rows.kept import (
    INCOMPLETE,
    incomplete,
    reached_bytes,
    top_owner,
    top_owner_bytes,
    top_type,
    top_type_bytes,
)
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import Column


@document
class Sums(Document):
    """What can be added up over span classes."""

    spans: int = field("spans in use", unit=COUNT, heading="spans", rank=1, sorts=DOWN)
    nelems: int = field("slots", unit=COUNT, sorts=DOWN)
    objects: int = field(
        "allocated slots; garbage counts until it is swept", unit=COUNT, heading="objects", rank=2, sorts=DOWN
    )
    free_slots: int = field("free slots", unit=COUNT, heading="free", rank=5, sorts=DOWN)
    object_bytes: int = field("bytes of the allocated slots", unit=BYTES, heading="object bytes", sorts=DOWN)
    free_bytes: int = field("bytes of the free slots", unit=BYTES, heading="free bytes", sorts=DOWN)
    tail_bytes: int = field(
        "bytes at the end of spans, too few for another slot", unit=BYTES, heading="tail", rank=7, sorts=DOWN
    )
    metadata_bytes: int = field(
        "bytes of heap bits (Go 1.22 on) and mark bits (1.26 on) inside spans",
        unit=BYTES,
        heading="bitmaps",
        rank=8,
        sorts=DOWN,
    )
    large_tail_bytes: int = field(
        "part of object_bytes: of large objects, the bytes beyond the requested size", unit=BYTES, sorts=DOWN
    )
    survived_bytes: int | None = field(
        "part of object_bytes: objects that survived the last GC cycle, those allocated while it marked among them",
        help="bytes of objects that survived the last GC cycle",
        unit=BYTES,
        heading="survived",
        rank=9,
        sorts=DOWN,
        optional=True,
        default=None,
    )
    new_bytes: int | None = field(
        "part of object_bytes: objects allocated since the last GC cycle",
        help="bytes of objects allocated since",
        unit=BYTES,
        heading="new",
        rank=9,
        sorts=DOWN,
        optional=True,
        default=None,
    )
    span_bytes: int = field(
        "bytes of the spans: object, free, tail, metadata and contradictory bytes together",
        unit=BYTES,
        sorts=DOWN,
    )
    contradictory: int = field(
        "spans whose descriptor is inconsistent; their slots are not counted", unit=COUNT
    )
    contradictory_bytes: int = field("bytes of these spans", unit=BYTES)


@document
class Totals(Sums):
    """Sums over all rows, before the limit."""

    occupied: float = field(
        "object_bytes in percent of the bytes of all slots; by bytes, unlike that of a class"
    )


@document
class Class(Sums):
    """One span class in use."""

    spanclass: int = number_column(rank=4)
    elemsize: int = size_column()
    npages: int = field("pages of a span; 0 for large objects", first=1, sorts=DOWN)
    cached: int = field("spans that a P allocates from", after="free_slots", sorts=DOWN)
    unswept: int = field("spans that wait to be swept", after="cached", sorts=DOWN)
    deciles: tuple[int, ...] = field(
        "number of spans by occupancy, in ten steps: up to 10 % is the first, over 90 % the last",
        heading="how full",
        shown=lambda row, _: sparkline(row.deciles),
        left=True,
        rank=3,
        sorts_as="occupied",
    )
    noscan: bool = field("its objects hold no pointers")
    occupied: float = field(
        "objects of all slots, in percent",
        help="objects in percent of the slots; in the row all, object bytes in percent of the bytes of all slots",
        heading="occupied",
        shown=lambda row, _: units.share(row.objects, row.nelems),
        column_after="free_slots",
        sorts=DOWN,
    )
    reached_bytes: int | None = reached_bytes()
    top_type: str | None = top_type("occupied")
    top_type_bytes: int | None = top_type_bytes()
    top_owner: str | None = top_owner()
    top_owner_bytes: int | None = top_owner_bytes()


@document
class Classes(Listed):
    """Spans, objects and free slots by span class."""

    totals: Totals = field("sums over all rows, before the limit")
    classes: tuple[Class, ...] = field("one row for each span class in use")
    incomplete: bool | None = incomplete()


def rows_of(heap: Heap) -> tuple[Class, ...]:
    """Return a row for each span class in use."""
    return cut(Class, _columns(occupancy.classes(heap), survivors(heap)), "spanclass", 0)[0]


def _columns(table: occupancy.Classes, alive: Survivors) -> dict[str, Column]:
    columns = {each.name: getattr(table, each.name) for each in attrs.fields(occupancy.Classes)}
    occupied = np.round(100 * table.objects / np.maximum(table.nelems, 1), 1)
    return {
        **columns,
        "noscan": table.spanclass & 1 != 0,
        "occupied": occupied,
        "survived_bytes": alive.nbytes[table.spanclass],
        "new_bytes": alive.new_bytes[table.spanclass],
    }


def _build(session: Session, arguments: Arguments) -> Classes:
    """Build the table of span classes, sorted and cut as asked, with the totals of all."""
    held = ownersoption.holding_if(session, arguments)
    session.finish_reading()
    table, sort = occupancy.classes(session.heap), arguments["sort"]
    taken, free = int(table.object_bytes.sum()), int(table.free_bytes.sum())
    if sort == WORST:
        sort = occupancy.matters_most(taken, free)
    columns = _columns(table, survivors(session.heap)) | ownersoption.class_columns(held, table.spanclass)
    rows, total = cut(Class, columns, sort, arguments["limit"])
    sums = {name: int(columns[name].sum()) for name in names_of(Sums)}
    return Classes(
        about=about(session, "classes"),
        sort=sort,
        total_rows=total,
        # By bytes: slots of all sizes counted alike would make a heap of the smallest slots.
        totals=Totals(**sums, occupied=round(100 * taken / max(taken + free, 1), 1)),
        classes=rows,
        incomplete=ownersoption.unread(held),
        proof=proof(session),
    )


def _total(answer: Classes) -> tuple[Totals, Mapping[str, str]]:
    totals = answer.totals
    by_bytes = units.share(totals.object_bytes, totals.object_bytes + totals.free_bytes)
    return totals, {"elemsize": "all", "occupied": by_bytes}


def _notes(answer: Classes, looks: Looks) -> Sequence[str]:
    def size(value: int) -> str:
        return units.nbytes(value, exact=looks.exact)

    totals, notes = answer.totals, []
    if totals.large_tail_bytes:
        past = size(totals.large_tail_bytes)
        notes.append(f"large objects lose {past} to page rounding")
    if totals.contradictory:
        spans = f"{units.counted(totals.contradictory, 'span')} of {size(totals.contradictory_bytes)}"
        notes.append(f"{spans} with a wrong descriptor (see check) count only as spans")
    if answer.incomplete:
        notes.append(INCOMPLETE)
    return notes


REPORT = Report(
    name="classes",
    summary="spans, objects and free slots of each span class",
    description=(
        "One row for each span class in use. A span class is a size class and whether its objects hold\n"
        "pointers (scan) or not (noscan). Large objects, over 32 KiB, have a span each. The classes with most free bytes\n"
        "come first; where few slots are free, as in a leak, those with most object bytes."
    ),
    example="go-spans classes --sort free_bytes --limit 10",
    place=20,
    document=Classes,
    build=_build,
    table=TableOf(Class, "span classes", lambda answer: answer.classes, _total, _notes),
    rows=("classes",),
    options=(
        sort_by(Class, WORST, WORST),
        LIMIT,
        *ownersoption.options(
            "of each class the type and the owner that have most bytes of what is reached in its spans"
        ),
    ),
    prepare=with_scipy("classes", "owners"),
    contents_for="owners",
)
