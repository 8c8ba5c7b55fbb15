"""go-spans check: every identity, one by one."""

from __future__ import annotations

from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import FOUND, NOT_TOLD, UsageError
from gdb_gospan.fields.answer import Check, Listed
from gdb_gospan.fields.command import NO_LIMIT, Option
from gdb_gospan.fields.document import Looks, document, field
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.fields.rows import ordered
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out
from gdb_gospan.render.tables import columns_of, fitted
from gdb_gospan.reports.envelope import about, check, proof

_WORST_FIRST = ("broken", "unknown", "transient", "exact")


@document
class Checks(Listed):
    """Every identity between the walk and the runtime's own counters."""

    identities: tuple[Check, ...] = field("the rows: checks in the requested order, up to the limit")
    samples: Check | None = field(
        "in gdb: fields of some span descriptors (of all with --values), read again as gdb.Value; null when no debugger has the types"
    )

    @property
    def listed_checks(self) -> tuple[Check, ...]:
        """The rows, and the samples."""
        return (*self.identities, *self.sampled)

    @property
    def sampled(self) -> tuple[Check, ...]:
        """The samples, if there are any."""
        return () if self.samples is None else (self.samples,)


def _build(session: Session, arguments: Arguments) -> Checks:
    """Build the list of checks: all of them as proof, and those to show; in a debugger, samples of its own values."""
    samples = _samples(session, every=arguments["values"])
    session.finish_reading("goroutines")
    sort, every = arguments["sort"], proof(session, scheduler=True)
    rows = sorted(every.checks, key=lambda row: _WORST_FIRST.index(row.status))
    shown, total = ordered(rows, None if sort == "status" else sort, arguments["limit"])
    return Checks(
        about=about(session, "check"),
        sort=sort,
        total_rows=total,
        identities=shown,
        samples=samples,
        proof=every,
    )


def _samples(session: Session, *, every: bool) -> Check | None:
    """Hold some descriptors, or all, against a debugger's own values; `UsageError` for all of them where it has none."""
    if session.samples is not None:
        return check(session.samples(len(session.heap.spans) if every else None))
    if every:
        raise UsageError(
            "check: --values needs gdb and the program's debug information "
            "(try: go-spans check --values in gdb, on the program with debug information)"
        )
    return None


def exit_status(answer: Checks) -> int:
    """Return what the checks come to: a transient one is explained, and no finding."""
    found = {row.status for row in (*answer.proof.checks, *answer.sampled)}
    return FOUND if "broken" in found else NOT_TOLD if "unknown" in found else 0


def _screen(answer: Checks, looks: Looks) -> str:
    """Lay the list out; what is not exact stands out."""
    identities, samples = answer.identities, answer.samples
    # Below a cut list there is only what is not as it should be.
    all_shown = len(identities) == answer.total_rows
    rows = (*identities, *(each for each in answer.sampled if all_shown or each.status != "exact"))
    # Sentences wrap in the width, also where a table may take any room.
    body, left_out = fitted(columns_of(Check, looks), rows, None, looks.width, of=answer.total_rows)
    below = [
        note(left_out, looks.width),
        note(f"{samples.code}: {samples.note}" if samples and samples.note else "", looks.width),
        rows_left_out(answer.total_rows, len(identities), "identities", looks.width),
    ]
    return "\n".join([heading(answer, looks), "", body, *filter(None, below), footer(answer, looks)]) + "\n"


REPORT = Report(
    name="check",
    summary="verify the figures: every identity between the walk and the runtime's counters",
    description=(
        "exact: both sides are equal. transient: they differ, and what a named thread was doing explains the "
        "difference.\n"
        "unknown: the memory that would decide it could not be read. broken: they differ, and nothing explains "
        "it.\n"
        ""
        "The exit status is 1 if an identity is broken, otherwise 3 if one is unknown, otherwise 0; in gdb\n"
        "$_go_spans_status has it."
    ),
    example="go-spans check",
    place=130,
    document=Checks,
    build=_build,
    screen=_screen,
    rows=("identities",),
    options=(
        Option(
            "sort",
            "column to sort by: status with the worst first; code and subject in alphabetical order; figures in descending order",
            "COL",
            "status",
            choices=("status", "code", "severity", "expected", "observed", "subject"),
            headings={"check": "code", "what must hold": "subject"},
        ),
        NO_LIMIT,
        Option("values", "in gdb: compare every span descriptor, not just some, with gdb.Value"),
    ),
    words=(
        ("expected", "what the runtime's own counters say"),
        ("observed", "what walking the structures found"),
        ("gdb-values", "in gdb: fields of some span descriptors, read in bulk and again as gdb.Value"),
    ),
    status=exit_status,
)
