"""What reports say, and what they leave unsaid: of real programs' recorded metadata."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.reports.run import run
from gdb_gospan.runtime.mpagealloc import PADDING
from tools import images


def ask(image: str, line: str, width: int = 80) -> str:
    name, *words = line.split()
    command = find(name)
    assert command is not None
    return run(images.load(image).session(), command, parse(command, words), Style(width=width))


@pytest.mark.parametrize("image", ["1.26-cached", "1.27-frag", "1.27-arenas"])
def test_zoom_spends_no_line_on_padding(image: str) -> None:
    heap = images.load(image).session().heap
    kinds, spans = heap.page_kinds.kinds, heap.spans
    assert (kinds == PADDING).any()
    first = int(np.min(spans.start[spans.in_use]))
    cells = json.loads(ask(image, f"map --zoom {first:#x} --lines 6 --json"))["cells"]
    assert not any(cell["state"] == "padding" for cell in cells)
    assert any(int(cell["start"], 16) == first for cell in cells)
    # Who looks at the padding itself sees it.
    padding = int(heap.pages.addresses(np.flatnonzero(kinds == PADDING)[:1])[0])
    cells = json.loads(ask(image, f"map --zoom {padding:#x} --lines 6 --json"))["cells"]
    assert cells[0]["state"] == "padding"


def test_whose_share_of_the_cpu_it_is() -> None:
    assert "GC used " in ask("1.27-frag", "gc")
    assert "% of the CPU time up to the end of the last cycle" in " ".join(ask("1.27-frag", "gc").split())


@pytest.mark.parametrize(
    ("marked", "sweep", "said"),
    [
        (False, "swept", ""),
        (False, "cached", ""),
        (False, "unswept", " · not marked"),
        (True, "swept", " · marked"),
        (None, "swept", " · mark unknown"),
    ],
)
def test_no_mark_in_a_swept_span_is_no_news(marked: bool | None, sweep: str, said: str) -> None:
    """Its sweep has cleared the marks."""
    spans = images.load("1.27-frag").session().heap.spans
    document = json.loads(ask("1.27-frag", f"show {int(spans.start[spans.in_use][0]):#x} --json"))
    document["slot"] |= {"marked": marked, "allocated": True}
    document["span"]["sweep"] = sweep
    command = find("show")
    assert command is not None
    text = images.text(command, document, Style(width=200))
    (line,) = (line for line in text.splitlines() if line.startswith("  slot "))
    assert line.endswith(f" · allocated{said}")


@pytest.mark.parametrize("image", images.names())
def test_all_classes_together_are_occupied_by_bytes(image: str) -> None:
    """Counted by slots, thousands of the smallest would hide what the others hold."""
    document = json.loads(ask(image, "classes --json --limit 0"))
    totals, rows = document["totals"], document["classes"]
    taken, free = (sum(row[key] for row in rows) for key in ("object_bytes", "free_bytes"))
    assert totals["occupied"] == round(100 * taken / (taken + free), 1)
    (line,) = (line for line in ask(image, "classes", 200).splitlines() if line.split()[:1] == ["all"])
    assert f" {100 * taken / (taken + free):.1f} % " in line


@pytest.mark.parametrize("image", images.names())
def test_what_large_objects_do_not_use_stands_beside_them(image: str) -> None:
    document = json.loads(ask(image, "summary --json"))
    past = sum(row["large_tail_bytes"] for row in document["classes"] if row["elemsize"] == 0)
    text = ask(image, "summary --all --bytes", 100)
    assert (f" · {past:,} B lost to page rounding" in text) is bool(past)
    assert "lost to page rounding" in text or not past


def test_some_image_has_large_objects_that_do_not_fill_their_pages() -> None:
    assert any(" lost to page rounding" in ask(image, "summary --all") for image in images.names())


@pytest.mark.parametrize("image", images.names())
def test_the_classes_that_matter_are_shown(image: str) -> None:
    """Of a heap that is full it is those with most object bytes: a leak has no free slots to speak of."""
    rows = json.loads(ask(image, "summary --json"))["classes"]
    taken, free = (sum(row[key] for row in rows) for key in ("object_bytes", "free_bytes"))
    key, title = (
        ("object_bytes", "Most object bytes") if 10 * free < taken else ("free_bytes", "Most free bytes")
    )
    text = ask(image, "summary")
    assert ("Most object bytes" in text, "Most free bytes" in text) == (title[5] == "o", title[5] == "f")
    first = text[text.index(title) :].splitlines()[1].split()
    most = max(rows, key=lambda row: row[key])
    name = f"{most['elemsize']:,}" if most["elemsize"] else "large"
    assert first[:2] == [name, "noscan" if most["noscan"] else "scan"]


def test_images_of_both_kinds_of_heap_are_here() -> None:
    shown = {"Most object bytes" in ask(image, "summary") for image in images.names()}
    assert shown == {True, False}


@pytest.mark.parametrize(
    ("size", "slot", "said"),
    [
        (8, 65536, "array of main.T · 8 bytes each"),
        (312, 624, "array of main.T · 312 bytes each"),
        (312, 623, "main.T · 312 bytes"),
        (600, 640, "main.T · 600 bytes"),
        (0, 640, "main.T · 0 bytes"),
    ],
)
def test_the_type_of_an_array_is_that_of_its_elements(size: int, slot: int, said: str) -> None:
    spans = images.load("1.27-frag").session().heap.spans
    document = json.loads(ask("1.27-frag", f"show {int(spans.start[spans.in_use][0]):#x} --json"))
    document["slot"] |= {
        "allocated": True,
        "size": slot,
        "type": {"address": "0x1", "name": "main.T", "size": size},
    }
    command = find("show")
    assert command is not None
    assert f"  type      {said}\n" in images.text(command, document, Style(width=100))
