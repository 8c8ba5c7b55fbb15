"""The pages by state, and how the free ones lie together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from gdb_gospan.fields import units
from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.fields.units import count, counted, share
from gdb_gospan.render import bars
from gdb_gospan.render.lines import filled
from gdb_gospan.render.longtable import LongTable, laid_out
from gdb_gospan.render.provenance import cut_off, footer, heading, note
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, chosen, fitted

_BAR = 8
_FACT = 20
_DOUBTS = {
    "unswept": "not all is swept: the runtime would sweep first, and may free more",
    "in flight": "of some pages the bitmap and the spans say different things (see check)",
    "unknown": "some bitmaps could not be read",
    "page caches": "so few pages may come from the page cache of the P that asks, or not",
}

Size = Callable[[int | None], str]


def text(document: dict[str, Any], style: Style) -> Iterator[str]:
    """Lay the report out, in pieces of whole lines; the chunks only when they are asked for."""

    def size(value: int | None) -> str:
        return units.nbytes(value, exact=style.exact)

    blocks = [
        heading(document, style),
        _states(document, style, size),
        _runs(document, style, size),
        _fits(document, style, size),
        _huge(document, style, size),
    ]
    if "blockers" in document:
        blocks.append(_blockers(document, style, size))
    yield "\n\n".join(blocks) + "\n\n"
    if document["show_chunks"]:
        yield from _chunks(document, style)
    yield footer(document, style) + "\n"


def _states(document: dict[str, Any], style: Style, size: Size) -> str:
    rows = [
        {**row, "name": page_words(row["state"])}
        for row in document["states"]
        if row["pages"] or row["state"] in ("free", "released", "in use", "manual")
    ]
    total = sum(row["pages"] for row in rows)
    for row in rows:
        row["share"] = share(row["pages"], total)
        row["bar"] = bars.bar(row["pages"], total, _BAR)
    every = {"name": "all", "pages": total, "bytes": total * document["page_bytes"]}
    columns = [
        Column("name", f"Pages of {size(document['page_bytes'])}", left=True),
        Column("pages", "pages", count),
        Column("bytes", "bytes", size),
        Column("share", "share", rank=1),
        Column("bar", "", left=True, rank=2),
    ]
    states = _table(columns, rows, {**every, "share": share(total, total), "bar": ""}, style)
    return f"{states}\n{_returned(document, style, size)}"


def _returned(document: dict[str, Any], style: Style, size: Size) -> str:
    """Say how these rows and MemStats.HeapReleased hang together."""
    there = {row["state"]: row["bytes"] for row in document["states"]}
    parts = ["returned or never touched", "page caches' returned pages", "padding"]
    shown = [
        part
        for part, key in zip(parts, ("released", "cached and released", "padding"), strict=True)
        if there[key] or key == "released"
    ]
    total = sum(there[key] for key in ("released", "cached and released", "padding"))
    return note(f"{' + '.join(shown)} = HeapReleased, {size(total)}", style.width)


def _runs(document: dict[str, Any], style: Style, size: Size) -> str:
    rows = document["free_runs"]
    if not rows:
        return "No page is free." if not _unknown(document) else "No page is known to be free."
    total = sum(row["bytes"] for row in rows)
    most = max(row["bytes"] for row in rows)
    shown = [
        {
            **row,
            "length": _between(row["min_pages"], 2 * row["min_pages"] - 1),
            "from": size(row["min_pages"] * document["page_bytes"]),
            "unusable": f"{100 * row['unusable']:.1f} %",
            "bar": "" if style.exact else bars.bar(row["bytes"], most, _BAR),  # whole bytes need the room
        }
        for row in rows
    ]
    columns = [
        Column("length", "Free runs, pages", left=True),
        Column("from", "from", rank=3),
        Column("runs", "runs", count),
        Column("bytes", "bytes", size),
        Column("bar", "", left=True, rank=4),
        Column("released_bytes", "returned", size, rank=2),
        Column("unusable", "unusable", rank=1),
    ]
    every = {
        "length": "all",
        "from": "",
        "runs": sum(row["runs"] for row in rows),
        "bytes": total,
        "released_bytes": sum(row["released_bytes"] for row in rows),
        "unusable": "",
        "bar": "",
    }
    return _table(columns, shown, every, style)


def _fits(document: dict[str, Any], style: Style, size: Size) -> str:
    run, arena, caches = document["largest_run"], document["current_arena"], document["page_caches"]
    facts = []
    if run:
        returned = size(run["released_bytes"]) if run["released_bytes"] < run["bytes"] else "all"
        of_it = f", {returned} of it returned" if run["released_bytes"] else ""
        where = f"{run['address']} · {counted(run['pages'], 'page')} ({size(run['bytes'])}){of_it}"
        facts.append(("Largest free run", where))
    fits, doubts = document["largest_allocation"], document["largest_allocation"]["doubts"]
    alone = "page caches" in doubts and not _unknown(document)
    known = "" if not doubts else "about " if alone else "at least "
    more = "" if doubts else "; one page more raises HeapSys"
    facts.append(("Fits without growth", f"{known}{size(fits['bytes'])} in one allocation{more}"))
    facts += [("", _DOUBTS[doubt]) for doubt in doubts]
    if arena["bytes"] is None:
        reserved = "what is reserved is unknown"
    elif arena["bytes"]:
        reserved = f"{size(arena['bytes'])} reserved, from {arena['base']}"
    else:
        reserved = "nothing reserved is left"
    facts.append(("Heap growth", f"in steps of {size(arena['growth_bytes'])}; {reserved}"))
    if caches["bytes"]:
        longest = size(caches["largest_run_bytes"])
        facts.append(
            ("In page caches", f"{size(caches['bytes'])}, longest run {longest}; for their own P only")
        )
    return "\n".join(_fact(name, fact, style) for name, fact in facts)


def _fact(name: str, fact: str, style: Style) -> str:
    """Lay a fact out beside its name; one without a name is a doubt about the one before."""
    lines = filled(fact, max(style.width - _FACT, _FACT))
    if not name:
        lines = [style.paint("notice", line) for line in lines]
    return "\n".join(
        f"{label:<{_FACT}}{line}" for label, line in zip([name, *[""] * len(lines[1:])], lines, strict=True)
    )


def _unknown(document: dict[str, Any]) -> bool:
    return "unknown" in document["largest_allocation"]["doubts"]


def _huge(document: dict[str, Any], style: Style, size: Size) -> str:
    huge = document["huge_pages"]
    rows = [{**row, "taken": _taken(row["taken_from"], row["taken_to"], huge)} for row in huge["blocks"]]
    columns = [
        Column("taken", f"Aligned blocks of {size(huge['block_bytes'])}", left=True),
        Column("blocks", "blocks", count),
        Column("free_bytes", "free bytes", size),
        Column("released_bytes", "returned", size, rank=1),
    ]
    few = huge["blocked_by_at_most"]
    free = size(huge["blocked_free_bytes"])
    notes = [
        note(f"{free} are free in blocks that only 1 to {few} pages keep from being wholly free", style.width)
    ]
    if huge["unknown_blocks"]:
        notes.append("  " + style.paint("notice", f"{counted(huge['unknown_blocks'], 'block')} not known"))
    return "\n".join([_table(columns, rows, None, style), *notes])


def _blockers(document: dict[str, Any], style: Style, size: Size) -> str:
    found = document["blockers"]
    if not found["total"]:
        block = size(document["huge_pages"]["block_bytes"])
        return "\n".join(
            filled(f"No block of {block} is kept from being free by only a few pages", style.width)
        )
    columns = [
        Column("start", "Block", left=True),
        Column("taken_pages", "in use", count),
        Column("free_bytes", "free bytes", size, rank=1),
        Column("by", "kept by", left=True, wraps=True),
    ]
    rows = [{**row, "by": ", ".join(_by(row, size))} for row in found["rows"]]
    cut = cut_off({"total_rows": found["total"]}, len(rows), "blocks", style.width)
    return "\n".join([_table(columns, rows, None, style), *([cut] if cut else [])])


def _by(row: dict[str, Any], size: Size) -> Iterator[str]:
    """Name each span in a block by what it holds and where it begins."""
    for span in row["spans"]:
        kind = span["state"]
        if kind == "in use" and span["spanclass"] <= 1:
            kind = f"large object of {size(span['elemsize'])}"
        elif kind == "in use":
            kind = f"{count(span['objects'])} of {count(span['nelems'])} × {count(span['elemsize'])} {'noscan' if span['noscan'] else 'scan'}"
        yield f"{kind} at {span['start']}"
    if row["other_pages"]:
        yield f"{counted(row['other_pages'], 'page')} of no span"


def _taken(low: int, high: int, huge: dict[str, Any]) -> str:
    if high == 0:
        kept = huge["wholly_retained"]
        return f"wholly free ({count(kept)} with nothing returned)"
    if low == high and low > 1:
        return "wholly in use"
    return f"{_between(low, high)} {'page' if high == 1 else 'pages'} in use"


def _between(low: int, high: int) -> str:
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def _chunks(document: dict[str, Any], style: Style) -> Iterator[str]:
    chunks: LongTable = document["chunks"]
    size = units.nbytes(document["chunk_bytes"], exact=style.exact)
    columns = [
        Column("start", f"Chunks of {size}", left=True),
        Column("in_use", "in use", count),
        Column("manual", "manual", count, rank=2),
        Column("free", "free", count),
        Column("released", "returned", count, rank=1),
        Column("other", "other", count, rank=3),
        Column("largest_run", "longest", count),
    ]

    def cells(row: dict[str, Any]) -> dict[str, str]:
        return {column.key: column.format(row[column.key]) for column in columns}

    measures, of = chunks.measure(cells), document["total_rows"]
    columns = [
        attrs.evolve(column, rank=0) if column.key == document["sort"] else column for column in columns
    ]
    kept, left_out = chosen(columns, measures, len(chunks), style.room, of=of, indent="")
    lines = laid_out(kept, chunks, cells, measures, indent="", room=style.room)
    headings = next(lines)
    yield style.paint("heading", headings.rstrip("\n")) + "\n"
    yield from lines
    cut = cut_off(document, len(chunks), "chunks", style.width)
    notes = [note(left_out, style.width), "  in pages; a run may go on in the next chunk", cut]
    yield "\n".join(filter(None, notes)) + "\n\n"


def _table(
    columns: list[Column],
    rows: list[dict[str, Any]],
    total: dict[str, Any] | None,
    style: Style,
    *,
    of: int = 0,
) -> str:
    """Lay a table out under a painted heading, flush left like the headings of the summary."""
    body, left_out = fitted(columns, rows, total, style.room, of=of, indent="")
    first, *others = body.splitlines()
    more = [note(left_out, style.width)] if left_out else []
    return "\n".join([style.paint("heading", first), *others, *more])
