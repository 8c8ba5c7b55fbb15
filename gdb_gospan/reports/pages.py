"""go-spans pages: the page allocator's pages, and how the free ones lie together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gdb_gospan.analysis.blockers import blocked
from gdb_gospan.analysis.contiguity import FEW, HUGE_BYTES, Contiguity, contiguity
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.spancolumns import columns_of
from gdb_gospan.fields.command import LIMIT, Option
from gdb_gospan.fields.document import Address, names_of
from gdb_gospan.fields.report import Arguments, Report, sort_by
from gdb_gospan.fields.rows import order_of, rows_of
from gdb_gospan.fields.table import Table
from gdb_gospan.reports import ownersoption
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.graphextra import with_scipy
from gdb_gospan.reports.rows.pages import (
    Blockers,
    BlockingSpan,
    BlocksByTaken,
    Chunk,
    CurrentArena,
    HugePages,
    LargestAllocation,
    LargestRun,
    NearlyFreeBlock,
    PageCaches,
    Pages,
    PagesOfState,
    RunsOfOrder,
)
from gdb_gospan.reports.screens.pages import screen
from gdb_gospan.runtime.mpagealloc import CACHED, CACHED_RELEASED, FREE, IN_USE, KIND_NAMES, MANUAL, RELEASED
from gdb_gospan.runtime.record import Column

if TYPE_CHECKING:
    from gdb_gospan.reports.holding import Holding


def _build(session: Session, arguments: Arguments) -> Pages:
    """Describe the pages by state, by run, by huge page and by chunk."""
    held = ownersoption.holding_if(session, arguments)
    session.finish_reading()
    found = contiguity(session.heap)
    page_bytes = found.kinds.pages.page_size
    sort, limit, chunks = arguments["sort"], arguments["limit"], _chunk_columns(found)
    order = order_of(Chunk, chunks[sort], sort, limit)
    longest = int(found.runs.npages.max(initial=0))
    return Pages(
        about=about(session, "pages"),
        page_bytes=page_bytes,
        states=tuple(
            PagesOfState(state=name, pages=pages, bytes=pages * page_bytes)
            for name, pages in zip(KIND_NAMES, found.kinds.counts.tolist(), strict=True)
        ),
        free_runs=_orders(found, page_bytes),
        largest_run=_largest(found, page_bytes),
        largest_allocation=LargestAllocation(bytes=longest * page_bytes, doubts=found.doubts),
        page_caches=_caches(found, page_bytes),
        current_arena=_arena(found),
        huge_pages=_huge(found, page_bytes),
        blockers=_blockers(session, limit, held) if arguments["blockers"] or held is not None else None,
        show_chunks=arguments["chunks"],
        sort=sort,
        chunk_bytes=found.growth_bytes,
        total_rows=len(found.chunks.first),
        chunks=Table(
            Chunk,
            len(order),
            lambda block: {name: column[order[block]] for name, column in chunks.items()},
        ),
        proof=proof(session),
    )


def _orders(found: Contiguity, page_bytes: int) -> tuple[RunsOfOrder, ...]:
    """Return a row for each power of two up to the longest run."""
    table = found.orders
    return rows_of(
        RunsOfOrder,
        {
            "order": table.order,
            "min_pages": table.min_pages,
            "runs": table.runs,
            "bytes": table.npages * page_bytes,
            "released_bytes": table.released * page_bytes,
            "unusable": np.round(table.unusable, 6),
        },
    )


def _largest(found: Contiguity, page_bytes: int) -> LargestRun | None:
    run = found.largest_run
    if run is None:
        return None
    return LargestRun(
        address=Address(run.start),
        pages=run.npages,
        bytes=run.npages * page_bytes,
        released_bytes=run.released * page_bytes,
    )


def _caches(found: Contiguity, page_bytes: int) -> PageCaches:
    kept, released = found.kinds.nbytes(CACHED), found.kinds.nbytes(CACHED_RELEASED)
    return PageCaches(
        bytes=kept + released,
        released_bytes=released,
        largest_run_bytes=found.cached_run * page_bytes,
    )


def _arena(found: Contiguity) -> CurrentArena:
    if found.arena is None:
        return CurrentArena(base=None, end=None, bytes=None, growth_bytes=found.growth_bytes)
    base, end = found.arena
    return CurrentArena(
        base=Address(base), end=Address(end), bytes=end - base, growth_bytes=found.growth_bytes
    )


def _huge(found: Contiguity, page_bytes: int) -> HugePages:
    blocks = found.blocks
    return HugePages(
        block_bytes=HUGE_BYTES,
        blocks=rows_of(
            BlocksByTaken,
            {
                "taken_from": blocks.low,
                "taken_to": blocks.high,
                "blocks": blocks.blocks,
                "free_bytes": blocks.free * page_bytes,
                "released_bytes": blocks.released * page_bytes,
            },
        ),
        wholly_retained=blocks.whole,
        blocked_by_at_most=FEW,
        blocked_free_bytes=blocks.few_free * page_bytes,
        unknown_blocks=blocks.unknown,
    )


def _blockers(session: Session, limit: int, held: Holding | None) -> Blockers:
    """Return a row for each block that few pages keep from being wholly free, with the spans that they are of."""
    heap, found = session.heap, blocked(session.heap)
    page_bytes = heap.pages.page_size
    first = slice(limit or None)
    spans = [found.spans(block) for block in range(len(found.first[first]))]
    begins = np.cumsum([0, *map(len, spans)])
    rows = np.concatenate([np.empty(0, np.int64), *spans])
    every = rows_of(
        BlockingSpan,
        columns_of(heap, rows, names_of(BlockingSpan)) | ownersoption.span_columns(held, rows),
    )
    return Blockers(
        total=len(found.first),
        rows=tuple(
            NearlyFreeBlock(
                start=Address(start),
                taken_pages=taken,
                free_bytes=(found.block_pages - taken) * page_bytes,
                other_pages=found.others(block),
                spans=every[begins[block] : begins[block + 1]],
            )
            for block, (start, taken) in enumerate(
                zip(found.start[first].tolist(), found.taken[first].tolist(), strict=True)
            )
        ),
        incomplete=ownersoption.unread(held),
    )


def _blocking(answer: Pages) -> list[BlockingSpan] | None:
    """Return the spans that keep blocks, one after the other as they are printed."""
    return (
        None if answer.blockers is None else [span for block in answer.blockers.rows for span in block.spans]
    )


def _chunk_columns(found: Contiguity) -> dict[str, Column]:
    chunks = found.chunks
    return {
        "start": found.chunk_starts,
        "in_use": chunks.of(IN_USE),
        "manual": chunks.of(MANUAL),
        "free": chunks.of(FREE),
        "released": chunks.of(RELEASED),
        "other": chunks.other,
        "largest_run": chunks.largest,
    }


REPORT = Report(
    name="pages",
    summary="pages by state, runs of free pages, and what fits without heap growth",
    description=(
        "The runtime hands out memory in pages of 8 KiB. An allocation needs enough free pages\n"
        "in a row. When no run is long enough, the heap grows, even if much of it is free."
    ),
    example="go-spans pages --chunks --sort largest_run",
    place=110,
    document=Pages,
    build=_build,
    screen=screen,
    rows=("chunks",),
    spans=_blocking,
    words=(
        ("free, kept", "free pages still backed by memory; HeapIdle - HeapReleased without the page caches"),
        (
            "returned",
            "free and given back to the OS, or never touched (scavenged): HeapReleased without padding; can be allocated",
        ),
        ("in Ps' page caches", "free, but reserved by a P; no other P can use them"),
        ("padding", "from Go 1.26 on the heap begins at a random page; those before it are never used"),
        ("free runs", "runs of free pages by length, the shortest first"),
        (
            "unusable",
            "unusable-free index: share of the free bytes in runs that are shorter than those of this row",
        ),
        (
            "fits without growth",
            "the largest single allocation that does not raise HeapSys",
        ),
        (
            "heap growth",
            "an allocation that fits into no free run raises HeapSys: it takes reserved address space (mheap.curArena), or reserves more",
        ),
        (
            "aligned blocks",
            "blocks of 2 MiB, the size of a huge page; here a page that cannot be allocated counts as in use",
        ),
        (
            "kept by",
            "with --blockers: the spans in blocks with 1 to 4 pages in use, and their objects",
        ),
        (
            "chunks",
            "with --chunks: pages and longest free run of each chunk, 4 MiB of the page allocator",
        ),
        ("other", "padding, pages in Ps' page caches, allocated without a span, or unknown"),
    ),
    options=(
        Option("chunks", "also show a row for each chunk of 4 MiB"),
        Option("blockers", "also show the spans in blocks of 2 MiB that have only 1 to 4 pages in use"),
        *ownersoption.options(
            "these spans, and of each the type and the owner that have most bytes of what is reached in it"
        ),
        sort_by(Chunk, "start").only_of("the chunks", "chunks", "json", "csv"),
        LIMIT.only_of("the chunks and the blockers", "chunks", "blockers", "owners", "json", "csv"),
        Option("csv", "print the chunks as CSV"),
    ),
    prepare=with_scipy("pages", "owners"),
    contents_for="owners",
)
