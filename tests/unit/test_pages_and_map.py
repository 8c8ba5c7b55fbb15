"""pages and map as text and JSON, of a heap made by hand: each state and each doubt, on screens of any kind."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.errors import UsageError
from gdb_gospan.render.help import help_text
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS, find
from gdb_gospan.reports.map import cells_of
from gdb_gospan.reports.run import run
from tools import answers
from tools.tiny_heap import BASE, PAGE, PAGES, TinyHeap

CHUNK = PAGES * PAGE


def ask(tiny: TinyHeap, line: str, style: Style | None = None) -> str:
    name, *words = line.split()
    command = find(name)
    assert command is not None
    session = Session(Target("core", "core of tiny"), tiny.heap())
    return run(session, command, parse(command, words), style or Style())


def pages_of(tiny: TinyHeap) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ask(tiny, "pages --json"))
    return document


def allocate(tiny: TinyHeap, page: int) -> None:
    """Set the bit of one page more."""
    field = tiny.layout["pallocData"]["pallocBits"]
    start = max(known for known in tiny.regions if known <= tiny.pallocdata)
    at = tiny.pallocdata - start + field.offset + page // 8
    tiny.regions[start][at] |= 1 << page % 8


def reserve(tiny: TinyHeap, base: int, end: int) -> None:
    tiny.put("mheap", tiny.at["mheap"], curArena__base=base, curArena__end=end)


def test_runs_of_the_tiny_heap() -> None:
    """Pages 0 to 10 are of spans, 11 to 20 are free, 21 is in a page cache, the others are returned."""
    document = pages_of(TinyHeap())
    assert [(row["order"], row["runs"], row["bytes"]) for row in document["free_runs"] if row["runs"]] == [
        (3, 1, 10 * PAGE),
        (8, 1, 490 * PAGE),
    ]
    assert document["free_runs"][8]["unusable"] == pytest.approx(10 / 500)
    assert document["largest_run"] == {
        "address": f"{BASE + 22 * PAGE:#x}",
        "pages": 490,
        "bytes": 490 * PAGE,
        "released_bytes": 490 * PAGE,
    }
    assert document["largest_allocation"] == {"bytes": 490 * PAGE, "doubts": []}
    assert document["page_caches"] == {"bytes": PAGE, "released_bytes": 0, "largest_run_bytes": PAGE}
    (chunk,) = document["chunks"]
    assert chunk == {"start": f"{BASE:#x}", "in_use": 7, "manual": 4, "free": 10, "released": 490,
                     "other": 1, "largest_run": 490}  # fmt: skip
    text = ask(TinyHeap(), "pages")
    assert "490 pages (3.83 MiB), all of it returned" in text
    assert "Fits without growth 3.83 MiB in one allocation; one page more raises HeapSys" in text


def test_what_is_not_swept_may_be_freed_first() -> None:
    tiny = TinyHeap()
    tiny.put("sweepdata", tiny.at["sweep"], active__state=0)
    assert pages_of(tiny)["largest_allocation"]["doubts"] == ["unswept"]
    text = ask(tiny, "pages")
    assert "Fits without growth at least 3.83 MiB in one allocation\n" in text
    assert "the runtime would sweep first" in " ".join(text.split())


def test_a_page_in_flight_parts_a_run() -> None:
    tiny = TinyHeap()
    allocate(tiny, 15)
    document = pages_of(tiny)
    assert document["largest_allocation"]["doubts"] == ["in flight"]
    assert [row["runs"] for row in document["free_runs"]] == [0, 0, 2, 0, 0, 0, 0, 0, 1]
    assert re.search(r"~ +1 cell ", ask(tiny, "map"))


def test_a_run_shorter_than_what_page_caches_serve() -> None:
    tiny = TinyHeap()
    field = tiny.layout["pallocData"]["pallocBits"]
    tiny.words(tiny.pallocdata + field.offset + 8, *[(1 << 64) - 1] * 7)
    tiny.words(tiny.pallocdata + field.offset, (1 << 64) - 1 - (3 << 11))
    document = pages_of(tiny)
    assert document["largest_run"]["pages"] == 2
    assert "page caches" in document["largest_allocation"]["doubts"]
    assert "Fits without growth about 16.0 KiB" in ask(tiny, "pages")


def test_a_chunk_that_cannot_be_read_is_unknown_not_free() -> None:
    tiny = TinyHeap()
    tiny.forget(max(known for known in tiny.regions if known <= tiny.pallocdata))
    document = pages_of(tiny)
    assert document["largest_run"] is None
    assert "unknown" in document["largest_allocation"]["doubts"]
    assert document["huge_pages"]["unknown_blocks"] == 2
    text = ask(tiny, "pages")
    assert "No page is free." not in text
    assert "Fits without growth at least 0 B" in text
    assert "some bitmaps could not be read" in text
    cells = json.loads(ask(tiny, "map --json"))["cells"]
    assert {cell["state"] for cell in cells} == {"in use", "manual", "unknown"}
    assert "?" in ask(tiny, "map")


def test_what_is_reserved() -> None:
    tiny = TinyHeap()
    assert "no reserved space is left" in ask(tiny, "pages")
    reserve(tiny, BASE + CHUNK, BASE + 5 * CHUNK)
    assert pages_of(tiny)["current_arena"] == {
        "base": f"{BASE + CHUNK:#x}",
        "end": f"{BASE + 5 * CHUNK:#x}",
        "bytes": 4 * CHUNK,
        "growth_bytes": CHUNK,
    }
    assert f"16.0 MiB reserved, from {BASE + CHUNK:#x}" in ask(tiny, "pages")
    assert f"{BASE + CHUNK:#014x}  --- 16.0 MiB reserved for the heap to grow into ---" in ask(tiny, "map")
    reserve(tiny, BASE + 5 * CHUNK, BASE)  # damage
    assert pages_of(tiny)["current_arena"]["bytes"] is None
    assert "the reserved space is unknown" in ask(tiny, "pages")
    assert "---" not in ask(tiny, "map")
    reserve(tiny, BASE + CHUNK, (1 << 64) - 1)
    assert "reserved for the heap" in ask(tiny, "map")


def test_the_picture() -> None:
    """512 pages in lines of 64: spans on 0 and 1, a large object on 2 to 6, stacks on 7 to 10."""
    lines = ask(TinyHeap(), "map", Style(width=80)).splitlines()
    assert lines[1] == "a cell is 1 page (8,192 B), a line 512 KiB"
    assert lines[3] == f"{BASE:#014x}  ░░█████SSSS" + "_" * 10 + "C" + "." * 42
    assert lines[4:11] == [f"{BASE + line * 64 * PAGE:#014x}  " + "." * 64 for line in range(1, 8)]
    legend = {line.split()[0]: int(line.split()[1]) for line in lines[12:18]}
    assert legend == {"█": 5, "░": 2, "S": 4, "C": 1, "_": 10, ".": 490}


def test_a_gap_has_a_line_and_is_not_drawn_as_free() -> None:
    """The second half of the pages lies 100 MiB further up."""
    document = json.loads(ask(TinyHeap(), "map --json"))
    middle = BASE + 256 * PAGE
    for cell in document["cells"][256:]:
        cell["start"] = f"{int(cell['start'], 16) + (100 << 20):#x}"
    document["gaps"] = [{"start": f"{middle:#x}", "bytes": 100 << 20, "reserved": False}]
    lines = answers.text(document, Style(width=80)).splitlines()
    assert [line[:14] for line in lines[3:12]] == [
        *(f"{BASE + line * 64 * PAGE:#014x}" for line in range(5)),
        *(f"{middle + (100 << 20) + line * 64 * PAGE:#014x}" for line in range(4)),
    ]
    assert lines[7] == f"{middle:#014x}  --- 100 MiB not in the heap ---"
    assert sum(line.count(".") for line in lines[3:12]) == 490


def test_zoom_points_at_the_page() -> None:
    lines = ask(TinyHeap(), f"map --zoom {BASE + 3 * PAGE + 17:#x}", Style(width=80)).splitlines()
    assert lines[4] == " " * 19 + "^"
    assert lines[3][19] == "█"


def test_an_arena_by_number_and_by_address() -> None:
    tiny = TinyHeap()
    by_number, by_address = ask(tiny, "map --arena 0"), ask(tiny, f"map --arena {BASE + 5:#x}")
    assert by_number == by_address
    assert f"arena 0 of 1 (from 0), {BASE:#x} to {BASE + CHUNK:#x}" in by_number


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("--arena 1", "no arena 1 (by number: 0 only"),
        ("--arena first", "first is not an address"),
        ("--zoom 0x10", "0x10 is in no page of the heap"),
        (f"--zoom {1 << 64}", "is not an address"),
        ("--lines 0", "invalid --lines 0 (try: 1 to 1,000)"),
        ("--lines 1001", "invalid --lines 1001 (try: 1 to 1,000)"),
        ("--arena 0 --zoom 1", "not both"),
    ],
)
def test_slips(words: str, hint: str) -> None:
    with pytest.raises(UsageError, match=re.escape(hint)):
        ask(TinyHeap(), f"map {words}")


@pytest.mark.parametrize("line", ["pages --chunks", "map", "map --arena 0", f"map --zoom {BASE}"])
def test_every_screen(line: str) -> None:
    tiny = TinyHeap()
    reserve(tiny, BASE + CHUNK, BASE + 2 * CHUNK)
    assert ask(tiny, line, Style(unicode=False)).isascii()
    plain, painted = ask(tiny, line), ask(tiny, line, Style(colour=True))
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
    for exact in (False, True):
        rows = ask(tiny, line, Style(width=100, exact=exact)).splitlines()
        assert max(map(len, rows)) <= 100
        assert [row for row in rows if row != row.rstrip()] == []
    assert max(map(len, ask(tiny, line, Style(width=80)).splitlines())) <= 80
    assert ask(tiny, f"{line} --json", Style(width=80)) == ask(tiny, f"{line} --json", Style(width=120))


def test_a_line_of_the_map_fits_and_is_round() -> None:
    assert [cells_of(width) for width in (10, 40, 60, 79, 80, 100, 112, 120)] == [
        8,
        24,
        32,
        48,
        64,
        64,
        96,
        96,
    ]
    assert all(cells_of(width) + 16 <= width for width in range(24, 300))


def test_help_suits_every_terminal() -> None:
    """gdb's host charset may be ASCII, and gdb takes the help in when it loads the plugin."""
    for command in COMMANDS:
        assert help_text(command).isascii(), command.name
