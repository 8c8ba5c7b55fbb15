"""go-spans fixalloc: the runtime's allocators of fixed-size structs."""

from __future__ import annotations

from collections.abc import Sequence

from gdb_gospan.analysis.session import Session
from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.command import NO_LIMIT
from gdb_gospan.fields.document import BYTES, COUNT, DOWN, UP, Address, Document, Looks, document, field
from gdb_gospan.fields.report import Arguments, Report, TableOf, sort_by
from gdb_gospan.fields.rows import ordered
from gdb_gospan.fields.units import count
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within


@document
class Fixalloc(Document):
    """One fixalloc of mheap."""

    name: str = field("field of mheap", heading="fixalloc", left=True, sorts=UP)
    address: Address = field("address of the fixalloc", sorts=UP)
    size: int = field("bytes of one struct", unit=BYTES, heading="size", rank=3, sorts=DOWN)
    inuse: int | None = field(
        "bytes of the structs handed out; null when impossible (damage)",
        unit=BYTES,
        heading="bytes",
        rank=2,
        sorts=DOWN,
        column_after="inuse_objects",
    )
    inuse_objects: int | None = field("structs handed out", unit=COUNT, heading="in use", sorts=DOWN)
    free: int | None = field(
        "freed structs, counted by walking the list; null when it is broken or could not be read",
        unit=COUNT,
        heading="free list",
        shown=lambda row, _: _walked(row),
        sorts=DOWN,
    )
    free_at_least: int = field("entries counted before the walk stopped", unit=COUNT)
    free_bytes: int | None = field(
        "bytes of the structs on the free list", unit=BYTES, heading="free bytes", rank=4, sorts=DOWN
    )
    chunk_left: int = field(
        "bytes of the current chunk never handed out", unit=BYTES, heading="chunk left", rank=1, sorts=DOWN
    )


def _walked(row: Fixalloc) -> str:
    return f"broken after {count(row.free_at_least)}" if row.free is None else count(row.free)


@document
class Fixallocs(Listed):
    """The runtime's allocators of fixed-size structs."""

    mspancache: int = field("span descriptors that Ps hold for future spans", unit=COUNT)
    fixallocs: tuple[Fixalloc, ...] = field(
        "one row for each fixalloc of mheap, in the order of its fields; spanalloc, for span descriptors, is the first"
    )


def rows_of(heap: Heap) -> tuple[Fixalloc, ...]:
    """Return a row for each fixalloc of mheap, in the order of its fields; spanalloc is the first."""
    return tuple(
        Fixalloc(
            name=entry.name,
            address=Address(entry.address),
            size=entry.size,
            inuse=(inuse := within(entry.inuse, ADDRESS_SPACE)),
            inuse_objects=None if inuse is None else inuse // entry.size if entry.size else 0,
            free=entry.free,
            free_at_least=entry.free_at_least,
            free_bytes=None if entry.free is None else entry.free * entry.size,
            chunk_left=entry.chunk_left,
        )
        for entry in heap.fixallocs
    )


def _build(session: Session, arguments: Arguments) -> Fixallocs:
    """Build the table of fixallocs."""
    session.finish_reading()
    sort = arguments["sort"]
    as_they_stand = None if sort == "address" else sort
    rows, total = ordered(rows_of(session.heap), as_they_stand, arguments["limit"])
    return Fixallocs(
        about=about(session, "fixalloc"),
        sort=sort,
        total_rows=total,
        mspancache=session.heap.ps.mspancache,
        fixallocs=rows,
        proof=proof(session),
    )


def _notes(answer: Fixallocs, _looks: Looks) -> Sequence[str]:
    """Say what an empty free list means."""
    return (
        "spanalloc hands out span descriptors, not memory for objects. The runtime reuses its free list and never returns it.",
        "An empty free list is not a sign of fragmentation: the next struct is then cut from the chunk.",
        f"{count(answer.mspancache)} of the descriptors in use are held by Ps for future spans (p.mspancache).",
    )


REPORT = Report(
    name="fixalloc",
    summary="the runtime's allocators of fixed-size structs, spanalloc first",
    description=(
        "spanalloc hands out span descriptors (mspan structs). An empty free list is not a sign of "
        "fragmentation: the next\n"
        "descriptor is then cut from a fresh 16 KiB chunk."
    ),
    example="go-spans spanalloc",
    place=50,
    document=Fixallocs,
    build=_build,
    table=TableOf(Fixalloc, "fixallocs", lambda answer: answer.fixallocs, notes=_notes),
    rows=("fixallocs",),
    options=(sort_by(Fixalloc, "address"), NO_LIMIT),
    aliases=("spanalloc",),
)
