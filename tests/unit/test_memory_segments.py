"""Ranges of an address space: what other tests of memory do not reach."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gdb_gospan.memory.segments import among, distinct, joined

VALUES = st.lists(st.one_of(st.integers(0, 9), st.integers(0, (1 << 64) - 1)), max_size=30)


@given(VALUES, VALUES)
def test_among_is_what_isin_is(values: list[int], known: list[int]) -> None:
    column, others = np.array(values, np.uint64), np.array(known, np.uint64)
    assert among(column, distinct(others)).tolist() == np.isin(column, others).tolist()


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=20))
def test_joined_ranges_have_the_same_bytes_and_stand_apart(ranges: list[tuple[int, int]]) -> None:
    column = np.array(ranges, np.uint64).reshape(-1, 2)
    start, size = joined(column[:, 0], column[:, 1])
    found = [
        at
        for first, count in zip(start.tolist(), size.tolist(), strict=True)
        for at in range(first, first + count)
    ]
    assert found == sorted({at for first, count in ranges for at in range(first, first + count)})
    assert (start[1:] > start[:-1] + size[:-1]).all()
