"""What is reckoned for all rows at once, against the same done row by row."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.memory import Rows, parallel
from gdb_gospan.memory.parallel import blocks, each_block
from gdb_gospan.runtime import linked, record
from gdb_gospan.runtime.columns import Ranges
from gdb_gospan.runtime.record import Records
from tools import images
from tools.soak import examples
from tools.tiny_heap import TinyHeap


def test_blocks_are_all_rows_once() -> None:
    for count in (0, 1, 9, 10, 11, 30):
        rows = [row for block in blocks(count, 10) for row in range(block.start, block.stop)]
        assert rows == list(range(count))


# Lists by their links.


def walk(links: list[int], first: int) -> tuple[int, bool]:
    """Follow a list node by node."""
    seen: set[int] = set()
    while first < len(links) and first not in seen:
        seen.add(first)
        first = links[first]
    return len(seen), first == len(links)


@given(st.data())
@settings(max_examples=examples(200))
def test_a_list_is_followed(data: st.DataObject) -> None:
    """Any links at all: ends, circles, ways out of the column, nodes that are on no list."""
    count = data.draw(st.integers(1, 400))
    links = data.draw(st.lists(st.integers(0, count + 1), min_size=count, max_size=count))
    first = data.draw(st.integers(0, count - 1))
    nodes, complete = walk(links, first)
    found = linked.follow(np.array(links, np.int32), first)
    assert found[1] == complete
    followed = linked.trace(np.array(links, np.int32), first)
    if complete or (followed.last >= 0 and links[followed.last] > count):
        last = followed.last
        assert (followed.nodes, found[0]) == (nodes, nodes)
        assert last == first or last in links
        assert links[last] >= count
    else:
        assert followed.last == -1


@pytest.mark.parametrize(
    "order", ["ascending", "descending", "random", "every second", "every 64th is not in it"]
)
def test_long_lists(order: str) -> None:
    """Longer than any stretch, in the orders in which a program frees spans."""
    count = 300_000
    rows = np.arange(count)
    rows = {
        "ascending": rows, "descending": rows[::-1], "random": np.random.default_rng(1).permutation(count),
        "every second": rows[::2], "every 64th is not in it": rows[rows % 64 != 63],
    }[order]  # fmt: skip
    links = np.full(count, count, np.int32)
    links[rows[:-1]] = rows[1:]
    assert linked.follow(links, int(rows[0])) == (len(rows), True)
    links[rows[-1]] = rows[len(rows) // 3]  # back into itself
    assert linked.follow(links, int(rows[0]))[1] is False
    links[rows[-1]] = count + 1
    assert linked.follow(links, int(rows[0]))[1] is False


def test_a_loop_beside_the_list_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that are no links lead in circles, too; only where the list itself ends in one, all rows are followed."""
    rows = np.random.default_rng(7).permutation(200_000)
    links = np.full(200_000, len(rows) + 1, np.int32)
    some, ways = rows[:150_000], rows[150_000:180_000].reshape(3, -1)
    links[some] = np.append(some[1:], len(rows))
    links[ways[0]], links[ways[1]], links[ways[2]] = (
        ways[1],
        ways[2],
        ways[2],
    )  # two nodes, and one that leads to itself
    passes: list[int] = []
    doubled = linked._doubled
    monkeypatch.setattr(
        linked, "_doubled", lambda jump, *rest: passes.append(len(jump)) or doubled(jump, *rest)
    )
    assert linked.follow(links, int(some[0])) == (len(some), True)
    assert sum(passes) < len(rows) / 32
    assert linked.follow(links, int(ways[0, 0])) == (0, False)
    assert max(passes) > len(rows)


def test_a_circle_that_nothing_starts_in() -> None:
    """The one list is a short circle: its nodes are too few to be starting points."""
    links = np.array([1, 2, 0, 4, 4], np.int32)
    assert linked.follow(links, 0)[1] is False


# Ranges of addresses.


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 9)), min_size=0, max_size=12),
    st.lists(st.integers(0, (1 << 64) - 1), max_size=20),
    st.sampled_from([12, 22, 26]),
    st.sampled_from([0, 0xC000000000, 0x7F0000000000, (1 << 64) - (1 << 36)]),
    st.booleans(),
)
def test_ranges(pieces: list[tuple[int, int]], anywhere: list[int], shift: int, low: int, far: bool) -> None:
    """By table and by bisection alike, inside, between, before and after."""
    ranges, at = [], low >> shift
    for gap, length in pieces:
        at += gap
        ranges.append((at << shift, at + length << shift))
        at += length
    if far and ranges and low < 1 << 62:
        ranges.append(((1 << 63), (1 << 63) + (1 << shift)))
    ranges = [pair for pair in ranges if pair[1] < 1 << 64]
    edges = [edge + by for pair in ranges for edge in pair for by in (-1, 0, 1) if 0 <= edge + by < 1 << 64]
    addresses = np.array([*anywhere, *edges], np.uint64)
    expected = [
        next((row for row, (base, limit) in enumerate(ranges) if base <= address < limit), -1)
        for address in addresses.tolist()
    ]
    base, limit = (np.array([pair[i] for pair in ranges], np.uint64) for i in (0, 1))
    assert Ranges(base, limit).of(addresses).tolist() == expected


# Columns read block by block.


