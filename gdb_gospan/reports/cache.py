"""go-spans cache: what each P keeps for itself."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from gdb_gospan.analysis import caches
from gdb_gospan.analysis.rows import unknown_where
from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import UsageError
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.command import NO_LIMIT
from gdb_gospan.fields.document import BYTES, COUNT, DOWN, UP, Document, Looks, document, field, names_of
from gdb_gospan.fields.report import Arguments, Report, headings, sort_by
from gdb_gospan.fields.rows import ordered
from gdb_gospan.fields.rows import rows_of as documents_of
from gdb_gospan.layout.platform import P_STATUS
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out
from gdb_gospan.render.tables import TableColumn, columns_of, fitted, total_of
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.rows import span as spans
from gdb_gospan.reports.rows.span import Span
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64

_PARKED = (
    "parked: free slots, stacks, pages and descriptors that only this P can use, even while it is idle. "
    "The end of a GC cycle releases slots and stacks, and the pages of idle Ps (not in Go 1.19); lowering GOMAXPROCS "
    "releases all caches of the Ps that it removes"
)


@document
class Kept(Document):
    """What one P keeps for itself, or all of them do; null is what could not be read."""

    spans: int | None = field(
        "spans that the P allocates from; stale entries are not counted",
        unit=COUNT,
        heading="spans",
        rank=3,
        sorts=DOWN,
    )
    free_slots: int | None = field(
        "free slots in these spans", unit=COUNT, heading="free slots", rank=4, sorts=DOWN
    )
    free_bytes: int | None = field("bytes of these slots", unit=BYTES, heading="bytes", rank=2, sorts=DOWN)
    tiny_left: int | None = field(
        "bytes left in the tiny allocator's block, which already counts as one object", unit=BYTES
    )
    stack_bytes: int | None = field(
        "bytes of free stacks, in mcache.stackcache", unit=BYTES, heading="stacks", rank=1, sorts=DOWN
    )
    descriptors: int | None = field(
        "span descriptors held for future spans, in p.mspancache: at most 128",
        unit=COUNT,
        heading="mspans",
        rank=6,
        sorts=DOWN,
    )
    parked_bytes: int | None = field(
        "free bytes kept here and not returned to the OS: slots, stacks, pages, descriptors",
        unit=BYTES,
        heading="parked",
        sorts=DOWN,
    )


@document
class Totals(Kept):
    """Sums over all Ps."""

    page_bytes: int | None = field(
        "bytes of the pages that are not returned", unit=BYTES, after="stack_bytes"
    )
    released_page_bytes: int | None = field("bytes of the returned pages", unit=BYTES, after="page_bytes")
    descriptor_bytes: int | None = field("bytes of the descriptors", unit=BYTES, after="descriptors")


@document
class Cache(Kept):
    """One P, with what it keeps for itself."""

    p: int = field("number of the P", heading="P", first=1, sorts=UP)
    status: str | None = field(
        "what the P does: idle, running, in a system call, stopped for GC",
        heading="status",
        rank=5,
        left=True,
        shown=lambda row, _: row.status or units.UNKNOWN,
        first=1,
        sorts=UP,
    )
    pages: int | None = field(
        "free pages of 8 KiB that it has reserved, in p.pcache: at most 64",
        unit=COUNT,
        after="stack_bytes",
    )
    released_pages: int | None = field(
        "of these, pages returned to the operating system", unit=COUNT, after="pages"
    )
    page_bytes: int | None = field(
        "bytes of the pages that are not returned",
        help="free pages in p.pcache, at most 64, without those returned to the OS",
        unit=BYTES,
        heading="pages",
        rank=1,
        column_after="stack_bytes",
        sorts=DOWN,
    )
    released_page_bytes: int | None = field("bytes of the returned pages", unit=BYTES)
    descriptor_bytes: int | None = field("bytes of the descriptors", unit=BYTES)


@document
class Caches(Listed):
    """What each P keeps for itself; null is what could not be read."""

    p: int | None = field("the requested P; null for all", first=1)
    caches: tuple[Cache, ...] = field("one row for each P, or the requested one")
    totals: Totals = field("sums over all Ps")
    spans_cached: tuple[Span, ...] | None = field("the spans of the requested P; null for all")
    total_spans_cached: int | None = field(
        "spans in the cache of the requested P, before the limit; null for all", unit=COUNT
    )


def rows_of(heap: Heap) -> tuple[Cache, ...]:
    """Return a row for each P; what could not be read is None."""
    table = caches.caches(heap)
    columns = {each.name: getattr(table, each.name) for each in attrs.fields(caches.Caches)}
    states = [P_STATUS.get(status, f"status {status}") for status in table.status.tolist()]
    columns["status"] = np.array(states, dtype=object)
    known = {name: unknown_where(~table.known, column) for name, column in columns.items()}
    return documents_of(Cache, {**known, "p": table.id})


def _build(session: Session, arguments: Arguments) -> Caches:
    """Build a row for each P; with a P as argument, the spans that it has cached too."""
    if arguments["argument"] is None:  # the rows of the spans need columns of their own
        session.finish_reading()
    heap, sort, limit = session.heap, arguments["sort"], arguments["limit"]
    every = rows_of(heap)
    chosen = _chosen(arguments["argument"], len(every))
    asked = every if chosen is None else [row for row in every if row.p == chosen]
    rows, total = ordered(asked, None if sort == "p" else sort, limit)
    cached = None if chosen is None else _cached_by(heap, chosen)
    return Caches(
        about=about(session, "cache"),
        p=chosen,
        sort=sort,
        total_rows=total,
        caches=rows,
        totals=_totals(every),
        spans_cached=None if cached is None else spans.rows_of(heap, cached[: limit or None]),
        total_spans_cached=None if cached is None else len(cached),
        proof=proof(session),
    )


def _chosen(text: str | None, count: int) -> int | None:
    """Return the P that was asked for, of so many; None for all."""
    if text is None:
        return None
    if not text.isdecimal() or int(text) >= count:
        raise UsageError(f"cache: no P {text} (try: 0 to {count - 1}, or cache without a number)")
    return int(text)


def _totals(rows: Sequence[Cache]) -> Totals:
    """Add up all Ps; what is not known of one is not known of all."""
    sums: dict[str, int | None] = {}
    for name in names_of(Totals):
        values = [getattr(row, name) for row in rows]
        sums[name] = None if None in values else sum(values)
    return Totals(**sums)


def _cached_by(heap: Heap, p: int) -> I64:
    """Return the rows of the spans that this P has cached, by span class."""
    rows = caches.cached_rows(heap)[np.flatnonzero(heap.ps.owners == p)].ravel()
    return rows[rows >= 0]


def _csv(answer: Caches) -> Sequence[Document]:
    """Return what the report is about: the Ps, or the spans of the one that was asked for."""
    return answer.caches if answer.spans_cached is None else answer.spans_cached


def _screen(answer: Caches, looks: Looks) -> str:
    """Lay the table out; for one P, its spans below."""
    columns = columns_of(Cache, looks, sort=answer.sort)
    total = total_of(columns, answer.totals, {"p": "all"}) if answer.p is None else None
    body, left_out = fitted(columns, answer.caches, total, looks.room, of=answer.total_rows)
    below = [
        note(left_out, looks.width),
        rows_left_out(answer.total_rows, len(answer.caches), "Ps", looks.width),
    ]
    if answer.spans_cached is not None and answer.total_spans_cached is not None:
        below.append("\n" + _spans(answer.p, answer.spans_cached, answer.total_spans_cached, looks))
    released = sum(row.released_page_bytes or 0 for row in answer.caches)
    if released:
        size = units.nbytes(released, exact=looks.exact)
        below.append(
            note(f"pages: the page caches also hold {size} that are returned or never touched", looks.width)
        )
    below.append(note(_PARKED, looks.width))
    return "\n".join([heading(answer, looks), "", body, *filter(None, below), footer(answer, looks)]) + "\n"


def _spans(p: int | None, rows: Sequence[Span], total: int, looks: Looks) -> str:
    if not rows:
        return f"  P {p} caches no spans."
    columns = [
        TableColumn("spanclass", "class", lambda span: str(span.spanclass), rank=2),
        TableColumn("elemsize", "size", spans.span_class, left=True),
        TableColumn("descriptor", "descriptor", lambda span: hex(span.descriptor), rank=3),
        TableColumn("start", "start", lambda span: hex(span.start)),
        TableColumn("objects", "objects", lambda span: f"{span.objects:,}/{span.nelems:,}"),
        TableColumn(
            "free_bytes", "free", lambda span: units.nbytes(span.free_bytes, exact=looks.exact), rank=1
        ),
        TableColumn("sweep", "sweep", lambda span: span.sweep, left=True, rank=5),
    ]
    body, left_out = fitted(columns, rows, None, looks.room, of=total)
    below = (note(left_out, looks.width), rows_left_out(total, len(rows), "spans", looks.width))
    return "\n".join(filter(None, [body, *below]))


REPORT = Report(
    name="cache",
    summary="what each P keeps for itself: spans, stacks, pages, descriptors",
    description=(
        "One row for each P (GOMAXPROCS of them). A P allocates without a lock from its cached spans, one for\n"
        "each span class, and from its cached stacks and pages. No other P can use them, even while this P is "
        "idle.\n"
        "The end of a GC cycle releases slots and stacks, and the pages of idle Ps; lowering GOMAXPROCS releases "
        "the rest."
    ),
    example="go-spans cache 0",
    place=70,
    document=Caches,
    build=_build,
    screen=_screen,
    rows=("caches",),
    csv=_csv,
    spans=lambda answer: answer.spans_cached,
    options=(sort_by(Cache, "p"), NO_LIMIT),
    argument=("[P]", "number of one P: show its spans, class by class; --csv prints these too"),
    words=headings(Cache),
)
