"""Dominators and what they retain, held against what is cut off when a node goes: of many small graphs, and of hard ones."""

from __future__ import annotations

import random

import numpy as np
import pytest

pytest.importorskip("scipy")

from gdb_gospan.analysis import dominators as module
from gdb_gospan.analysis.dominators import Dominators, dominators
from gdb_gospan.analysis.reach import breadth_first

Edges = list[tuple[int, int]]


def solved(count: int, edges: Edges) -> Dominators:
    """Find the dominators of a graph whose top is 0."""
    source, target = np.ascontiguousarray(np.array(sorted(set(edges)), np.int32).reshape(-1, 2).T)
    starts = np.searchsorted(source, np.arange(count + 1)).astype(np.int32)
    return dominators(starts, target, breadth_first(starts, target, 0), 0)


def cut_off(count: int, edges: Edges, without: int) -> set[int]:
    """Return what the top leads to if this node is not there."""
    following: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        following[source].append(target)
    seen, going = {0} - {without}, [0] if without else []
    while going:
        for target in following[going.pop()]:
            if target != without and target not in seen:
                seen.add(target)
                going.append(target)
    return seen


def hold(count: int, edges: Edges) -> None:
    """Hold what each node retains against what is cut off without it."""
    tree = solved(count, edges)
    every = cut_off(count, edges, -1)
    assert set(tree.nodes.tolist()) == every
    weights = np.arange(1, len(tree.nodes) + 1) ** 2
    retained = tree.order.sums(weights)
    for row, node in enumerate(tree.nodes.tolist()):
        lost = every - cut_off(count, edges, node)
        expected = sum(int(weights[place]) for place, one in enumerate(tree.nodes.tolist()) if one in lost)
        assert retained[row] == expected, (node, edges)


@pytest.mark.parametrize("few", [0, 1024])
@pytest.mark.parametrize("rounds", [0, 1, 12])
@pytest.mark.parametrize("shrinks", [0.3, 0.8, 1.0])
def test_small_graphs(few: int, rounds: int, shrinks: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to solve a graph gives the same."""
    monkeypatch.setattr(module, "_FEW", few)
    monkeypatch.setattr(module, "_ROUNDS", rounds)
    monkeypatch.setattr(module, "_SHRINKS", shrinks)
    for seed in range(40):
        chance = random.Random(f"{seed} {few} {rounds} {shrinks}")
        count = chance.randint(2, 16)
        number = chance.randint(1, 3 * count)
        hold(count, [(chance.randrange(count), chance.randrange(count)) for _ in range(number)] or [(0, 1)])


def ring(count: int) -> Edges:
    both = [(i, i + 1) for i in range(1, count - 1)]
    return [*both, *((b, a) for a, b in both), (0, 1), (count - 1, 1), (1, count - 1)]


def braid(count: int) -> Edges:
    ends = [(1, 2), *((i, i + 1) for i in range(3, count - 1, 2))]
    return [
        (0, 1),
        (0, 2),
        *((a, b) for i, above in enumerate(ends[:-1]) for a in above for b in ends[i + 1]),
    ]


@pytest.mark.parametrize("few", [0, 1024])
def test_hard_graphs(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a ring and in a braid what a node hangs on depends on all others."""
    monkeypatch.setattr(module, "_FEW", few)
    hold(61, ring(61))
    hold(62, braid(62))
    hold(62, [*ring(61), (0, 61), (61, 30)])
    hold(
        120,
        [
            *((a and a + 1, b + 1) for a, b in ring(60) if b),
            (0, 1),
            (1, 2),
            (61, 119),
            (0, 61),
            *((i, i + 58) for i in range(2, 60)),
        ],
    )


def test_large_ones() -> None:
    """A ring of many nodes hangs on its first one; of a tree with pointers back each node hangs on its parent."""
    count = 50_000
    tree = solved(count, ring(count))
    assert (tree.parent[2:] == 1).all()
    parents = [(i - 1) // 2 for i in range(1, count)]
    edges = [*zip(parents, range(1, count), strict=True), *zip(range(3, count), parents[2:], strict=True)]
    assert solved(count, edges).parent[1:].tolist() == parents


def test_what_is_not_reached() -> None:
    tree = solved(5, [(0, 1), (2, 1), (3, 4), (4, 3)])
    assert tree.nodes.tolist() == [0, 1]
    assert tree.parent.tolist() == [0, 0]


def test_a_graph_of_one_node() -> None:
    assert solved(1, [(0, 0)]).order.sums(np.array([7])).tolist() == [7]
