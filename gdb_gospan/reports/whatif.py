"""go-spans whatif: what a collection, a scavenge, a restart, fewer Ps or other settings would free."""

from __future__ import annotations

from typing import Literal

import numpy as np

from gdb_gospan.analysis import whatif as analysis
from gdb_gospan.analysis.blockers import blocked
from gdb_gospan.analysis.packing import Packing, packing
from gdb_gospan.analysis.rows import unknown_where
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.spancolumns import LATE_COLUMNS, columns_of
from gdb_gospan.analysis.stacks import stack_bytes
from gdb_gospan.analysis.whatif import Bound
from gdb_gospan.errors import UsageError
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.command import Option
from gdb_gospan.fields.document import BYTES, COUNT, PERCENT, Address, Document, document, field, names_of
from gdb_gospan.fields.report import Arguments, Report, headings
from gdb_gospan.fields.rows import rows_of
from gdb_gospan.fields.spanclass import number_column, size_column
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.rows.pages import BlockingSpan
from gdb_gospan.reports.screens import apart
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import CACHED, FREE
from gdb_gospan.runtime.mstats import ADDRESS_SPACE, within

_OFF = "off"
_FIRST_BLOCKS = 3

Assumption = Literal[
    "survivors_live",
    "pages_of_caches_stay",
    "stacks_may_shrink",
    "objects_could_move",
    "same_stacks_no_metadata",
    "slots_stay_in_heap",
    "same_live_heap",
]

Figure = Literal["HeapAlloc", "HeapInuse", "idle_retained", "retained", "parked", "NextGC"]


@document
class Change(Document):
    """One change, and the bytes that it would free."""

    code: str = field("stable name of the change")
    figure: Figure = field(
        "the figure that the bytes are a part of; retained: Sys - HeapReleased; parked: what Ps keep for themselves"
    )
    now: int | None = field("that figure as it is; null when not known", unit=BYTES)
    at_least: int | None = field(
        "bytes that would be freed, at least; less than 0 when more would be taken; null when not known",
        unit=BYTES,
    )
    at_most: int | None = field("bytes that would be freed, at most; null when not known", unit=BYTES)
    leaves: int | None = field("the figure afterwards, at least: now - at_most", unit=BYTES)
    assumptions: tuple[Assumption, ...] = field("what the bounds rest on")


@document
class Class(Document):
    """One span class, and the fewest spans that its objects need."""

    elemsize: int = size_column()
    spanclass: int = number_column(1)
    noscan: bool = field("its objects hold no pointers")
    spans: int = field("spans in use", unit=COUNT, heading="spans")
    span_bytes: int = field("bytes of these spans", unit=BYTES)
    objects: int = field("objects in them, with garbage that is not swept yet", unit=COUNT)
    packed_spans: int = field("the fewest spans that these objects need", unit=COUNT, heading="packed")
    saved_bytes: int | None = field(
        "bytes of spans that packing the objects would save; null when damage makes it impossible",
        help="bytes of spans that packing the objects would save",
        unit=BYTES,
        heading="saved",
        rank=2,
    )
    survivors: int | None = field("objects that survived the last cycle; null when not known", unit=COUNT)
    survivor_spans: int | None = field(
        "the fewest spans that these survivors need; null when not known",
        help="the fewest spans that the survivors of the last cycle need",
        unit=COUNT,
        heading="of survivors",
    )
    survivor_saved_bytes: int | None = field(
        "bytes of spans that packing the survivors alone would save; null when not known",
        help="bytes that packing the survivors alone would save",
        unit=BYTES,
        heading="saved by survivors",
        rank=1,
    )


@document
class Goals(Document):
    """The heap goal with another GOGC or memory limit."""

    gc_percent: int | None = field("GOGC that was asked for, or as it is; null when off", unit=PERCENT)
    memory_limit: int | None = field("GOMEMLIMIT likewise; null for none", unit=BYTES)
    heap_goal: int | None = field("the heap goal as it is: NextGC; null for none", unit=BYTES)
    new_goal: int | None = field("the heap goal with these settings; null for none", unit=BYTES)
    heap_marked: int | None = field("bytes that the last cycle found live", unit=BYTES)
    fits: bool | None = field("these bytes are below the goal that the limit sets; null without a limit")
    gc_percent_at_limit: float | None = field(
        "the GOGC that would lead to the goal of the limit; null where the limit is not what decides"
    )


@document
class FirstBlock(Document):
    """A block of 2 MiB, with the spans that lie in it."""

    start: Address = field("address of its first byte")
    taken_pages: int = field("pages of it that are in use", unit=COUNT)
    spans: tuple[BlockingSpan, ...] = field("the spans on these pages")


