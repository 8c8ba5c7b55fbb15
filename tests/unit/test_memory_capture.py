"""A capture has what was planned, as it was then, and nothing else: of this very process, which changes it meanwhile."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.capture import NOWHERE, Capture, Plan, appeared, between, grown
from gdb_gospan.memory.footprint import Footprint
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.mappings import Mapping
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.memory.prefetched import PAGE, SHIFT
from gdb_gospan.memory.procmem import ProcessMemory
from gdb_gospan.memory.recorder import Recorder, RecorderOfCopy

NOT_MAPPED = 0x1000


class Block:
    """Pages of this process, each filled with its number."""

    def __init__(self, pages: int) -> None:
        self.data = mmap.mmap(-1, pages * PAGE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.data))
        for page in range(pages):
            self.data[page * PAGE : (page + 1) * PAGE] = bytes([page % 256]) * PAGE

    def page(self, number: int) -> int:
        return (self.start >> SHIFT) + number


@pytest.fixture
def block() -> Block:
    return Block(8)


def taken(*pages: int, more: tuple[int, ...] = ()) -> Capture:
    memory = ProcessMemory(os.getpid())
    plan = Plan(np.array(sorted(pages), np.uint64))
    plan.take(memory)
    plan.take_more(memory, np.array(more, np.uint64))
    memory.close()
    return plan.sealed(memory)


def test_what_was_taken_stays_and_the_rest_is_an_error(block: Block) -> None:
    capture = taken(block.page(1), block.page(2), more=(block.page(5), block.page(5), block.page(1)))
    block.data[:] = bytes(len(block.data))
    assert capture.read(block.start + 2 * PAGE - 1, 2) == b"\1\2"
    assert capture.read(block.start + 5 * PAGE, 3) == b"\5\5\5"
    for address in (block.start, block.start + 3 * PAGE - 1, block.start + 6 * PAGE):
        with pytest.raises(ReadAfterReleaseError):
            capture.read(address, 2)
    with pytest.raises(ReadAfterReleaseError):
        capture.read_many(np.array([block.start + PAGE, block.start], np.uint64), 8)


def test_of_a_run_that_cannot_be_read_whole_each_page_is_tried(tmp_path: Path) -> None:
    """Behind the end of a file that has become shorter there is nothing."""
    path = tmp_path / "file"
    path.write_bytes(b"".join(bytes([page]) * PAGE for page in range(5)))
    with path.open("r+b") as file:
        data = mmap.mmap(file.fileno(), 5 * PAGE)
        file.truncate(3 * PAGE)
    first = ctypes.addressof(ctypes.c_char.from_buffer(data)) >> SHIFT
    capture = taken(*range(first, first + 5))
    assert [capture.read(number << SHIFT, 1) for number in range(first, first + 3)] == [b"\0", b"\1", b"\2"]
    assert isinstance(capture.read((first + 3) << SHIFT, 1), Unreadable)


def test_who_only_guesses_finds_nothing_there(block: Block) -> None:
    alone = taken(block.page(1)).alone([Mapping(block.start, 2 * PAGE, writable=True)])
    assert isinstance(alone.read(NOT_MAPPED, 8), Unreadable)
    assert alone.read(block.start + PAGE, 1) == b"\1"
    assert not alone.lacked
    assert isinstance(alone.read(block.start, 8), Unreadable)
    assert alone.lacked
    again = taken(block.page(1)).alone([Mapping(block.start, 2 * PAGE, writable=True)])
    rows = again.read_many(np.array([block.start + PAGE, block.start], np.uint64), 8)
    assert rows.readable.tolist() == [True, False]
    assert again.lacked


def test_what_is_not_mapped_is_unreadable_and_no_error(block: Block) -> None:
    capture = taken(NOT_MAPPED >> SHIFT, block.page(3))
    missing = capture.read(NOT_MAPPED, 8)
    assert isinstance(missing, Unreadable)
    assert missing.reason == "not mapped in the process"
    assert capture.read(block.start + 3 * PAGE, 1) == b"\3"


def test_a_footprint_has_each_page_once(block: Block) -> None:
    footprint = Footprint(ProcessMemory(os.getpid()))
    footprint.read(block.start + 2 * PAGE - 4, 8)
    footprint.read_many(np.array([block.start + 5 * PAGE, block.start + PAGE], np.uint64), 8)
    footprint.note(np.array([block.start + 7 * PAGE], np.uint64), 1)
    assert footprint.places(NOWHERE)[0].tolist() == [block.page(number) for number in (1, 2, 5, 7)]
    assert footprint.read(-8, 8) == Unreadable(-8, 8, "outside the 64-bit address space")
    assert len(footprint.places(NOWHERE)[0]) == 4


def test_of_sparse_records_of_arenas_only_these_are_taken() -> None:
    """Those that overlap are one, those that touch a page that is needed whole belong to it; elsewhere whole pages are."""
    block = Block(1000)
    arenas = np.array([block.start + 200 * PAGE], np.uint64), np.array([800 * PAGE], np.uint64)
    footprint = Footprint(ProcessMemory(os.getpid()))
    spread = np.uint64(block.start + 64) + np.arange(1000, dtype=np.uint64) * np.uint64(PAGE)
    footprint.read_many(spread, 4)
    footprint.read_many(spread + np.uint64(2), 8)
    footprint.read_many(
        np.uint64(block.start - 4) + np.arange(300, 601, dtype=np.uint64) * np.uint64(PAGE), 8
    )
    footprint.read(block.start + 999 * PAGE, 1)
    pages, pieces = footprint.places(arenas)
    assert pages.tolist() == [block.page(number) for number in (*range(200), 999)]
    plan = Plan(pages, pieces)
    memory = ProcessMemory(os.getpid())
    plan.take(memory)
    memory.close()
    guard = 1  # a byte that shows that it is the same program still
    assert memory.bytes_read == 201 * PAGE + 799 * 10 + 301 * 8 + guard
    capture = plan.sealed(memory)
    block.data[:] = bytes(len(block.data))
    for number in (0, 150, 450, 998, 999):  # across the seam of both
        assert capture.read(block.start + number * PAGE + 64, 10) == bytes([number % 256]) * 10
    assert capture.read(block.start + 450 * PAGE - 4, 8) == bytes([449 % 256] * 4 + [450 % 256] * 4)
    with pytest.raises(ReadAfterReleaseError):
        capture.read(block.start + 450 * PAGE + 64, 11)


def test_what_was_read_as_one_lies_in_one(block: Block) -> None:
    """A piece that a page that is needed whole cuts off: all its pages are needed, and what touches these too."""
    pieces = np.array([block.start + PAGE - 4, block.start + 2 * PAGE - 4, block.start + 4 * PAGE], np.uint64)
    plan = Plan(np.array([block.page(0)], np.uint64), (pieces, np.array([8, 8, 8], np.uint64)))
    memory = ProcessMemory(os.getpid())
    plan.take(memory)
    memory.close()
    assert memory.bytes_read == 3 * PAGE + 8
    assert plan.sealed(memory).read(block.start + PAGE - 4, PAGE + 8) == b"\0" * 4 + b"\1" * PAGE + b"\2" * 4


def test_a_recorder_of_a_copy_keeps_what_was_read_and_no_more(block: Block, tmp_path: Path) -> None:
    """As a recorder that copies does: overlaps once, neighbours as one, whole pages where they are noted, and holes."""
    pages = [block.page(number) for number in (1, 2, 5, 6)]
    capture = taken(*pages, NOT_MAPPED >> SHIFT)
    saved = {}
    for kind in (Recorder, RecorderOfCopy):
        recorder = kind(capture)
        assert recorder.read(block.start + PAGE + 10, 20) == b"\1" * 20
        assert recorder.read(block.start + 2 * PAGE - 4, 8) == b"\1\1\1\1\2\2\2\2"
        rows = recorder.read_many(
            np.array([block.start + 6 * PAGE + at for at in (16, 8, 16, 100)], np.uint64), 8
        )
        assert rows.readable.all()
        assert isinstance(recorder.read(NOT_MAPPED, 8), Unreadable)
        if isinstance(recorder, RecorderOfCopy):
            recorder.note([(np.array([block.start + 5 * PAGE + 7], np.uint64), 4)])
        else:
            recorder.read(block.start + 5 * PAGE, PAGE)
        path = tmp_path / f"{kind.__name__}.gospan"
        amounts = recorder.save(path, {})
        image, _ = Image.load(path)
        segments = image.segments
        saved[kind] = (
            amounts, segments.start.tolist(), segments.size.tolist(), bytes(segments.flat), image.holes,
        )  # fmt: skip
    assert saved[Recorder] == saved[RecorderOfCopy]
    (nbytes, ranges), *_ = saved[Recorder]
    assert (nbytes, ranges) == (20 + 8 + PAGE + 16 + 8, 5)


def numbers(*ranges: tuple[int, int]) -> list[int]:
    return [page for first, end in ranges for page in range(first, end)]


def test_what_is_taken_besides() -> None:
    """Small mappings whole, of large ones what is near, of arenas a little around, of files and what is shut nothing."""
    small, large = Mapping(100 << SHIFT, 50 << SHIFT, True), Mapping(1000 << SHIFT, 9000 << SHIFT, True)
    idle, file = Mapping(300 << SHIFT, 20 << SHIFT, True), Mapping(400 << SHIFT, 20 << SHIFT, True, "/lib")
    shut, arena = Mapping(500 << SHIFT, 20 << SHIFT, False), Mapping(20_000 << SHIFT, 1000 << SHIFT, True)
    needed = np.array([110, 1500, 1550, 5000, 20_100], np.uint64)
    arenas = np.array([20_000 << SHIFT], np.uint64), np.array([1000 << SHIFT], np.uint64)
    found = grown(needed, [small, large, idle, file, shut, arena], arenas)
    assert found.tolist() == numbers((100, 150), (300, 320), (1500, 1615), (5000, 5065), (20_096, 20_105))
    assert grown(needed, [], NOWHERE).tolist() == needed.tolist()


def test_what_has_been_mapped_since() -> None:
    before = [Mapping(100 << SHIFT, 10 << SHIFT, True)]
    now = [
        Mapping(98 << SHIFT, 14 << SHIFT, True),
        Mapping(200 << SHIFT, 2 << SHIFT, True, "/lib"),
        Mapping(300 << SHIFT, 2 << SHIFT, False),
        Mapping(400 << SHIFT, 1 << SHIFT, True),
        Mapping(1000 << SHIFT, 9000 << SHIFT, True),
    ]
    assert appeared(before, now, NOWHERE).tolist() == [98, 99, 110, 111, 400]
    assert appeared([], now[3:4], NOWHERE).tolist() == [400]


def test_of_arenas_nothing_is_taken_because_it_has_been_mapped_since() -> None:
    arenas = np.array([100 << SHIFT], np.uint64), np.array([50 << SHIFT], np.uint64)
    before, now = [Mapping(100 << SHIFT, 10 << SHIFT, True)], [Mapping(98 << SHIFT, 20 << SHIFT, True)]
    assert appeared(before, now, arenas).tolist() == [98, 99]


def test_a_large_mapping_of_which_half_is_needed_is_taken_whole() -> None:
    mapping = Mapping(1000 << SHIFT, 9000 << SHIFT, True)
    for needed, taken in ((4500, 9000), (4499, 4499 + 64)):
        found = grown(np.arange(1000, 1000 + needed, dtype=np.uint64), [mapping], NOWHERE)
        assert len(found) == taken


def test_more_is_taken_in_the_stop_than_there_was_time_to_touch() -> None:
    """As far as there is room, in the order of what is asked for."""
    block = Block(17_000)
    memory = ProcessMemory(os.getpid())
    plan = Plan(np.array([block.page(0)], np.uint64))
    plan.take(memory)
    plan.take_more(
        memory, np.array([block.page(7)], np.uint64), block.page(0) + np.arange(17_000, dtype=np.uint64)
    )
    memory.close()
    capture = plan.sealed(memory)
    assert capture.read(block.start + 7 * PAGE, 1) == b"\7"
    assert capture.read(block.start + 16_000 * PAGE, 1) == bytes([16_000 % 256])
    with pytest.raises(ReadAfterReleaseError):
        capture.read(block.start + 16_999 * PAGE, 1)


def test_what_is_mapped_nowhere_is_no_error(block: Block) -> None:
    """The mappings of that moment say so; what was mapped and not copied still is one."""
    memory = ProcessMemory(os.getpid())
    plan = Plan(np.array([block.page(1)], np.uint64))
    plan.take(memory)
    memory.close()
    there = [
        Mapping(block.start, 4 * PAGE, writable=True),
        Mapping(block.start + 4 * PAGE, PAGE, writable=False),
    ]
    start, size = between(there)
    assert list(zip(start.tolist(), size.tolist(), strict=True)) == [
        (0, block.start),
        (block.start + 5 * PAGE, 2**64 - 1 - block.start - 5 * PAGE),
    ]
    capture = plan.sealed(memory, (start, size))
    assert capture.read(block.start + PAGE, 1) == b"\1"
    assert isinstance(capture.read(block.start + 5 * PAGE, 1), Unreadable)
    assert capture.read_many(np.array([NOT_MAPPED, block.start + PAGE], np.uint64), 8).readable.tolist() == [
        False,
        True,
    ]
    with pytest.raises(ReadAfterReleaseError):
        capture.read(block.start + 2 * PAGE, 1)
