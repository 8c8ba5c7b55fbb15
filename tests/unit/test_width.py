"""What does not fit a screen: tables leave columns out and say so, text wraps between words; a wide or no screen gets all."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.render.help import help_text
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import TableColumn, fitted
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS, find
from gdb_gospan.reports.run import run
from tools import images

IMAGES = ("1.19-386", "1.27-frag", "1.27-arenas", "1.27-unswept")


def column(key: str, heading: str, **more: Any) -> TableColumn:
    return TableColumn(key, heading, lambda row: str(row[key]), **more)


COLUMNS = (
    column("name", "name", left=True),
    column("small", "small", rank=1),
    column("more", "more", rank=2),
    column("same", "same", left=True, rank=6),
    column("empty", "empty", rank=5),
)
ROWS = [
    {"name": f"row {n}", "small": str(n), "more": str(n * 7), "same": "so", "empty": ""} for n in range(3)
]
TOTAL = {"name": "all", "small": "99", "more": "", "same": "", "empty": ""}


def ask(image: str, line: str, style: Style) -> str:
    name, *words = line.split()
    command = find(name)
    assert command is not None
    return run(images.load(image).session(), command, parse(command, words), style)


@pytest.mark.parametrize(
    ("room", "left_out"),
    [
        (0, ""), (100, ""), (33, ""),
        (32, "same (all so)"), (27, "same (all so)"),
        (26, "same (all so), empty"), (20, "same (all so), empty"),
        (19, "same (all so), empty, more"), (14, "same (all so), empty, more"),
        (13, "same (all so), empty, small"), (12, "same (all so), empty, more, small"), (1, "same (all so), empty, more, small"),
    ],
)  # fmt: skip
def test_columns_that_say_nothing_go_first(room: int, left_out: str) -> None:
    text, said = fitted(COLUMNS, ROWS, TOTAL, room)
    assert said == (f"not shown (too wide): {left_out}; --json and --csv have all" if left_out else "")
    heading = text.splitlines()[0].split()
    gone = {word for word in ("same", "empty", "more", "small") if word in said}
    assert heading == [column.heading for column in COLUMNS if column.heading not in gone]
    if room >= 9:
        assert max(map(len, text.splitlines())) <= room


def test_all_is_said_of_all_rows_only() -> None:
    """The total, and rows that a limit cut, may have something else."""
    columns = (column("a", "a"), column("b", "tail", rank=6))
    rows = [{"a": "x" * 9, "b": "0 B"}, {"a": "y", "b": "0 B"}]
    left = "not shown (too wide): tail"
    assert fitted(columns, rows, None, 12)[1].startswith(f"{left} (all 0 B); ")
    assert fitted(columns, rows, None, 12, of=2)[1].startswith(f"{left} (all 0 B); ")
    assert fitted(columns, rows, None, 12, of=3)[1].startswith(f"{left} (0 B in the rows shown); ")
    assert fitted(columns, rows, {"a": "all", "b": "0 B"}, 12)[1].startswith(f"{left} (all 0 B); ")
    assert fitted(columns, rows, {"a": "all", "b": ""}, 12)[1].startswith(f"{left} (all 0 B); ")
    for of in (2, 3):
        assert fitted(columns, rows, {"a": "all", "b": "7 B"}, 12, of=of)[1].startswith(f"{left}; ")


@pytest.mark.parametrize("image", IMAGES)
def test_what_classes_says_of_columns_it_left_out_is_so(image: str) -> None:
    for line in ("classes", "classes --limit 3", "classes --limit 1 --sort spans"):
        rows = json.loads(ask(image, f"{line} --json --limit 0", Style()))["classes"]
        said = " ".join(ask(image, line, Style(width=60)).split())
        for heading, key in (("tail", "tail_bytes"), ("bitmaps", "metadata_bytes")):
            if f"{heading} (all 0 B)" in said:
                assert {row[key] for row in rows} == {0}


def test_what_need_not_go_stays() -> None:
    """A column of little weight that is narrow may stay where a wide one went."""
    columns = (column("a", "a"), column("b", "b", rank=2), column("c", "c", rank=1))
    rows = [{"a": "x", "b": "yy", "c": "z" * 30}, {"a": "x", "b": "yyy", "c": "z" * 29}]
    text, said = fitted(columns, rows, None, 12)
    assert said.startswith("not shown (too wide): c;")
    assert text.split()[:2] == ["a", "b"]


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("width", [60, 70, 80, 100, 120])
def test_every_report_fits(image: str, width: int) -> None:
    session = images.load(image).session()
    for command, document in images.documents(session):
        if command.name == "map" and width < 80:  # made for a width: see below
            continue
        text = images.text(command, document, Style(width=width))
        assert [line for line in text.splitlines() if len(line) > width] == [], command.name


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("line", ["stacks", "gc", "cache", "show {}", "explain", "explain P"])
def test_some_fit_very_narrow_screens(image: str, line: str) -> None:
    spans = images.load(image).session().heap.spans
    text = ask(image, line.format(int(spans.start[spans.in_use][0])), Style(width=40))
    assert [row for row in text.splitlines() if len(row) > 40] == []


def test_columns_that_are_many_digits_wide_go_too() -> None:
    """As in a cache of a big program at 80 columns."""
    document = json.loads(ask("1.27-cached", "cache --json", Style()))
    totals = document["totals"]
    for row in (*document["caches"], totals):
        row |= {
            "free_slots": 1_234_567,
            "free_bytes": 123_456_789,
            "descriptors": 128,
            "status": "in a system call",
        }
    document["caches"][0]["status"] = "running"
    command = find("cache")
    assert command is not None
    for width in (60, 70, 80):
        text = images.text(command, document, Style(width=width))
        assert [line for line in text.splitlines() if len(line) > width] == []
        assert "not shown (too wide): " in text


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("width", [40, 60])
@pytest.mark.parametrize("words", ["", " --arena 0"])
def test_the_map_fits_narrow_screens(image: str, width: int, words: str) -> None:
    text = ask(image, "map" + words, Style(width=width))
    assert [line for line in text.splitlines() if len(line) > width] == []
    whole = " ".join(text.split())
    gaps = json.loads(ask(image, f"map{words} --json", Style(width=width)))["gaps"]
    assert ("--- " in whole) == bool(gaps)
    assert "spans: over 75 % of the cell's bytes are objects" in whole


def test_a_table_keeps_all_where_no_screen_ends() -> None:
    """In a pipe, and on a terminal that is wide enough; and always as CSV and JSON."""
    for style in (Style(room=0), Style(width=120, room=200)):
        for line in ("list --limit 5", "classes --limit 5", "central", "fixalloc"):
            assert "left out" not in ask("1.27-frag", line, style)
    headings = ask("1.27-frag", "list --limit 5", Style(room=0)).splitlines()[2]
    wanted = (
        "descriptor start bytes state class size objects object bytes occupied free bytes tail sweep zero new"
    )
    assert " ".join(headings.split()) == wanted
    for option in ("--json", "--csv"):
        narrow, wide = (ask("1.27-frag", f"list --limit 5 {option}", Style(width=w)) for w in (80, 120))
        assert narrow == wide


def test_what_is_left_out_is_said_below() -> None:
    text = ask("1.27-frag", "list --limit 9", Style(width=80))
    said = text[text.index("not shown (too wide): ") :]
    assert "sweep" in said
    assert "--json and --csv have all" in " ".join(said.split())
    assert "sweep" not in text.splitlines()[2]


def test_what_it_is_sorted_by_stays() -> None:
    for line, heading in (
        ("list --sort tail", "tail"),
        ("list --sort class", "class"),
        ("classes --sort bitmaps", "bitmaps"),
    ):
        assert heading in ask("1.27-frag", f"{line} --limit 4", Style(width=80)).splitlines()[2].split()


def test_dead_descriptors_have_nothing_else() -> None:
    lines = ask("1.27-frag", "list --state dead --limit 3", Style(width=120)).splitlines()
    assert lines[2].split() == ["descriptor", "state"]
    assert "left out" not in " ".join(lines)


def test_the_class_of_a_span_is_listed() -> None:
    rows: list[dict[str, Any]] = json.loads(ask("1.27-frag", "list --limit 4 --json", Style()))["list"]
    lines = ask("1.27-frag", "list --limit 4", Style(room=0)).splitlines()[3:7]
    for row, line in zip(rows, lines, strict=True):
        assert f" in use  {row['spanclass']:>5}  " in line


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_has_no_long_lines(command: Any) -> None:
    for text in (
        help_text(command),
        help_text(command, "go-spans", files="PROGRAM CORE", files_help="of it"),
    ):
        assert [line for line in text.splitlines() if len(line) > 100] == []


@pytest.mark.parametrize("image", images.names())
@pytest.mark.parametrize("lines", [4, 20])
def test_the_map_tells_how_much_there_is(image: str, lines: int) -> None:
    """Its cells are of one character each and hold several things; the amounts below them are those of pages."""
    text = ask(image, f"map --lines {lines}", Style(exact=True))
    states = json.loads(ask(image, "pages --json", Style()))["states"]
    below = " ".join(text[text.index("By page") : text.index("layout ")].split())
    wanted = {page_words(state["state"]): state["bytes"] for state in states if state["bytes"]}
    assert [name for name, amount in wanted.items() if f"{name}: {amount:,} B" not in below] == []
    assert len(re.findall(r": [\d,]+ B", below)) == len(wanted)
    document = json.loads(ask(image, f"map --lines {lines} --json", Style()))
    free = ("free", "released", "cached", "cached_and_released")
    drawn = {cell["start"] for cell in document["cells"] if cell["state"].replace(" ", "_") in free}
    hidden = (
        sum(cell[name] for cell in document["cells"] if cell["start"] not in drawn for name in free) * 8192
    )
    assert bool(hidden) is ("not drawn as free" in below)
    legend = [line for line in text.splitlines() if re.match(r"  \S +[\d,]+ cells? ", line)]
    assert legend
    assert not any(re.search(r"cells? +[\d,.]+ ?[KMGB]", line) for line in legend), "no amounts beside counts"


@pytest.mark.parametrize("image", IMAGES)
def test_bars_stand_beside_what_they_measure(image: str) -> None:
    """Each bar of free runs follows the bytes of its row, and not the share that is unusable."""
    lines = ask(image, "pages", Style()).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Free runs"))
    bytes_end = lines[first].index("bytes") + len("bytes")
    bars = [line for line in lines[first + 1 :] if re.search("[▏▎▍▌▋▊▉█]", line)]
    assert bars
    for line in bars:
        at = re.search("[▏▎▍▌▋▊▉█]", line)
        assert at is not None
        assert at.start() == bytes_end + 2


@pytest.mark.parametrize("width", [40, 60, 79])
def test_help_fits_the_terminal(width: int) -> None:
    """A word or a default such as ``--debug-directory DIR`` is never broken; only the usage line and lists of columns are longer."""
    for command in COMMANDS:
        text = help_text(command, "go-spans", files="PROGRAM CORE", files_help="of it", width=width)
        long = [line for line in text.splitlines() if len(line) > width]
        assert [line for line in long if not line.startswith(("Usage:", "or  ", "Also:"))] == [], command.name
