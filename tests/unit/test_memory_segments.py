"""Ranges of an address space: what other tests of memory do not reach."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gdb_gospan.memory.segments import among, distinct

VALUES = st.lists(st.one_of(st.integers(0, 9), st.integers(0, (1 << 64) - 1)), max_size=30)


@given(VALUES, VALUES)
def test_among_is_what_isin_is(values: list[int], known: list[int]) -> None:
    column, others = np.array(values, np.uint64), np.array(known, np.uint64)
    assert among(column, distinct(others)).tolist() == np.isin(column, others).tolist()
