"""What go-spans prints, it takes back: headings, numbers with commas, names of span classes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from gdb_gospan.errors import UsageError
from gdb_gospan.fields.command import options_of
from gdb_gospan.fields.spanclass import class_name
from gdb_gospan.layout.sizeclasses import SIZES
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import TableColumn
from gdb_gospan.reports.arguments import command_named, parse
from gdb_gospan.reports.catalog import COMMANDS
from gdb_gospan.reports.run import run
from tools import images

# What stands above the columns that a table can be sorted by, and the key that it is sorted by then.
HEADINGS = {
    "list": {
        "descriptor": "descriptor", "start": "start", "bytes": "span_bytes", "class": "spanclass", "size": "elemsize",
        "objects": "objects", "occupied": "occupied", "free bytes": "free_bytes", "tail": "tail_bytes", "state": "state", "sweep": "sweepgen",
        "zero": "needzero", "new": "new", "type": "large_type",
    },
    "classes": {
        "class": "spanclass", "size": "elemsize", "spans": "spans", "objects": "objects", "free": "free_slots",
        "occupied": "occupied", "object bytes": "object_bytes", "free bytes": "free_bytes", "tail": "tail_bytes",
        "bitmaps": "metadata_bytes", "how full": "occupied",
    },
    "central": {"class": "spanclass", "partial": "partial", "unswept": "unswept", "reusable slots": "reusable", "bytes": "reusable_bytes", "size": "elemsize"},
    "fixalloc": {"fixalloc": "name", "in use": "inuse_objects", "bytes": "inuse", "free list": "free", "chunk left": "chunk_left"},
    "cache": {"P": "p", "free slots": "free_slots", "bytes": "free_bytes", "stacks": "stack_bytes", "pages": "page_bytes", "mspans": "descriptors", "parked": "parked_bytes"},
    "stacks": {"bytes": "span_bytes", "stacks": "capacity", "given out": "given_out", "free": "free"},
    "pages": {"Chunks of 4.00 MiB": "start", "in use": "in_use", "returned": "released", "longest": "largest_run"},
    "check": {
        "check": "code", "status": "status", "expected": "expected", "observed": "observed", "what must hold": "subject",
    },
}  # fmt: skip


def of(line: str) -> dict[str, object]:
    """Parse a line as gdb hands it over: split at blanks, quotes and all."""
    name, *words = line.split()
    return parse(command_named(name), words)


@pytest.mark.parametrize("command", HEADINGS)
def test_a_heading_is_a_column(command: str) -> None:
    for heading, key in HEADINGS[command].items():
        for spelling in (heading, heading.upper(), heading.replace(" ", "_"), heading.replace(" ", "-")):
            for words in (f"--sort '{spelling}'", f'--sort "{spelling}"', f'--sort="{spelling}"'):
                assert of(f"{command} {words} --json")["sort"] == key, words


# Headings of columns that only --owners adds: names, which no table is sorted by.
NOT_SORTED = {"top type", "top owner"}

# Headings of tables beside the one whose rows are sorted.
OTHER_TABLES = {
    "cache": {"objects"},
    "stacks": {"stacks of", "of StackInuse", "goroutines", "number", "stack bytes"},
    "pages": {
        "pages",
        "share",
        "Free runs, pages",
        "from",
        "runs",
        "bytes",
        "unusable",
        "blocks",
        "free bytes",
    },
}


@pytest.mark.parametrize("name", ["1.27-unswept", "1.27-arenas"])
@pytest.mark.parametrize("command", HEADINGS)
def test_what_stands_above_a_column_is_what_to_sort_by(
    command: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every table that is printed, whatever its columns are; and the rows come in that order."""
    found = command_named(command)
    made: set[str] = set()
    build = TableColumn.__init__

    def noted(self: TableColumn, key: str, heading: str, *words: Any, **more: Any) -> None:
        made.add(heading)
        build(self, key, heading, *words, **more)

    monkeypatch.setattr(TableColumn, "__init__", noted)
    session = images.load(name).session()
    words = ["--chunks"] if command == "pages" else []
    run(session, found, parse(found, words), Style(room=0))
    columns = {heading for heading in made if heading and not heading.startswith(("Pages", "Aligned blocks"))}
    columns -= OTHER_TABLES.get(command, set()) | NOT_SORTED
    assert len(columns) > 4
    for heading in sorted(columns):
        arguments = parse(found, ["--sort", heading, "--json", "--limit", "0"])
        document = json.loads(run(session, found, arguments, Style()))
        assert document["sort"] == arguments["sort"]
        values = [row[arguments["sort"]] for row in document[found.rows]]
        known = [value for value in values if value is not None]
        assert values == [*known, *[None] * (len(values) - len(known))], "what is not known comes last"
        if arguments["sort"] not in (
            "p",
            "address",
            "size",
            "status",
        ):  # in an order of their own, unless asked otherwise
            plain = [int(value, 16) if str(value).startswith("0x") else value for value in known]
            assert plain in (sorted(plain), sorted(plain, reverse=True)), heading


