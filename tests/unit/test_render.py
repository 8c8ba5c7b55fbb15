"""Numbers, shapes, tables and style as text."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdb_gospan.fields import units
from gdb_gospan.fields.document import COUNT, Document, document, field
from gdb_gospan.fields.rows import ordered
from gdb_gospan.render import bars
from gdb_gospan.render.csv import rows_as_csv
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import TableColumn, columns_of, table

ANY = st.integers(0, (1 << 63) - 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"), (1, "1 B"), (9_999, "9,999 B"), (10_000, "9.77 KiB"), (99_999, "97.7 KiB"),
        (1 << 20, "1.00 MiB"), ((1 << 20) - 1, "1.00 MiB"), (83_571_507, "79.7 MiB"), (333_447_168, "318 MiB"),
        (1 << 30, "1.00 GiB"), (1 << 50, "1.00 PiB"), ((1 << 63) - 1, "8.00 EiB"), (-20_000, "-19.5 KiB"),
        (None, "unknown"),
    ],
)  # fmt: skip
def test_bytes(value: int | None, text: str) -> None:
    assert units.nbytes(value) == text


@given(ANY)
def test_bytes_have_three_digits_and_are_true(value: int) -> None:
    text = units.nbytes(value)
    number, unit = text.split()
    if unit != "B":
        assert len(number.replace(".", "")) == 3
        scale = 1 << 10 * ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB").index(unit)
        assert abs(float(number) * scale - value) <= value * 0.0051
    assert units.nbytes(value, exact=True) == f"{value:,} B"


@given(ANY, ANY)
def test_bytes_keep_the_order(one: int, other: int) -> None:
    def value(text: str) -> float:
        number, unit = text.replace(",", "").split()
        return float(number) * (1 << 10 * ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB").index(unit))

    low, high = sorted((one, other))
    assert value(units.nbytes(low)) <= value(units.nbytes(high))


def test_counts_and_shares() -> None:
    assert [units.count(value) for value in (0, 1234567, None)] == ["0", "1,234,567", "unknown"]
    assert [units.counted(value, "span") for value in (0, 1, 2000)] == ["0 spans", "1 span", "2,000 spans"]
    assert units.counted(2, "class", "classes") == "2 classes"
    assert units.counted(None, "span") == "unknown spans"
    assert [units.share(part, 1000) for part in (0, 1, 484, 1000)] == ["0.0 %", "0.1 %", "48.4 %", "100.0 %"]
    assert units.share(5, 0) == "–"


def test_times() -> None:
    wanted = {0: "0 ns", 999: "999 ns", 31_000: "31.0 µs", 1_071_000: "1.07 ms", 3_100_000_000: "3.10 s"}
    assert {value: units.duration(value) for value in wanted} == wanted
    assert units.moment(1_700_000_000_123_456_789) == "2023-11-14 22:13:20 UTC"
    assert units.moment(1 << 63) == "2262-04-11 23:47:16 UTC"
    assert units.moment(1 << 100) == "unknown"


@given(ANY, ANY, st.integers(1, 60))
def test_bars(part: int, base: int, width: int) -> None:
    bar = bars.bar(part, base, width)
    assert len(bar) <= width
    assert (bar == "") == (part == 0 or base == 0)
    if part >= base > 0:
        assert bar == "█" * width
    assert bars.bar(part // 2, base, width) <= bar or len(bars.bar(part // 2, base, width)) <= len(bar)


def test_bar_in_eighths() -> None:
    assert [bars.bar(part, 16, 2) for part in (1, 2, 8, 9, 16)] == ["▏", "▎", "█", "█▏", "██"]
    assert bars.bar(1, 10**9, 2) == "▏"  # a little is not nothing


@given(st.lists(st.integers(0, 10**6), max_size=20))
def test_sparklines(values: list[int]) -> None:
    line = bars.sparkline(values)
    assert len(line) == len(values)
    cells = [" ▁▂▃▄▅▆▇█".index(cell) for cell in line]
    by_value = sorted(zip(values, cells, strict=True))
    assert [cell for _, cell in by_value] == sorted(cells)
    top = max(values, default=0)
    if top:
        assert {line[at] for at, value in enumerate(values) if value == top} == {"█"}
        lowest = bars.sparkline([0, top])[0]
        assert lowest not in {line[at] for at, value in enumerate(values) if value}  # a few show


@document
class Row(Document):
    name: str | None = field("a name", heading="name", left=True)
    n: int | None = field("a number", heading="spans", unit=COUNT)
    share: str = field("a share", heading="of all", default="")


COLUMNS = columns_of(Row, Style())


def test_tables_align() -> None:
    rows = [Row(name="a", n=1, share="0.1 %"), Row(name="long name", n=12345, share="99.9 %")]
    assert table(COLUMNS, rows).splitlines() == [
        "  name        spans  of all",
        "  a               1   0.1 %",
        "  long name  12,345  99.9 %",
    ]


def test_sentences_wrap_in_the_last_column() -> None:
    columns = [
        TableColumn("n", "number", lambda row: str(row[0])),
        TableColumn("text", "what", lambda row: row[1], left=True, wraps=True),
    ]
    rows = [(1, "one two three four five six seven"), (22, "short")]
    assert table(columns, rows, width=40).splitlines() == [
        "  number  what",
        "       1  one two three four five six",
        "          seven",
        "      22  short",
    ]
    assert table(columns, rows).splitlines()[1] == "       1  one two three four five six seven"
    assert max(map(len, table(columns, rows, width=8).splitlines())) == 33, "24 columns for words at least"


ROWS = [Row(n=n, name=name) for n, name in ((3, "c"), (None, "b"), (5, None), (5, "a"))]


@pytest.mark.parametrize(
    ("key", "expected"),
    [(None, "3c -b 5- 5a"), ("n", "5- 5a 3c -b"), ("name", "5a -b 3c 5-")],
)
def test_few_rows_are_ordered_and_cut(key: str | None, expected: str) -> None:
    """Figures from the largest, names from the smallest, ties as they were, the unknown last."""
    for limit in range(5):
        rows, total = ordered(ROWS, key, limit)
        said = [f"{row.n or '-'}{row.name or '-'}" for row in rows]
        assert (said, total) == (expected.split()[: limit or None], 4)
    nothing = Row(name="", n=None)
    assert ordered([nothing], "n", 0) == ((nothing,), 1)


def test_tables_keep_what_looks_like_numbers() -> None:
    """tabulate would make 1e5 of a descriptor like 0x1e5, and drop the zeros of 1.00."""
    rows = [Row(name="1e5", n=0, share="1.00"), Row(name="0012", n=None)]
    text = table(COLUMNS, rows)
    assert "1e5" in text
    assert "0012" in text
    assert "1.00" in text
    assert "unknown" in text


def test_a_table_without_rows_has_its_headings() -> None:
    assert table(COLUMNS, []).split() == ["name", "spans", "of", "all"]


@document
class WithList(Document):
    name: str = field("a name")
    n: int | None = field("a number")
    list: tuple[int, ...] = field("what has no cell")


def test_csv() -> None:
    rows = [WithList(name='a "b", c', n=None, list=(1,)), WithList(name="µ", n=2, list=())]
    text = "".join(rows_as_csv(rows))
    assert text.splitlines()[0] == "name,n"
    assert [*csv.DictReader(io.StringIO(text))] == [{"name": 'a "b", c', "n": ""}, {"name": "µ", "n": "2"}]
    assert [*rows_as_csv([])] == []


def test_colour_points_and_no_more() -> None:
    plain, coloured = Style(), Style(colour=True)
    for role in ("heading", "bad", "notice"):
        assert plain.paint(role, "text") == "text"
        painted = coloured.paint(role, "text")
        assert painted != "text"
        assert "text" in painted
        assert coloured.paint(role, "") == ""


def test_ascii() -> None:
    """Every sign that the views use has a stand-in."""
    signs = "·▁▂▃▄▅▆▇█▏▎▍▌▋▊▉µ…≥–"
    ascii_only = Style(unicode=False)
    assert ascii_only.finish(signs).isascii()
    assert ascii_only.finish("plain") == "plain"
    assert Style().finish(signs) == signs
    levels = [ascii_only.finish(sign) for sign in "▁▂▃▄▅▆▇█"]
    assert len(set(levels)) == 8  # a sparkline stays readable
    assert all(len(level) == 1 for level in levels)