def test_columns_are_the_same_read_at_once_and_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    heap = TinyHeap().heap()
    spans = heap.spans.records
    monkeypatch.setattr(record, "_BLOCK", 3 * spans.struct.size)
    many = np.tile(spans.addresses, 50)
    hole = np.arange(len(many)) % 7 == 3
    many[hole] = 8  # nothing is there
    split = heap.reader.records("mspan", many, ["state", "npages"])
    known = ~hole
    assert (split.readable == known).all()
    every = np.flatnonzero(known)
    for path in spans.struct.fields:
        whole = np.tile(spans[path], (50, *[1] * (spans[path].ndim - 1)))
        assert (split[path][known] == whole[known]).all(), path
        assert split[path].dtype == spans[path].dtype
        assert (split.at(path, every[:3]) == whole[every[:3]]).all()
    assert heap.reader.losses.nbytes == spans.struct.size, "one place, however often it is asked for"


def test_few_rows_of_a_column_that_is_not_known_are_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    heap = TinyHeap().heap()
    spans = heap.spans.records
    monkeypatch.setattr(record, "_BLOCK", 3 * spans.struct.size)
    split = heap.reader.records("mspan", np.tile(spans.addresses, 50), ["state"])
    before = heap.memory.bytes_read
    assert split.at("npages", np.array([1])).tolist() == [spans["npages"][1]]
    assert heap.memory.bytes_read - before == spans.struct.size
    assert split.at("npages", np.array([], np.int64)).tolist() == []


def test_memory_that_is_not_at_hand_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    heap = TinyHeap().heap()
    spans = heap.spans.records
    monkeypatch.setattr(record, "_BLOCK", 3 * spans.struct.size)

    class Far:
        """A debugger, say."""

        at_hand = False
        calls = 0

        def read_many(self, addresses: record.U64, size: int) -> Rows:
            self.calls += 1
            return heap.memory.read_many(addresses, size)

    far = Far()
    records = Records(far, heap.layout, spans.struct, spans.addresses, ["state"])  # type: ignore[arg-type]
    for path in spans.struct.fields:
        assert (records[path] == spans[path]).all()
    assert far.calls == 1


def test_what_goes_between_two_passes_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed in between."""
    heap = TinyHeap().heap()
    spans = heap.spans.records
    monkeypatch.setattr(record, "_BLOCK", 3 * spans.struct.size)
    split = heap.reader.records("mspan", spans.addresses, ["state"])
    assert split.readable.all()
    assert heap.reader.losses.nbytes == 0
    monkeypatch.setattr(heap.memory, "read_many", lambda addresses, size: Rows.none(len(addresses), size))
    _ = split["npages"]
    assert not split.readable.any()
    assert heap.reader.losses.nbytes == len(spans) * spans.struct.size


def test_a_loss_at_the_end_of_the_address_space() -> None:
    losses = record.Losses()
    losses.add(np.array([8, (1 << 64) - 8], np.uint64), 160)
    starts, ends = losses.ranges()
    assert (ends - starts).tolist() == [160, 7]  # the very last byte has no end that fits a word
    assert losses.nbytes == 167


@pytest.mark.parametrize("image", images.names())
def test_small_blocks_and_threads_change_no_figure(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every document of real heaps, with blocks so small that several threads work on them at once."""
    whole = [document for _, document in images.documents(images.load(image).session())]
    monkeypatch.setattr(record, "_BLOCK", 700)
    monkeypatch.setattr(blocks, "__defaults__", (37,))
    monkeypatch.setattr(parallel.each_block, "__defaults__", (37,))
    monkeypatch.setattr(parallel, "_WORTH", 1)
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda _: set(range(4)))
    assert [document for _, document in images.documents(images.load(image).session())] == whole


# The same work on every block.


def test_each_block_is_worked_on_once_and_by_several() -> None:
    done = np.zeros(1000, np.int64)
    workers: set[int] = set()
    barrier = threading.Event()

    def work(block: slice) -> None:
        workers.add(threading.get_ident())
        done[block] += 1
        if len(workers) > 1:
            barrier.set()
        if block.start:
            barrier.wait(0.2)  # so that one cannot be done before another has begun

    each_block(1000, work, 10)
    assert (done == 1).all()
    if len(os.sched_getaffinity(0)) > 1:
        assert len(workers) > 1
    each_block(0, work)


def test_one_failure_ends_it() -> None:
    calls: list[int] = []
    before = threading.active_count()

    def work(block: slice) -> None:
        calls.append(block.start)
        if block.start >= 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each_block(100_000, work, 10)
    assert len(calls) <= 1 + parallel._MOST, "the first block, and one for each thread"
    assert threading.active_count() == before


def test_ctrl_c_between_blocks_leaves_no_thread_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while the caller waits for the others to end."""
    busy = threading.Event()

    class Thread(threading.Thread):
        interrupted = False

        def join(self, timeout: float | None = None) -> None:
            if not Thread.interrupted:
                Thread.interrupted = True
                raise KeyboardInterrupt
            super().join(timeout)

    def work(block: slice) -> None:
        if threading.current_thread() is not threading.main_thread():
            busy.wait(0.2)

    monkeypatch.setattr(parallel.threading, "Thread", Thread)
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda _: {0, 1})
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        each_block(1000, work, 10)
    assert threading.active_count() == before


def test_without_further_threads_one_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that has as many processes as it may have."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    done = np.zeros(1000, np.int64)

    def work(block: slice) -> None:
        done[block] += 1

    each_block(1000, work, 10)
    assert (done == 1).all()


def test_a_debugger_is_asked_by_one_thread() -> None:
    class Far:
        at_hand = False

    workers: set[int] = set()
    each_block(1000, lambda _: workers.add(threading.get_ident()), 10, memory=Far())  # type: ignore[arg-type]
    assert workers == {threading.get_ident()}
