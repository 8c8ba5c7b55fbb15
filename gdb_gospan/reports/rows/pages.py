"""What `pages` answers: pages by state, free runs, blocks of the size of a huge page, chunks."""

from __future__ import annotations

from collections.abc import Iterator

from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.document import BYTES, COUNT, DOWN, UP, Address, Document, Looks, document, field
from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.fields.spanclass import class_name
from gdb_gospan.fields.table import Table
from gdb_gospan.fields.units import count, counted
from gdb_gospan.reports.rows.kept import (
    incomplete,
    kept_words,
    reached_bytes,
    top_owner,
    top_owner_bytes,
    top_type,
    top_type_bytes,
)


def between(low: int, high: int) -> str:
    """Name a range of numbers; one alone by itself."""
    return count(low) if low == high else f"{count(low)} to {count(high)}"


@document
class PagesOfState(Document):
    """The pages of one state."""

    state: str = field(
        "what the pages are, as in pages of summary, with spaces",
        heading="Pages",
        shown=lambda row, _: page_words(row.state),
        left=True,
    )
    pages: int = field("pages", unit=COUNT, heading="pages")
    bytes: int = field("bytes of these", unit=BYTES, heading="bytes")


@document
class RunsOfOrder(Document):
    """The free runs of 2**k pages and less than twice that."""

    order: int = field("k: runs of 2**k pages and less than twice that")
    min_pages: int = field(
        "2**k",
        heading="Free runs, pages",
        shown=lambda row, _: between(row.min_pages, 2 * row.min_pages - 1),
        left=True,
    )
    runs: int = field("runs of free pages", unit=COUNT, heading="runs")
    bytes: int = field("bytes of these", unit=BYTES, heading="bytes")
    released_bytes: int = field(
        "of these, bytes returned to the operating system, or never touched",
        unit=BYTES,
        heading="returned",
        rank=2,
    )
    unusable: float = field(
        "share of all free pages, 0 to 1, in shorter runs, which an allocation of that many pages cannot use",
        heading="unusable",
        shown=lambda row, _: f"{100 * row.unusable:.1f} %",
        rank=1,
    )


@document
class LargestRun(Document):
    """The longest run of free pages."""

    address: Address = field("address of its first byte")
    pages: int = field("pages of 8 KiB", unit=COUNT)
    bytes: int = field("bytes of these", unit=BYTES)
    released_bytes: int = field(
        "of these, bytes returned to the operating system, or never touched", unit=BYTES
    )


@document
class LargestAllocation(Document):
    """The largest span that fits without growing the heap."""

    bytes: int = field("bytes", unit=BYTES)
    doubts: tuple[str, ...] = field("why it may be different")


@document
class PageCaches(Document):
    """Pages that the Ps took in advance."""

    bytes: int = field("bytes", unit=BYTES)
    released_bytes: int = field(
        "of these, bytes returned to the operating system, or never touched", unit=BYTES
    )
    largest_run_bytes: int = field("bytes of the longest run of them", unit=BYTES)


@document
class CurrentArena(Document):
    """Address space that the heap grows into next."""

    base: Address | None = field("address of its first byte")
    end: Address | None = field("address of the first byte after it")
    bytes: int | None = field("bytes", unit=BYTES)
    growth_bytes: int = field("bytes by which the heap grows at least", unit=BYTES)


@document
class BlocksByTaken(Document):
    """The blocks of which so many pages are taken."""

    taken_from: int = field("pages in use, from", unit=COUNT)
    taken_to: int = field("pages in use, to", unit=COUNT)
    blocks: int = field("blocks with that many", unit=COUNT, heading="blocks")
    free_bytes: int = field("bytes of free pages in these", unit=BYTES, heading="free bytes")
    released_bytes: int = field(
        "of these, bytes returned to the operating system, or never touched",
        unit=BYTES,
        heading="returned",
        rank=1,
    )


@document
class HugePages(Document):
    """Blocks of the size of a huge page, by how many of their pages are taken."""

    block_bytes: int = field("bytes of a block", unit=BYTES)
    blocks: tuple[BlocksByTaken, ...] = field("one row for each range")
    wholly_retained: int = field("blocks that are free with no page returned", unit=COUNT)
    blocked_by_at_most: int = field("pages: what few means in the next", unit=COUNT)
    blocked_free_bytes: int = field("bytes of free pages in blocks with few pages in use", unit=BYTES)
    unknown_blocks: int = field("blocks with a page whose bitmap could not be read; in no row", unit=COUNT)


