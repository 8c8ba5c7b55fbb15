"""go-spans pages: the page allocator's pages, and how the free ones lie together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gdb_gospan.analysis.blockers import blocked
from gdb_gospan.analysis.contiguity import FEW, HUGE_BYTES, Contiguity, contiguity
from gdb_gospan.analysis.rows import as_rows, first_rows
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.spancolumns import columns_of, hexadecimal
from gdb_gospan.render.longtable import LongTable
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import pages as view
from gdb_gospan.runtime.mpagealloc import CACHED, CACHED_RELEASED, FREE, IN_USE, KIND_NAMES, MANUAL, RELEASED
from gdb_gospan.runtime.record import Column

_OF_A_SPAN = (
    "descriptor",
    "start",
    "npages",
    "state",
    "spanclass",
    "noscan",
    "elemsize",
    "nelems",
    "objects",
)


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Describe the pages by state, by run, by huge page and by chunk."""
    session.let_go()
    found = contiguity(session.heap)
    page_bytes = found.kinds.pages.page_size
    chunks = _chunk_columns(found)
    sorted_by = chunks[arguments["sort"]]
    order = first_rows(sorted_by, arguments["sort"], arguments["limit"])
    return {
        **session.envelope("pages"),
        "page_bytes": page_bytes,
        "states": [
            {"state": name, "pages": count, "bytes": count * page_bytes}
            for name, count in zip(KIND_NAMES, found.kinds.counts.tolist(), strict=True)
        ],
        "free_runs": _orders(found, page_bytes),
        "largest_run": _largest(found, page_bytes),
        "largest_allocation": {
            "bytes": int(found.runs.npages.max(initial=0)) * page_bytes,
            "doubts": list(found.doubts),
        },
        "page_caches": _caches(found, page_bytes),
        "current_arena": _arena(found),
        "huge_pages": _huge(found, page_bytes),
        **({"blockers": _blockers(session, arguments["limit"])} if arguments["blockers"] else {}),
        "show_chunks": arguments["chunks"],
        "sort": arguments["sort"],
        "chunk_bytes": found.growth_bytes,
        "total_rows": len(sorted_by),
        "chunks": LongTable(
            len(order),
            ("start",),
            lambda block: {name: column[order[block]] for name, column in chunks.items()},
        ),
        **session.provenance(),
    }


def _orders(found: Contiguity, page_bytes: int) -> list[dict[str, Any]]:
    """Return a row for each power of two up to the longest run."""
    table = found.orders
    order = np.arange(len(table), dtype=np.int64)
    return _rows(
        {
            "order": order,
            "min_pages": np.int64(1) << order,
            "runs": table.runs,
            "bytes": table.npages * page_bytes,
            "released_bytes": table.released * page_bytes,
            "unusable": np.round(table.unusable, 6),
        }
    )


def _rows(columns: Mapping[str, Column]) -> list[dict[str, Any]]:
    """Return all rows in the order of the columns."""
    lists = [column.tolist() for column in columns.values()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def _largest(found: Contiguity, page_bytes: int) -> dict[str, Any] | None:
    row = found.runs.largest
    if row is None:
        return None
    npages, released = int(found.runs.npages[row]), int(found.runs.released[row])
    address = int(found.kinds.pages.addresses(found.runs.first[row : row + 1])[0])
    return {
        "address": f"{address:#x}",
        "pages": npages,
        "bytes": npages * page_bytes,
        "released_bytes": released * page_bytes,
    }


def _caches(found: Contiguity, page_bytes: int) -> dict[str, int]:
    kept, released = found.kinds.nbytes(CACHED), found.kinds.nbytes(CACHED_RELEASED)
    return {
        "bytes": kept + released,
        "released_bytes": released,
        "largest_run_bytes": found.cached_run * page_bytes,
    }


def _arena(found: Contiguity) -> dict[str, Any]:
    base, end = found.arena or (None, None)
    return {
        "base": None if base is None else f"{base:#x}",
        "end": None if end is None else f"{end:#x}",
        "bytes": None if base is None or end is None else end - base,
        "growth_bytes": found.growth_bytes,
    }


def _huge(found: Contiguity, page_bytes: int) -> dict[str, Any]:
    blocks = found.blocks
    columns = {
        "taken_from": blocks.low,
        "taken_to": blocks.high,
        "blocks": blocks.blocks,
        "free_bytes": blocks.free * page_bytes,
        "released_bytes": blocks.released * page_bytes,
    }
    return {
        "block_bytes": HUGE_BYTES,
        "blocks": _rows(columns),
        "wholly_retained": blocks.whole,
        "blocked_by_at_most": FEW,
        "blocked_free_bytes": blocks.few_free * page_bytes,
        "unknown_blocks": blocks.unknown,
    }


def _blockers(session: Session, limit: int) -> dict[str, Any]:
    """Return a row for each block that few pages keep from being wholly free, with the spans that they are of."""
    heap, found = session.heap, blocked(session.heap)
    page_bytes = heap.pages.page_size
    return {
        "total": len(found.first),
        "rows": [
            {
                "start": f"{start:#x}",
                "taken_pages": taken,
                "free_bytes": (found.block_pages - taken) * page_bytes,
                "other_pages": found.others(block),
                "spans": [
                    hexadecimal(row, "descriptor", "start")
                    for row in as_rows(columns_of(heap, found.spans(block), _OF_A_SPAN))
                ],
            }
            for block, (start, taken) in enumerate(
                zip(found.start[: limit or None].tolist(), found.taken[: limit or None].tolist(), strict=True)
            )
        ],
    }


def _chunk_columns(found: Contiguity) -> dict[str, Any]:
    chunks, kinds = found.chunks, found.chunks.kinds
    named = kinds[:, [IN_USE, MANUAL, FREE, RELEASED]]
    return {
        "start": found.kinds.pages.addresses(chunks.first),
        "in_use": named[:, 0],
        "manual": named[:, 1],
        "free": named[:, 2],
        "released": named[:, 3],
        "other": np.full(len(kinds), chunks.chunk_pages, np.int64) - named.sum(axis=1),
        "largest_run": chunks.largest,
    }


def text(document: dict[str, Any], style: Style) -> Iterator[str]:
    """Lay the document out."""
    return view.text(document, style)
