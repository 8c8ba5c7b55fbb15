"""Free lists of a million nodes and more, as a program leaves that dropped as many finalizers: read in bulk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.model import Over, Rows
from gdb_gospan.memory.segments import U64, Segments
from gdb_gospan.runtime import mfixalloc
from gdb_gospan.runtime.record import Reader
from tools import cores, images, programs, shell

if TYPE_CHECKING:
    from gdb_gospan.layout.model import Layout

NODES, SIZE = 1_200_000, 48
PERSISTENT = 256 << 10
CHUNK = 16 << 10
"""malloc.go: persistentalloc maps 256 KiB at a time, and a fixalloc takes 16 KiB of it."""


@pytest.fixture(scope="module")
def layout() -> Layout:
    return images.load("1.27-frag").layout


def image(layout: Layout, nodes: int, *, far: int = 0, end: int = 0) -> tuple[Reader, int]:
    """Chunks of nodes, in the order of a sweep: those of a chunk one after the other, the chunks in any order.

    Parameters
    ----------
    far
        Every so many mappings one lies somewhere else.
    end
        What the last node links to.
    """
    each = CHUNK // SIZE
    chunks = -(-nodes // each)
    number = np.arange(chunks)
    mapping = number // (PERSISTENT // CHUNK)
    place = mapping * PERSISTENT
    if far:
        place = place + (mapping % far == 0) * (mapping << 30)
    base = np.uint64(0x7F0000000000) + (place + number % (PERSISTENT // CHUNK) * CHUNK).astype(np.uint64)
    order = np.random.default_rng(1).permutation(chunks)
    address = (base[order][:, None] + (np.arange(each) * SIZE).astype(np.uint64)).reshape(-1)[:nodes]
    words = np.full((chunks, CHUNK // 8), 0x1234, np.uint64)  # nodes have more than their link
    links = np.append(address[1:], np.uint64(end))
    words[np.repeat(order, each)[:nodes], np.tile(np.arange(each) * SIZE // 8, chunks)[:nodes]] = links
    data = words.view(np.uint8).reshape(-1)
    ascending = np.argsort(base)
    sizes = np.full(chunks, CHUNK, np.uint64)
    memory = Image(Segments(data, base[ascending], sizes, (ascending * CHUNK).astype(np.uint64)))
    return Reader(memory, layout), int(address[0])


@pytest.mark.parametrize("far", [0, 50], ids=["together", "spread"])
def test_a_million_nodes_take_few_reads(layout: Layout, far: int, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, head = image(layout, NODES, far=far)
    steps: list[int] = []
    step = mfixalloc._step  # what is counted is what is slow

    def counted(reader: Reader, node: int, most: int) -> tuple[int, int, bool | None]:
        found = step(reader, node, most)
        steps.append(found[0])
        return found

    monkeypatch.setattr(mfixalloc, "_step", counted)
    assert mfixalloc._walk(reader, head, SIZE) == (NODES, True)
    assert sum(steps) < 10_000, "nodes that are followed one by one"
    assert reader.memory.reads < 300
    assert reader.losses.nbytes == 0


class Scattered(Over):
    """Memory that can be read everywhere, in which each node of a list lies in another region than the one before."""

    def __init__(self, below: Image, regions: int, nodes: int) -> None:
        super().__init__(below)
        number = np.arange(nodes)
        place = (number % regions << 34) + number // regions * SIZE
        self.nodes = np.uint64(0x7F0000000000) + place.astype(np.uint64)
        self.links = dict(zip(self.nodes.tolist(), [*self.nodes[1:].tolist(), 0], strict=True))
        self.ascending = np.sort(self.nodes)
        self.nbytes = 0

    def read(self, address: int, size: int) -> bytes:
        return self.read_many(np.array([address], np.uint64), size).data.tobytes()

    def read_many(self, addresses: U64, size: int) -> Rows:
        data = np.zeros((len(addresses), size), np.uint8)
        self.nbytes += data.nbytes
        for row, address in enumerate(addresses.tolist()):
            first, last = np.searchsorted(self.ascending, np.array([address, address + size - 7], np.uint64))
            for node in self.ascending[first:last].tolist():
                data[row, node - address : node - address + 8] = np.array([self.links[node]], "<u8").view(
                    np.uint8
                )
        return Rows(data, np.ones(len(addresses), np.bool_))


def test_what_lies_around_a_scattered_list_is_read_within_bounds(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running process is stopped meanwhile."""
    monkeypatch.setattr(mfixalloc, "_FEW", 100)
    memory = Scattered(Image(Segments(*[np.empty(0, np.uint8), *[np.empty(0, np.uint64)] * 3])), 12, 500)
    assert mfixalloc._walk(Reader(memory, layout), int(memory.nodes[0]), SIZE) == (500, True)
    halves = [mfixalloc._FIRST, mfixalloc._FIRST // 2, *[mfixalloc._LEAST] * 10]
    around = sum(2 * half + 1 for half in halves) * mfixalloc._PAGE
    assert memory.nbytes <= 100 * CHUNK + around


class Edges(Scattered):
    """The same, where nothing else is mapped around the pages of the nodes."""

    def read_many(self, addresses: U64, size: int) -> Rows:
        rows = super().read_many(addresses, size)
        pages = np.unique(self.nodes >> np.uint64(12))
        mapped = np.isin(addresses >> np.uint64(12), pages) & (addresses % np.uint64(4096) + size <= 4096)
        return Rows(rows.data, mapped)

    def read(self, address: int, size: int) -> bytes | Unreadable:
        rows = self.read_many(np.array([address], np.uint64), size)
        return rows.data.tobytes() if rows.readable[0] else Unreadable(address, size, "not mapped")


def test_nodes_at_the_edges_of_mappings_are_not_followed_one_by_one(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mfixalloc, "_FEW", 100)
    monkeypatch.setattr(mfixalloc, "_LEAST", 1)
    monkeypatch.setattr(mfixalloc, "_FIRST", 2)
    steps: list[int] = []
    step = mfixalloc._step

    def counted(reader: Reader, node: int, most: int) -> tuple[int, int, bool | None]:
        found = step(reader, node, most)
        steps.append(found[0])
        return found

    monkeypatch.setattr(mfixalloc, "_step", counted)
    memory = Edges(Image(Segments(*[np.empty(0, np.uint8), *[np.empty(0, np.uint64)] * 3])), 12, 500)
    assert mfixalloc._walk(Reader(memory, layout), int(memory.nodes[0]), SIZE) == (500, True)
    assert steps == [100]


@pytest.mark.parametrize("nodes", [1, 300, 4095, 4096, 4097, 30_000])
def test_short_lists_too(layout: Layout, nodes: int) -> None:
    reader, head = image(layout, nodes)
    assert mfixalloc._walk(reader, head, SIZE) == (nodes, True)
    assert mfixalloc._walk(reader, 0, SIZE) == (0, True)
    assert mfixalloc._walk(reader, head, 4) == (0, False)


@pytest.mark.parametrize("nodes", [1000, 100_000])
def test_a_list_that_leads_nowhere_or_back_is_not_complete(layout: Layout, nodes: int) -> None:
    reader, head = image(layout, nodes, end=0xDEAD0000)
    assert mfixalloc._walk(reader, head, SIZE) == (nodes, False)
    assert reader.losses.nbytes > 0
    reader, head = image(layout, nodes)
    reader, again = image(layout, nodes, end=head)
    assert again == head
    assert mfixalloc._walk(reader, head, SIZE)[1] is False


@pytest.mark.slow
@pytest.mark.ends
def test_a_program_that_dropped_two_million_finalizers(go_minor: str) -> None:
    core = cores.kernel_core(programs.build("dropped", go_minor), "-finalizers", "2000000")
    answer = json.loads(shell.inside("fixalloc", "--json", core.executable, core.path).stdout)
    free = {row["name"]: row["free"] for row in answer["fixallocs"]}
    assert free["specialfinalizeralloc"] == 2_000_000
    assert {check["status"] for check in answer["checks"]} == {"exact"}
