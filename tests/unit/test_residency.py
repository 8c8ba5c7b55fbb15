"""The resident bytes of recorded heaps, against counting page by page and slot by slot; and the sum that must close."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import pytest

from gdb_gospan.analysis.residency import account
from gdb_gospan.analysis.residentheap import FREE_SLOTS, GARBAGE, OBJECTS, heap_pages
from gdb_gospan.memory.pagemap import PageStates
from gdb_gospan.memory.residency import Residency, freeze, thaw
from gdb_gospan.memory.runs import NONE, Runs, joined_runs
from gdb_gospan.runtime.mpagealloc import CACHED, CACHED_RELEASED, FREE, PADDING, RELEASED
from tools import images
from tools.kernels import KIB, mapping, rollup

if TYPE_CHECKING:
    from gdb_gospan.runtime.heap import Heap

PAGE = 4 * KIB
IMAGES = ("1.19-cached", "1.24-arenas", "1.24-unswept", "1.26-cached", "1.27-unswept", "1.27-released")


def pattern(heap: Heap) -> set[int]:
    """Choose pages of the arenas: stretches that are resident, stretches that are not, and every third one in between."""
    pages: set[int] = set()
    for base in heap.arenas.base.tolist():
        for number in range(heap.arenas.nbytes // PAGE):
            if (number // 7) % 3 == 0 or ((number // 7) % 3 == 1 and number % 3 == 0):
                pages.add(base // PAGE + number)
    return pages


def absent(pages: set[int]) -> int:
    """Return a page of the arenas that is not among these."""
    return next(page for page in range(min(pages), max(pages)) if page not in pages)


def runs_of(pages: set[int]) -> Runs:
    start = np.array(sorted(pages), np.uint64) * np.uint64(PAGE)
    return joined_runs(start, start + np.uint64(PAGE))


def standing(heap: Heap, pages: set[int], *, more: str = "", rss: int = 0) -> Residency:
    """Make up what the kernel says of a process that has this heap, and so many resident pages of it."""
    arenas, nbytes = sorted(heap.arenas.base.tolist()), heap.arenas.nbytes
    text, total = "", 0
    for base in arenas:
        resident = PAGE * sum(base // PAGE <= page < (base + nbytes) // PAGE for page in pages)
        text += mapping(base, nbytes, Rss=resident, Anonymous=resident)
        total += resident
    runs = runs_of(pages)
    states = PageStates(resident=runs, swapped=NONE, huge=NONE, doubtful=None)
    return Residency(
        (text + more).encode(), rollup(0x1000, 1 << 47, Rss=total + rss).encode(), states, (), None, "smaps"
    )


def brute(heap: Heap, pages: set[int]) -> dict[int, int]:
    """Count slot by slot and byte by byte, as slowly as one likes."""
    spans, reader = heap.spans, heap.reader
    found = dict.fromkeys((OBJECTS, GARBAGE, FREE_SLOTS), 0)
    marks = dict(zip(heap.unswept_marks.rows.tolist(), heap.unswept_marks.known.tolist(), strict=True))

    def bits(address: int, count: int) -> list[int]:
        data = reader.memory.read(address, (count + 63) // 64 * 8)
        assert isinstance(data, bytes)
        return [data[i // 8] >> i % 8 & 1 for i in range(count)]

    def resident(low: int, high: int) -> int:
        return sum(
            min(high, (page + 1) * PAGE) - max(low, page * PAGE)
            for page in range(low // PAGE, (high - 1) // PAGE + 1)
            if page in pages
        )

    columns = spans.records
    for row in np.flatnonzero(spans.counted).tolist():
        base, size, count = int(spans.start[row]), int(columns["elemsize"][row]), int(columns["nelems"][row])
        taken, freeindex = bits(int(columns["allocBits"][row]), count), int(columns["freeindex"][row])
        marked = None
        if marks.get(row) and not heap.span_map.inline_marks[row]:
            marked = bits(int(columns["gcmarkBits"][row]), count)
        elif marks.get(row):
            from gdb_gospan.runtime.mspan import inline_marks_at

            where, _ = inline_marks_at(reader, spans, np.array([row]))
            own = bits(int(columns["gcmarkBits"][row]), count)
            marked = [a | b for a, b in zip(bits(int(where[0]), count), own, strict=True)]
        for slot in range(count):
            nbytes = resident(base + slot * size, base + slot * size + size)
            if slot >= freeindex and not taken[slot]:
                found[FREE_SLOTS] += nbytes
            else:
                found[GARBAGE if marked is not None and not marked[slot] else OBJECTS] += nbytes
    return found


@pytest.mark.parametrize("image", IMAGES)
def test_slots_are_counted_by_their_bytes_on_resident_pages(image: str) -> None:
    heap = images.load(image).session().heap
    pages = pattern(heap)
    found = heap_pages(heap, runs_of(pages))
    assert {content: found.in_spans.sums[content] for content in (OBJECTS, GARBAGE, FREE_SLOTS)} == brute(
        heap, pages
    )


@pytest.mark.parametrize("image", images.names())
def test_all_states_add_up_to_what_is_resident(image: str) -> None:
    heap = images.load(image).session().heap
    pages = pattern(heap)
    accounted = account(heap, standing(heap, pages, rss=-PAGE), other_runtimes=False)
    assert accounted.check.status == "exact"
    assert accounted.check.observed == accounted.heap_rss == len(pages) * PAGE
    # Rollup was made to have a page less: the last line is not hidden, and below zero.
    assert accounted.parts["unexplained"].resident == -PAGE
    assert sum(part.resident or 0 for part in accounted.parts.values()) == accounted.rss


def test_pages_by_kind_against_counting_them() -> None:
    heap = images.load("1.27-released").session().heap
    pages, kinds = pattern(heap), heap.page_kinds
    addresses = heap.pages.addresses(np.arange(len(heap.pages)))
    both = np.array([(a // PAGE in pages) + (a // PAGE + 1 in pages) for a in addresses.tolist()]) * PAGE
    found = heap_pages(heap, runs_of(pages))
    gone = np.isin(kinds.kinds, (RELEASED, CACHED_RELEASED, PADDING))
    assert found.returned == both[gone].sum() > 0
    assert found.idle == both[np.isin(kinds.kinds, (FREE, CACHED))].sum()


@pytest.mark.parametrize("lost", [True, False])
def test_a_page_too_few_or_too_many_is_noticed(lost: bool) -> None:
    """A damage of one page, on either side."""
    heap = images.load("1.27-frag").session().heap
    pages = pattern(heap)
    right = standing(heap, pages)
    other = pages - {min(pages)} if lost else pages | {absent(pages)}
    assert right.pages is not None
    wrong = attrs.evolve(right, pages=attrs.evolve(right.pages, resident=runs_of(other)))
    check = account(heap, wrong, other_runtimes=False).check
    assert check.status == "broken"
    assert check.observed is not None
    assert check.observed - check.expected == (-PAGE if lost else PAGE)


def test_damage_of_a_descriptor_is_noticed() -> None:
    """A span that claims the pages of another: its bytes count twice."""
    recorded = images.load("1.27-frag")
    heap = recorded.session().heap
    pages = pattern(heap)
    row = int(np.flatnonzero(heap.spans.counted & (heap.spans.records["npages"] == 1))[5])
    field = heap.layout["mspan"]["npages"]
    session = recorded.session((int(heap.spans.addresses[row]) + field.offset, (64).to_bytes(8, "little")))
    check = account(session.heap, standing(heap, pages), other_runtimes=False).check
    assert check.status == "broken"


def test_why_it_may_differ() -> None:
    """The kernel has moved pages in between; or it does not tell the page of zeros."""
    heap = images.load("1.27-frag").session().heap
    pages = pattern(heap)
    right = standing(heap, pages)
    assert right.pages is not None
    more = attrs.evolve(right.pages, resident=runs_of(pages | {absent(pages)}))
    moved = attrs.evolve(standing(heap, pages, rss=PAGE), pages=more)
    assert account(heap, moved, other_runtimes=False).check.status == "transient"
    zeros = attrs.evolve(more, doubtful=runs_of({absent(pages)}))
    check = account(heap, attrs.evolve(right, pages=zeros), other_runtimes=False).check
    assert (check.status, check.notes[0].code) == ("unknown", "zero-pages")
    assert account(heap, attrs.evolve(right, pages=None), other_runtimes=False).check.status == "unknown"


def test_what_lies_beside_the_heap() -> None:
    heap = images.load("1.27-frag").session().heap
    more = mapping(0x7F1234500000, 8 * PAGE, Rss=4 * PAGE, Swap=2 * PAGE)
    more += mapping(0x7FFC00000000, 8 * PAGE, name="[stack]", Rss=3 * PAGE)
    more += mapping(0x7FFD00000000, 8 * PAGE, "rw-s", "/dev/shm/x", Rss=PAGE)
    parts = account(heap, standing(heap, set(), more=more, rss=8 * PAGE), other_runtimes=False).parts
    assert (parts["anonymous"].resident, parts["anonymous"].swapped) == (4 * PAGE, 2 * PAGE)
    assert parts["thread_stacks"].resident == 3 * PAGE
    assert parts["shared"].resident == PAGE
    assert parts["unexplained"].resident == 0


def test_a_snapshot_keeps_all_of_it() -> None:
    heap = images.load("1.27-frag").session().heap
    found = standing(heap, pattern(heap))
    kept = thaw(freeze(found), "snapshot")
    assert kept is not None
    assert kept.pages is not None
    assert found.pages is not None
    assert (kept.smaps, kept.rollup, kept.stack_pointers, kept.cgroup) == (
        found.smaps,
        found.rollup,
        (),
        None,
    )
    assert (kept.pages.resident.start == found.pages.resident.start).all()
    assert (kept.pages.resident.end == found.pages.resident.end).all()
    assert kept.pages.doubtful is None
    assert thaw(None, "snapshot") is None


@pytest.mark.parametrize(
    "damage",
    [
        {"pages": {"resident": [1], "swapped": [], "huge": None, "doubtful": None}},
        {"pages": {"resident": None, "swapped": [], "huge": None, "doubtful": None}},
        {"pages": {"resident": [-4, 8], "swapped": [], "huge": None, "doubtful": None}},
        {"pages": {"resident": [(1 << 63) - 1] * 4, "swapped": [], "huge": None, "doubtful": None}},
        {"pages": {"resident": ["4096", 8], "swapped": [], "huge": None, "doubtful": None}},
        {"pages": {}},
        {"stack_pointers": [1 << 64]},
        {"stack_pointers": ["a"]},
        {"cgroup": {"version": 2}},
        {"cgroup": {"version": "2", "path": "/", "current": 1, "limit": 1, "limit_hits": 1, "oom_kills": 1}},
        {"smaps": None},
        {"rollup": 5},
    ],
)
def test_a_damaged_snapshot_is_refused(damage: dict[str, object]) -> None:
    heap = images.load("1.27-frag").session().heap
    kept = freeze(standing(heap, {0xC000000}))
    assert kept is not None
    with pytest.raises((AttributeError, LookupError, OverflowError, TypeError, ValueError)):
        thaw(kept | damage, "snapshot")
