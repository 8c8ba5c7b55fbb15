"""Long tables are written block by block, and nobody can tell: the same bytes as of plain rows, in bounded memory."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdb_gospan.errors import Interrupted
from gdb_gospan.fields import table as fields_table
from gdb_gospan.fields.document import COUNT, Address, Document, document, field
from gdb_gospan.fields.table import Table
from gdb_gospan.render import longtable
from gdb_gospan.render.csv import rows_as_csv
from gdb_gospan.render.gate import cell
from gdb_gospan.render.json import json_pieces
from gdb_gospan.render.longtable import Kinds, laid_out, measure
from gdb_gospan.render.plain import plain
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import chosen, columns_of, fitted, table
from gdb_gospan.reports.arguments import command_named, parse
from gdb_gospan.reports.run import answered, printed, run
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


@document
class Row(Document):
    count: int = field(
        "a number",
        unit=COUNT,
        heading="n",
        rank=2,
        column_after="at",
        shown=lambda row, _: hidden(row, row.count),
    )
    at: Address = field("an address", heading="at", rank=1, shown=lambda row, _: hidden(row, f"{row.at:#x}"))
    share: float = field(
        "a share", heading="%", column_after="said", shown=lambda row, _: hidden(row, row.share)
    )
    said: str = field("a text", heading="what it said", left=True, rank=6)
    known: bool | None = field(
        "known or not",
        heading="known",
        left=True,
        rank=5,
        column_after="last",
        shown=lambda row, _: hidden(row, row.known),
    )
    flag: bool = field("true or not")
    last: Address = field(
        "another address", left=True, rank=3, shown=lambda row, _: hidden(row, f"{row.last:#x}")
    )


@document
class Rows(Document):
    before: Mapping[str, int] = field("what stands before")
    rows: Table[Row] = field("many rows")
    few: tuple[Row, ...] = field("the same as a few")
    after: str = field("what stands after")


def hidden(row: Row, value: object) -> str:
    """Show nothing of a row that is dead but the word."""
    return "" if row.said == "dead" else str(value)


def long_table(rows: list[dict[str, Any]]) -> Table[Row]:
    columns = {name: np.array([row[name] for row in rows], kind) for name, kind in TYPES.items()}
    return Table(Row, len(rows), lambda block: {name: column[block] for name, column in columns.items()})


@given(ROWS)
def test_rows_json_and_csv_are_those_of_plain_rows(made: list[dict[str, Any]]) -> None:
    rows = [{key: hex(row[key]) if key in ADDRESSES else row[key] for key in TYPES} for row in made]
    for block, forms in ((3, 2), (1 << 12, 1 << 16)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fields_table, "BLOCK", block)
            patch.setattr(longtable, "_MOST_FORMS", forms)
            long = long_table(made)
            assert [*map(plain, long)] == rows == [plain(long[at]) for at in range(len(long))]
            assert "".join(rows_as_csv(long)) == "".join(rows_as_csv([*long])) == as_csv(rows)
            answer = Rows(before={"a": 1}, rows=long, few=tuple(long), after="%s\n%d")
            wanted = {"before": {"a": 1}, "rows": rows, "few": rows, "after": "%s\n%d"}
            assert "".join(json_pieces(answer)) == json.dumps(wanted, indent=1) + "\n"


def as_csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, [*TYPES], lineterminator="\n")
    if rows:
        writer.writeheader()
    writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


@given(ROWS.filter(bool), st.sampled_from([0, 10, 30, 50, 200]))
def test_text_is_that_of_plain_rows(made: list[dict[str, Any]], room: int) -> None:
    long, columns = long_table(made), columns_of(Row, Style())
    assert [column.heading for column in columns] == ["at", "n", "what it said", "%", "", "known"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields_table, "BLOCK", 3)
        patch.setattr(longtable, "_MOST_FORMS", 2)
        kinds = Kinds(long)
        measures = measure(kinds, columns)
        kept, note = chosen(columns, measures, len(long), room)
        laid = "".join(laid_out(kept, kinds, measures))
    expected, expected_note = fitted(columns, [*long], None, room)
    assert note == expected_note
    # The last lines of a table are never blank, but here they may be: tabulate leaves them out.
    assert laid.rstrip("\n").splitlines() == expected.rstrip("\n").splitlines()
    assert expected == table(kept, [*long])


@given(ROWS.filter(bool))
def test_rows_of_the_same_hash_are_told_apart(made: list[dict[str, Any]]) -> None:
    """With this factor every row has the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(longtable, "_ODD", np.uint64(0))
        long = long_table(made)
        assert "".join(rows_as_csv(long)) == "".join(rows_as_csv([*long]))


