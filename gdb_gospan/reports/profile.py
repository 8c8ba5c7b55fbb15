"""go-spans profile: what was allocated where, by the samples that the runtime keeps; and who waited for whom."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

import numpy as np

from gdb_gospan.analysis.callsites import By, Called, Gathered, Names, called, frames, gathered
from gdb_gospan.analysis.profiles import Sampled, Waits, sampled, waits
from gdb_gospan.analysis.sampling import tells
from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.fields.command import LIMIT, Option
from gdb_gospan.fields.document import names_of
from gdb_gospan.fields.report import Arguments, Report, Rows, headings, sort_by
from gdb_gospan.fields.rows import ordered
from gdb_gospan.reports import pprof
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.rows.profiles import Profile, Totals
from gdb_gospan.reports.rows.sites import Allocated, Waited, Where
from gdb_gospan.reports.screens.profile import NOT_FOUND, screen
from gdb_gospan.runtime.mprof import Buckets, Stacks

_FLAT, _CUM = "flat", "cum"
"""Choices of what to sort by: bytes in use, or the time waited, at the place itself, or with what is called from there."""


def _build(session: Session, arguments: Arguments) -> Profile:
    buckets = session.heap.buckets
    session.finish_reading("buckets")
    of, by, path = arguments["of"], arguments["by"], arguments.get("pprof")
    head, sort = about(session, "profile"), _sort(arguments["sort"], of)
    if buckets is None:
        if path:
            raise TargetError(f"profile: {NOT_FOUND}, so there is nothing to write (try: without --pprof)")
        return Profile(about=head, of=of, by=by, sort=sort, total_rows=0, proof=proof(session))
    found: Sampled | Waits = sampled(buckets) if of == "heap" else waits(buckets, of)
    hidden = session.heap.layout.traits.hidden_callers if of == "heap" else ()
    names = Names(session.lines)
    stacks = frames(buckets.stacks, found.rows, names, hidden)
    rows, total = ordered(_rows(called(stacks, names), found, by), sort, arguments["limit"])
    return Profile(
        about=head,
        of=of,
        by=by,
        sort=sort,
        total_rows=total,
        rate=buckets.rate,
        collections=found.cycle if isinstance(found, Sampled) else None,
        sites=tuple(each for each in rows if isinstance(each, Allocated)),
        waits=tuple(each for each in rows if isinstance(each, Waited)),
        totals=_totals(buckets, found, of, named=session.lines is not None),
        written=_write(path, session, buckets, found, stacks, names) if path else None,
        proof=proof(session),
    )


def _rows(calls: Called, found: Sampled | Waits, by: By) -> Sequence[Allocated | Waited]:
    """Return all rows; of those that are equal, above all 0, first the one with more in what it calls."""
    if isinstance(found, Sampled):
        return sorted(_sites(calls, found, by), key=lambda row: -row.cum_inuse_bytes)
    return sorted(_waiting(calls, found, by), key=lambda row: -row.cum_ticks)


def _sort(column: str, of: str) -> str:
    """Return the column to sort by."""
    row = Allocated if of == "heap" else Waited
    if column in (_FLAT, _CUM):
        figure = "inuse_bytes" if of == "heap" else "ticks"
        return figure if column == _FLAT else f"cum_{figure}"
    if column not in names_of(row):
        raise UsageError(
            f"profile: invalid --sort {column}: the {of} profile has no such column (try: --sort {_FLAT}, or {_CUM})"
        )
    return column


def _sites(stacks: Called, found: Sampled, by: By) -> list[Allocated]:
    live = found.allocs - found.frees
    sums = gathered(stacks, np.concatenate([found.scaled, live[:, np.newaxis]], axis=1), by)
    known = not np.isnan(found.variance).any()
    errors = gathered(stacks, found.variance[:, np.newaxis], by).flat[:, 0]
    rows = np.flatnonzero(sums.cumulated.any(axis=1)).tolist()
    return [_allocated(sums, row, by, round(sqrt(errors[row])) if known else None) for row in rows]


def _allocated(sums: Gathered, row: int, by: By, error: int | None) -> Allocated:
    place, flat, cumulated = Where.of(sums, row), sums.flat[row].tolist(), sums.cumulated[row].tolist()
    return Allocated(
        function=place.function,
        file=place.file,
        line=place.line,
        stack=place.stack if by == "stack" else (),
        inuse_objects=flat[2],
        inuse_bytes=flat[3],
        inuse_error_bytes=error,
        alloc_objects=flat[0],
        alloc_bytes=flat[1],
        cum_inuse_bytes=cumulated[3],
        cum_alloc_bytes=cumulated[1],
        samples=flat[4],
    )


def _waiting(stacks: Called, found: Waits, by: By) -> list[Waited]:
    timed = found.nanoseconds is not None
    delays = found.ticks if found.nanoseconds is None else found.nanoseconds
    sums = gathered(stacks, np.stack([found.count, found.ticks, delays], axis=1), by)
    return [_waited(sums, row, by, timed=timed) for row in range(len(sums.places))]


def _waited(sums: Gathered, row: int, by: By, *, timed: bool) -> Waited:
    place, flat, cumulated = Where.of(sums, row), sums.flat[row].tolist(), sums.cumulated[row].tolist()
    return Waited(
        function=place.function,
        file=place.file,
        line=place.line,
        stack=place.stack if by == "stack" else (),
        delay_ns=flat[2] if timed else None,
        cum_delay_ns=cumulated[2] if timed else None,
        ticks=flat[1],
        cum_ticks=cumulated[1],
        times=flat[0],
    )


def _totals(buckets: Buckets, found: Sampled | Waits, of: str, *, named: bool) -> Totals:
    heap = found if isinstance(found, Sampled) else None
    other = found if isinstance(found, Waits) else None
    sums = None if heap is None else heap.scaled.sum(axis=0).tolist()
    variance = 0.0 if heap is None else float(heap.variance.sum())
    return Totals(
        alloc_objects=sums[0] if sums else None,
        alloc_bytes=sums[1] if sums else None,
        inuse_objects=sums[2] if sums else None,
        inuse_bytes=sums[3] if sums else None,
        inuse_error_bytes=None if heap is None or np.isnan(variance) else round(sqrt(variance)),
        samples=None if heap is None else int((heap.allocs - heap.frees).sum()),
        delay_ns=None if other is None or other.nanoseconds is None else int(other.nanoseconds.sum()),
        times=None if other is None else int(other.count.sum()),
        ticks=None if other is None else int(other.ticks.sum()),
        stacks=len(found.rows) if heap is None else int(heap.scaled.any(axis=1).sum()),
        named=named,
        scaled=tells(buckets.rate) if heap else buckets.mutex_factor is not None or of == "block",
        complete=buckets.complete,
    )


def _write(
    path: str, session: Session, buckets: Buckets, found: Sampled | Waits, stacks: Stacks, names: Names
) -> pprof.Written:
    from gdb_gospan.reports.profilefile import of_profile, profile_file  # noqa: PLC0415  # only for who asks for it

    return pprof.write(path, profile_file(session, stacks, names, of_profile(session, buckets, found)))


def _csv(answer: Profile) -> Rows:
    return answer.sites if answer.of == "heap" else answer.waits


_ROWS: Final = (Allocated, Waited)

REPORT = Report(
    name="profile",
    summary="the heap profile that the runtime keeps: who allocated what is in use",
    description=(
        "What /debug/pprof/heap would say, of a process without it and of a core: the runtime keeps a sample of what was\n"
        "allocated, with the stack. --pprof writes it for go tool pprof. --of block and --of mutex are the other profiles."
    ),
    example="go-spans profile --by line --limit 10",
    place=87,
    document=Profile,
    build=_build,
    screen=screen,
    csv=_csv,
    rows=("sites",),
    prepare=pprof.prepared,
    options=(
        Option("of", "which profile", "PROFILE", "heap", choices=("heap", "block", "mutex")),
        Option("by", "what a row is", "PLACE", "function", choices=("function", "line", "stack")),
        sort_by(Allocated, _FLAT, _FLAT, _CUM),
        LIMIT,
        pprof.OPTION,
    ),
    words=tuple(dict.fromkeys(word for row in _ROWS for word in headings(row))),
)
