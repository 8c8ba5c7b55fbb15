"""The gathering of many records from a source that reads runs."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.memory import ADDRESS_SPACE, Unreadable
from gdb_gospan.memory.gather import GAP, first_missing, gather
from tools.soak import examples


class Source:
    """Bytes by address; counts the calls and notes which bytes were touched."""

    def __init__(self, content):
        self.content = content
        self.calls = []

    def fill(self, address, buffer):
        self.calls.append((address, len(buffer)))
        for i in range(len(buffer)):
            if address + i not in self.content:
                buffer[:] = 0xEE  # what a failed read leaves behind is anything
                return False
            buffer[i] = self.content[address + i]
        return True


def expect(content, addresses, size, rows):
    """Hold every row against the bytes, one by one."""
    assert rows.data.shape == (len(addresses), size)
    assert rows.readable.shape == (len(addresses),)
    for i, address in enumerate(addresses):
        whole = all(address + k in content for k in range(size))
        assert bool(rows.readable[i]) == whole
        assert rows.data[i].tolist() == [content[address + k] if whole else 0 for k in range(size)]


def u64(values):
    return np.array(values, np.uint64)


ADJOINING = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12), st.integers(0, 6)), max_size=5)


@settings(max_examples=examples(300))
@given(st.lists(st.booleans(), min_size=260, max_size=260), st.integers(1, 9), st.integers(1, 60), ADJOINING)
def test_records_that_adjoin(present, size, run, groups):
    """Read straight to where they belong, whatever of them is missing; and one that does not adjoin changes nothing."""
    content = {i: (i * 7 + 1) % 256 for i, there in enumerate(present) if there or i % 16}
    addresses, at = [], 0
    for skip, count, nudge in groups:
        at += skip
        addresses += [at + i * size for i in range(count)]
        at += max(count * size - nudge, 0)
    addresses = sorted(each for each in addresses if each < 260)
    rows = gather(u64(addresses), size, Source(content).fill, gap=0, run=run)
    expect(content, addresses, size, rows)


BASES = st.sampled_from([0, 1000, ADDRESS_SPACE - 200])


@settings(max_examples=examples(300))
@given(
    st.data(),
    BASES,
    st.lists(st.booleans(), min_size=200, max_size=200),
    st.integers(0, 9),
    st.integers(0, 40),
    st.integers(1, 60),
)
def test_equals_the_bytes_one_by_one(data, base, present, size, gap, run):
    content = {base + i: (i * 7 + 1) % 256 for i, there in enumerate(present) if there}
    addresses = data.draw(st.lists(st.integers(base, base + 199), max_size=40))
    rows = gather(u64(addresses), size, Source(content).fill, gap=gap, run=run)
    expect(content, addresses, size, rows)


@settings(max_examples=examples(100))
@given(st.lists(st.tuples(st.integers(0, 180), st.integers(1, 20)), max_size=4), st.data())
def test_few_holes(holes, data):
    """Mostly readable memory, where runs succeed or are halved only a little."""
    content = {i: (i * 7 + 1) % 256 for i in range(200)}
    for start, length in holes:
        for i in range(start, start + length):
            content.pop(i, None)
    addresses = data.draw(st.lists(st.integers(0, 220), max_size=60))
    expect(content, addresses, 5, gather(u64(addresses), 5, Source(content).fill))


def test_neighbours_cost_one_call():
    source = Source(dict.fromkeys(range(10000), 7))
    rows = gather(u64([4000, 0, 100, 100, 2000]), 8, source.fill)
    assert rows.readable.all()
    assert source.calls == [(0, 4008)]


def test_the_gap_counts_from_the_end_of_a_record():
    source = Source(dict.fromkeys(range(20000), 7))
    gather(u64([0, 5000, 10000]), 5000, source.fill)
    assert source.calls == [(0, 15000)]


def test_a_run_touches_no_page_that_no_record_touches():
    """A gap of a whole page might be an unmapped page: it must split the run."""
    source = Source(dict.fromkeys([*range(4096), *range(8192, 12288)], 7))
    rows = gather(u64([4088, 8192]), 8, source.fill)
    assert rows.readable.all()
    assert source.calls == [(4088, 8), (8192, 8)]
    assert GAP < 4096


def test_runs_are_capped():
    source = Source(dict.fromkeys(range(4000), 7))
    gather(u64(range(0, 4000, 8)), 8, source.fill, run=1000)
    assert len(source.calls) == 4
    assert max(length for _, length in source.calls) <= 1008


def test_one_bad_record_among_many_costs_a_logarithm():
    content = dict.fromkeys(range(8192), 7)
    del content[4001]
    source = Source(content)
    rows = gather(u64(range(0, 8192, 8)), 8, source.fill)
    assert np.flatnonzero(~rows.readable).tolist() == [500]
    assert len(source.calls) <= 1 + 2 * 10


def test_copies_of_a_bad_record_are_not_tried_again_and_again():
    source = Source({})
    rows = gather(u64([5000] * 1000), 8, source.fill)
    assert not rows.readable.any()
    assert len(source.calls) == 1


def test_rows_cannot_be_written():
    rows = gather(u64([0]), 2, Source({0: 1, 1: 2}).fill)
    assert not rows.data.flags.writeable


def test_a_million_records_in_chunks_are_read_chunk_by_chunk():
    """The chunks of a fixalloc: 102 records of 160 bytes in each 16 KiB, in any order."""
    chunk = np.arange(9804, dtype=np.uint64) * np.uint64(64 << 10)
    addresses = (chunk[:, None] + np.arange(102, dtype=np.uint64) * np.uint64(160)).ravel()[:1_000_000]
    addresses = np.random.default_rng(0).permutation(addresses + np.uint64(0xC000000000))
    calls = 0

    def fill(address, buffer):
        nonlocal calls
        calls += 1
        buffer[:8].view(np.uint64)[0] = address
        return True

    rows = gather(addresses, 160, fill)
    assert rows.readable.all()
    assert calls == 9804
    heads = rows.data[:, :8].copy().view(np.uint64)[:, 0]
    first = addresses % np.uint64(64 << 10) == 0
    assert (heads[first] == addresses[first]).all()


@given(st.integers(1, 300), st.data())
def test_first_missing_byte(size, data):
    hole = data.draw(st.integers(0, size - 1))
    source = Source({1000 + i: 1 for i in range(size) if i != hole})
    assert first_missing(1000, size, source.fill, "why") == Unreadable(1000 + hole, size - hole, "why")
    assert len(source.calls) <= 10