@document
class Blocks(Document):
    """Blocks of 2 MiB of which spans take only 1 to 4 pages."""

    blocks: int = field("blocks in which all pages in use are of spans", unit=COUNT)
    other_blocks: int = field("such blocks with other pages in use, which are left out", unit=COUNT)
    spans: int = field("the smallest set of spans that blocks them: all that lie in them", unit=COUNT)
    taken_bytes: int = field("bytes of these spans in the blocks", unit=BYTES)
    gained_bytes: int = field(
        "bytes of the blocks, which would be wholly free without these spans", unit=BYTES
    )
    first: tuple[FirstBlock, ...] = field("the first blocks, those with the fewest pages in use")


@document
class WhatIf(Answer):
    """What could be freed, as bounds."""

    changes: tuple[Change, ...] = field("one row for each change")
    classes: tuple[Class, ...] = field("every span class in use, by number: the fewest spans for its objects")
    large_bytes: int = field("bytes of spans of large objects, which cannot be packed", unit=BYTES)
    blocks: Blocks = field("what blocks free runs of the size of a huge page")
    goals: Goals | None = field("the heap goal with --gogc or --memory-limit", optional=True, default=None)


def _prepare(arguments: Arguments) -> Arguments:
    """Take GOGC as the runtime does: a percentage, or off."""
    text, procs = arguments["gogc"], arguments["procs"]
    if text is not None and text != _OFF and not (text.isdecimal() and int(text) < 1 << 31):
        raise UsageError(f"whatif: invalid --gogc {text} (try: --gogc 50, or --gogc off)")
    if procs is not None and procs < 1:
        raise UsageError(f"whatif: invalid --procs {procs}: at least one P is needed")
    return arguments


def _build(session: Session, arguments: Arguments) -> WhatIf:
    """Compute every bound; each has its assumptions beside it."""
    heap = session.heap
    heap.want(*LATE_COLUMNS)
    session.finish_reading("goroutines")
    table = packing(heap)
    goals = _goals(heap, arguments)
    return WhatIf(
        about=about(session, "whatif"),
        changes=tuple(
            _change(*each)
            for each in (
                *_collected(heap),
                *_packed(heap, table),
                *_fewer(heap, arguments["procs"]),
                *_other_goal(goals),
            )
        ),
        classes=_classes(table),
        large_bytes=int(table.span_bytes[table.spanclass <= 1].sum()),
        blocks=_blocks(heap),
        goals=goals,
        proof=proof(session, scheduler=True),
    )


_GOAL = "goal"
_Row = tuple[str, Figure, "int | None", Bound, tuple[Assumption, ...]]


def _change(
    code: str, figure: Figure, now: int | None, freed: Bound, assumptions: tuple[Assumption, ...]
) -> Change:
    least, most = freed.least, freed.most
    if code != _GOAL:  # another goal may be higher
        least, most = (within(each, ADDRESS_SPACE if now is None else now) for each in (least, most))
    return Change(
        code=code,
        figure=figure,
        now=now,
        at_least=least,
        at_most=most,
        leaves=None if now is None or most is None else now - most,
        assumptions=assumptions,
    )


def _collected(heap: Heap) -> list[_Row]:
    stats, cycle = heap.mem_stats, analysis.collection(heap)
    returned = analysis.scavenge(heap, cycle.spans)
    idle = heap.page_kinds.nbytes(FREE, CACHED)
    live: tuple[Assumption, ...] = ("survivors_live",)
    return [
        ("gc_objects", "HeapAlloc", _figure(stats["HeapAlloc"]), cycle.objects, live),
        ("gc_spans", "HeapInuse", _figure(stats["HeapInuse"]), cycle.spans, live),
        ("scavenge", "idle_retained", idle, returned.alone, ("pages_of_caches_stay",)),
        ("gc_scavenge", "retained", _retained(heap), returned.after_gc, (*live, "stacks_may_shrink")),
    ]


def _figure(value: int | None) -> int | None:
    return within(value, ADDRESS_SPACE)


def _retained(heap: Heap) -> int | None:
    """Return Sys - HeapReleased."""
    whole, released = (_figure(heap.mem_stats[name]) for name in ("Sys", "HeapReleased"))
    return None if whole is None or released is None else _figure(whole - released)


def _packed(heap: Heap, table: Packing) -> list[_Row]:
    inuse, retained = _figure(heap.mem_stats["HeapInuse"]), _retained(heap)
    saved = int((table.span_bytes - table.packed_bytes).sum())
    known = bool(table.known.all())
    needed = int(table.survivor_bytes.sum())
    alone = int(table.span_bytes.sum()) - needed if known else None
    stacks = stack_bytes(heap)
    own, dead = stacks.goroutine_bytes, stacks.dead_goroutine_bytes
    fresh = None
    if known and own is not None and dead is not None and retained is not None:
        fresh = max(retained - needed - (own - dead), 0)
    return [
        ("packing", "HeapInuse", inuse, Bound(saved, saved), ("objects_could_move",)),
        (
            "packing_survivors",
            "HeapInuse",
            inuse,
            Bound(alone, alone),
            ("objects_could_move", "survivors_live"),
        ),
        ("restart", "retained", retained, Bound(None, fresh), ("survivors_live", "same_stacks_no_metadata")),
    ]


