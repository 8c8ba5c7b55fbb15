"""go-spans goroutines: who waits for what, who started them, and what their stacks cost."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from gdb_gospan.analysis import goroutines as analysis
from gdb_gospan.analysis.goroutines import Living
from gdb_gospan.analysis.session import Session
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.command import LIMIT, Option
from gdb_gospan.fields.document import (
    BYTES,
    COUNT,
    DOWN,
    NANOSECONDS,
    UP,
    Document,
    Looks,
    document,
    field,
    made_of,
)
from gdb_gospan.fields.report import Arguments, Report, headings, sort_by
from gdb_gospan.fields.rows import ordered
from gdb_gospan.fields.units import count, counted, nbytes
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out
from gdb_gospan.render.tables import columns_of, fitted
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.runtime.labels import read_labels

_LARGEST = 3


def _waits(row: Alike) -> str:
    return row.wait_reason or row.state


def _since(row: Alike) -> str:
    return "" if row.waited_ns is None else f"≥ {units.duration(row.waited_ns)}"


def _used(row: Alike, looks: Looks) -> str:
    return "" if row.used_bytes is None else nbytes(row.used_bytes, exact=looks.exact)


def _started(row: Alike) -> str:
    """Name the statement as people look for it: the file's name without its folder."""
    where = f"{row.started_file.rpartition('/')[2]}:{row.started_line}" if row.started_file else ""
    unnamed = f"{row.go_pc:#x}" if row.go_pc and not row.function else ""
    return " ".join(filter(None, [row.started_by, where])) or unnamed


@document
class Alike(Document):
    """What goroutines are told apart by."""

    state: str = field("in Go's words", sorts=UP)
    wait_reason: str | None = field(
        "what they wait for, in Go's words; null unless they wait",
        help="what they wait for, or their state; both in Go's words",
        heading="status",
        left=True,
        wraps=True,
        shown=lambda row, _: _waits(row),
        sorts=UP,
    )
    waited_ns: int | None = field(
        "nanoseconds for which one has waited at the end of the last GC cycle, at least; the longest of them. The first cycle "
        "that sees a goroutine wait enters the time; null before",
        help="how long one has waited at the end of the last GC cycle, at least",
        unit=NANOSECONDS,
        heading="waited",
        shown=lambda row, _: _since(row),
        rank=2,
        sorts=DOWN,
    )
    stack_bytes: int = field(
        "bytes of the stacks that they have been given", unit=BYTES, heading="stacks", rank=3, sorts=DOWN
    )
    used_bytes: int | None = field(
        "of those, bytes in use: from the stack pointer up; null where one of them runs",
        help="of those, bytes in use; empty where one of them runs",
        unit=BYTES,
        heading="used",
        shown=_used,
        rank=4,
        sorts=DOWN,
    )
    function: str | None = field(
        "the newest function on the stack that is not of the standard library, or the one that the goroutine began with; "
        "null where functions have no names",
        help="newest function outside the standard library, or the one that the goroutine began with",
        heading="in",
        left=True,
        wraps=True,
        shown=lambda row, _: row.function or "",
        sorts=UP,
    )
    started_by: str | None = field(
        "function with the go statement; null where functions have no names",
        help="the go statement: function, file and line",
        heading="started by",
        left=True,
        wraps=True,
        shown=lambda row, _: _started(row),
        rank=1,
        sorts=UP,
    )
    started_file: str | None = field("file of the go statement")
    started_line: int | None = field("its line")
    go_pc: int | None = field("the return address of that call: g.gopc")
    system: bool = field("goroutines of the runtime itself")


@document
class Group(Alike):
    """Goroutines that are alike."""

    count: int = field("goroutines", unit=COUNT, heading="number", sorts=DOWN, first=1)


@document
class Label(Document):
    """A profiler label (pprof.Do), which the program has set."""

    key: str = field("its name")
    value: str = field("its value")


@document
class Goroutine(Alike):
    """One goroutine."""

    goid: int | None = field("its number", heading="goroutine", sorts=UP, first=1)
    parent_goid: int | None = field("number of the goroutine that started it", since="1.21")
    labels: tuple[Label, ...] | None = field(
        "profiler labels; null where they cannot be read: a snapshot does not hold what the program has set"
    )
    frames: tuple[str, ...] = field(
        "the functions on its stack, newest first, as Go prints it: with those that were inlined, without wrappers that the "
        "compiler made; empty where they have no names"
    )


