"""go-spans blame: which code allocated the objects that keep the spans, by the samples that the runtime keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gdb_gospan.analysis.blame import NEW, NOBODY, OBJECTS, blame, whole
from gdb_gospan.analysis.callsites import Names
from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.fields.command import LIMIT, MAX_PAUSE, Option
from gdb_gospan.fields.document import names_of
from gdb_gospan.fields.report import Arguments, Report, Rows, headings, sort_by
from gdb_gospan.fields.rows import ordered
from gdb_gospan.reports import pprof
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.graphextra import with_scipy
from gdb_gospan.reports.rows.blamed import NOT_FOUND, Blame, Blamed, BlamedClass, Covered
from gdb_gospan.reports.rows.blaming import Sites, blamed, by_class, covered, sites_of
from gdb_gospan.reports.screens import apart
from gdb_gospan.runtime.sampledobjects import NOTHING, SampledObjects

if TYPE_CHECKING:
    from gdb_gospan.analysis.objecttypes import ObjectTypes

_FLAT, _CUM = "flat", "cum"
"""Choices of what to sort by: bytes stranded, at the place itself, or with what is called from there."""
_CLASS: Final = "class"
_FOR_TYPES: Final = ("goroutines", "goroutine_details")
"""What the search for types needs, too: it begins from the roots."""


def _build(session: Session, arguments: Arguments) -> Blame:
    heap = session.heap
    heap.want("specials")
    session.finish_reading("sampled_objects", "unswept_bitmaps", *(_FOR_TYPES if arguments["types"] else ()))
    by, path, limit = arguments["by"], arguments.get("pprof"), arguments["limit"]
    types = _types(session) if arguments["types"] else None
    head, sort = about(session, "blame"), _sort(arguments["sort"], by)
    objects, found, every, names = heap.sampled_objects, blame(heap), whole(heap), Names(session.lines)
    if path and objects is None:
        raise TargetError(f"blame: {NOT_FOUND}, so there is nothing to write (try: without --pprof)")
    there = objects is not None
    objects, found = objects or NOTHING, found or NOBODY
    sites = sites_of(objects, found, names, heap.layout.traits.hidden_callers)
    classes = by_class(found, every, sites)
    rows: Rows = classes if by == _CLASS else _own(blamed(sites, by, every, found, types), sort)
    shown, total = ordered(rows, sort, limit)
    if by != _CLASS:  # without samples the classes are what can be told
        unknown = not sites.estimated or not len(found.slot)
        classes = list(ordered(classes, "stranded_bytes", limit)[0]) if unknown else []
    sums = every.by_class.sum(axis=0).tolist()
    return Blame(
        about=head,
        by=by,
        sort=sort,
        total_rows=total,
        rate=objects.rate,
        found=there,
        estimated=sites.estimated,
        samples=len(found.slot),
        stacks=len(sites.rows),
        lost=found.lost,
        all_read=objects.complete and every.known,
        named=session.lines is not None,
        described=None if types is None else types.known,
        covered=covered(sites, every),
        objects=sums[OBJECTS],
        new_bytes=sums[NEW],
        empty_bytes=every.empty_bytes,
        sites=tuple(each for each in shown if isinstance(each, Blamed)),
        classes=tuple(each for each in shown if isinstance(each, BlamedClass)) or tuple(classes),
        written=_write(path, session, objects, sites, names) if path else None,
        proof=proof(session),
    )


def _types(session: Session) -> ObjectTypes:
    """Find the types of all objects."""
    from gdb_gospan.analysis.objecttypes import object_types  # noqa: PLC0415  # only for who asks for them

    return object_types(session.heap, () if session.threads is None else tuple(session.threads()))


def _own(rows: list[Blamed], sort: str) -> list[Blamed]:
    """Leave out who only calls what allocates, unless the rows are sorted by that."""
    return rows if sort.startswith("cum_") else [each for each in rows if each.samples]


def _sort(column: str, by: str) -> str:
    """Return the column to sort by."""
    if column in (_FLAT, _CUM):
        column = "stranded_bytes" if column == _FLAT or by == _CLASS else "cum_stranded_bytes"
    if column not in names_of(BlamedClass if by == _CLASS else Blamed):
        raise UsageError(
            f"blame: invalid --sort {column}: classes have no such column (try: --sort {_FLAT}, or --by line)"
        )
    return column


def _write(path: str, session: Session, objects: SampledObjects, sites: Sites, names: Names) -> pprof.Written:
    from gdb_gospan.reports.profilefile import of_blame, profile_file  # noqa: PLC0415  # only for who asks for it

    figures = of_blame(objects, sites.rows, sites.kept)
    return pprof.write(path, profile_file(session, sites.stacks, names, figures))


def _csv(answer: Blame) -> Rows:
    return answer.classes if answer.by == _CLASS else answer.sites


def _prepared(arguments: Arguments) -> Arguments:
    if arguments["types"] and arguments["by"] == _CLASS:
        raise UsageError(f"blame: --types does not apply to --by {_CLASS} (try: --types --by stack)")
    return pprof.prepared(with_scipy("blame", "types")(arguments))


_ROWS: Final = (Blamed, BlamedClass, Covered)

REPORT = Report(
    name="blame",
    summary="which code allocated the objects that keep the spans in use",
    description=(
        "The runtime keeps the stack of each sampled object as long as the object is there. From these: bytes alive, bytes of\n"
        "free slots that the objects strand, and spans that they keep, by the code that allocated them; with standard errors.\n"
        "As for pprof, MemProfileRate counts as it is now, whatever it was before. --pprof writes it for go tool pprof.\n"
        "With --types it says what these objects are, of a core or a process: snapshots do not hold what that needs."
    ),
    example="go-spans blame --by line --limit 10",
    place=88,
    document=Blame,
    build=_build,
    screen=apart("blame"),
    csv=_csv,
    rows=("sites",),
    prepare=_prepared,
    contents_for="types",
    options=(
        Option("by", "what a row is", "PLACE", "function", choices=("function", "line", "stack", _CLASS)),
        sort_by(Blamed, _FLAT, _FLAT, _CUM),
        LIMIT,
        Option("types", "also show the type of most of the sampled objects (reads the contents of objects)"),
        MAX_PAUSE.only_of("the types", "types"),
        pprof.OPTION,
    ),
    words=tuple(dict.fromkeys(word for row in _ROWS for word in headings(row))),
)