def _fewer(heap: Heap, procs: int | None) -> list[_Row]:
    if procs is None:
        return []
    held = analysis.held_from(heap, procs)
    return [("procs", "parked", held.all_bytes, Bound(held.bytes, held.bytes), ("slots_stay_in_heap",))]


def _goals(heap: Heap, arguments: Arguments) -> Goals | None:
    gogc, limit = arguments["gogc"], arguments["memory_limit"]
    if (gogc is None and limit is None) or heap.gc is None:
        return None
    percent = heap.gc.gc_percent if gogc is None else None if gogc == _OFF else int(gogc)
    limit = within(heap.gc.memory_limit) if limit is None else limit
    found = analysis.goal(heap, percent, limit)
    return Goals(
        gc_percent=percent,
        memory_limit=limit,
        heap_goal=found.now,
        new_goal=found.then,
        heap_marked=_figure(heap.controller["heapMarked"]),
        fits=found.fits,
        gc_percent_at_limit=found.percent,
    )


def _other_goal(goals: Goals | None) -> list[_Row]:
    if goals is None:
        return []
    now, then = goals.heap_goal, goals.new_goal
    difference = None if now is None or then is None else now - then
    return [(_GOAL, "NextGC", now, Bound(difference, difference), ("same_live_heap",))]


def _classes(table: Packing) -> tuple[Class, ...]:
    sizes, small = sizeclasses.sizes(), table.spanclass > 1
    number = np.minimum(table.spanclass >> 1, len(sizes) - 1)
    saved, alone = (table.span_bytes - each for each in (table.packed_bytes, table.survivor_bytes))
    columns = {
        "elemsize": np.where(small, sizes[number], 0),
        "spanclass": table.spanclass,
        "noscan": (table.spanclass & 1) == 1,
        "spans": table.spans,
        "span_bytes": table.span_bytes,
        "objects": table.objects,
        "packed_spans": table.packed_spans,
        "saved_bytes": unknown_where(saved < 0, saved),  # damage alone brings that about
        "survivors": unknown_where(~table.known, table.survivors),
        "survivor_spans": unknown_where(~table.known, table.survivor_spans),
        "survivor_saved_bytes": unknown_where(~table.known | (alone < 0), alone),
    }
    return rows_of(Class, columns)


def _blocks(heap: Heap) -> Blocks:
    found = blocked(heap)
    total = analysis.blocking(heap, found)
    return Blocks(
        blocks=total.blocks,
        other_blocks=total.other_blocks,
        spans=total.spans,
        taken_bytes=total.taken_bytes,
        gained_bytes=total.gained_bytes,
        first=tuple(
            FirstBlock(
                start=Address(int(found.start[block])),
                taken_pages=int(found.taken[block]),
                spans=rows_of(BlockingSpan, columns_of(heap, found.spans(block), names_of(BlockingSpan))),
            )
            for block in total.first[:_FIRST_BLOCKS].tolist()
        ),
    )


REPORT = Report(
    name="whatif",
    summary="bounds of what a GC, a scavenge, a restart or other settings would free",
    description=(
        "Bytes that each change would free, at least and at most, with the assumptions that the bounds rest on.\n"
        "The collector cannot move objects: packing says what the spread of the objects over their spans costs.\n"
        "--procs, --gogc and --memory-limit add a row for other settings."
    ),
    example="go-spans whatif --gogc 50",
    place=95,
    document=WhatIf,
    build=_build,
    screen=apart("whatif"),
    rows=("changes",),
    options=(
        Option("all", "add the fewest spans for the objects of every span class"),
        Option("procs", "add what the caches of the other Ps hold, with so many Ps", "N", number=True),
        Option("gogc", "add the heap goal with this GOGC: a percentage, or off", "PERCENT"),
        Option(
            "memory-limit",
            "add the heap goal with this memory limit, such as 512MiB",
            "BYTES",
            number=True,
        ),
    ),
    prepare=_prepare,
    words=(
        ("freed by", "the change: what would be done"),
        ("part of", "the figure of which the bytes are a part"),
        ("now", "that figure as it is"),
        ("at least", "bytes that would be freed, at least"),
        ("at most", "bytes that would be freed, at most"),
        ("leaves", "the figure afterwards, at least"),
        *headings(Class),
    ),
)
