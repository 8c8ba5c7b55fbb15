"""The first screen, laid out from recorded documents: what stands in tests/golden is what a user sees.

After a wanted change of the screen, ``GOSPAN_WRITE_GOLDEN=1 tests/run --quick -k golden`` writes it anew;
read the difference before it is committed.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gdb_gospan.render.notes import NOT_READ
from gdb_gospan.render.style import Style
from tools import answers

GOLDEN = Path(__file__).parents[1] / "golden"
STYLES = {
    "80": Style(width=80),
    "100": Style(width=100, whole=True),
    "exact": Style(width=100, exact=True, whole=True),
    "ascii": Style(width=80, unicode=False),
}


@pytest.fixture(params=["frag", "unswept"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((GOLDEN / f"summary-{name}.json").read_text())
    return loaded


def lay_out(document: dict[str, Any], style: Style) -> str:
    return answers.text(document, style)


@pytest.mark.parametrize("how", STYLES)
def test_golden(document: dict[str, Any], name: str, how: str) -> None:
    text = lay_out(document, STYLES[how])
    golden = GOLDEN / f"summary-{name}-{how}.txt"
    if os.environ.get("GOSPAN_WRITE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_it_fits_the_screen(document: dict[str, Any]) -> None:
    for width in (80, 100, 120):
        for whole, most in ((False, 22), (True, 42)):
            lines = lay_out(document, Style(width=width, whole=whole)).splitlines()
            assert max(map(len, lines)) <= width, max(lines, key=len)
            assert len(lines) <= most


def test_nothing_trails(document: dict[str, Any]) -> None:
    text = lay_out(document, Style())
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_the_document_is_not_changed(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    lay_out(document, Style())
    assert document == before


def test_what_is_not_exact_is_said(document: dict[str, Any]) -> None:
    document["checks"][0].update(
        status="broken", observed=document["checks"][0]["expected"] + 4096, note="here"
    )
    document["checks"][1].update(status="transient", observed=0, note="a thread is in runtime.mallocgc")
    text = lay_out(document, Style())
    assert "25 of 27 identities exact" in text
    first = document["checks"][0]
    assert f"broken: {first['code']} +4,096: {first['subject']} (here)" in " ".join(text.split())
    off = f"{document['checks'][1]['code']} {-document['checks'][1]['expected']:+,}"
    assert f"in flight because a thread is in runtime.mallocgc: {off}" in text


def test_bounds_are_marked(document: dict[str, Any]) -> None:
    document["complete"] = False
    document["unreadable"]["bytes"] = 12_288
    document["bytes"]["objects"] -= 4096
    document["bytes"]["remainder"] += 4096
    for check in document["checks"]:
        check.update(status="unknown", note=NOT_READ)
    for field in ("HeapAlloc", "NextGC"):
        document["memstats"][field] = None
    text = lay_out(document, Style())
    (line,) = (line for line in text.splitlines() if line.strip().startswith("objects"))
    assert "≥ " in line
    assert "not known (Sys minus the above)" in text
    assert "0 of 27 identities exact" in text
    assert "cannot be checked: part of the memory is missing" in text
    assert "12.0 KiB unreadable" in text


def test_what_is_in_inconsistent_spans_is_missing_elsewhere(document: dict[str, Any]) -> None:
    """Then objects, slots and tails are lower bounds, and pages are not."""
    document["bytes"]["contradictory"] = 8192
    marked = {line[:32].strip() for line in lay_out(document, Style()).splitlines() if "≥ " in line}
    assert {"objects", "free slots in spans in use", "tail and bitmaps inside spans"} <= marked
    assert not {"stacks", "idle pages, retained", "Sys"} & marked


def test_a_program_at_its_start(document: dict[str, Any]) -> None:
    document["gc"].update(
        cycles=0, num_gc=0, num_forced_gc=0, last_gc=0, pauses=[], pause_quantiles=[], pause_total=0
    )
    document["classes"] = []
    text = lay_out(document, Style(whole=True))
    assert "no GC cycle yet" in text
    assert "no cycle completed yet" in text
    assert "No span is in use." in text


def test_an_empty_free_list_is_normal(document: dict[str, Any]) -> None:
    document["fixallocs"][0].update(free=0, free_bytes=0)
    assert "normal" in lay_out(document, Style(whole=True))


def test_a_broken_free_list_is_said(document: dict[str, Any]) -> None:
    document["fixallocs"][0].update(free=None, free_bytes=None, free_at_least=17)
    assert "free list broken after 17" in lay_out(document, Style(whole=True))
