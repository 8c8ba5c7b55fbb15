"""The states of pages: runs and words tell the same of this very process, and the page of zeros is no resident one."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from gdb_gospan.memory import pagemap
from gdb_gospan.memory.runs import Runs, joined_runs
from gdb_gospan.memory.smaps import parse

PAGE = mmap.PAGESIZE
MAPPED = 64


@contextlib.contextmanager
def mapped(pages: int = MAPPED):
    """Map anonymous memory, and yield it with its address; without huge pages."""
    with mmap.mmap(-1, pages * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        held = ctypes.c_char.from_buffer(memory)
        yield memory, ctypes.addressof(held)
        del held


def states(start: int, *, scan: bool) -> pagemap.PageStates | None:
    file = os.open("/proc/self/pagemap", os.O_RDONLY)
    try:
        read = pagemap._scanned if scan else pagemap._read  # what `read_pages` chooses from
        return read(file, [(start, start + MAPPED * PAGE)])
    finally:
        os.close(file)


def resident_pages(found: Runs, start: int) -> list[int]:
    return [page for page in range(MAPPED) if found.inside(start + page * PAGE, start + (page + 1) * PAGE)]


@pytest.mark.parametrize("scan", [True, False])
def test_written_pages_are_resident_and_others_are_not(scan: bool) -> None:
    written = [0, 1, 2, 9, 30, 62, 63]
    with mapped() as (memory, start):
        for page in written:
            memory[page * PAGE] = 1
        found = states(start, scan=scan)
        if found is None:
            pytest.skip("this kernel has no PAGEMAP_SCAN (Linux 6.7)")
        assert resident_pages(found.resident, start) == written
        assert found.swapped.inside(start, start + MAPPED * PAGE) == 0


def test_the_page_of_zeros_counts_for_nothing_or_is_doubtful() -> None:
    """A page that was only read is the page of zeros, which is present and not in Rss."""
    with mapped() as (memory, start):
        memory[5 * PAGE] = 1
        assert memory[20 * PAGE] == 0
        words, scanned = states(start, scan=False), states(start, scan=True)
        smaps = parse(Path("/proc/self/smaps").read_bytes(), "self")
        rss = sum(vma.rss for vma in smaps.vmas if vma.start <= start < vma.end and vma.size == MAPPED * PAGE)
    assert words is not None
    assert words.doubtful is not None
    assert resident_pages(words.resident, start) == [5, 20]
    assert 20 in resident_pages(words.doubtful, start)
    if scanned is not None:
        assert resident_pages(scanned.resident, start) == [5]
    assert rss in (0, PAGE)  # 0 where the kernel has joined the mapping with a neighbour


def test_more_runs_than_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan goes on where the last run ended, however few are taken at a time, and ends."""
    with mapped() as (memory, start):
        for page in range(0, MAPPED, 2):
            memory[page * PAGE] = 1
        whole = states(start, scan=True)
        if whole is None:
            pytest.skip("this kernel has no PAGEMAP_SCAN (Linux 6.7)")
        for most in (1, 2, 3, MAPPED // 2, MAPPED // 2 + 1):
            monkeypatch.setattr(pagemap, "_AT_ONCE", most)
            found = states(start, scan=True)
            assert found is not None
            assert (found.resident.start == whole.resident.start).all()
            assert (found.resident.end == whole.resident.end).all()


def test_a_whole_process_scanned_is_ascending_and_apart() -> None:
    """Also of more runs than the kernel's own buffer has (512): what it says of where it ended is not right then."""
    with mmap.mmap(-1, 4096 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(0, 4096, 2):
            memory[page * PAGE] = 1
        found = pagemap.read_pages(os.getpid(), [(PAGE, (1 << 47) - PAGE)])
    if found is None or found.doubtful is not None:
        pytest.skip("this kernel has no PAGEMAP_SCAN (Linux 6.7)")
    assert len(found.resident) > 2048
    assert (found.resident.start[1:] > found.resident.end[:-1]).all()


def test_no_such_process() -> None:
    assert pagemap.read_pages(1 << 30, [(PAGE, 2 * PAGE)]) is None


@hypothesis.given(
    st.sets(st.integers(0, 40)), st.lists(st.tuples(st.integers(0, 180), st.integers(0, 60)), max_size=8)
)
def test_bytes_in_ranges(pages: set[int], ranges: list[tuple[int, int]]) -> None:
    """Against counting byte by byte, with pages of four bytes."""
    edges = np.array(sorted(pages), np.uint64) * np.uint64(4)
    runs = joined_runs(edges, edges + np.uint64(4))
    assert runs.nbytes == 4 * len(pages)
    start = np.array([low for low, _ in ranges], np.uint64)
    size = np.array([count for _, count in ranges], np.int64)
    counted = [sum(at // 4 in pages for at in range(low, low + count)) for low, count in ranges]
    assert runs.within(start, size).tolist() == counted
