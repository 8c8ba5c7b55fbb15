"""What a summary and its relatives say of a real heap in which one number is wrong: nothing that is not so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.render.style import Style
from gdb_gospan.reports import run
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from tools import answers, images

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Session
    from gdb_gospan.runtime.heap import Heap

RECORDED = images.load("1.27-frag")


def changed(struct: str, path: str, value: int) -> Session:
    """Return a session of the heap with one field of a variable of the runtime's set to this."""
    heap = RECORDED.session().heap
    where = {
        "mheap": heap.symbols["mheap_"], "mstats": heap.symbols["memstats"], "gcControllerState": heap.symbols["gcController"],
        "fixalloc": heap.fixallocs[0].address,
    }[struct]  # fmt: skip
    field = heap.layout[struct][path]
    return RECORDED.session((where + field.offset, value.to_bytes(field.size, "little")))


def document(session: Session, name: str) -> dict[str, Any]:
    command = find(name)
    return answers.document(session, command, parse(command, []))


def said(session: Session, name: str) -> str:
    """Return the report as text, on one line."""
    name, *words = name.split()
    return " ".join(run.run(session, find(name), parse(find(name), words), Style()).split())


def heap_free(heap: Heap) -> int:
    return int(heap.controller["heapFree"])


def test_pages_whose_span_was_not_found_are_not_idle() -> None:
    """The array of all spans was cut short: the pages of the others are allocated, and not retained for later."""
    heap = RECORDED.session().heap
    length = heap.layout["mheap"]["allspans"].offset + 8
    session = RECORDED.session((heap.symbols["mheap_"] + length, (100).to_bytes(8, "little")))
    found = document(session, "summary")
    assert found["pages"]["in_flight"] > 100
    assert found["bytes"]["idle_retained"] == heap_free(session.heap)
    assert found["bytes"]["remainder"] > 100 * 8192
    assert "does not add up" in said(session, "summary")


def test_a_wrong_generation_tells_no_garbage() -> None:
    """By a sweepgen of a cycle that has not been every span is unswept: which objects are garbage is not known."""
    right = RECORDED.session().heap.mheap["sweepgen"]
    session = changed("mheap", "sweepgen", right + 2)
    found = document(session, "summary")
    off = {check["code"] for check in found["checks"] if check["status"] != "exact"}
    assert off == {"gc-cycles"}
    assert (found["bytes"]["objects"], found["bytes"]["garbage_unswept"]) == (None, None)
    text = said(session, "summary")
    assert "garbage not swept yet unknown" in text
    assert "see check gc-cycles" in text


@pytest.mark.parametrize("value", [2**64 - 256, 2**64 - 16, 2**63])
@pytest.mark.parametrize(
    ("struct", "path", "report"),
    [
        ("gcControllerState", "heapInUse", "gc"),
        ("gcControllerState", "heapFree", "gc"),
        ("mstats", "buckhash_sys", "summary"),
        ("mstats", "mspan_sys", "summary"),
        ("fixalloc", "inuse", "summary --all"),
        ("fixalloc", "inuse", "fixalloc"),
    ],
)
def test_what_cannot_be_is_unknown(struct: str, path: str, report: str, value: int) -> None:
    text = said(changed(struct, path, value), report)
    figures, _, _ = text.partition(" identities exact")
    assert "unknown" in figures
    assert "EiB" not in figures
    assert "PiB" not in figures
    assert not [word for word in figures.split() if word.count(",") > 4]


def test_before_the_first_cycle_there_is_no_goal() -> None:
    text = said(changed("mstats", "numgc", 0), "gc")
    assert "no scavenge goal before the end of the first cycle" in text
    assert "the last cycle found" not in text
