"""Runs, huge pages, chunks and cells of made-up bitmaps, against loops over the pages; and a heap of 64 GiB in time."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.analysis import contiguity, heapmap
from gdb_gospan.runtime import mpagealloc
from gdb_gospan.runtime.mpagealloc import PageKinds, Pages
from gdb_gospan.runtime.proc import PageCaches
from tools.soak import examples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = 8192
CHUNK = 512 * PAGE
BASE = 0xC000_0000_00


def pages_of(ranges: Sequence[tuple[int, int]], allocated: Any, scavenged: Any, known: Any = None) -> Pages:
    """Give so many chunks in each range, at that chunk."""
    base = np.array([BASE + chunk * CHUNK for chunk, _ in ranges], np.uint64)
    count = np.array([chunks * 512 for _, chunks in ranges], np.int64)
    return Pages(
        base=base,
        limit=base + (count * PAGE).astype(np.uint64),
        first=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        allocated=np.asarray(allocated, np.bool_),
        scavenged=np.asarray(scavenged, np.bool_),
        known=np.ones(len(allocated), np.bool_) if known is None else np.asarray(known, np.bool_),
        page_size=PAGE,
        chunk_bytes=CHUNK,
    )


@st.composite
def heaps(draw: st.DrawFn) -> Pages:
    """A few ranges, some of them adjacent, with long and short runs, and chunks that could not be read."""
    ranges, at = [], 0
    for _ in range(draw(st.integers(1, 4))):
        at += draw(st.sampled_from([0, 0, 1, 16]))
        ranges.append((at, draw(st.integers(1, 2))))
        at += ranges[-1][1]
    chunks = sum(count for _, count in ranges)
    flips = draw(st.lists(st.integers(0, chunks * 512), max_size=12))
    position = np.arange(chunks * 512)
    allocated = sum((position >= flip for flip in flips), np.zeros(chunks * 512, int)) % 2 == 1
    random = np.random.default_rng(draw(st.integers(0, 99)))
    noise = random.random(chunks * 512) < draw(st.sampled_from([0, 0.01, 0.5]))
    known = np.repeat(random.random(chunks) < draw(st.sampled_from([1, 0.7])), 512)
    return pages_of(ranges, (allocated ^ noise) & known, (random.random(chunks * 512) < 0.5) & known, known)


def each(pages: Pages) -> Iterator[tuple[int, int, bool, bool]]:
    """Position, address, free, returned of each page."""
    position = 0
    for base, limit in zip(pages.base.tolist(), pages.limit.tolist(), strict=True):
        for address in range(base, limit, PAGE):
            free = bool(pages.known[position] and not pages.allocated[position])
            yield position, address, free, free and bool(pages.scavenged[position])
            position += 1


def runs_of(pages: Pages, at_most: int = 0) -> list[list[int]]:
    runs: list[list[int]] = []
    following = -1
    for position, address, free, returned in each(pages):
        if not free:
            following = -1
            continue
        if address != following or (at_most and position % at_most == 0):
            runs.append([position, 0, 0])
        runs[-1][1] += 1
        runs[-1][2] += returned
        following = address + PAGE
    return runs


@given(heaps())
@settings(max_examples=examples(60))
def test_free_runs(pages: Pages) -> None:
    for at_most in (0, 512):
        runs = contiguity.free_runs(pages, at_most=at_most)
        found = [list(row) for row in zip(runs.first.tolist(), runs.npages.tolist(), runs.released.tolist())]  # noqa: B905
        assert found == runs_of(pages, at_most)
    runs = contiguity.free_runs(pages)
    lengths = [length for _, length, _ in runs_of(pages)]
    assert runs.largest == (lengths.index(max(lengths)) if lengths else None)
    table = contiguity.orders(runs)
    assert len(table) == max(lengths, default=0).bit_length()
    for order in range(len(table)):
        alike = [row for row in runs_of(pages) if 2**order <= row[1] < 2 ** (order + 1)]
        shorter = sum(length for length in lengths if length < 2**order)
        assert (table.runs[order], table.npages[order]) == (len(alike), sum(row[1] for row in alike))
        assert table.released[order] == sum(row[2] for row in alike)
        assert table.unusable[order] == pytest.approx(shorter / sum(lengths))


@given(heaps())
@settings(max_examples=examples(40))
def test_huge_blocks(pages: Pages) -> None:
    found = contiguity.huge_blocks(pages)
    blocks: dict[int, list[tuple[int, int, bool, bool]]] = {}
    for page in each(pages):
        blocks.setdefault(page[1] // (2 << 20), []).append(page)
    known = [block for block in blocks.values() if pages.known[[page[0] for page in block]].all()]
    assert found.unknown == len(blocks) - len(known)
    for row, (low, high) in enumerate(zip(found.low.tolist(), found.high.tolist(), strict=True)):
        alike = [block for block in known if low <= sum(not page[2] for page in block) <= high]
        assert found.blocks[row] == len(alike)
        assert found.free[row] == sum(page[2] for block in alike for page in block)
        assert found.released[row] == sum(page[3] for block in alike for page in block)
    assert found.blocks.sum() == len(known)
    assert found.whole == sum(all(page[2] and not page[3] for page in block) for block in known)
    few = [block for block in known if 1 <= sum(not page[2] for page in block) <= 4]
    assert found.few_free == sum(page[2] for block in few for page in block)


def test_a_run_goes_on_in_the_next_range_but_not_over_a_gap() -> None:
    free = np.zeros(4 * 512, np.bool_)
    joined, apart = (pages_of([(0, 1), (at, 3)], free, free) for at in (1, 2))
    assert contiguity.free_runs(joined).npages.tolist() == [4 * 512]
    assert contiguity.free_runs(apart).npages.tolist() == [512, 3 * 512]


def test_nothing_free_and_nothing_at_all() -> None:
    full = np.ones(512, np.bool_)
    for pages in (pages_of([(0, 1)], full, ~full), pages_of([], [], [])):
        runs = contiguity.free_runs(pages)
        assert (len(runs), runs.largest, len(contiguity.orders(runs))) == (0, None, 0)
    assert contiguity.huge_blocks(pages_of([(0, 1)], full, ~full)).blocks.tolist() == [0, 0, 0, 0, 0, 2]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=5))
def test_the_longest_run_in_a_page_cache(words: list[int]) -> None:
    caches = PageCaches(*(np.array(words, np.uint64) for _ in range(3)))
    longest = max((len(run) for word in words for run in f"{word:b}".split("0")), default=0)
    assert contiguity.largest_cached(caches) == longest


# The map


def spans_of(starts: Sequence[int], npages: Sequence[int], objects: Sequence[int], size: int) -> Any:
    """Stand in for `Spans`: all in use."""
    count = len(starts)
    columns = {
        "npages": np.array(npages, np.int64),
        "allocCount": np.array(objects, np.int64),
        "elemsize": np.full(count, size, np.int64),
    }
    in_use = np.ones(count, np.bool_)
    return SimpleNamespace(
        records=columns, in_use=in_use, manual=~in_use, start=np.asarray(starts, np.uint64)
    )


def kinds_of(pages: Pages, kinds: Any, owner: Any) -> PageKinds:
    return PageKinds(pages, np.asarray(kinds, np.uint8), np.asarray(owner, np.int64), 0)


def small_map(**options: Any) -> heapmap.HeapMap:
    """Two ranges of a chunk, a gap of a chunk between: a half-full span of 3 pages at page 2, stacks at page 8."""
    nothing = np.zeros(1024, np.bool_)
    pages = pages_of([(0, 1), (2, 1)], nothing, nothing)
    kinds, owner = np.full(1024, mpagealloc.RELEASED), np.full(1024, -1)
    kinds[:512] = mpagealloc.FREE
    kinds[2:5], owner[2:5] = mpagealloc.IN_USE, 0
    kinds[8] = mpagealloc.MANUAL
    found = kinds_of(pages, kinds, owner)
    arena = (BASE + 3 * CHUNK, BASE + 4 * CHUNK)
    window = options.pop("window", heapmap.whole(found, arena))
    spans = spans_of([BASE + 2 * PAGE], [3], [3], PAGE // 2)
    contradictory = np.zeros(1, np.bool_)  # a row for each span
    return heapmap.heap_map(found, spans, arena, window, contradictory=contradictory, **options)


def test_cells_of_a_page() -> None:
    found = small_map(lines=1000, line_cells=64)
    assert (found.cell_pages, len(found)) == (1, 1024)
    assert found.start[0] == BASE
    assert found.start[512] == BASE + 2 * CHUNK
    names = [mpagealloc.KIND_NAMES[state] for state in found.state]
    assert names[:10] == ["free"] * 2 + ["in use"] * 3 + ["free"] * 3 + ["manual"] + ["free"]
    assert set(names[512:]) == {"released"}
    assert found.level[:10].tolist() == [-1, -1, 1, 1, 1, -1, -1, -1, -1, -1]
    assert found.allocated[:10].tolist() == [0, 0, *[PAGE // 2] * 3, 0, 0, 0, PAGE, 0]
    gap, reserved = found.gaps
    assert (gap.start, gap.nbytes, gap.reserved) == (BASE + CHUNK, CHUNK, False)
    assert (reserved.start, reserved.nbytes, reserved.reserved) == (BASE + 3 * CHUNK, CHUNK, True)


@pytest.mark.parametrize("lines", [1, 3, 4, 7, 19])
def test_cells_fit_the_lines_and_no_range_shares_one(lines: int) -> None:
    found = small_map(lines=lines, line_cells=16)
    assert len(found.kinds) == len(found)
    assert found.kinds.sum() == found.npages.sum() == 1024
    assert found.cell_pages == {1: 32, 3: 32, 4: 32, 7: 16, 19: 4}[lines]
    assert mpagealloc.KIND_NAMES[found.state[0]] == "in use"  # wins over the free pages around it
    assert found.allocated.sum() == 3 * PAGE // 2 + PAGE


def test_a_window_cuts_ranges_and_spans() -> None:
    window = heapmap.Window(BASE + 3 * PAGE, BASE + 2 * CHUNK + PAGE)
    found = small_map(window=window, lines=100, line_cells=16)
    assert found.start[0] == window.low
    assert found.npages.sum() == 512 - 3 + 1
    assert found.kinds[:, mpagealloc.IN_USE].sum() == 2
    assert found.allocated.sum() == PAGE + PAGE
    assert [(gap.start, gap.nbytes) for gap in found.gaps] == [(BASE + CHUNK, CHUNK)]


def test_a_window_without_pages() -> None:
    found = small_map(window=heapmap.Window(BASE + 3 * CHUNK, BASE + 4 * CHUNK), lines=20, line_cells=64)
    assert len(found) == 0
    assert [gap.reserved for gap in found.gaps] == [True]


@pytest.mark.bench
def test_a_heap_of_64_gib_is_drawn_without_a_loop_over_its_pages() -> None:
    count = (64 << 30) // PAGE
    random = np.random.default_rng(1)
    npages = random.integers(1, 9, count // 8)
    first = np.arange(len(npages)) * 8
    within = np.arange(npages.sum()) - np.repeat(np.cumsum(npages) - npages, npages)
    allocated = np.zeros(count, np.bool_)
    allocated[np.repeat(first, npages) + within] = True
    scavenged = (random.random(count) < 0.3) & ~allocated
    pages = pages_of([(0, count // 1024), (count, count // 1024)], allocated, scavenged)
    spans = spans_of(pages.addresses(first), npages, np.ones(len(npages)), 5000)
    nothing = np.empty(0, np.uint64)

    began = time.perf_counter()
    kinds = mpagealloc.classify(pages, spans, PageCaches(nothing, nothing, nothing), complete=True)
    classified = time.perf_counter()
    runs = contiguity.free_runs(pages)
    contiguity.orders(runs)
    contiguity.huge_blocks(pages)
    contiguity.chunks(kinds, 512)
    middle = time.perf_counter()
    none = np.zeros(len(npages), np.bool_)
    whole = heapmap.whole(kinds, None)
    found = heapmap.heap_map(kinds, spans, None, whole, contradictory=none, lines=20, line_cells=64)
    ended = time.perf_counter()
    print(f"kinds {classified - began:.2f} s, pages {middle - classified:.2f} s, map {ended - middle:.2f} s")
    assert found.kinds.sum() == count
    assert found.kinds[:, mpagealloc.IN_USE].sum() == npages.sum()
    assert runs.npages.sum() == np.count_nonzero(~allocated)
    assert ended - began < 20, "a loop over pages takes minutes"