def test_every_choice_is_itself() -> None:
    for command in COMMANDS:
        for option in options_of(command):
            for choice in option.choices:
                argument = "0x10" if command.needs_argument else ""
                given = of(f"{command.name} {argument} --{option.name} {choice}")[option.name]
                assert given == ((choice,) if option.repeated else choice)
            assert set(option.headings.values()) <= set(option.choices)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1KiB", 1024), ("1 KiB", 1024), ("1kib", 1024), ("1K", 1024), ("1k", 1024), ("1024B", 1024), ("1,024 B", 1024),
        ("1.5KiB", 1536), ("28 KiB", 28672), ("1MiB", 1 << 20), ("0.5M", 1 << 19), ("0x400", 1024), ("1024", 1024), ("1,024", 1024),
    ],
)  # fmt: skip
def test_bytes_as_they_are_printed(typed: str, number: int) -> None:
    for words in (f"--size '{typed}'", f'--size="{typed}"', f"--size {typed}"):
        assert of(f"list {words} --limit 7") == {**of("list --limit 7"), "size": number}


@pytest.mark.parametrize(
    "typed", ["1KB", "1kB", "1.0001KiB", "1..5K", "KiB", "1XiB", "-1K", "1.5", "''", "1e3"]
)
def test_what_is_no_number_of_bytes(typed: str) -> None:
    with pytest.raises(UsageError, match="list: --size: "):
        of(f"list --size {typed}")


def test_numbers_with_commas() -> None:
    assert of("list --size 3,072 --limit 1,000")["size"] == 3072
    assert of("list --size=3,072 --limit 1,000")["limit"] == 1000
    for bad in ("3,07", "3,0720", ",072", "3,,072", "0x1,000"):
        with pytest.raises(UsageError, match="is not a number"):
            of(f"list --size {bad}")


def test_names_of_span_classes() -> None:
    for number in range(2 * len(SIZES)):
        name = class_name(SIZES[number >> 1] or None, noscan=number & 1 != 0)
        for words in (
            f'--class "{name}"',
            f"--class '{name}'",
            f"--class={name!r}",
            f"--class {name}",
            f"--class {number}",
        ):
            assert of(f"list {words} --limit 7") == {**of("list --limit 7"), "class": number}, words
    with pytest.raises(UsageError, match="no size class of 17 bytes"):
        of('list --class "17 scan"')


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1024scan", 64),
        ("1,024scan", 64),
        ("1024_noscan", 65),
        ("1,024-scan", 64),
        ("large noscan", 1),
        ("LARGE SCAN", 0),
    ],
)
def test_names_of_span_classes_as_people_type_them(typed: str, number: int) -> None:
    assert of(f"list --class '{typed}'")["class"] == number


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "1024",
            "no span class 1024 (they are 0 to 135; slots of 1,024 bytes are --size 1024, or --class '1,024 scan' or noscan)",
        ),
        ("1,000", "there is no span class 1000 (they are 0 to 135)"),
        ("large", "large is two span classes: choose 'large scan' or 'large noscan'"),
        ("noscan", "noscan is not one span class but half of them (try: --noscan)"),
        ("scan", "scan is not one span class but half of them (try: --scan)"),
        ("many", "many is not a number, and no name such as 3,072 noscan"),
    ],
)
def test_what_is_no_span_class_is_said_in_words(typed: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        of(f"list --class {typed}")


@pytest.mark.parametrize("command", HEADINGS)
def test_an_error_names_the_columns(command: str) -> None:
    """In a shell and in gdb alike; only what is near is suggested."""
    with pytest.raises(UsageError) as error:
        of(f"{command} --sort qqqq")
    (option,) = (option for option in command_named(command).options if option.name == "sort")
    assert str(error.value) == f"{command}: invalid --sort qqqq (choose from {', '.join(option.choices)})"
    with pytest.raises(UsageError, match="choose from descriptor, start, "):
        of("list --sort zeal")


def test_expressions_keep_their_quotes() -> None:
    command = command_named("map")
    assert parse(command, ["--zoom", "'main.cache'"])["zoom"] == "'main.cache'"
    assert parse(command_named("show"), ["'main.cache'.array[3]"])["argument"] == "'main.cache'.array[3]"


def test_a_default_limit_is_for_tables_that_can_be_long() -> None:
    limits = {
        command.name: parse(command, ["0x10"] if command.needs_argument else [], {"limit": 3})["limit"]
        for command in COMMANDS
        if "limit" in {option.name for option in options_of(command)}
    }
    assert {name for name, limit in limits.items() if limit == 3} == {
        "classes",
        "list",
        "central",
        "profile",
        "blame",
        "goroutines",
        "objects",
        "owners",
        "pages",
    }
    assert set(limits.values()) == {0, 3}
    assert parse(command_named("check"), ["--limit", "5"], {"limit": 3})["limit"] == 5
