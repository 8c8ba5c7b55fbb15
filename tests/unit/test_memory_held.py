"""Memory that was fetched outlives the memory that it is from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.memory import ADDRESS_SPACE, Unreadable
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.memory.prefetched import PrefetchedMemory
from gdb_gospan.memory.segments import Segments, disjoint
from tools.soak import examples

PAGE = 4096
BASE = 7 * PAGE
LENGTH = 12 * PAGE


class Ending:
    """An image until it ends; then no byte of it may be asked for, as of a process that has gone on."""

    kind = "live"
    at_hand = True
    reads = bytes_read = 0

    def __init__(self, image):
        self.image = image
        self.ended = False

    def read(self, address, size):
        if self.ended:
            raise ReadAfterReleaseError
        return self.image.read(address, size)

    def read_many(self, addresses, size):
        if self.ended:
            raise ReadAfterReleaseError
        return self.image.read_many(addresses, size)


def image(present):
    """Return an image of pages with these numbers, from `BASE` on, each byte unlike its neighbours."""
    flat = (np.arange(LENGTH) * 31 % 251).astype(np.uint8)
    start = np.array([BASE + PAGE * number for number in sorted(present)], np.uint64)
    return Image(
        Segments(flat, *disjoint(start, np.full(len(start), PAGE, np.uint64), start - np.uint64(BASE)))
    )


PLACES = st.lists(st.integers(BASE - 2 * PAGE, BASE + LENGTH + PAGE), max_size=30)


def same(one, other):
    assert (one.readable == other.readable).all()
    assert (one.data[one.readable] == other.data[other.readable]).all()


@settings(max_examples=examples(200))
@given(st.sets(st.integers(0, 11)), PLACES, PLACES, st.integers(1, 9000))
def test_what_was_wanted_stays(present, wanted, others, size):
    memory = Ending(image(present))
    wanted, others = np.array(wanted, np.uint64), np.array(others, np.uint64)
    held = PrefetchedMemory(memory, [(wanted, size)])
    same(held.read_many(others, size), memory.read_many(others, size))
    before = memory.read_many(wanted, size)
    single = [memory.read(address, size) for address in wanted.tolist()]
    memory.ended = True
    same(held.read_many(wanted, size), before)
    for address, bytes_ in zip(wanted.tolist(), single, strict=True):
        assert held.read(address, size) == bytes_


@settings(max_examples=examples(100))
@given(st.lists(st.tuples(st.integers(BASE, BASE + LENGTH - 1), st.integers(1, 9000)), max_size=30))
def test_places_of_several_sizes(places):
    memory = Ending(image(range(12)))
    addresses, sizes = (np.array(column) for column in zip(*places, strict=True)) if places else ([], [])
    held = PrefetchedMemory(memory, [(np.array(addresses, np.uint64), np.array(sizes, np.int64))])
    before = [memory.read(address, size) for address, size in places]
    memory.ended = True
    for (address, size), bytes_ in zip(places, before, strict=True):
        if address + size <= BASE + LENGTH:
            assert held.read(address, size) == bytes_


def test_what_nobody_wanted_is_asked_of_the_memory():
    """So that what a report forgot to want is no hole, and no zeros."""
    memory = Ending(image([0, 1, 3]))
    held = PrefetchedMemory(memory, [(np.array([BASE, BASE + 2 * PAGE], np.uint64), 8)])
    memory.ended = True
    assert held.read(BASE + 2 * PAGE, 8) == Unreadable(BASE + 2 * PAGE, 8, "not in this snapshot")
    for beyond in (BASE + PAGE, BASE + 3 * PAGE, BASE + PAGE - 4):
        with pytest.raises(ReadAfterReleaseError):
            held.read(beyond, 8)
        with pytest.raises(ReadAfterReleaseError):
            held.read_many(np.array([BASE, BASE + 2 * PAGE, beyond], np.uint64), 8)


def test_a_file_may_have_a_part_of_a_page():
    start = np.array([BASE + 100], np.uint64)
    part = Image(Segments(np.full(50, 7, np.uint8), start, np.array([50], np.uint64), start - start))
    held = PrefetchedMemory(part, [(start, 50)])
    assert held.read(BASE + 100, 50) == bytes([7]) * 50
    assert held.read_many(start, 50).readable.all()


@pytest.mark.parametrize(("most", "whole"), [(2, True), (1, False)])
def test_too_much_to_hold_is_left_to_the_memory(monkeypatch, most, whole):
    monkeypatch.setattr("gdb_gospan.memory.prefetched.MOST", most)
    memory = image([0, 1])
    held = PrefetchedMemory(memory, [(np.array([BASE, BASE + PAGE], np.uint64), PAGE)])
    assert held.whole is whole
    assert held.read(BASE, 2 * PAGE) == memory.read(BASE, 2 * PAGE)


def test_nothing_wanted_and_nothing_there():
    memory = Ending(image([]))
    for wanted in ([], [(np.empty(0, np.uint64), 8)], [(np.array([5, ADDRESS_SPACE - 1], np.uint64), 8)]):
        held = PrefetchedMemory(memory, wanted)
        assert not held.read_many(np.array([BASE], np.uint64), 8).readable.any()
        assert len(held.read_many(np.empty(0, np.uint64), 8)) == 0
        assert held.read(BASE, 0) == b""
        assert isinstance(held.read(-1, 8), Unreadable)
        assert isinstance(held.read(ADDRESS_SPACE - 1, 8), Unreadable)
