"""go-spans map: the heap as a picture, a sign for each cell, addresses at the left, what the signs mean below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from gdb_gospan.analysis import heapmap
from gdb_gospan.analysis.rows import unknown_where
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.errors import UsageError
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.command import Option
from gdb_gospan.fields.document import BYTES, COUNT, Address, Document, Looks, document, field
from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.fields.rows import rows_of
from gdb_gospan.fields.units import count, counted
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note, wrapped
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.rows.kinds import Kinds
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import KIND_NAMES

_LINE_CELLS = 64
"""Cells of a line where no screen says otherwise: in JSON and CSV."""

_MOST_LINES = 1000
_RULER = 16
_NARROWEST = 16
_FREE = ("free", "released", "cached", "cached and released")
_ORDER = (
    "in use",
    "manual",
    *_FREE,
    *(name for name in KIND_NAMES if name not in ("in use", "manual", *_FREE)),
)
# Sign, colour and meaning of a cell, in the order of the legend. Letters and shades differ without colour too.
_SIGNS = {
    ("in use", 3): ("█", "full", "spans: over 75 % of the cell's bytes are objects"),
    ("in use", 2): ("▓", "full", "spans: up to 75 %"),
    ("in use", 1): ("▒", "full", "spans: up to 50 %"),
    ("in use", 0): ("░", "sparse", "spans: up to 25 %"),
    ("manual", None): ("S", "stack", "stacks and work buffers, and no objects"),
    ("in flight", None): ("~", "notice", "allocated, without a span"),
    ("cached", None): ("C", "stack", "free, with some pages in the page cache of a P"),
    ("padding", None): ("X", "idle", "padding before the heap's first page, never usable"),
    ("free", None): ("_", "free", "free, at least partly kept"),
    ("released", None): (".", "idle", "free, all of it returned to the OS or never touched"),
    ("unknown", None): ("?", "bad", "unknown: part of it could not be read, or is inconsistent"),
}  # fmt: skip


@document
class Window(Document):
    """What is shown."""

    base: Address = field("address of its first byte")
    end: Address = field("address of the first byte after it")


@document
class Arena(Document):
    """The arena that was asked for."""

    number: int = field("from 0 by address")
    count: int = field("number of arenas", unit=COUNT)
    base: Address = field("address of its first byte")
    end: Address = field("address of the first byte after it")


@document
class Gap(Document):
    """Address space between the pages of the heap."""

    start: Address = field("address of its first byte")
    bytes: int = field("bytes", unit=BYTES)
    reserved: bool = field("reserved for the heap to grow into, or else not its own")


@document
class Cell(Kinds):
    """One run of pages, drawn as one character."""

    start: Address = field("address of its first byte", first=1)
    pages: int = field("pages in it", unit=COUNT, first=1)
    state: str = field("the most important state of its pages, as the keys below, with spaces", first=1)
    level: int | None = field(
        "how full a cell with spans in use is, from 0 up: allocated_bytes in relation to its size; null for others",
        first=1,
    )
    allocated_bytes: int | None = field(
        "bytes of its allocated slots; null when the descriptor of a span in it is inconsistent",
        unit=BYTES,
        first=1,
    )


@document
class HeapMap(Answer):
    """The heap as a picture: its pages in cells."""

    page_bytes: int = field("bytes of a page", unit=BYTES)
    window: Window = field("what is shown")
    arena: Arena | None = field("the requested arena")
    zoom: Address | None = field("the requested address")
    unswept: bool = field("spans wait to be swept, so that allocated bytes count garbage")
    cell_pages: int = field("pages of a cell", unit=COUNT)
    line_cells: int = field("cells in a line", unit=COUNT)
    gaps: tuple[Gap, ...] = field("address space in the window that is not heap")
    cells: tuple[Cell, ...] = field("one row for each cell")


def cells_of(width: int) -> int:
    """Return how many cells a line has on a screen of that width: so many that addresses stay round."""
    room = max(width - _RULER, 8)
    power = 1 << (room.bit_length() - 1)
    return power + power // 2 if power >= 16 and power + power // 2 <= room else power


def _prepare(arguments: Arguments) -> Arguments:
    if not 1 <= arguments["lines"] <= _MOST_LINES:
        raise UsageError(f"map: invalid --lines {arguments['lines']} (try: 1 to {_MOST_LINES:,})")
    if arguments["arena"] is not None and arguments["zoom"] is not None:
        raise UsageError("map: --arena or --zoom, not both")
    return arguments


def _build(session: Session, arguments: Arguments) -> HeapMap:
    """Divide the heap, an arena of it or the surroundings of an address into cells."""
    heap, lines = session.heap, arguments["lines"]
    for_people = not (arguments["json"] or arguments["csv"])
    line_cells = cells_of(arguments["width"]) if for_people else _LINE_CELLS
    window, arena, zoom = heapmap.whole(heap.page_kinds, heap.current_arena), None, None
    if arguments["arena"] is not None:
        arena = _arena(heap, arguments["arena"])
        window = heapmap.Window(arena.base, arena.end)
    elif arguments["zoom"] is not None:
        zoom = _address(arguments["zoom"], "zoom")
        window = _around(heap, zoom, lines * line_cells, line_cells)
    found = heapmap.heap_map(
        heap.page_kinds,
        heap.spans,
        heap.current_arena,
        window,
        contradictory=shapes(heap).contradictory,
        lines=lines,
        line_cells=line_cells,
        cell_pages=0 if zoom is None else 1,
    )
    return HeapMap(
        about=about(session, "map"),
        page_bytes=heap.pages.page_size,
        window=Window(base=Address(window.low), end=Address(window.high)),
        arena=arena,
        zoom=None if zoom is None else Address(zoom),
        unswept=bool(heap.spans.unswept.any()),
        cell_pages=found.cell_pages,
        line_cells=found.line_cells,
        gaps=tuple(
            Gap(start=Address(gap.start), bytes=gap.nbytes, reserved=gap.reserved) for gap in found.gaps
        ),
        cells=_cells(found),
        proof=proof(session),
    )


def _cells(found: heapmap.HeapMap) -> tuple[Cell, ...]:
    kinds = {name.replace(" ", "_"): pages for name, pages in zip(KIND_NAMES, found.kinds.T, strict=True)}
    return rows_of(
        Cell,
        {
            "start": found.start,
            "pages": found.npages,
            "state": np.array(KIND_NAMES, object)[found.state],
            "level": unknown_where(found.level < 0, found.level),
            "allocated_bytes": unknown_where(found.allocated < 0, found.allocated),
            **kinds,
        },
    )


def _arena(heap: Heap, text: str) -> Arena:
    found = heapmap.arena_of(heap, _address(text, "arena"))
    if found is None:
        arenas = len(heap.arenas)
        known = f"0 to {arenas - 1}" if arenas > 1 else "0 only" if arenas else "none"
        raise UsageError(f"map: no arena {text} (by number: {known}; or an address in the heap)")
    low, high = Address(found.window.low), Address(found.window.high)
    return Arena(number=found.number, count=found.count, base=low, end=high)


def _around(heap: Heap, address: int, npages: int, line_cells: int) -> heapmap.Window:
    window = heapmap.around(heap, address, npages, line_cells)
    if window is None:
        raise UsageError(f"map: {address:#x} is in no page of the heap (try: go-spans map)")
    return window


def _address(text: str, option: str) -> int:
    try:
        address = int(text, 0)
    except ValueError:
        address = -1
    if not 0 <= address < 1 << 64:
        raise UsageError(f"map: --{option} {text} is not an address (try: a number such as 0xc000012340)")
    return address


def _screen(answer: HeapMap, looks: Looks) -> str:
    """Draw the map."""
    lines = [heading(answer, looks), _title(answer, looks), ""]
    lines += _picture(answer, looks)
    lines += ["", *_legend(answer, looks)]
    if answer.unswept:
        lines.append(note("spans wait to be swept: garbage in them counts as objects", looks.width))
    return "\n".join(lines) + "\n\n" + footer(answer, looks) + "\n"


def _title(answer: HeapMap, looks: Looks) -> str:
    cell_bytes = answer.cell_pages * answer.page_bytes
    cell = units.nbytes(cell_bytes, exact=looks.exact)
    line = units.nbytes(cell_bytes * answer.line_cells, exact=looks.exact)
    scale = [f"a cell is {counted(answer.cell_pages, 'page')} ({cell}), a line {line}"]
    arena, zoom = answer.arena, answer.zoom
    if arena:
        place = f"arena {arena.number} of {arena.count} (from 0), {arena.base:#x} to {arena.end:#x}"
        return wrapped("", [place, *scale], looks.width)
    return wrapped("", [*([] if zoom is None else [f"around {zoom:#x}"]), *scale], looks.width)


def _picture(answer: HeapMap, looks: Looks) -> Iterator[str]:
    """Yield the lines of cells, and one for each gap."""
    gaps, zoom = list(answer.gaps), answer.zoom
    for start, end, cells in _lines(answer):
        while gaps and gaps[0].start < start:
            yield _gap(gaps.pop(0), looks)
        painted = "".join(
            looks.paint(role, sign * len(list(group)))
            for (sign, role), group in groupby(_sign(cell)[:2] for cell in cells)
        )
        yield f"{start:#014x}  {painted}"
        if zoom is not None and start <= zoom < end:
            column = (zoom - start) // (answer.cell_pages * answer.page_bytes)
            yield " " * (_RULER + column) + "^"
    yield from (_gap(gap, looks) for gap in gaps)


def _lines(answer: HeapMap) -> Iterator[tuple[int, int, Sequence[Cell]]]:
    """Yield each line's first and last + 1 address and its cells; a line ends before a gap."""
    line: list[Cell] = []
    begin = at = 0
    for cell in answer.cells:
        if line and (cell.start != at or len(line) == answer.line_cells):
            yield begin, at, line
            line = []
        begin = begin if line else cell.start
        line.append(cell)
        at = cell.start + cell.pages * answer.page_bytes
    if line:
        yield begin, at, line