@document
class Dead(Document):
    """Goroutines that have ended, which the runtime keeps for new ones and never frees."""

    count: int = field("goroutines", unit=COUNT)
    descriptor_bytes: int = field("bytes of their descriptors (runtime.g) in the heap", unit=BYTES)
    stack_bytes: int = field("bytes of the stacks that they keep", unit=BYTES)


@document
class Totals(Document):
    """All goroutines that have not ended, those of the runtime among them."""

    goroutines: int = field("goroutines", unit=COUNT)
    system: int | None = field("of those, the runtime's own; null where functions have no names", unit=COUNT)
    stack_bytes: int = field("bytes of their stacks", unit=BYTES)
    used_bytes: int | None = field(
        "of those, bytes in use by goroutines that do not run; null where none is known", unit=BYTES
    )
    complete: bool = field("all could be read")
    unwound: int | None = field(
        "goroutines whose stack was followed to its end; null without the executable", unit=COUNT
    )


@document
class Goroutines(Listed):
    """Goroutines by what they wait for, who started them and where they stand."""

    groups: tuple[Group, ...] = field("goroutines that are alike, one row each")
    largest: tuple[Goroutine, ...] = field("the goroutines with the largest stacks")
    totals: Totals = field("of all goroutines that have not ended")
    dead: Dead = field("goroutines that have ended")


def _build(session: Session, arguments: Arguments) -> Goroutines:
    heap = session.heap
    every = analysis.living(heap, session.lines, session.tracebacks)
    wanted = np.flatnonzero(~every.system) if not arguments["system"] else np.arange(len(every.rows))
    order = wanted[np.argsort(-every.stack_bytes[wanted], kind="stable")]
    largest = tuple(_one(every, row) for row in order[: arguments["largest"]].tolist())
    groups = [_group(every, each) for each in every.groups() if arguments["system"] or not each.system]
    session.finish_reading("goroutines", "goroutine_details")
    rows, total = ordered(groups, arguments["sort"], arguments["limit"])
    ended = analysis.dead(heap)
    return Goroutines(
        about=about(session, "goroutines"),
        sort=arguments["sort"],
        total_rows=total,
        groups=rows,
        largest=largest,
        totals=_totals(every),
        dead=Dead(count=ended.count, descriptor_bytes=ended.descriptor_bytes, stack_bytes=ended.stack_bytes),
        proof=proof(session, scheduler=True),
    )


def _totals(every: Living) -> Totals:
    used, tracebacks = every.used_bytes, every.tracebacks
    return Totals(
        goroutines=len(every.rows),
        system=None if every.code.lines is None else int(np.count_nonzero(every.system)),
        stack_bytes=int(every.stack_bytes.sum()),
        used_bytes=None if (used < 0).all() else int(used[used >= 0].sum()),
        complete=every.heap.goroutines.complete,
        unwound=None if tracebacks is None else int(np.count_nonzero(tracebacks.whole[every.rows])),
    )


def _group(every: Living, group: analysis.Group) -> Group:
    used, waited = every.used_bytes[group.rows], int(every.waited[group.rows].max())
    values = {
        "count": len(group.rows),
        "stack_bytes": int(every.stack_bytes[group.rows].sum()),
        "used_bytes": int(used.sum()) if (used >= 0).all() else None,
        "waited_ns": None if waited < 0 else waited,
    }
    return made_of(Group, {**values, **_alike(group, _number(every, "gopc", int(group.rows[0])))})


def _one(every: Living, row: int) -> Goroutine:
    used, waited = int(every.used_bytes[row]), int(every.waited[row])
    alike = analysis.Group(
        rows=every.rows[row : row + 1],
        state=every.state(row),
        reason=every.reason(row),
        function=every.function(row),
        started=every.started(row),
        system=bool(every.system[row]),
    )
    values = {
        "goid": _number(every, "goid", row),
        "parent_goid": _number(every, "parentGoid", row),
        "labels": _labels_of(every, row),
        "frames": tuple(every.frames(row)),
        "stack_bytes": int(every.stack_bytes[row]),
        "used_bytes": None if used < 0 else used,
        "waited_ns": None if waited < 0 else waited,
    }
    return made_of(Goroutine, {**values, **_alike(alike, _number(every, "gopc", row))})


