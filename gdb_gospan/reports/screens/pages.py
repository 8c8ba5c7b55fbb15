"""The pages by state, and how the free ones lie together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import attrs

from gdb_gospan.fields import units
from gdb_gospan.fields.document import Document, Looks
from gdb_gospan.fields.units import count, counted, share
from gdb_gospan.render import bars
from gdb_gospan.render.lines import filled
from gdb_gospan.render.longtable import Kinds, laid_out, measure
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out
from gdb_gospan.render.tables import TableColumn, chosen, columns_of, fitted, total_of
from gdb_gospan.reports.rows.kept import INCOMPLETE
from gdb_gospan.reports.rows.pages import (
    Blockers,
    BlocksByTaken,
    Chunk,
    HugePages,
    NearlyFreeBlock,
    Pages,
    PagesOfState,
    RunsOfOrder,
    between,
)

_BAR = 8
_FACT = 20
_ALWAYS = ("free", "released", "in use", "manual")
"""States that have a row where no page is in them, too."""
_DOUBTS = {
    "unswept": "sweeping is not finished: the runtime would sweep first, and may free more",
    "in flight": "the bitmap and the spans disagree about some pages (see check)",
    "unknown": "some bitmaps could not be read",
    "page caches": "an allocation this small may use the page cache of its P instead",
}

Size = Callable[[int | None], str]


def screen(answer: Pages, looks: Looks) -> Iterator[str]:
    """Lay the report out, in pieces of whole lines; the chunks only when they are asked for."""
    size: Size = partial(units.nbytes, exact=looks.exact)
    blocks = [
        heading(answer, looks),
        _states(answer, looks, size),
        _runs(answer, looks, size),
        _fits(answer, looks, size),
        _huge(answer.huge_pages, looks, size),
    ]
    if answer.blockers is not None:
        blocks.append(_blockers(answer.blockers, answer.huge_pages.block_bytes, looks, size))
    yield "\n\n".join(blocks) + "\n\n"
    if answer.show_chunks:
        yield from _chunks(answer, looks, size)
    yield footer(answer, looks) + "\n"


def _states(answer: Pages, looks: Looks, size: Size) -> str:
    rows = [row for row in answer.states if row.pages or row.state in _ALWAYS]
    pages = sum(row.pages for row in rows)
    name, *others = columns_of(PagesOfState, looks)
    columns = [
        attrs.evolve(name, heading=f"{name.heading} of {size(answer.page_bytes)}"),
        *others,
        TableColumn("share", "share", lambda row: share(row.pages, pages), rank=1),
        TableColumn("bar", "", lambda row: bars.bar(row.pages, pages, _BAR), left=True, rank=2),
    ]
    every = PagesOfState(state="all", pages=pages, bytes=pages * answer.page_bytes)
    total = total_of(columns, every, {"share": share(pages, pages)})
    return f"{_table(columns, rows, total, looks)}\n{_returned(answer, looks, size)}"


def _returned(answer: Pages, looks: Looks, size: Size) -> str:
    """Say how these rows and MemStats.HeapReleased hang together."""
    there = {row.state: row.bytes for row in answer.states}
    parts = {
        "released": "returned or never touched",
        "cached and released": "page caches' returned pages",
        "padding": "padding",
    }
    shown = [part for state, part in parts.items() if there[state] or state == "released"]
    total = sum(there[state] for state in parts)
    return note(f"{' + '.join(shown)} = HeapReleased, {size(total)}", looks.width)


def _runs(answer: Pages, looks: Looks, size: Size) -> str:
    rows = answer.free_runs
    if not rows:
        return "No page is free." if not _unknown(answer) else "No page is known to be free."
    most = max(row.bytes for row in rows)
    length, runs, nbytes, *others = columns_of(RunsOfOrder, looks)

    def bar(row: RunsOfOrder) -> str:
        return "" if looks.exact else bars.bar(row.bytes, most, _BAR)  # whole bytes need the room

    columns = [
        length,
        TableColumn("from", "from", lambda row: size(row.min_pages * answer.page_bytes), rank=3),
        runs,
        nbytes,
        TableColumn("bar", "", bar, left=True, rank=4),
        *others,
    ]
    total = {
        **dict.fromkeys((column.key for column in columns), ""),
        length.key: "all",
        "runs": count(sum(row.runs for row in rows)),
        "bytes": size(sum(row.bytes for row in rows)),
        "released_bytes": size(sum(row.released_bytes for row in rows)),
    }
    return _table(columns, rows, total, looks)


def _fits(answer: Pages, looks: Looks, size: Size) -> str:
    run, arena, caches = answer.largest_run, answer.current_arena, answer.page_caches
    facts = []
    if run:
        returned = size(run.released_bytes) if run.released_bytes < run.bytes else "all"
        of_it = f", {returned} of it returned" if run.released_bytes else ""
        where = f"{run.address:#x} · {counted(run.pages, 'page')} ({size(run.bytes)}){of_it}"
        facts.append(("Largest free run", where))
    fits, doubts = answer.largest_allocation, answer.largest_allocation.doubts
    alone = "page caches" in doubts and not _unknown(answer)
    known = "" if not doubts else "about " if alone else "at least "
    more = "" if doubts else "; one page more raises HeapSys"
    facts.append(("Fits without growth", f"{known}{size(fits.bytes)} in one allocation{more}"))
    facts += [("", _DOUBTS[doubt]) for doubt in doubts]
    if arena.bytes is None:
        reserved = "the reserved space is unknown"
    elif arena.bytes:
        reserved = f"{size(arena.bytes)} reserved, from {arena.base:#x}"
    else:
        reserved = "no reserved space is left"
    facts.append(("Heap growth", f"in steps of {size(arena.growth_bytes)}; {reserved}"))
    if caches.bytes:
        longest = size(caches.largest_run_bytes)
        facts.append(
            ("In page caches", f"{size(caches.bytes)}, longest run {longest}; each usable by its own P only")
        )
    return "\n".join(_fact(name, fact, looks) for name, fact in facts)


def _fact(name: str, fact: str, looks: Looks) -> str:
    """Lay a fact out beside its name; one without a name is a doubt about the one before."""
    lines = filled(fact, max(looks.width - _FACT, _FACT))
    if not name:
        lines = [looks.paint("notice", line) for line in lines]
    return "\n".join(
        f"{label:<{_FACT}}{line}" for label, line in zip([name, *[""] * len(lines[1:])], lines, strict=True)
    )


def _unknown(answer: Pages) -> bool:
    return "unknown" in answer.largest_allocation.doubts


def _huge(huge: HugePages, looks: Looks, size: Size) -> str:
    columns = [
        TableColumn("taken", f"Aligned blocks of {size(huge.block_bytes)}", partial(_taken, huge), left=True),
        *columns_of(BlocksByTaken, looks),
    ]
    few, free = huge.blocked_by_at_most, size(huge.blocked_free_bytes)
    notes = [note(f"{free} are free in blocks with only 1 to {few} pages in use", looks.width)]
    if huge.unknown_blocks:
        notes.append("  " + looks.paint("notice", f"{counted(huge.unknown_blocks, 'block')} not known"))
    return "\n".join([_table(columns, huge.blocks, None, looks), *notes])


def _taken(huge: HugePages, row: BlocksByTaken) -> str:
    low, high = row.taken_from, row.taken_to
    if high == 0:
        return f"wholly free ({count(huge.wholly_retained)} with nothing returned)"
    if low == high and low > 1:
        return "wholly in use"
    return f"{between(low, high)} {'page' if high == 1 else 'pages'} in use"


def _blockers(found: Blockers, block_bytes: int, looks: Looks, size: Size) -> str:
    if not found.total:
        none = f"No block of {size(block_bytes)} has only a few pages in use"
        return "\n".join(filled(none, looks.width))
    cut = rows_left_out(found.total, len(found.rows), "blocks", looks.width)
    body = _table(columns_of(NearlyFreeBlock, looks), found.rows, None, looks)
    unread = [note(INCOMPLETE, looks.width)] if found.incomplete else []
    return "\n".join([body, *unread, *([cut] if cut else [])])


def _chunks(answer: Pages, looks: Looks, size: Size) -> Iterator[str]:
    chunks, of = answer.chunks, answer.total_rows
    start, *others = columns_of(Chunk, looks, sort=answer.sort)
    columns = [attrs.evolve(start, heading=f"Chunks of {size(answer.chunk_bytes)}"), *others]
    kinds = Kinds(chunks)
    measures = measure(kinds, columns)
    kept, left_out = chosen(columns, measures, len(chunks), looks.room, of=of, indent="")
    lines = laid_out(kept, kinds, measures, indent="", room=looks.room)
    headings = next(lines)
    yield looks.paint("heading", headings.rstrip("\n")) + "\n"
    yield from lines
    cut = rows_left_out(of, len(chunks), "chunks", looks.width)
    notes = [note(left_out, looks.width), "  in pages; a run may go on in the next chunk", cut]
    yield "\n".join(filter(None, notes)) + "\n\n"


def _table(
    columns: Sequence[TableColumn], rows: Sequence[Document], total: Mapping[str, str] | None, looks: Looks
) -> str:
    """Lay a table out under a painted heading, flush left like the headings of the summary."""
    body, left_out = fitted(columns, rows, total, looks.room, indent="")
    first, *others = body.splitlines()
    more = [note(left_out, looks.width)] if left_out else []
    return "\n".join([looks.paint("heading", first), *others, *more])
