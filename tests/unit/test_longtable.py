"""Long tables are written block by block, and nobody can tell: the same bytes as of plain rows, in bounded memory."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdb_gospan.errors import Interrupted
from gdb_gospan.render import longtable
from gdb_gospan.render.longtable import LongTable, csv_pieces, json_pieces, laid_out
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, chosen, fitted, table, to_csv
from gdb_gospan.reports.arguments import command_named, parse
from gdb_gospan.reports.run import document, report, run
from tools import images

WORDS = st.sampled_from(
    ["", "in use", '100 % "sure", or so', "map[string]int, %s", "%s", "…", "a\\b", "dead"]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "count": st.sampled_from([0, 7, 1 << 40]),
            "at": st.sampled_from([0, 15, 16, 0xC000012000, (1 << 64) - 1]),
            "share": st.sampled_from([0.0, 12.5, 100.0]),
            "said": WORDS,
            "known": st.sampled_from([None, True, False]),
            "flag": st.booleans(),
            "last": st.sampled_from([1, 1 << 63]),
        }
    ),
    max_size=12,
)
TYPES: dict[str, Any] = {
    "count": np.int64, "at": np.uint64, "share": np.float64, "said": object, "known": object, "flag": np.bool_,
    "last": np.uint64,
}  # fmt: skip
ADDRESSES = ("at", "last")
COLUMNS = [
    Column("at", "at", rank=1),
    Column("count", "n", rank=2),
    Column("said", "what it said", left=True, rank=6),
    Column("share", "%"),
    Column("last", "", left=True, rank=3),
    Column("known", "known", left=True, rank=5),
]


def long_table(rows: list[dict[str, Any]]) -> LongTable:
    columns = {name: np.array([row[name] for row in rows], kind) for name, kind in TYPES.items()}
    return LongTable(
        len(rows), ADDRESSES, lambda block: {name: column[block] for name, column in columns.items()}
    )


def cells(row: dict[str, Any]) -> dict[str, str]:
    hidden = row["said"] == "dead"
    return {key: "" if hidden and key != "said" else str(value) for key, value in row.items()}


@given(ROWS)
def test_rows_json_and_csv_are_those_of_plain_rows(made: list[dict[str, Any]]) -> None:
    rows = [{key: hex(row[key]) if key in ADDRESSES else row[key] for key in TYPES} for row in made]
    for block, forms in ((3, 2), (1 << 12, 1 << 16)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(longtable, "_BLOCK", block)
            patch.setattr(longtable, "_MOST_FORMS", forms)
            long = long_table(made)
            assert list(long) == rows == [long[at] for at in range(len(long))] == long[:]
            assert "".join(csv_pieces(long)) == to_csv(rows)
            answer = {"before": {"a": [1, {}]}, "rows": rows, "empty": [], "after": "%s\n%d"}
            assert "".join(json_pieces({**answer, "rows": long})) == json.dumps(answer, indent=1) + "\n"


@given(ROWS.filter(bool), st.sampled_from([0, 10, 30, 50, 200]))
def test_text_is_that_of_plain_rows(made: list[dict[str, Any]], room: int) -> None:
    long = long_table(made)
    plain = [cells(row) for row in long]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(longtable, "_BLOCK", 3)
        patch.setattr(longtable, "_MOST_FORMS", 2)
        measures = long.measure(cells)
        kept, note = chosen(COLUMNS, measures, len(long), room)
        laid = "".join(laid_out(kept, long, cells, measures))
    expected, expected_note = fitted(COLUMNS, plain, None, room)
    assert note == expected_note
    # The last lines of a table are never blank, but here they may be: tabulate leaves them out.
    assert laid.rstrip("\n").splitlines() == expected.rstrip("\n").splitlines()
    assert expected == table(kept, plain)


@pytest.mark.parametrize("image", ["1.19-386", "1.22-corners", "1.27-frag"])
@pytest.mark.parametrize(
    "line", ["list --state all --limit 0", "list --limit 7 --sort start", "pages --limit 0"]
)
def test_the_commands_with_long_tables(image: str, line: str) -> None:
    name, *words = line.split()
    command, session = command_named(name), images.load(image).session()
    answer = document(session, command, parse(command, words))
    key = command.rows
    rows = list(answer[key])
    assert isinstance(answer[key], LongTable)
    assert len(rows) == len(answer[key]) > 0
    assert run(session, command, parse(command, [*words, "--csv"]), Style()) == to_csv(rows)
    assert run(session, command, parse(command, [*words, "--json"]), Style()) == (
        json.dumps({**answer, key: rows}, indent=1) + "\n"
    )


MANY = 50_000


def many(made: list[slice]) -> LongTable:
    def columns(block: slice) -> dict[str, Any]:
        made.append(block)
        row = np.arange(block.start, block.stop)
        return {
            "start": row.astype(np.uint64) * 8192,
            "npages": row % 50,
            **{f"n{k}": row % 5 for k in range(20)},
        }

    return LongTable(MANY, ("start",), columns)


@pytest.mark.parametrize("way", ["json", "csv", "text"])
def test_memory_is_that_of_a_block(way: str) -> None:
    """As dicts these rows take some 60 MB, and with their text 80."""
    made: list[slice] = []
    rows = many(made)

    def words(row: dict[str, Any]) -> dict[str, str]:
        return {key: str(value) for key, value in row.items()}

    columns = [Column(name, name) for name in rows.names]
    tracemalloc.start()
    try:
        pieces = {
            "json": lambda: json_pieces({"rows": rows}),
            "csv": lambda: csv_pieces(rows),
            "text": lambda: laid_out(columns, rows, words, rows.measure(words)),
        }[way]()
        next(pieces)
        if way != "text":  # which must know how wide the columns are
            assert len(made) < 5
        length = sum(map(len, pieces))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert length > MANY * len(rows.names) * 2
    assert peak < 16 << 20


def test_ctrl_c_stops_before_and_within_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    command, session = command_named("list"), images.load("1.27-frag").session()
    arguments = parse(command, ["--state", "all", "--limit", "0"])
    monkeypatch.setattr(longtable, "_BLOCK", 100)
    monkeypatch.setattr("gdb_gospan.reports.run._PIECE", 1000)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    pieces = report(session, command, arguments, Style()).pieces
    assert next(iter(pieces)).startswith("go1.27")
    with monkeypatch.context() as patch:
        patch.setattr("gdb_gospan.reports.list.columns_of", interrupt)
        with pytest.raises(KeyboardInterrupt) as stopped:
            list(pieces)
        assert not isinstance(stopped.value, Interrupted), (
            "the report has begun: nothing else goes in between"
        )
        with pytest.raises(Interrupted, match="Known so far"):
            report(session, command, arguments, Style())