def _sign(cell: Cell) -> tuple[str, str, str]:
    return _SIGNS[cell.state, cell.level]


def _gap(gap: Gap, looks: Looks) -> str:
    amount = units.nbytes(gap.bytes, exact=looks.exact)
    what = "reserved for the heap to grow into" if gap.reserved else "not in the heap"
    lines = filled(f"--- {amount} {what} ---", max(looks.width - _RULER, _NARROWEST))
    return f"{gap.start:#014x}  " + ("\n" + " " * _RULER).join(lines)


def _legend(answer: HeapMap, looks: Looks) -> list[str]:
    """Say what each sign that occurs means, and how often it does; then how much memory there is of what, by page."""
    cells = Counter(_sign(cell)[0] for cell in answer.cells)
    digits = max((len(count(number)) for number in cells.values()), default=0)
    indent = " " * (len("  X  cells  ") + digits)
    lines = []
    for sign, role, meaning in _SIGNS.values():
        if sign in cells:
            first, *more = filled(meaning, max(looks.width - len(indent), _NARROWEST))
            noun = "cell " if cells[sign] == 1 else "cells"
            lines.append(f"  {looks.paint(role, sign)} {count(cells[sign]):>{digits}} {noun}  {first}")
            lines += [indent + line for line in more]
    return [*lines, *_amounts(answer, looks)]