def test_kinds_are_forgotten_when_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these rows is of a kind of its own."""
    monkeypatch.setattr(longtable, "_MOST_FORMS", 100)
    monkeypatch.setattr(fields_table, "BLOCK", 50)
    rows = Table(
        Many,
        1000,
        lambda block: dict.fromkeys(
            ("start", "npages", *"abcde"), np.arange(block.start, block.stop, dtype=np.uint64)
        ),
    )
    kinds = Kinds(rows)
    list(kinds.blocks(keep=True))
    assert len(kinds._kept) == 2
    forms = longtable._Forms(kinds, str)
    for block in kinds.blocks():
        for kind in block.kinds:
            assert forms[kind]
        assert len(forms) <= 100


@pytest.mark.parametrize("image", ["1.19-386", "1.22-corners", "1.27-frag"])
@pytest.mark.parametrize(
    "line", ["list --state all --limit 0", "list --limit 7 --sort start", "pages --limit 0"]
)
def test_the_commands_with_long_tables(image: str, line: str) -> None:
    name, *words = line.split()
    command, session = command_named(name), images.load(image).session()
    answer = answered(session, command, parse(command, words))
    long = getattr(answer, command.rows)
    assert isinstance(long, Table)
    assert len([*long]) == len(long) > 0
    out = run(session, command, parse(command, [*words, "--csv"]), Style())
    assert out == "".join(rows_as_csv([*long]))
    out = run(session, command, parse(command, [*words, "--json"]), Style())
    assert out == json.dumps(plain(answer), indent=1) + "\n"


MANY = 50_000


@document
class Many(Document):
    start: Address = field("an address", heading="start")
    npages: int = field("a number", heading="pages")
    a: int = field("a number", heading="a")
    b: int = field("a number", heading="b")
    c: int = field("a number", heading="c")
    d: int = field("a number", heading="d")
    e: int = field("a number", heading="e")


@document
class OfMany(Document):
    rows: Table[Many] = field("many rows")


def many(made: list[slice]) -> Table[Many]:
    def columns(block: slice) -> dict[str, Any]:
        made.append(block)
        row = np.arange(block.start, block.stop)
        return {"start": row.astype(np.uint64) * 8192, "npages": row % 50, **dict.fromkeys("abcde", row % 5)}

    return Table(Many, MANY, columns)


@pytest.mark.parametrize("way", ["json", "csv", "text"])
def test_memory_is_that_of_a_block(way: str) -> None:
    """As documents these rows take some 20 MB, and more with their text."""
    made: list[slice] = []
    rows = many(made)
    kinds = Kinds(rows)
    columns = columns_of(Many, Style())
    tracemalloc.start()
    try:
        pieces = {
            "json": lambda: json_pieces(OfMany(rows=rows)),
            "csv": lambda: rows_as_csv(rows),
            "text": lambda: laid_out(columns, kinds, measure(kinds, columns)),
        }[way]()
        next(pieces)
        if way != "text":  # which must know how wide the columns are
            assert len(made) < 5
        length = sum(map(len, pieces))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert length > MANY * len(rows.names) * 2
    assert peak < 5 << 20


def test_ctrl_c_stops_before_and_within_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    command, session = command_named("list"), images.load("1.27-frag").session()
    arguments = parse(command, ["--state", "all", "--limit", "0"])
    monkeypatch.setattr(fields_table, "BLOCK", 100)
    monkeypatch.setattr("gdb_gospan.reports.run._PIECE", 1000)
    monkeypatch.setattr(longtable, "_MOST_FORMS", 0)  # else what has been measured is at hand

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    pieces = printed(session, command, arguments, Style()).pieces
    assert next(iter(pieces)).startswith("go1.27")
    with monkeypatch.context() as patch:
        patch.setattr("gdb_gospan.reports.list.columns_of", interrupt)
        with pytest.raises(KeyboardInterrupt) as stopped:
            list(pieces)
        assert not isinstance(stopped.value, Interrupted), (
            "the report has begun: nothing else goes in between"
        )
        with pytest.raises(Interrupted, match="Known so far"):
            printed(session, command, arguments, Style())
