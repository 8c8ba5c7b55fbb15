"""Memory that was fetched outlives the memory that it is from."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.memory import ADDRESS_SPACE, Rows, Unreadable
from gdb_gospan.memory.held import Held
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.segments import Segments, disjoint

PAGE = 4096
BASE = 7 * PAGE
LENGTH = 12 * PAGE


class Ending:
    """An image until it ends; then there is nothing any more, as of a process that has gone on."""

    kind = "live"
    at_hand = True
    reads = bytes_read = 0

    def __init__(self, image):
        self.image = image
        self.ended = False

    def read(self, address, size):
        return Unreadable(address, size, "ended") if self.ended else self.image.read(address, size)

    def read_many(self, addresses, size):
        return Rows.none(len(addresses), size) if self.ended else self.image.read_many(addresses, size)


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


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(0, 11)), PLACES, PLACES, st.integers(1, 9000))
def test_what_was_wanted_stays(present, wanted, others, size):
    memory = Ending(image(present))
    wanted, others = np.array(wanted, np.uint64), np.array(others, np.uint64)
    held = Held(memory, [(wanted, size)])
    same(held.read_many(others, size), memory.read_many(others, size))
    before = memory.read_many(wanted, size)
    single = [memory.read(address, size) for address in wanted.tolist()]
    memory.ended = True
    same(held.read_many(wanted, size), before)
    for address, bytes_ in zip(wanted.tolist(), single, strict=True):
        if not isinstance(bytes_, Unreadable):
            assert held.read(address, size) == bytes_


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(BASE, BASE + LENGTH - 1), st.integers(1, 9000)), max_size=30))
def test_places_of_several_sizes(places):
    memory = Ending(image(range(12)))
    addresses, sizes = (np.array(column) for column in zip(*places, strict=True)) if places else ([], [])
    held = Held(memory, [(np.array(addresses, np.uint64), np.array(sizes, np.int64))])
    before = [memory.read(address, size) for address, size in places]
    memory.ended = True
    for (address, size), bytes_ in zip(places, before, strict=True):
        if address + size <= BASE + LENGTH:
            assert held.read(address, size) == bytes_


def test_nothing_wanted_and_nothing_there():
    memory = Ending(image([]))
    for wanted in ([], [(np.empty(0, np.uint64), 8)], [(np.array([5, ADDRESS_SPACE - 1], np.uint64), 8)]):
        held = Held(memory, wanted)
        assert not held.read_many(np.array([BASE], np.uint64), 8).readable.any()
        assert len(held.read_many(np.empty(0, np.uint64), 8)) == 0
        assert held.read(BASE, 0) == b""
        assert isinstance(held.read(-1, 8), Unreadable)
        assert isinstance(held.read(ADDRESS_SPACE - 1, 8), Unreadable)