def _amounts(answer: HeapMap, looks: Looks) -> list[str]:
    """Say how much there really is of what: a cell is drawn as one thing, and may hold several."""

    def size(pages: int) -> str:
        return units.nbytes(pages * answer.page_bytes, exact=looks.exact)

    pages: Counter[str] = Counter()
    hidden = 0
    for cell in answer.cells:
        kinds = {name: getattr(cell, name.replace(" ", "_")) for name in KIND_NAMES}
        pages.update(kinds)
        if cell.state not in _FREE:
            hidden += sum(kinds[name] for name in _FREE)
    names = [name for name in _ORDER if pages[name]]
    if not names:
        return []
    lines = [
        "",
        wrapped("By page", [f"{page_words(name)}: {size(pages[name])}" for name in names], looks.width),
    ]
    if hidden:
        free = sum(pages[name] for name in _FREE)
        drawn = f"{size(hidden)} of the {size(free)} free are in cells that are not drawn as free"
        lines.append(note(drawn, looks.width))
    return lines


REPORT = Report(
    name="map",
    summary="the heap as a picture: where spans are, how full they are, and what is free",
    description=(
        "Each character is a cell, a run of pages; each line begins with the address of its first cell. A cell is drawn\n"
        "as free only if all of its pages are free. A cell with spans has a shade: the darker, the more of its bytes are\n"
        "objects. A gap between address ranges has a line of its own."
    ),
    example="go-spans map --lines 40",
    place=120,
    document=HeapMap,
    build=_build,
    screen=_screen,
    prepare=_prepare,
    rows=("cells",),
    words=(
        (
            "shades, or # % + :",
            "spans in use; over 75, up to 75, up to 50, up to 25 % of the cell's bytes are objects",
        ),
        ("S", "stacks and work buffers"),
        ("C", "free, with some pages in the page cache of a P"),
        ("_ .", "free and kept; free and returned to the OS or never touched"),
        ("X ~ ?", "padding (Go 1.26 on); allocated, without a span; could not be read"),
    ),
    options=(
        Option("lines", "approximate number of lines of the picture", "N", 20, number=True),
        Option(
            "arena",
            "only this arena of 64 MiB: its number, from 0 by address, or an address in it",
            "N|ADDR",
            address=True,
        ),
        Option(
            "zoom", "only the pages around this address, one character for each page", "ADDR", address=True
        ),
    ),
)
