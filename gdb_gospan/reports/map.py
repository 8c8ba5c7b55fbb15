"""go-spans map: the heap as a picture."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from gdb_gospan.analysis.heapmap import HeapMap, Window, heap_map, whole
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.shapes import shapes
from gdb_gospan.errors import UsageError
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import map as view
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mpagealloc import KIND_NAMES, PADDING

_LINE_CELLS = 64
"""Cells of a line where no screen says otherwise: in JSON and CSV."""

_MOST_LINES = 1000


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Divide the heap, an arena of it or the surroundings of an address into cells."""
    heap, lines = session.heap, arguments["lines"]
    if not 1 <= lines <= _MOST_LINES:
        raise UsageError(f"map: --lines takes 1 to {_MOST_LINES:,}, not {lines}")
    if arguments["arena"] is not None and arguments["zoom"] is not None:
        raise UsageError("map: --arena or --zoom, not both")
    for_people = not (arguments["json"] or arguments["csv"])
    line_cells = view.cells_of(arguments["width"]) if for_people else _LINE_CELLS
    kinds, reserved = heap.page_kinds, heap.current_arena
    window, arena, zoom = whole(kinds, reserved), None, None
    if arguments["arena"] is not None:
        arena = _arena(heap, arguments["arena"])
        window = Window(int(arena["base"], 16), int(arena["end"], 16))
    elif arguments["zoom"] is not None:
        zoom = _address(arguments["zoom"], "zoom")
        window = _around(heap, zoom, window, lines * line_cells, line_cells)
    found = heap_map(
        kinds,
        heap.spans,
        reserved,
        window,
        contradictory=shapes(heap).contradictory,
        lines=lines,
        line_cells=line_cells,
        cell_pages=0 if zoom is None else 1,
    )
    return {
        **session.envelope("map"),
        "page_bytes": heap.pages.page_size,
        "window": {"base": f"{window.low:#x}", "end": f"{window.high:#x}"},
        "arena": arena,
        "zoom": None if zoom is None else f"{zoom:#x}",
        "unswept": bool(heap.spans.unswept.any()),
        "cell_pages": found.cell_pages,
        "line_cells": found.line_cells,
        "gaps": [
            {"start": f"{gap.start:#x}", "bytes": gap.nbytes, "reserved": gap.reserved} for gap in found.gaps
        ],
        "cells": _cells(found),
        **session.provenance(),
    }


def _cells(found: HeapMap) -> list[dict[str, Any]]:
    columns = {
        "start": [f"{start:#x}" for start in found.start.tolist()],
        "pages": found.npages.tolist(),
        "state": [KIND_NAMES[state] for state in found.state.tolist()],
        "level": [None if level < 0 else level for level in found.level.tolist()],
        "allocated_bytes": [None if nbytes < 0 else nbytes for nbytes in found.allocated.tolist()],
        **{
            name.replace(" ", "_"): column.tolist()
            for name, column in zip(KIND_NAMES, found.kinds.T, strict=True)
        },
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _arena(heap: Heap, text: str) -> dict[str, Any]:
    """Return the arena of that number, counted from 0 by address, or around that address."""
    arenas, number = heap.arenas, _address(text, "arena")
    row = number
    if number >= len(arenas):
        row = int(arenas.of(np.array([number], np.uint64))[0])
    if row < 0 or not len(arenas):
        known = f"0 to {len(arenas) - 1}" if len(arenas) > 1 else "0 only" if len(arenas) else "none"
        raise UsageError(f"map: no arena {text} (by number: {known}; or an address in the heap)")
    base = int(arenas.base[row])
    return {"number": row, "count": len(arenas), "base": f"{base:#x}", "end": f"{base + arenas.nbytes:#x}"}


def _address(text: str, option: str) -> int:
    try:
        address = int(text, 0)
    except ValueError:
        address = -1
    if not 0 <= address < 1 << 64:
        raise UsageError(f"map: --{option} {text} is not an address (try: a number such as 0xc000012340)")
    return address


def _around(heap: Heap, address: int, every: Window, npages: int, line_cells: int) -> Window:
    """Return a window of so many pages around the address, in whole lines and not past the ends of the heap.

    The padding before the heap's first page would take many lines to say nothing.
    """
    page = heap.pages.page_size
    if int(heap.pages.positions(np.array([address], np.uint64))[0]) < 0:
        raise UsageError(f"map: {address:#x} is in no page of the heap (try: go-spans map)")
    line = line_cells * page
    used = np.flatnonzero(heap.page_kinds.kinds != PADDING)
    first = int(heap.pages.addresses(used[:1])[0]) if len(used) else every.low
    if first <= address:  # else it is the padding itself that is looked at
        every = attrs.evolve(every, low=first)
    low = (address - npages * page // 2) // line * line
    low = max(min(low, -(-every.high // line) * line - npages * page), every.low // line * line)
    return attrs.evolve(every, low=max(low, every.low), high=min(low + npages * page, every.high))


def text(document: dict[str, Any], style: Style) -> str:
    """Draw the document."""
    return view.text(document, style)
