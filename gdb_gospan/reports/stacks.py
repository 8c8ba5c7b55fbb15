"""go-spans stacks: where the memory of stacks is, by size of stack and by who stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import attrs
import numpy as np

from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.stacks import (
    StackSize,
    large_sizes,
    stack_bytes,
    stack_sizes,
    standing,
    thread_counts,
)
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.command import NO_LIMIT
from gdb_gospan.fields.document import BYTES, COUNT, DOWN, Document, Looks, document, field, made_of, names_of
from gdb_gospan.fields.report import Arguments, Report, headings, sort_by
from gdb_gospan.fields.rows import ordered
from gdb_gospan.fields.units import count, share
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out, wrapped
from gdb_gospan.render.tables import TableColumn, columns_of, fitted
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.runtime.heap import Heap

_DEAD = "dead goroutines, kept for reuse"
_SYSTEM = "threads and runtime (g0, gsignal, gcrash)"
_EXITED = "threads that have exited (sched.freem)"
_CHANGING_HANDS = "other, in transition"
_OTHER = {
    "transient": _CHANGING_HANDS,
    "unknown": "other, owner unknown",
    "broken": "other, without an owner (check stack-use)",
}
"""What the rest is called, by what the check says of it."""


def _size(value: int | None, looks: Looks) -> str:
    return "does not add up" if value is None else units.nbytes(value, exact=looks.exact)


@document
class Size(Document):
    """Stacks of one size, or all large ones."""

    size: int = field(
        "bytes of one stack; 0 for all large stacks together, each of which has its own span",
        help="bytes of one stack; each of 32 KiB or more has a span of its own",
        unit=BYTES,
        heading="size",
        shown=lambda row, _: f"{row.size:,}",
        left=True,
        wraps=True,
        sorts=DOWN,
    )
    spans: int = field("spans of such stacks", unit=COUNT, heading="spans", rank=2, sorts=DOWN)
    span_bytes: int = field("bytes of these spans", unit=BYTES, heading="bytes", sorts=DOWN)
    capacity: int = field("stacks that the spans can hold", unit=COUNT, heading="stacks", rank=3, sorts=DOWN)
    given_out: int = field(
        "stacks that are not in the pool: goroutines use them, or a P has them cached",
        unit=COUNT,
        heading="given out",
        rank=1,
        sorts=DOWN,
    )
    listed: int = field("spans in a list: with a free stack, or with a free large stack", unit=COUNT)
    large: bool = field("the row of all large stacks")
    free: int | None = field(
        "stacks that are free; null when damage makes it impossible",
        help="stacks that are free",
        unit=COUNT,
        heading="free",
        shown=lambda row, _: "?" if row.free is None else count(row.free),
        rank=4,
        sorts=DOWN,
    )
    free_bytes: int | None = field(
        "bytes of these; null for large stacks",
        help="bytes of the free stacks",
        unit=BYTES,
        heading="free bytes",
        shown=lambda row, looks: _size(row.free_bytes, looks),
        rank=1,
        sorts=DOWN,
    )


@document
class Totals(Document):
    """Bytes of all stacks."""

    span_bytes: int = field("bytes of stack spans: StackInuse", unit=BYTES)
    in_use_bytes: int | None = field(
        "bytes of stacks given out and not cached; null, like the following, when damage makes it impossible",
        unit=BYTES,
    )
    goroutine_bytes: int | None = field(
        "of those, bytes of goroutines' stacks, dead goroutines included", unit=BYTES
    )
    dead_goroutine_bytes: int | None = field(
        "of those, bytes that dead goroutines keep for reuse", unit=BYTES
    )
    system_bytes: int | None = field(
        "of those, bytes of the system stacks that lie in stack spans: those of threads (g0, gsignal), and from Go 1.22 on "
        "the one kept for a crash (gcrash)",
        unit=BYTES,
    )
    exited_bytes: int | None = field(
        "of those, bytes of the stacks of threads that have exited, whose Ms wait on sched.freem; null when not known",
        unit=BYTES,
    )
    other_bytes: int | None = field(
        "of those, the rest: stacks that are changing their owner (0 when no stack is being allocated or freed), or without a known owner",
        unit=BYTES,
    )
    cached_bytes: int | None = field("bytes of free stacks that Ps have cached", unit=BYTES)
    free_bytes: int | None = field("bytes of stack spans that are not in use by a stack", unit=BYTES)


@document
class Goroutines(Document):
    """Goroutines in one state."""

    state: str = field(
        "in Go's words",
        help="live goroutines; and all goroutines by state: a dead one may keep its stack for reuse",
        heading="goroutines",
        left=True,
        wraps=True,
    )
    count: int = field("goroutines", unit=COUNT, heading="number")
    stack_bytes: int = field("bytes of their stacks", unit=BYTES, heading="stack bytes")


@document
class Threads(Document):
    """Threads of the process; null where not known."""

    go: int | None = field("threads that have an M", unit=COUNT)
    c: int | None = field("threads of C, which have none", unit=COUNT)
    exited: int | None = field("Ms on sched.freem, whose threads have exited", unit=COUNT)


@document
class Stacks(Listed):
    """Where the memory of stacks is."""

    sizes: tuple[Size, ...] = field("one row for each size of stacks")
    large_sizes: tuple[Size, ...] = field(
        "the large stacks by size: a row for each power of two from 32 KiB on"
    )
    totals: Totals = field("bytes of all stacks")
    goroutines: tuple[Goroutines, ...] = field("one row for each state of goroutines")
    goroutines_complete: bool = field("all goroutines and threads could be read")
    goroutines_damaged: int = field(
        "goroutines whose status is unknown in this release; in no row", unit=COUNT
    )
    threads: Threads = field("threads of the process; null where not known")


def _rows(sizes: Sequence[StackSize]) -> tuple[Size, ...]:
    return tuple(made_of(Size, {name: getattr(each, name) for name in names_of(Size)}) for each in sizes)


def rows_of(heap: Heap) -> tuple[Size, ...]:
    """Return a row for each size of stacks, ascending; the one of all large stacks comes last."""
    return _rows(stack_sizes(heap))


def _build(session: Session, arguments: Arguments) -> Stacks:
    """Build a row for each size of stacks, and what the goroutines of each state stand on."""
    session.finish_reading("goroutines")
    heap, sort = session.heap, arguments["sort"]
    rows, total = ordered(rows_of(heap), None if sort == "size" else sort, arguments["limit"])
    lwps = session.lwps() if session.lwps else None
    return Stacks(
        about=about(session, "stacks"),
        sort=sort,
        total_rows=total,
        sizes=rows,
        large_sizes=_rows(large_sizes(heap)),
        totals=made_of(Totals, attrs.asdict(stack_bytes(heap))),
        goroutines=tuple(made_of(Goroutines, attrs.asdict(each)) for each in standing(heap)),
        goroutines_complete=heap.goroutines.complete,
        goroutines_damaged=int(np.count_nonzero(heap.goroutines.damaged)),
        threads=made_of(Threads, attrs.asdict(thread_counts(heap, lwps))),
        proof=proof(session, scheduler=True),
    )


class _Held(NamedTuple):
    """Bytes of stack spans by whose they are."""

    name: str
    nbytes: int | None
    share: str


def _screen(answer: Stacks, looks: Looks) -> str:
    """Lay the tables out: whose the bytes are, by size of stack, and by state of goroutine."""
    whose = [
        TableColumn("name", "stacks of", lambda held: held.name, left=True, wraps=True),
        TableColumn("nbytes", "bytes", lambda held: _size(held.nbytes, looks)),
        TableColumn("share", "of StackInuse", lambda held: held.share, rank=1),
    ]
    tables = (
        _table(whose, _holders(answer), looks),
        _table(columns_of(Size, looks), _sizes(answer), looks, of=answer.total_rows),
        _table(columns_of(Goroutines, looks), answer.goroutines, looks),
    )
    below = [rows_left_out(answer.total_rows, len(answer.sizes), "sizes", looks.width)]
    if threads := _threads(answer.threads):
        below.append(wrapped("threads", threads, looks.width))
    if damaged := answer.goroutines_damaged:
        noun = "goroutine is" if damaged == 1 else "goroutines are"
        left_out = f"{count(damaged)} {noun} in a state that is unknown in this release, and not shown"
        below.append(looks.paint("notice", note(left_out, looks.width)))
    if not answer.goroutines_complete:
        bounds = note("some goroutines could not be read: these are lower bounds", looks.width)
        below.append(looks.paint("notice", bounds))
    parts = [heading(answer, looks), "", "\n\n".join(tables), *filter(None, below), footer(answer, looks)]
    return "\n".join(parts) + "\n"


def _sizes(answer: Stacks) -> tuple[Size, ...]:
    """Return the rows, with those of the large sizes where the one of all large stacks is."""
    some = any(row.large for row in answer.sizes)
    rows = (*(row for row in answer.sizes if not row.large), *(answer.large_sizes if some else ()))
    return ordered(rows, None if answer.sort == "size" else answer.sort, 0)[0]


def _table(columns: Sequence[TableColumn], rows: Sequence[object], looks: Looks, *, of: int = 0) -> str:
    body, left_out = fitted(columns, rows, None, looks.room, of=of)
    return "\n".join(filter(None, [body, note(left_out, looks.width)]))


def _holders(answer: Stacks) -> list[_Held]:
    """Say whose the bytes of stack spans are."""
    totals, whole = answer.totals, answer.totals.span_bytes
    own, dead = totals.goroutine_bytes, totals.dead_goroutine_bytes
    living = None if own is None or dead is None else own - dead
    status = {check.code: check.status for check in answer.proof.checks}.get("stack-use", "unknown")
    parts = (
        ("goroutines", living, True),
        (_DEAD, dead, False),
        (_SYSTEM, totals.system_bytes, True),
        (_EXITED, totals.exited_bytes, False),
        (_OTHER.get(status, "other"), totals.other_bytes, False),
        ("cached by Ps", totals.cached_bytes, True),
        ("free in stack spans", totals.free_bytes, True),
    )
    # The others are left out when there is nothing, or when it is not known.
    held = [
        _Held(name, nbytes, "" if nbytes is None else share(nbytes, whole))
        for name, nbytes, always in parts
        if nbytes or always
    ]
    return [*held, _Held("StackInuse", whole, "")]


def _threads(threads: Threads) -> list[str]:
    """Count the threads in words, as far as they are known."""
    told = []
    if threads.go is not None:
        told.append(f"{count(threads.go)} of Go")
    if threads.c:
        told.append(f"{count(threads.c)} of C, without an M")
    if threads.exited:
        told.append(f"{count(threads.exited)} exited; their stacks are freed when the next thread is created")
    return told


REPORT = Report(
    name="stacks",
    summary="stack spans by stack size, and the goroutines that use them",
    description=(
        "Small stacks come from spans of 32 KiB, each for one size; a stack of 32 KiB or more has a span of its own.\n"
        "A stack that is no longer needed stays in its span, or in a P's cache. A span with only free stacks "
        "returns\n"
        "to the heap at once, or at the end of the GC cycle during marking."
    ),
    example="go-spans stacks",
    place=80,
    document=Stacks,
    build=_build,
    screen=_screen,
    rows=("sizes",),
    options=(sort_by(Size, "size"), NO_LIMIT),
    words=(
        (
            _SYSTEM,
            "the system stacks of threads that Go allocated; since Go 1.22 also 16 KiB kept for a crash",
        ),
        (_DEAD, "stacks of goroutines that have ended; new goroutines reuse them"),
        (_EXITED, "their Ms and stacks are freed when the next thread is created"),
        (
            _CHANGING_HANDS,
            "given out, and owned by no goroutine or thread yet; 0 when no stack is being allocated or freed",
        ),
        *headings(Size),
        headings(Goroutines)[0],  # the other headings say it themselves
        ("threads", "threads of Go, which have an M; and threads of C, which have none"),
    ),
)
