"""Much memory is copied by several threads: all of it, page by page where some cannot be read, or until the time is over."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import Unreadable, room
from gdb_gospan.memory.bulk import Bulk, TooMuchError, sample
from gdb_gospan.memory.footprint import Footprint
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.memory.prefetched import PAGE
from gdb_gospan.memory.procmem import ProcessMemory
from gdb_gospan.memory.room import touched_room
from gdb_gospan.memory.segments import U64, joined

MIB = 1 << 20


def of_this_process(data: np.ndarray) -> int:
    return int(data.__array_interface__["data"][0])


@pytest.fixture
def numbers() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, 40 * MIB, np.uint8)


def ranges(base: int, *some: tuple[int, int]) -> tuple[U64, U64]:
    start, size = np.array(some, np.uint64).reshape(-1, 2).T
    return start + np.uint64(base), size


def nothing() -> None:
    pass


def test_a_copy_has_its_ranges_and_the_rest_is_an_error(numbers: np.ndarray) -> None:
    base, memory = of_this_process(numbers), ProcessMemory(os.getpid())
    some = (3, 5), (100, PAGE), (MIB, 30 * MIB + 1), (32 * MIB, 1)
    bulk = Bulk(*ranges(base, *some), np.empty(31 * MIB, np.uint8))
    bulk.take(memory, nothing)
    memory.close()
    expected = numbers.copy()
    numbers[:] = 0
    copy = bulk.over(memory)
    assert bulk.done == bulk.nbytes == 30 * MIB + PAGE + 7
    for at, size in some:
        assert copy.read(base + at, size) == expected[at : at + size].tobytes()
    rows = copy.read_many(base + np.arange(MIB, 30 * MIB, 700_001).astype(np.uint64), 4096)
    assert all(
        row.tobytes() == expected[at : at + 4096].tobytes()
        for at, row in zip(range(MIB, 30 * MIB, 700_001), rows.data, strict=True)
    )
    for at, size in ((8, 1), (32 * MIB, 2), (31 * MIB, 2)):
        with pytest.raises(ReadAfterReleaseError):
            copy.read(base + at, size)


def test_it_ends_at_once_when_the_time_is_over(numbers: np.ndarray) -> None:
    class OverError(Exception):
        pass

    looks = []

    def check() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise OverError

    bulk = Bulk(*ranges(of_this_process(numbers), (0, 40 * MIB)), np.empty(40 * MIB, np.uint8))
    with pytest.raises(OverError):
        bulk.take(ProcessMemory(os.getpid()), check)
    assert 0 < bulk.done < 40 * MIB
    bulk.take(ProcessMemory(os.getpid()), nothing)
    assert bulk.done == 40 * MIB


def test_of_pages_that_cannot_be_read_the_neighbours_are_there(tmp_path: Path) -> None:
    """Behind the end of a file that has become shorter there is nothing."""
    path = tmp_path / "file"
    path.write_bytes(b"".join(bytes([page]) * PAGE for page in range(8)))
    with path.open("r+b") as file:
        data = mmap.mmap(file.fileno(), 8 * PAGE)
        file.truncate(5 * PAGE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(data))
    bulk = Bulk(*ranges(base, (10, 8 * PAGE - 20)), np.empty(8 * PAGE, np.uint8))
    bulk.take(ProcessMemory(os.getpid()), nothing)
    copy = bulk.over(ProcessMemory(os.getpid()))
    assert bulk.done == 5 * PAGE - 10
    assert copy.read(base + 10, 4 * PAGE) == path.read_bytes()[10 : 4 * PAGE + 10]
    assert isinstance(copy.read(base + 5 * PAGE, 1), Unreadable)
    rows = copy.read_many(base + np.array([4 * PAGE, 6 * PAGE], np.uint64), 8)
    assert rows.readable.tolist() == [True, False]


def test_more_than_there_is_room_for() -> None:
    with pytest.raises(TooMuchError):
        Bulk(*ranges(0, (0, PAGE), (2 * PAGE, 1)), np.empty(PAGE, np.uint8))


def test_a_sample_is_spread_evenly() -> None:
    every = ranges(1 << 40, (0, 3 * PAGE), (4 * PAGE, 1000 * MIB), (2000 * MIB, 24 * MIB))
    start, size = sample(*every, 64 * MIB)
    assert 56 * MIB <= int(size.sum()) <= 80 * MIB
    assert (start[1:] >= start[:-1] + size[:-1]).all()
    gaps = np.diff(start[start < (1 << 40) + 1000 * MIB])
    assert int(gaps.max()) < 150 * MIB
    assert all((a == b).all() for a, b in zip(joined(*sample(*every, 1 << 40)), every, strict=True))


@pytest.mark.parametrize("left", [1 << 40, 0])
def test_a_room_is_memory_or_a_file_without_a_name(
    left: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(room, "_left", lambda: left)
    flat = touched_room(3 * MIB, MIB)
    assert len(flat) == (4 * MIB if left else 3 * MIB)
    flat[:] = 1
    mapped = str(tmp_path) in Path("/proc/self/maps").read_text()
    assert mapped == (not left)
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_left", lambda: 0)
    monkeypatch.setattr("tempfile.tempdir", "/dev/shm")
    with pytest.raises(
        TargetError, match=r"no room for a copy of 4,096 bytes, .* /dev/shm, which is in memory, too \(try:"
    ):
        touched_room(4096, 0)
    monkeypatch.setattr("tempfile.tempdir", "/proc")
    with pytest.raises(TargetError, match=r"neither in memory nor in /proc: "):
        touched_room(4096, 0)


def test_ranges_with_small_gaps_are_joined() -> None:
    start, size = ranges(0, (0, 10), (20, 10), (41, 1))
    assert [each.tolist() for each in joined(start, size, gap=10)] == [[0, 41], [30, 1]]
    assert [each.tolist() for each in joined(start, size, gap=11)] == [[0], [42]]
    assert [each.tolist() for each in joined(start, size)] == [[0, 20, 41], [10, 10, 1]]


def test_what_a_footprint_lacks_is_whole_runs_of_pages(numbers: np.ndarray) -> None:
    """A record may lie across two pages, one of which is there."""
    base = of_this_process(numbers) & -PAGE
    probe = Footprint(ProcessMemory(os.getpid()))
    probe.read(base + 2 * PAGE - 4, 8)
    probe.read(base + 5 * PAGE, 8)
    start, size = probe.lacking(lambda at, _size: at != np.uint64(base + 2 * PAGE))
    assert (start - np.uint64(base)).tolist() == [PAGE]
    assert size.tolist() == [2 * PAGE]
    start, _ = probe.lacking(lambda at, _size: at == np.uint64(base + PAGE))
    assert (start - np.uint64(base)).tolist() == [PAGE, 5 * PAGE]
    start, _ = probe.lacking(lambda at, _size: at > 0)
    assert start.tolist() == []
