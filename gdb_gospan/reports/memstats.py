"""go-spans memstats: what runtime.ReadMemStats would return now."""

from __future__ import annotations

from typing import Any, NamedTuple

from gdb_gospan.analysis.session import Session
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.document import (
    BYTES,
    COUNT,
    NANOSECONDS,
    Document,
    Field,
    Looks,
    document,
    field,
    fields_of,
    made_of,
    names_of,
)
from gdb_gospan.fields.goal import no_goal
from gdb_gospan.fields.report import Arguments, Figure, Report
from gdb_gospan.fields.units import UNKNOWN, count, duration
from gdb_gospan.render.provenance import footer, heading, note
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mstats import Flush, possible, within

CHANGED_BY_READING = (
    "HeapIdle",
    "HeapSys",
    "HeapReleased",
    "StackInuse",
    "StackSys",
    "MSpanInuse",
    "GCSys",
    "OtherSys",
)
"""Fields that ReadMemStats' own flush of the mcaches may move: it returns cached stacks, and spans of which
nothing is left, to the heap, and takes metadata from persistent memory for longer lists (mcache.go, flushmcache).
HeapReleased moves whenever the background scavenger works, between any stop and any reading."""

_BEGIN_A_GROUP = ("HeapAlloc", "StackInuse", "NextGC")
_OF_MANY = ("PauseNs", "PauseEnd", "BySize")
"""Fields that are no single figure."""


@document
class SizeClass(Document):
    """Allocations of one size class: a row of BySize."""

    Size: int = field(
        "bytes of a slot", unit=BYTES, heading="BySize", shown=lambda row, _: count(row.Size)
    )  # no KiB: it names the class
    Mallocs: int | None = field("allocations", unit=COUNT, heading="Mallocs")
    Frees: int | None = field("frees", unit=COUNT, heading="Frees")


@document
class MemStats(Document):
    """runtime.MemStats as ReadMemStats would compute it, under Go's names and as Go documents it.

    What counts objects in the Ps' caches is None when not all of them could be read; so is a number that no program
    can have: less than 0, or more bytes than there are addresses.
    """

    Alloc: int | None = field("bytes: HeapAlloc", unit=BYTES)
    TotalAlloc: int | None = field("bytes allocated since the start", unit=BYTES)
    Sys: int | None = field("bytes of all memory that the runtime got from the operating system", unit=BYTES)
    Lookups: int = field("always 0", unit=COUNT)
    Mallocs: int | None = field("objects allocated since the start, tiny ones among them", unit=COUNT)
    Frees: int | None = field("objects freed since the start", unit=COUNT)
    HeapAlloc: int | None = field(
        "bytes of allocated slots, garbage that is not swept among them", unit=BYTES
    )
    HeapSys: int | None = field("bytes: HeapInuse + HeapIdle", unit=BYTES)
    HeapIdle: int | None = field("bytes of free pages, released ones among them", unit=BYTES)
    HeapInuse: int | None = field("bytes of spans in use", unit=BYTES)
    HeapReleased: int | None = field(
        "bytes of pages returned to the operating system, or never touched", unit=BYTES
    )
    HeapObjects: int | None = field("allocated slots", unit=COUNT)
    StackInuse: int | None = field("bytes of stack spans", unit=BYTES)
    StackSys: int | None = field("bytes: StackInuse and thread stacks that the runtime allocated", unit=BYTES)
    MSpanInuse: int | None = field("bytes of span descriptors handed out", unit=BYTES)
    MSpanSys: int | None = field("bytes taken for span descriptors", unit=BYTES)
    MCacheInuse: int | None = field("bytes of mcaches handed out", unit=BYTES)
    MCacheSys: int | None = field("bytes taken for mcaches", unit=BYTES)
    BuckHashSys: int | None = field("bytes of profiling buckets", unit=BYTES)
    GCSys: int | None = field("bytes of the collector's metadata, work buffers among them", unit=BYTES)
    OtherSys: int | None = field("bytes of all other metadata", unit=BYTES)
    NextGC: int | None = field(
        "bytes of HeapAlloc at which the pacer wants the next cycle to end", unit=BYTES
    )
    LastGC: int = field("nanoseconds since 1970: end of the last cycle, 0 for none")
    PauseTotalNs: int = field("nanoseconds of all pauses", unit=NANOSECONDS)
    PauseNs: tuple[int, ...] = field(
        "nanoseconds: a ring of 256 pauses, the newest at (NumGC+255)%256", unit=NANOSECONDS
    )
    PauseEnd: tuple[int, ...] = field("nanoseconds since 1970: the ends of those pauses")
    NumGC: int = field("cycles completed", unit=COUNT)
    NumForcedGC: int = field("of these, cycles that the program requested", unit=COUNT)
    GCCPUFraction: float | None = field(
        "share of the program's CPU time that the collector used up to the end of the last cycle, 0 to 1"
    )
    EnableGC: bool = field("always true")
    DebugGC: bool = field("always false")
    BySize: tuple[SizeClass, ...] | None = field("allocations by size class, the first 61")


