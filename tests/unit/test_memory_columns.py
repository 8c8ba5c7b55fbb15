"""Columns of numbers as bytes: what is packed comes back, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdb_gospan.memory.packedcolumns import PackedColumns, bytes_of_columns, pack_columns

BLOCK = 1 << 20


def again(columns: dict[str, np.ndarray], stepped: tuple[str, ...]) -> PackedColumns:
    table, pieces = pack_columns(columns, stepped)
    flat = np.concatenate([np.empty(0, np.uint8), *pieces])
    assert len(flat) == bytes_of_columns(table.values())
    return PackedColumns(table, flat)


@given(
    st.lists(st.integers(-(1 << 63), (1 << 63) - 1)), st.lists(st.integers(0, (1 << 64) - 1)), st.booleans()
)
def test_any_numbers(signed: list[int], unsigned: list[int], stepped: bool) -> None:
    columns = {"a": np.array(signed, np.int64), "b": np.array(unsigned, np.uint64)}
    found = again(columns, ("a", "b") if stepped else ())
    assert found.column("a", np.int64).tolist() == signed
    assert found.column("b", np.uint64).tolist() == unsigned


@pytest.mark.parametrize("stepped", [(), ("near",)])
def test_several_blocks_of_few_bytes(stepped: tuple[str, ...]) -> None:
    near = np.arange(2 * BLOCK + 7, dtype=np.int32) // 3
    table, _ = pack_columns({"near": near}, stepped)
    assert table["near"] == [1 if stepped else 3, len(stepped), len(near)]
    assert np.array_equal(again({"near": near}, stepped).column("near", np.int32), near)


def test_numbers_that_do_not_fit() -> None:
    found = again({"a": np.array([1, 300, -1]), "none": np.empty(0, np.uint8)}, ())
    assert found.has("none")
    assert found.count("none") == len(found.column("none", np.int64)) == 0
    with pytest.raises(ValueError, match="a"):
        found.column("a", np.uint8)
    with pytest.raises(KeyError):
        found.column("b", np.uint8)


@pytest.mark.parametrize(
    "row",
    [[0, 0, 1], [9, 0, 1], [1, 2, 1], [1, 0, -1], [1, 0, 1 << 40], [1, 0], [1, True, 1], "abc", 7, None],
)
def test_no_table(row: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        bytes_of_columns([row])
