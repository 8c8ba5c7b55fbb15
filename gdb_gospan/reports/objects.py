"""go-spans objects: which objects the roots reach, and which are garbage, by span class and by occupancy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gdb_gospan.analysis.objectsums import by_stacks_alone, objects_by_span
from gdb_gospan.analysis.objecttypes import ObjectTypes, object_types
from gdb_gospan.analysis.reach import Reach, reach
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.typesums import objects_by_type
from gdb_gospan.errors import UsageError
from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.command import LIMIT, MAX_PAUSE, Option
from gdb_gospan.fields.document import BYTES, COUNT, DOWN, UP, Document, document, field, names_of
from gdb_gospan.fields.report import Arguments, Report, Rows, headings, sort_by
from gdb_gospan.fields.rows import cut, rows_of
from gdb_gospan.fields.spanclass import number_column, size_column
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.graphextra import with_scipy
from gdb_gospan.reports.screens import apart
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import Column

KINDS = (
    "data", "bss", "stack", "registers", "finalizer", "finalized", "weak_handle", "cleanup", "finalizer_queue",
    "cleanup_queue",
)  # fmt: skip
"""Stable names of the kinds of roots (`mgcmark`), by number."""
WAYS = ("unknown", "exact", "edges", "shape")
"""Stable names of how types are known (`objecttypes`), by number."""
_USUAL = "reached_bytes"


@document
class Counted(Document):
    """What can be added up over objects."""

    objects: int = field(
        "allocated slots whose state is known; garbage counts until it is swept",
        unit=COUNT,
        heading="objects",
        rank=5,
        sorts=DOWN,
    )
    object_bytes: int = field("bytes of these slots", unit=BYTES, sorts=DOWN)
    reached: int = field("objects that the roots reach", unit=COUNT, heading="reached", rank=1, sorts=DOWN)
    reached_bytes: int = field(
        "bytes of objects that the roots reach", unit=BYTES, heading="reached bytes", sorts=DOWN
    )
    garbage: int = field(
        "objects that no root reaches: the next GC cycle will find them dead",
        unit=COUNT,
        heading="garbage",
        rank=2,
        sorts=DOWN,
    )
    garbage_bytes: int = field(
        "bytes of objects that no root reaches", unit=BYTES, heading="garbage bytes", sorts=DOWN
    )
    new: int = field("part of objects: allocated since the last GC cycle", unit=COUNT, sorts=DOWN)
    new_bytes: int = field(
        "part of object_bytes: objects allocated since the last GC cycle, reached or not",
        help="bytes of objects allocated since the last GC cycle, reached or not",
        unit=BYTES,
        heading="new bytes",
        rank=3,
        sorts=DOWN,
    )
    new_garbage: int = field("part of garbage: allocated since the last GC cycle", unit=COUNT, sorts=DOWN)
    new_garbage_bytes: int = field("bytes of these", unit=BYTES, sorts=DOWN)
    stranded_bytes: int = field(
        "bytes of free slots that reached objects keep: those of a span are shared equally among its objects",
        unit=BYTES,
        heading="stranded",
        sorts=DOWN,
    )
    garbage_stranded_bytes: int = field(
        "bytes of free slots that garbage keeps, likewise", unit=BYTES, sorts=DOWN
    )


@document
class Sums(Counted):
    """What can be added up over spans."""

    spans: int = field("spans in use", unit=COUNT, heading="spans", rank=4, sorts=DOWN, first=1)
    empty_bytes: int = field("bytes of free slots in spans without objects", unit=BYTES)
    unknown: int = field(
        "objects of which it is not known whether they are reached, by mspan.allocCount", unit=COUNT
    )
    unknown_bytes: int = field("bytes of these", unit=BYTES)
    unknown_free_bytes: int = field("bytes of the free slots in their spans", unit=BYTES)


@document
class Totals(Sums):
    """Sums over all rows, before the limit."""


@document
class Class(Sums):
    """The objects of one span class."""

    spanclass: int = number_column(rank=6, first=2)
    elemsize: int = size_column(first=2)
    noscan: bool = field("its objects hold no pointers")


@document
class Occupancy(Sums):
    """The objects in spans of one tenth of occupancy."""

    up_to: int = field(
        "occupancy of the spans in percent: up to this, and above the one before",
        heading="occupancy",
        shown=lambda row, _: f"{row.up_to - 10}–{row.up_to} %",
        first=2,
        sorts=UP,
    )


@document
class Type(Counted):
    """The objects of one type, as far as their types were asked for."""

    name: str | None = field(
        "type of the object, as %T prints it; of what is behind a slice []T; parts of maps, channels and closures in brackets",
        heading="type",
        left=True,
        wraps=True,
        first=1,
        sorts=UP,
        shown=lambda row, _: row.name or "not known",
    )
    how: str = field(
        "how most of its bytes are known: exact, by what the runtime keeps; edges, by pointers; shape, inferred; or unknown",
        heading="known by",
        left=True,
        rank=4,
        shown=lambda row, _: "" if row.how == "unknown" else row.how,
    )


@document
class Typed(Document):
    """How the types of what is reached are known, in bytes; the four of them add up to reached_bytes of all types."""

    exact_bytes: int = field(
        "the runtime keeps the type: in a malloc header, in the span, or in the channel", unit=BYTES
    )
    edges_bytes: int = field("by pointers from objects of known types, and from interfaces", unit=BYTES)
    shape_bytes: int = field("inferred from what the object looks like and points to", unit=BYTES)
    unknown_bytes: int = field("the type is not known", unit=BYTES)
    conflicts: int = field(
        "part of these objects: of each, two types that exclude each other were found", unit=COUNT
    )
    described: bool = field(
        "the program's type descriptors could be read; without its executable a core has none"
    )


@document
class Kind(Document):
    """One kind of roots."""

    code: str = field("stable name of the kind")
    pointers: int = field("pointers of these roots to objects", unit=COUNT)
    unread: bool = field("some could not be read, so that objects may be reached that count as garbage")
    guessed: bool = field("every word counted that looks like a pointer, since nothing says which are")


@document
class Objects(Listed):
    """Which objects the roots reach."""

    totals: Totals = field("sums over all rows, before the limit")
    classes: tuple[Class, ...] = field("one row for each span class in use")
    occupancies: tuple[Occupancy, ...] = field(
        "one row for each tenth of occupancy that spans have, ascending"
    )
    by: str = field("what a row of the table is: type or class")
    types: tuple[Type, ...] | None = field(
        "one row for each type of objects; null where they were not asked for"
    )
    typed: Typed | None = field("how the types are known; null where they were not asked for")
    roots: tuple[Kind, ...] = field("what the walk began from")
    by_stacks_alone_bytes: int = field(
        "bytes of objects that only stacks and registers lead to. Every word there counts, stale ones too: so much more may be "
        "garbage",
        unit=BYTES,
    )
    edges: int = field("pointers from objects to objects", unit=COUNT)
    unread_bytes: int = field(
        "bytes of objects with pointers that could not be read; what only they point to counts as garbage",
        unit=BYTES,
    )
    untyped: int = field("objects of which every word counted that looks like a pointer", unit=COUNT)


def _build(session: Session, arguments: Arguments) -> Objects:
    """Walk from the roots, and add up what is reached."""
    heap, sort = session.heap, arguments["sort"]
    by = _by(arguments["by"], sort)
    session.finish_reading("goroutines", "goroutine_details")
    threads = () if session.threads is None else tuple(session.threads())
    known = object_types(heap, threads) if by == "type" else None
    walk = reach(heap, threads)
    found = objects_by_span(heap, walk)
    present, columns = found.by_class()
    sizes = sizeclasses.sizes()[np.clip(present >> 1, 0, sizeclasses.COUNT - 1)]
    columns |= {"spanclass": present, "noscan": present & 1 != 0, "elemsize": np.where(present > 1, sizes, 0)}
    limit = arguments["limit"] if known is None else 0
    rows, total = cut(Class, columns, sort if known is None else _USUAL, limit)
    types, typed = None, None
    if known is not None:
        types, total, typed = _types(heap, walk, known, sort, arguments["limit"])
    return Objects(
        about=about(session, "objects"),
        sort=sort,
        by=by,
        total_rows=total,
        totals=Totals(**{name: int(columns[name].sum()) for name in names_of(Totals)}),
        classes=rows,
        occupancies=_occupancies(*found.by_occupancy()),
        types=types,
        typed=typed,
        roots=_kinds(walk),
        by_stacks_alone_bytes=by_stacks_alone(heap, walk),
        edges=len(walk.graph.targets),
        unread_bytes=walk.graph.unread_bytes,
        untyped=walk.graph.untyped,
        proof=proof(session),
    )


def _by(wanted: str | None, column: str) -> str:
    """Return what a row is: a type, unless it is said, or the column to sort by is one of classes alone."""
    rows = {"type": names_of(Type), "class": names_of(Class)}
    by = wanted or next(name for name, columns in rows.items() if column in columns)
    if column not in rows[by]:
        raise UsageError(
            f"objects: invalid --sort {column}: a table by {by} has no such column (try: --sort {_USUAL})"
        )
    return by


def _types(
    heap: Heap, walk: Reach, known: ObjectTypes, sort: str, limit: int
) -> tuple[tuple[Type, ...], int, Typed]:
    """Return the rows by type, how many there are, and how the types are known."""
    found = objects_by_type(heap, walk, known)
    columns = found.sums | {
        "name": np.array([name or None for name in found.names], np.object_),
        "how": np.array(WAYS, np.object_)[found.how],
    }
    if sort == "name":
        order = np.array(_by_name(found.names), np.int64)[: limit or None]
        rows = rows_of(Type, {name: column[order] for name, column in columns.items()})
    else:
        rows, _ = cut(Type, columns, sort, limit)
    by_how = dict(zip((f"{way}_bytes" for way in WAYS), found.reached_by_how.tolist(), strict=True))
    return rows, len(found.names), Typed(**by_how, conflicts=known.conflicts, described=known.known)


def _by_name(names: Sequence[str]) -> list[int]:
    """Return the rows by their names; what is not known comes last."""
    return sorted(range(len(names)), key=lambda row: (not names[row], names[row]))


def _occupancies(present: Column, columns: dict[str, Column]) -> tuple[Occupancy, ...]:
    return rows_of(Occupancy, {"up_to": 10 * (present + 1), **columns})


def _kinds(walk: Reach) -> tuple[Kind, ...]:
    counts = np.bincount(walk.roots.kind, minlength=len(KINDS)).tolist()
    return tuple(
        Kind(
            code=code,
            pointers=counts[number],
            unread=number in walk.roots.unread,
            guessed=number in walk.roots.guessed,
        )
        for number, code in enumerate(KINDS)
    )


def _csv(answer: Objects) -> Rows:
    return answer.classes if answer.types is None else answer.types


REPORT = Report(
    name="objects",
    summary="which objects are reached from the roots, by type, and which are garbage",
    description=(
        "Follows every pointer from package variables, goroutine stacks, finalizers and cleanups, as the collector does, and\n"
        "counts the objects that it reaches, by type, by span class and by how full their spans are. Types need no debug\n"
        "information, but the executable: stripped will do. Stacks are read word by word, so\n"
        "that dead objects may count as reached: at most those that stacks alone lead to. It needs the contents of objects,\n"
        "or a snapshot that was written with --graph."
    ),
    example="go-spans objects --sort stranded_bytes",
    place=22,
    document=Objects,
    build=_build,
    screen=apart("objects"),
    rows=("types",),
    options=(
        Option(
            "by",
            "what a row of the table is (default: type, or class where --sort names a column of classes)",
            "ROW",
            choices=("type", "class"),
        ),
        sort_by(Class, _USUAL, "name"),
        LIMIT,
        MAX_PAUSE,
    ),
    csv=_csv,
    words=tuple(dict.fromkeys((*headings(Type), *headings(Class), *headings(Occupancy)[:1]))),
    prepare=with_scipy("objects"),
    contents=True,
)
