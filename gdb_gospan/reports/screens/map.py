"""The heap as a picture: a sign for each cell, addresses at the left, what the signs mean below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from gdb_gospan.fields import units
from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.fields.units import count, counted
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note, wrapped
from gdb_gospan.render.style import Style
from gdb_gospan.runtime.mpagealloc import KIND_NAMES

_RULER = 16
_FREE = ("free", "released", "cached", "cached and released")
_NARROWEST = 16
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
    ("in flight", None): ("~", "notice", "allocated, of no span"),
    ("cached", None): ("C", "stack", "free, with pages that a P took into its page cache"),
    ("padding", None): ("X", "idle", "padding before the heap's first page, never usable"),
    ("free", None): ("_", "free", "free, at least in part kept"),
    ("released", None): (".", "idle", "free, all of it returned to the OS or never touched"),
    ("unknown", None): ("?", "bad", "unknown: some of it could not be read, or contradicts itself"),
}  # fmt: skip


def cells_of(width: int) -> int:
    """Return how many cells a line has on a screen of that width: so many that addresses stay round."""
    room = max(width - _RULER, 8)
    power = 1 << (room.bit_length() - 1)
    return power + power // 2 if power >= 16 and power + power // 2 <= room else power


def text(document: dict[str, Any], style: Style) -> str:
    """Draw the map."""
    lines = [heading(document, style), _title(document, style), ""]
    lines += _picture(document, style)
    lines += ["", *_legend(document, style)]
    if document["unswept"]:
        lines.append(note("spans wait to be swept: garbage in them counts as objects", style.width))
    return "\n".join(lines) + "\n\n" + footer(document, style) + "\n"


def _title(document: dict[str, Any], style: Style) -> str:
    pages, page = document["cell_pages"], document["page_bytes"]
    cell = units.nbytes(pages * page, exact=style.exact)
    line = units.nbytes(pages * page * document["line_cells"], exact=style.exact)
    scale = [f"a cell is {counted(pages, 'page')} ({cell}), a line {line}"]
    arena, zoom = document["arena"], document["zoom"]
    if arena:
        place = f"arena {arena['number']} of {arena['count']} (from 0), {arena['base']} to {arena['end']}"
        return wrapped("", [place, *scale], style.width)
    return wrapped("", [*([f"around {zoom}"] if zoom else []), *scale], style.width)


def _picture(document: dict[str, Any], style: Style) -> Iterator[str]:
    """Yield the lines of cells, and one for each gap."""
    gaps = [(int(gap["start"], 16), gap) for gap in document["gaps"]]
    zoom = int(document["zoom"], 16) if document["zoom"] else None
    for start, end, cells in _rows(document):
        while gaps and gaps[0][0] < start:
            yield _gap(gaps.pop(0)[1], style)
        painted = "".join(
            style.paint(role, sign * len(list(group)))
            for (sign, role), group in groupby(_sign(cell)[:2] for cell in cells)
        )
        yield f"{start:#014x}  {painted}"
        if zoom is not None and start <= zoom < end:
            column = (zoom - start) // (document["cell_pages"] * document["page_bytes"])
            yield " " * (_RULER + column) + "^"
    yield from (_gap(gap, style) for _, gap in gaps)


def _rows(document: dict[str, Any]) -> Iterator[tuple[int, int, list[dict[str, Any]]]]:
    """Yield each line's first and last + 1 address and its cells; a line ends before a gap."""
    row: list[dict[str, Any]] = []
    begin = at = 0
    for cell in document["cells"]:
        start = int(cell["start"], 16)
        if row and (start != at or len(row) == document["line_cells"]):
            yield begin, at, row
            row = []
        begin = begin if row else start
        row.append(cell)
        at = start + cell["pages"] * document["page_bytes"]
    if row:
        yield begin, at, row


def _sign(cell: dict[str, Any]) -> tuple[str, str, str]:
    return _SIGNS[cell["state"], cell["level"]]


def _gap(gap: dict[str, Any], style: Style) -> str:
    amount = units.nbytes(gap["bytes"], exact=style.exact)
    what = "reserved for the heap to grow into" if gap["reserved"] else "not of the heap"
    lines = filled(f"--- {amount} {what} ---", max(style.width - _RULER, _NARROWEST))
    return f"{int(gap['start'], 16):#014x}  " + ("\n" + " " * _RULER).join(lines)


def _legend(document: dict[str, Any], style: Style) -> list[str]:
    """Say what each sign that occurs means, and how often it does; then how much memory there is of what, by page."""
    cells = Counter(_sign(cell)[0] for cell in document["cells"])
    digits = max((len(count(number)) for number in cells.values()), default=0)
    indent = " " * (len("  X  cells  ") + digits)
    lines = []
    for sign, role, meaning in _SIGNS.values():
        if sign in cells:
            first, *more = filled(meaning, max(style.width - len(indent), _NARROWEST))
            noun = "cell " if cells[sign] == 1 else "cells"
            lines.append(f"  {style.paint(role, sign)} {count(cells[sign]):>{digits}} {noun}  {first}")
            lines += [indent + line for line in more]
    return [*lines, *_amounts(document, style)]


def _amounts(document: dict[str, Any], style: Style) -> list[str]:
    """Say how much there really is of what: a cell is drawn as one thing, and may hold several."""

    def size(pages: int) -> str:
        return units.nbytes(pages * document["page_bytes"], exact=style.exact)

    pages: Counter[str] = Counter()
    hidden = 0
    for cell in document["cells"]:
        kinds = {name: cell[name.replace(" ", "_")] for name in KIND_NAMES}
        pages.update(kinds)
        if cell["state"] not in _FREE:
            hidden += sum(kinds[name] for name in _FREE)
    names = sorted((name for name in KIND_NAMES if pages[name]), key=_ORDER.index)
    if not names:
        return []
    lines = [
        "",
        wrapped("By page", [f"{page_words(name)}: {size(pages[name])}" for name in names], style.width),
    ]
    if hidden:
        free = sum(pages[name] for name in _FREE)
        lines.append(
            note(
                f"{size(hidden)} of the {size(free)} free lie in cells that are drawn as something else",
                style.width,
            )
        )
    return lines
