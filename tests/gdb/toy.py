"""go-spans toy: spans in use by their pages. A test adds this one file to a copy of the package."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gdb_gospan.analysis.session import Session
from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.command import LIMIT
from gdb_gospan.fields.document import BYTES, COUNT, DOWN, UP, Document, document, field
from gdb_gospan.fields.report import Arguments, Report, TableOf, sort_by
from gdb_gospan.fields.rows import cut
from gdb_gospan.reports.envelope import about, proof


@document
class Sums(Document):
    """Sums over all rows."""

    spans: int = field("spans of so many pages", unit=COUNT, heading="spans", sorts=DOWN)
    toy_bytes: int = field("bytes of these spans", unit=BYTES, heading="toy bytes", rank=1, sorts=DOWN)


@document
class Pages(Sums):
    """Spans of so many pages."""

    npages: int = field("pages of a span", heading="pages", unit=COUNT, sorts=UP, first=1)


@document
class Toy(Listed):
    """Spans in use by their pages."""

    totals: Sums = field("sums over all rows")
    toys: tuple[Pages, ...] = field("one row for each number of pages")


def _build(session: Session, arguments: Arguments) -> Toy:
    session.finish_reading()
    spans = session.heap.spans
    npages, count = np.unique(spans.records["npages"][spans.in_use], return_counts=True)
    columns = {"npages": npages, "spans": count, "toy_bytes": npages * count * session.heap.pages.page_size}
    rows, total = cut(Pages, columns, arguments["sort"], arguments["limit"])
    return Toy(
        about=about(session, "toy"),
        sort=arguments["sort"],
        total_rows=total,
        totals=Sums(spans=int(count.sum()), toy_bytes=int(columns["toy_bytes"].sum())),
        toys=rows,
        proof=proof(session),
    )


def _total(answer: Toy) -> tuple[Sums, Mapping[str, str]]:
    return answer.totals, {"npages": "all"}


REPORT = Report(
    name="toy",
    summary="spans in use by their pages",
    description="One row for each number of pages that a span in use has.",
    example="go-spans toy --sort spans",
    document=Toy,
    build=_build,
    table=TableOf(Pages, "sizes", lambda answer: answer.toys, _total),
    rows=("toys",),
    options=(sort_by(Pages, "toy_bytes"), LIMIT),
)
