"""go-spans central: the central lists by span class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from gdb_gospan.analysis.census import Census, census
from gdb_gospan.analysis.session import Session
from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.command import LIMIT
from gdb_gospan.fields.document import (
    BYTES,
    COUNT,
    DOWN,
    Document,
    Looks,
    document,
    field,
    made_of,
    names_of,
)
from gdb_gospan.fields.report import Arguments, Report, TableOf, sort_by
from gdb_gospan.fields.rows import cut
from gdb_gospan.fields.spanclass import number_column, size_column
from gdb_gospan.fields.units import count
from gdb_gospan.reports.envelope import about, proof


@document
class Totals(Document):
    """Sums over all rows, before the limit."""

    partial: int = field(
        "spans with free slots, available to every P", unit=COUNT, heading="partial", sorts=DOWN
    )
    full: int = field("spans without free slots", unit=COUNT, heading="full", sorts=DOWN)
    partial_unswept: int = field("spans of partial that wait to be swept", unit=COUNT)
    full_unswept: int = field("spans of full that wait to be swept", unit=COUNT)
    unswept: int = field(
        "spans of both lists that wait to be swept", unit=COUNT, heading="unswept", rank=3, sorts=DOWN
    )
    cached: int = field(
        "spans that a P allocates from, which are in no list",
        unit=COUNT,
        heading="cached",
        rank=1,
        sorts=DOWN,
    )
    stale: int = field(
        "entries of unswept sets whose span was swept, freed or reused; harmless, the runtime skips them",
        unit=COUNT,
        heading="stale",
        rank=4,
        sorts=DOWN,
    )
    reusable: int | None = field(
        "free slots of the partial spans; null when a descriptor is inconsistent",
        unit=COUNT,
        heading="reusable slots",
        sorts=DOWN,
    )
    reusable_bytes: int | None = field(
        "bytes of these slots; null when a descriptor is inconsistent",
        unit=BYTES,
        heading="bytes",
        sorts=DOWN,
    )


@document
class Lists(Totals):
    """The lists of one span class."""

    spanclass: int = number_column(rank=2)
    elemsize: int = size_column()
    noscan: bool = field("its objects hold no pointers", first=1)


@document
class Central(Listed):
    """The central lists (mcentral) by span class."""

    totals: Totals = field("sums over all rows, before the limit")
    in_use: int = field("spans in use", unit=COUNT)
    holes: int = field("entries that were claimed and are not filled yet", unit=COUNT)
    unreadable_entries: int = field("entries that could not be read", unit=COUNT)
    central: tuple[Lists, ...] = field("one row for each span class with an entry or a cached span")


def _build(session: Session, arguments: Arguments) -> Central:
    """Build the table of central lists, with the totals of all."""
    session.finish_reading()
    heap, table = session.heap, census(session.heap)
    columns = {each.name: getattr(table, each.name) for each in attrs.fields(Census)}
    rows, total = cut(
        Lists, {**columns, "noscan": table.spanclass & 1 != 0}, arguments["sort"], arguments["limit"]
    )
    sums = {
        name: None if None in (values := columns[name].tolist()) else sum(values) for name in names_of(Totals)
    }
    return Central(
        about=about(session, "central"),
        sort=arguments["sort"],
        total_rows=total,
        totals=made_of(Totals, sums),
        in_use=int(heap.spans.in_use.sum()),
        holes=heap.central.holes,
        unreadable_entries=heap.central.unreadable,
        central=rows,
        proof=proof(session),
    )


def _total(answer: Central) -> tuple[Totals, Mapping[str, str]]:
    return answer.totals, {"elemsize": "all"}


def _notes(answer: Central, looks: Looks) -> Sequence[str]:
    """Reconcile the lists with the spans."""
    totals = answer.totals
    found = totals.partial + totals.full + totals.cached
    listed = f"{count(totals.partial)} partial + {count(totals.full)} full + {count(totals.cached)} cached"
    notes = [
        f"{listed} = {count(found)} of {count(answer.in_use)} spans in use",
        "partial was called nonempty before Go 1.15; the old list empty held full and cached spans together.",
    ]
    if answer.holes:
        notes.append(f"{count(answer.holes)} entries are claimed and not filled yet")
    if answer.unreadable_entries:
        notes.append(looks.paint("bad", f"{count(answer.unreadable_entries)} entries could not be read"))
    return notes


REPORT = Report(
    name="central",
    summary="the central lists: spans with and without free slots, swept and unswept",
    description=(
        "One row for each span class. partial has free slots, full has none (before Go 1.15 these were called\n"
        "nonempty and empty). Spans cached by a P are in neither."
    ),
    example="go-spans central --sort partial",
    place=60,
    document=Central,
    build=_build,
    table=TableOf(Lists, "span classes", lambda answer: answer.central, _total, _notes),
    rows=("central",),
    options=(sort_by(Lists, "reusable"), LIMIT),
)
