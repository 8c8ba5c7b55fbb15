"""go-spans list: spans one by one, filtered and sorted."""

from __future__ import annotations

from collections.abc import Iterator

from gdb_gospan.analysis.filters import Filter, passing, worst_first
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.spancolumns import LATE_COLUMNS, columns_of
from gdb_gospan.errors import UsageError
from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.command import LIMIT, WORST, Option
from gdb_gospan.fields.document import Looks, document, field
from gdb_gospan.fields.report import Arguments, Report, TableOf, sort_by
from gdb_gospan.fields.rows import order_of
from gdb_gospan.fields.table import Table
from gdb_gospan.render.longtable import Kinds, laid_out, measure
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out
from gdb_gospan.render.tables import chosen
from gdb_gospan.render.tables import columns_of as columns_for
from gdb_gospan.reports import ownersoption
from gdb_gospan.reports.arguments import low_high
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
from gdb_gospan.reports.rows.span import Span
from gdb_gospan.runtime import sizeclasses


@document
class ListedSpan(Span):
    """One span, by its descriptor; and what keeps it, if that is asked for."""

    reached_bytes: int | None = reached_bytes()
    top_type: str | None = top_type("elemsize")
    top_type_bytes: int | None = top_type_bytes()
    top_owner: str | None = top_owner()
    top_owner_bytes: int | None = top_owner_bytes()


@document
class Spans(Listed):
    """Spans one by one; ``total_rows`` of them pass the filters."""

    list: Table[ListedSpan] = field("one row for each span")
    incomplete: bool | None = incomplete()


def _build(session: Session, arguments: Arguments) -> Spans:
    """Build the list, sorted and cut as asked."""
    heap, asked = session.heap, _asked(arguments)
    heap.want(*LATE_COLUMNS)  # the rows are made when the target may have gone on
    rows, sort = passing(heap, asked), arguments["sort"]
    if sort == WORST:
        sort = worst_first(heap, rows)
    chosen = rows[order_of(Span, columns_of(heap, rows, [sort])[sort], sort, arguments["limit"])]
    columns_of(heap, chosen, ["large_type"])  # reads the types' names, while it may be read
    held = ownersoption.holding_if(session, arguments)
    kept = ownersoption.span_columns(held, chosen)
    return Spans(
        about=about(session, "list"),
        sort=sort,
        total_rows=len(rows),
        list=Table(
            ListedSpan,
            len(chosen),
            lambda block: {
                **columns_of(heap, chosen[block]),
                **{name: column[block] for name, column in kept.items()},
            },
        ),
        incomplete=ownersoption.unread(held),
        proof=proof(session),
    )


def _asked(arguments: Arguments) -> Filter:
    """Return what is asked for; `UsageError` for what no span of any program could pass."""
    small = arguments["size"] if arguments["state"] == "in-use" else None
    if small is not None and small <= sizeclasses.SIZES[-1] and small not in sizeclasses.SIZES[1:]:
        near = min(sizeclasses.SIZES[1:], key=lambda size: (size < small, abs(size - small)))
        raise UsageError(
            f"list: no size class has slots of {small} bytes (objects of that size are in slots of {near})"
        )
    if arguments["noscan"] and arguments["scan"]:
        raise UsageError("list: --noscan and --scan together match no span (try: one of them)")
    occupancy = low_high("list", "occupancy", arguments["occupancy"])
    if occupancy is not None and occupancy[1] > 100:
        raise UsageError(f"list: --occupancy is in percent, 0 to 100, not {arguments['occupancy']}")
    return Filter(
        arguments["state"],
        arguments["class"],
        arguments["size"],
        arguments["noscan"],
        arguments["scan"],
        occupancy,
        low_high("list", "pages", arguments["pages"]),
    )


def _screen(answer: Spans, looks: Looks) -> Iterator[str]:
    """Lay the list out, in pieces of whole lines."""
    rows, left_out = answer.list, ""
    yield heading(answer, looks) + "\n\n"
    if rows:
        columns = columns_for(ListedSpan, looks, sort=answer.sort)
        columns = [column for column in columns if column.key in rows.names]
        kinds = Kinds(rows)
        measures = measure(kinds, columns)
        columns = [column for column in columns if column.key != "large_type" or measures["large_type"].width]
        state = measures["state"]
        if state.same and state.first == "dead":  # nothing else is known of these
            columns = [column for column in columns if column.key in ("descriptor", "state")]
        columns, left_out = chosen(columns, measures, len(rows), looks.room, of=answer.total_rows)
        yield from laid_out(columns, kinds, measures, room=looks.room)
    else:
        yield "  No span passes these filters.\n"
    parts = [
        rows_left_out(answer.total_rows, len(rows), "spans", looks.width),
        note(left_out, looks.width),
        note(INCOMPLETE if answer.incomplete else "", looks.width),
        footer(answer, looks),
    ]
    yield "\n".join(filter(None, parts)) + "\n"


REPORT = Report(
    name="list",
    summary="spans one by one, filtered and sorted",
    description=(
        "One row for each span. Without filters: all spans in use. Those with most free bytes come first; where few slots\n"
        "of the heap are free, as in a leak, those with most object bytes."
    ),
    example="go-spans list --size 4096 --occupancy 0-25 --sort start",
    place=30,
    document=Spans,
    build=_build,
    screen=_screen,
    table=TableOf(ListedSpan, "spans", lambda answer: answer.list),
    rows=("list",),
    spans=lambda answer: answer.list,
    options=(
        Option(
            "class", "only this span class: its number, or its name such as 3,072 noscan", "N", number=True
        ),
        Option(
            "size", "only spans with slots of this many bytes, such as 1024 or 1KiB", "BYTES", number=True
        ),
        Option(
            "state",
            "only spans in this state",
            "STATE",
            "in-use",
            choices=("in-use", "manual", "stack", "work-buffer", "user-arena", "dead", "all"),
        ),
        Option("noscan", "only spans of objects without pointers"),
        Option("scan", "only spans of objects with pointers"),
        Option("occupancy", "only spans filled from LOW to HIGH percent", "LOW-HIGH"),
        Option("pages", "only spans of LOW to HIGH pages (8 KiB each)", "LOW-HIGH"),
        sort_by(Span, WORST, WORST),
        LIMIT,
        *ownersoption.options(
            "of each span the type and the owner that have most bytes of what is reached in it"
        ),
    ),
    prepare=with_scipy("list", "owners"),
    contents_for="owners",
)