@document
class HeldByCaches(Document):
    """What the counters do not have before the flush of the mcaches; None when not known."""

    bytes: int | None = field("bytes missing in HeapAlloc and TotalAlloc", unit=BYTES)
    objects: int | None = field("objects missing in HeapObjects", unit=COUNT)
    mallocs: int | None = field("missing in Mallocs: the objects, and tiny ones", unit=COUNT)
    frees: int | None = field(
        "missing in Frees: the tiny ones, which count as freed in their block", unit=COUNT
    )


@document
class Reading(Answer):
    """What runtime.ReadMemStats would return now."""

    memstats: MemStats = field(
        "runtime.MemStats as ReadMemStats would compute it, under Go's names and as Go documents it; fields that "
        "need the Ps' caches are null when not all caches could be read; so is an impossible number: negative, "
        "or more bytes than there are addresses"
    )
    changed_by_reading: tuple[str, ...] = field(
        "fields that ReadMemStats itself may change, because it flushes the Ps' caches first"
    )
    held_by_mcaches: HeldByCaches = field(
        "what memstats includes and the counters do not yet, so that runtime/metrics and Prometheus lack it; null when not known"
    )


def mem_stats_of(heap: Heap) -> MemStats:
    """Return runtime.MemStats, without what no program can have."""
    stats = possible(heap.mem_stats)
    sizes = stats["BySize"]
    many = {
        "PauseNs": tuple(stats["PauseNs"]),
        "PauseEnd": tuple(stats["PauseEnd"]),
        "BySize": None if sizes is None else tuple(made_of(SizeClass, row) for row in sizes),
    }
    return made_of(MemStats, {**stats, **many})


def _build(session: Session, _arguments: Arguments) -> Reading:
    """Compute all fields of runtime.MemStats."""
    session.finish_reading()
    return Reading(
        about=about(session, "memstats"),
        memstats=mem_stats_of(session.heap),
        changed_by_reading=CHANGED_BY_READING,
        held_by_mcaches=_held(session.heap.flush),
        proof=proof(session),
    )


def _held(flush: Flush) -> HeldByCaches:
    """Return what the counters do not have before the flush: runtime/metrics reads them as they are (metrics.go, compute)."""

    def known(value: int) -> int | None:
        return within(value) if flush.complete else None

    objects = int(flush.small_allocs.sum())
    return HeldByCaches(
        bytes=known(int((flush.small_allocs * sizeclasses.sizes()).sum())),
        objects=known(objects),
        mallocs=known(objects + flush.tiny_allocs),
        frees=known(flush.tiny_allocs),
    )


def _figures(answer: Reading) -> list[Figure]:
    """Return a row for each field; those of BySize are named as in Go: BySize[3].Mallocs."""
    stats = answer.memstats
    figures = [
        _figure(name, value)
        for name in names_of(MemStats)
        if not isinstance(value := getattr(stats, name), tuple)
    ]
    for number, row in enumerate(stats.BySize or ()):
        figures += [_figure(f"BySize[{number}].{name}", getattr(row, name)) for name in names_of(SizeClass)]
    return figures


def _figure(name: str, value: object) -> Figure:
    return Figure(section="memstats", name=name, value=value)


class _Line(NamedTuple):
    """A line of the screen, in words."""

    name: str = ""
    value: str = ""
    mark: str = ""
    means: str = ""