@document
class BlockingSpan(Document):
    """A span on a page that keeps a block from being wholly free."""

    descriptor: Address = field("address of the mspan")
    start: Address = field("address of its first byte")
    npages: int = field("pages of it", unit=COUNT)
    state: str = field("in use, stack, work buffer, user arena or quarantined")
    spanclass: int = field("its span class; meaningless for stacks and work buffers")
    noscan: bool = field("its objects have no pointers")
    elemsize: int = field("bytes of a slot", unit=BYTES)
    nelems: int = field("slots", unit=COUNT)
    objects: int = field("slots that hold an object", unit=COUNT)
    reached_bytes: int | None = reached_bytes()
    top_type: str | None = top_type()
    top_type_bytes: int | None = top_type_bytes()
    top_owner: str | None = top_owner()
    top_owner_bytes: int | None = top_owner_bytes()


@document
class NearlyFreeBlock(Document):
    """A block of which few pages are taken, with the spans that they are of."""

    start: Address = field("address of its first byte", heading="Block", left=True)
    taken_pages: int = field("pages of it that cannot be allocated", unit=COUNT, heading="in use")
    free_bytes: int = field("bytes of its free pages", unit=BYTES, heading="free bytes", rank=1)
    other_pages: int = field(
        "pages in use without a span: in a page cache, padding, or in flight", unit=COUNT
    )
    spans: tuple[BlockingSpan, ...] = field(
        "the spans that lie in it",
        heading="kept by",
        shown=lambda row, looks: ", ".join(_kept_by(row, looks)),
        left=True,
        wraps=True,
    )


def _kept_by(block: NearlyFreeBlock, looks: Looks) -> Iterator[str]:
    """Name each span in a block by what it holds and where it begins."""
    for span in block.spans:
        kind = span.state
        if kind == "in use" and span.spanclass <= 1:
            kind = f"large object of {units.nbytes(span.elemsize, exact=looks.exact)}"
        elif kind == "in use":
            name = class_name(span.elemsize, noscan=span.noscan)
            kind = f"{count(span.objects)} of {count(span.nelems)} × {name}"
        yield f"{kind} at {span.start:#x}{kept_words(span)}"
    if block.other_pages:
        yield f"{counted(block.other_pages, 'page')} without a span"


@document
class Blockers(Document):
    """Blocks of which few pages are taken."""

    total: int = field("number of blocks before the limit", unit=COUNT)
    rows: tuple[NearlyFreeBlock, ...] = field("one row for each block")
    incomplete: bool | None = incomplete()


@document
class Chunk(Document):
    """One chunk of the page allocator: its pages by what they are."""

    start: Address = field("address of its first byte", heading="chunks", left=True, sorts=UP)
    in_use: int = field("pages of spans of objects", unit=COUNT, heading="in use", sorts=DOWN)
    manual: int = field(
        "pages of spans of stacks and work buffers", unit=COUNT, heading="manual", rank=2, sorts=DOWN
    )
    free: int = field("pages free and kept", unit=COUNT, heading="free", sorts=DOWN)
    released: int = field(
        "pages free and returned, or never touched", unit=COUNT, heading="returned", rank=1, sorts=DOWN
    )
    other: int = field("all other pages", unit=COUNT, heading="other", rank=3, sorts=DOWN)
    largest_run: int = field(
        "pages of the longest free run in it; a run may go on in the next chunk",
        unit=COUNT,
        heading="longest",
        sorts=DOWN,
    )


@document
class Pages(Answer):
    """The page allocator's pages, and how the free ones lie together."""

    page_bytes: int = field("bytes of a page", unit=BYTES)
    states: tuple[PagesOfState, ...] = field("one row for each state")
    free_runs: tuple[RunsOfOrder, ...] = field("one row for each power of two up to the longest run")
    largest_run: LargestRun | None = field("the longest run of free pages; null when no page is free")
    largest_allocation: LargestAllocation = field("the largest span that fits without growing the heap")
    page_caches: PageCaches = field("pages that the Ps have reserved in their page caches")
    current_arena: CurrentArena = field(
        "address space that the heap grows into next; null when this release does not record it"
    )
    huge_pages: HugePages = field("blocks of the size of a huge page, by how many of their pages are in use")
    blockers: Blockers | None = field(
        "with --blockers or --owners: blocks with few pages in use, the fewest first",
        optional=True,
        default=None,
    )
    show_chunks: bool = field("whether the report lists the chunks; here they always are")
    sort: str = field("the column that the chunks are sorted by")
    chunk_bytes: int = field("bytes of a chunk", unit=BYTES)
    total_rows: int = field("number of chunks before the limit", unit=COUNT)
    chunks: Table[Chunk] = field("one row for each chunk: its pages by what they are")
