"""Which spans keep blocks of 2 MiB from being free, against a walk span by span over a real heap."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.targets.core import open_session
from tools import answers, cores, programs, schemas, toolchains

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Session

pytestmark = pytest.mark.toolchain

BLOCK = 2 << 20
FEW = 4


@pytest.fixture(scope="session", params=[toolchains.OLDEST, toolchains.NEWEST])
def session(request: pytest.FixtureRequest) -> Session:
    """A heap of which most has been freed, here and there not wholly."""
    core = cores.kernel_core(programs.build("frag", request.param), "-objects", "100000")
    return open_session([str(core.executable), str(core.path)])


def answer(session: Session, *words: str, name: str = "pages") -> dict[str, Any]:
    command = find(name)
    assert command is not None
    given = ["--blockers", *words] if name == "pages" else words
    document = answers.document(session, command, parse(command, given))
    assert schemas.errors(document) == []
    return document


def test_the_spans_in_blocks_that_few_pages_keep(session: Session) -> None:
    heap = session.heap
    size = heap.pages.page_size
    taken: dict[int, set[int]] = defaultdict(set)
    for address, allocated in zip(all_pages(session), heap.pages.allocated.tolist(), strict=True):
        if allocated:
            taken[address // BLOCK].add(address)
    spans: dict[int, set[int]] = defaultdict(set)
    for row in (heap.spans.in_use | heap.spans.manual).nonzero()[0].tolist():
        start, count = int(heap.spans.start[row]), int(heap.spans.records["npages"][row])
        for address in range(start, start + count * size, size):
            spans[address // BLOCK].add(int(heap.spans.addresses[row]))
    expected = {
        block * BLOCK: (len(pages_of), spans[block])
        for block, pages_of in taken.items()
        if 1 <= len(pages_of) <= FEW
    }
    document = answer(session, "--limit", "0")
    found = {
        int(row["start"], 16): (row["taken_pages"], {int(span["descriptor"], 16) for span in row["spans"]})
        for row in document["blockers"]["rows"]
    }
    assert found == expected
    assert document["blockers"]["total"] == len(expected) > 3
    free = sum(row["free_bytes"] for row in document["blockers"]["rows"])
    assert free == document["huge_pages"]["blocked_free_bytes"]


def all_pages(session: Session) -> list[int]:
    """Return the address of every page that the page allocator has, from its ranges."""
    heap = session.heap
    ranges = zip(heap.pages.base.tolist(), heap.pages.limit.tolist(), strict=True)
    return [address for base, limit in ranges for address in range(base, limit, heap.pages.page_size)]


def test_they_are_named_the_fewest_first(session: Session) -> None:
    document = answer(session, "--limit", "3")
    rows = document["blockers"]["rows"]
    assert len(rows) == 3
    assert [row["taken_pages"] for row in rows] == sorted(row["taken_pages"] for row in rows)
    shown = " ".join(answers.text(document, Style(width=100)).split())  # a long cell has several lines
    assert f"3 of {document['blockers']['total']} blocks shown" in shown
    for row in rows:
        for span in row["spans"]:
            assert f"at {span['start']}" in shown


def test_whatif_has_the_smallest_set_of_spans(session: Session) -> None:
    """All spans of the blocks in which only spans have pages, and no other."""
    blocks, rows = (
        answer(session, name="whatif")["blocks"],
        answer(session, "--limit", "0")["blockers"]["rows"],
    )
    alone = [row for row in rows if not row["other_pages"]]
    assert (blocks["blocks"], blocks["other_blocks"]) == (len(alone), len(rows) - len(alone))
    assert blocks["blocks"] > 3
    assert blocks["spans"] == len({span["descriptor"] for row in alone for span in row["spans"]})
    assert blocks["gained_bytes"] == len(alone) * BLOCK
    assert blocks["taken_bytes"] == sum(row["taken_pages"] for row in alone) * session.heap.pages.page_size
    first = [(row["start"], row["taken_pages"], row["spans"]) for row in alone[:3]]
    assert [(row["start"], row["taken_pages"], row["spans"]) for row in blocks["first"]] == first