def _screen(answer: Reading, looks: Looks) -> str:
    """Lay the fields out in Go's order, in groups, then BySize."""
    from gdb_gospan.render.tables import TableColumn, fitted  # noqa: PLC0415  # summary has these figures, and no table

    stats = answer.memstats
    rows: list[_Line] = []
    for each in fields_of(MemStats):
        if each.name in _BEGIN_A_GROUP:
            rows.append(_Line())
        if each.name not in _OF_MANY:
            mark = "~" if each.name in answer.changed_by_reading else ""
            value = getattr(stats, each.name)
            rows.append(_Line(each.name, _value(each.name, value), mark, _means(each, value, looks)))
    rows.append(_Line())
    fields, _ = fitted(
        [
            TableColumn("name", "field", lambda row: row.name, left=True),
            TableColumn("value", "value", lambda row: row.value),
            TableColumn("mark", "", lambda row: row.mark, left=True),
            TableColumn("means", "", lambda row: row.means, left=True, rank=1),
        ],
        rows,
        None,
        looks.room,
    )
    notes = [
        note(
            "~ ReadMemStats itself flushes the Ps' caches first, which may change this field; the background "
            "scavenger may change HeapReleased at any time",
            looks.width,
        ),
        note(_metrics(answer.held_by_mcaches, looks), looks.width),
        note("PauseNs and PauseEnd: see go-spans gc, or --json", looks.width),
    ]
    lines = [heading(answer, looks), "", fields, _by_size(stats, looks), *notes, footer(answer, looks)]
    return "\n".join(lines) + "\n"


def _metrics(held: HeldByCaches, looks: Looks) -> str:
    """Say by how much the same figures of runtime/metrics differ, and so those that Prometheus has."""
    amount = units.nbytes(held.bytes, exact=looks.exact)
    return (
        f"runtime/metrics, and so Prometheus' go_memstats_*, does not flush the caches. It now lacks {amount} of HeapAlloc "
        f"and TotalAlloc, {count(held.objects)} of HeapObjects, {count(held.mallocs)} of Mallocs, {count(held.frees)} of Frees"
    )


def _value(name: str, value: Any) -> str:
    if value is None:
        return UNKNOWN
    if name == "GCCPUFraction":
        return f"{value:.6g}"
    return str(value).lower() if isinstance(value, bool) else f"{value:,}"


def _means(each: Field, value: Any, looks: Looks) -> str:
    """Say the same for people: bytes with a unit, times as such."""
    if value is None:
        return ""
    if each.name == "NextGC" and no_goal(value):
        return "no heap goal: GOGC is off"
    if each.name == "LastGC":
        return units.moment(value) if value else "never"
    if each.column.unit == NANOSECONDS:
        return duration(value)
    return units.nbytes(value) if each.column.unit == BYTES and not looks.exact else ""


def _by_size(stats: MemStats, looks: Looks) -> str:
    if stats.BySize is None:
        return "  BySize unknown"
    from gdb_gospan.render.tables import TableColumn, columns_of, fitted, table  # noqa: PLC0415  # as in _screen

    rows = [row for row in stats.BySize if row.Mallocs != 0]
    columns = [
        *columns_of(SizeClass, looks),
        TableColumn("live", "difference", lambda row: count(_live(row))),
    ]
    body = table(columns, rows)
    fits = not looks.room or max(map(len, body.splitlines())) <= looks.room
    return body if fits else fitted(columns, rows, None, looks.room)[0]


def _live(row: SizeClass) -> int | None:
    """Return how many objects of a class are allocated; None where the counters say less than none."""
    mallocs, frees = row.Mallocs, row.Frees
    return None if mallocs is None or frees is None or frees > mallocs else mallocs - frees


REPORT = Report(
    name="memstats",
    summary="what runtime.ReadMemStats would return now, every field",
    description=(
        "Computed from the runtime's counters as ReadMemStats does it, without calling it. The\n"
        "program itself would print the same, unless a thread was stopped during an allocation or a sweep."
    ),
    example="go-spans memstats --json",
    place=100,
    document=Reading,
    build=_build,
    screen=_screen,
    rows=("memstats",),
    csv=_figures,
    words=(
        (
            "~",
            "ReadMemStats flushes the Ps' caches first, which may change this field; the scavenger may change HeapReleased at any time",
        ),
        (
            "runtime/metrics",
            "the source of Prometheus' go_memstats_*; it does not flush the caches, so it lacks the counts still in them",
        ),
        ("BySize", "allocations and frees by size class since the start, for the classes that were used"),
    ),
)