def _labels_of(every: Living, row: int) -> tuple[Label, ...] | None:
    """Read the labels of one goroutine, which lie among the program's own objects: a copy may lack them."""
    address, memory = _number(every, "labels", row), every.heap.memory
    if address == 0:
        return ()
    if address is None or memory.kind == "snapshot":
        return None
    with suppress(ReadAfterReleaseError):
        found = read_labels(every.heap.reader, address)
        return None if found is None else tuple(Label(key=key, value=value) for key, value in found.items())
    return None


def _number(every: Living, path: str, row: int) -> int | None:
    column = every.column(path)
    return None if column is None else int(column[row])


def _alike(group: analysis.Group, go_pc: int | None) -> Mapping[str, object]:
    return {
        "state": group.state,
        "wait_reason": group.reason or None,
        "function": group.function or None,
        "started_by": group.started.function or None,
        "started_file": group.started.file or None,
        "started_line": group.started.line or None,
        "go_pc": go_pc,
        "system": group.system,
    }


def _screen(answer: Goroutines, looks: Looks) -> str:
    """Lay the groups out, then the goroutines with the largest stacks, then the dead."""
    totals, room = answer.totals, looks.room
    body, left_out = fitted(columns_of(Group, looks), answer.groups, None, room, of=answer.total_rows)
    parts = [heading(answer, looks), "", *filled(_first(totals, looks), looks.width), "", body]
    parts += filter(
        None,
        [
            note(left_out, looks.width),
            rows_left_out(answer.total_rows, len(answer.groups), "groups", looks.width),
        ],
    )
    if answer.largest:
        table, left_out = fitted(columns_of(Goroutine, looks), answer.largest, None, room)
        parts += ["", *filled("The largest stacks:", looks.width), table]
        parts += filter(None, [note(left_out, looks.width)])
        parts += [line for each in answer.largest for line in _labels(each, looks)]
    parts += ["", *filled(_last(answer.dead, looks), looks.width)]
    if not totals.complete:
        bounds = note("some goroutines could not be read: these are lower bounds", looks.width)
        parts.append(looks.paint("notice", bounds))
    if totals.unwound is None:
        without = "without the executable functions have no names (try: go-spans goroutines PROGRAM CORE)"
        parts.append(looks.paint("notice", note(without, looks.width)))
    return "\n".join([*parts, footer(answer, looks)]) + "\n"


def _first(totals: Totals, looks: Looks) -> str:
    own = f", {count(totals.system)} of them the runtime's own" if totals.system else ""
    given = nbytes(totals.stack_bytes, exact=looks.exact)
    used = (
        ""
        if totals.used_bytes is None
        else f", of which {nbytes(totals.used_bytes, exact=looks.exact)} are in use"
    )
    return f"{counted(totals.goroutines, 'goroutine')}{own}. Their stacks take {given}{used}."


def _labels(row: Goroutine, looks: Looks) -> list[str]:
    if not row.labels:
        return []
    labels = ", ".join(f"{label.key}={label.value}" for label in row.labels)
    return filled(f"goroutine {row.goid} has the labels {labels}", looks.width, "  ", "    ")


def _last(dead: Dead, looks: Looks) -> str:
    if not dead.count:
        return "No goroutine has ended."
    own, stacks = (nbytes(each, exact=looks.exact) for each in (dead.descriptor_bytes, dead.stack_bytes))
    return (
        f"{counted(dead.count, 'goroutine')} ended and are kept for new ones: {own} of descriptors, which are never freed, "
        f"and {stacks} of stacks."
    )


REPORT = Report(
    name="goroutines",
    summary="goroutines by what they wait for, who started them, and their stacks",
    description=(
        "One row has the goroutines that wait for the same thing, in the same function, and come from the same go\n"
        "statement; the largest group is first. Stripped programs have names, too: Go's own table is in them.\n"
        "A goroutine that has ended is kept for the next one: its descriptor is never freed."
    ),
    example="go-spans goroutines --sort stack_bytes --limit 10",
    place=85,
    document=Goroutines,
    build=_build,
    screen=_screen,
    rows=("groups",),
    options=(
        sort_by(Group, "count"),
        LIMIT,
        Option(
            "largest",
            "goroutines with the largest stacks to print one by one",
            "N",
            _LARGEST,
            number=True,
        ),
        Option("system", "add the goroutines of the runtime itself"),
    ),
    words=headings(Group),
)
