"""Every subcommand in gdb, as a user types it: text, JSON, CSV, options, filters, help and slips of the pen."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan import __version__
from gdb_gospan.fields.command import options_of
from gdb_gospan.reports import catalog
from tools import cores, gdbs, programs, toolchains
from tools.gdbs import run_gdb
from tools.questions import bare

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., Any]

pytestmark = pytest.mark.parametrize("go_minor", [toolchains.OLDEST, toolchains.NEWEST], scope="session")

NAMES = [
    bare(command, name)
    for command in catalog.COMMANDS
    if not command.argument
    for name in (command.name, *command.aliases)
]
ROWS = {
    "classes": "classes",
    "list": "list",
    "fixalloc": "fixallocs",
    "central": "central",
    "pages": "chunks",
    "map": "cells",
    "check": "identities",
    "cache": "caches",
    "stacks": "sizes",
    "goroutines": "groups",
    "objects": "types",
}
SORTED = {
    command.name: option.choices
    for command in catalog.COMMANDS
    for option in command.options
    if option.name == "sort"
    and command.name
    not in ("profile", "blame")  # of which frag has no rows; see tests/cli/test_profile.py, test_blame.py
}
#: What shows the rows in the text, where the command shows other things first.
SHOWN = {"pages": "pages --chunks", "goroutines": "goroutines --system"}
ASCENDING = {
    "subject",
    "large_type",
    "spanclass",
    "start",
    "descriptor",
    "state",
    "address",
    "p",
    "code",
    "name",
    "status",
    "severity",
}
#: The last row of stacks is the large ones, which have no one size.
SMALL_STACKS = {("stacks", "size")}


@pytest.fixture(scope="session")
def core(go_minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000", "-cached")


def test_text(say: Run, core: cores.Core) -> None:
    for text in say(*NAMES):
        lines = text.splitlines()
        assert lines[0].startswith(f"{core.stdout['Version']} linux/")
        assert "frag, died of SIGABRT" in lines[0]
        assert re.search(r"(\d+) of \1 identities exact · 0 B unreadable", lines[-1]), lines[-1]
        assert len(lines) > 5
        assert not [line for line in lines if line != line.rstrip()]


def test_the_same_twice(say: Run, gdb: gdbs.Gdb, core: cores.Core) -> None:
    """Also in another gdb, whose Python hashes differently."""
    commands = [f"{name}{option}" for name in NAMES for option in ("", " --json")]
    commands += [f"{name} --csv" for name in ROWS] + ["layout --verbose"]
    first = say(*commands, *commands)
    assert first[: len(commands)] == first[len(commands) :]
    lines = [f"go-spans {command}" for command in commands]
    assert run_gdb(gdb, lines, exe=core.executable, core=core.path).stdout == first[: len(commands)]


def test_json_has_the_keys_of_the_contract(say: Run) -> None:
    for name, text in zip(NAMES, say(*(f"{name} --json" for name in NAMES)), strict=True):
        document = json.loads(text)
        assert document["schema_version"] == 1
        assert document["command"] == catalog.find(name.split()[0]).name
        assert {"target", "go", "layout", "checks", "unreadable", "spans"} <= set(document)
        if name == "summary":
            assert {"memstats", "bytes", "classes", "fixallocs", "gc", "pages"} <= set(document)


def test_csv_has_the_rows_of_the_json(say: Run) -> None:
    outputs = say(*(f"{name} {option}" for name in ROWS for option in ("--csv", "--json")))
    for name, text, document in zip(ROWS, outputs[::2], outputs[1::2], strict=True):
        rows = json.loads(document)[ROWS[name]]
        table = list(csv.DictReader(io.StringIO(text)))
        flat = [
            {
                key: value if isinstance(value, str) else "" if value is None else json.dumps(value)
                for key, value in row.items()
                if not isinstance(value, list)
            }
            for row in rows
        ]
        assert table == flat
        assert table


def test_every_column_sorts(say: Run) -> None:
    pairs = [(name, column) for name, columns in SORTED.items() for column in columns if column != "worst"]
    assert len(pairs) > 50
    outputs = say(*(f"{name} --sort {column} --limit 0 --json" for name, column in pairs))
    for (name, column), text in zip(pairs, outputs, strict=True):
        document = json.loads(text)
        rows = document[ROWS[name]]
        # Of objects there are types, unless it is sorted by a column that only classes have.
        values = [row[column] for row in (document["classes"] if rows is None else rows)]
        values = [int(value, 16) if str(value).startswith("0x") else value for value in values]
        if (name, column) in SMALL_STACKS:
            assert values.pop() == 0
            assert values == sorted(values)
            continue
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=column not in ASCENDING), (name, column)
        assert values == known + [None] * (len(values) - len(known))
        assert document["sort"] == column


def test_limits_cut_and_say_so(say: Run) -> None:
    for name in SORTED:
        asked = SHOWN.get(name, name)
        few, every, text = say(f"{asked} --limit 3 --json", f"{asked} --limit 0 --json", f"{asked} --limit 3")
        rows = json.loads(every)[ROWS[name]]
        assert json.loads(few)[ROWS[name]] == rows[:3]
        assert json.loads(few)["total_rows"] == len(rows) == json.loads(every)["total_rows"] > 3
        assert f"  3 of {len(rows):,} " in text
        assert "--limit 0 shows all" in text
        assert "shows all" not in say(f"{SHOWN.get(name, name)} --limit 0")[0]


def test_exact_bytes(say: Run) -> None:
    summary, exact = say("summary --json", "summary --bytes")
    assert not re.search(r"[KMG]iB", exact)
    money = json.loads(summary)["bytes"]
    for key in ("objects", "free_slots", "idle_retained", "idle_released", "stacks", "sys"):
        assert f" {money[key]:,} B" in exact, key
    assert not [
        text
        for text in say(*(f"{name} --bytes" for name in NAMES))
        if re.search(r"\d [KMG]iB", text.replace("2 MiB", "a huge page"))
    ]


def test_colour_only_when_asked_for(say: Run) -> None:
    plain, auto, never, always = say(
        "summary", "summary --color auto", "summary --color never", "summary --color always"
    )
    assert plain == auto == never
    assert "\x1b[" not in plain
    assert "\x1b[" in always
    assert re.sub(r"\x1b\[[0-9;]*m", "", always) == plain


FILTERS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "--state in-use": lambda span: span["state"] in ("in use", "user arena"),
    "--state manual": lambda span: span["state"] in ("stack", "work buffer"),
    "--state stack": lambda span: span["state"] == "stack",
    "--state dead": lambda span: span["state"] == "dead",
    "": lambda span: span["state"] == "in use",
    "--class 5": lambda span: span["state"] == "in use" and span["spanclass"] == 5,
    "--size 0x40": lambda span: span["state"] == "in use" and span["elemsize"] == 64,
    "--noscan": lambda span: span["state"] == "in use" and span["spanclass"] % 2 == 1,
    "--scan": lambda span: span["state"] == "in use" and span["spanclass"] % 2 == 0,
    "--occupancy 0-25": lambda span: span["state"] == "in use" and 4 * span["objects"] <= span["nelems"],
    "--occupancy 100": lambda span: span["state"] == "in use" and span["objects"] == span["nelems"],
    "--pages 2-4": lambda span: span["state"] == "in use" and 2 <= span["npages"] <= 4,
    "--pages 1": lambda span: span["state"] == "in use" and span["npages"] == 1,
    "--size 64 --scan --occupancy 10-90 --pages 1": lambda span: span["state"] == "in use"
    and (span["elemsize"], span["spanclass"] % 2, span["npages"]) == (64, 0, 1)
    and 0.1 <= span["objects"] / span["nelems"] <= 0.9,
}  # fmt: skip


def test_filters(say: Run, spans: list[dict[str, Any]]) -> None:
    outputs = say(*(f"list {words} --sort start --limit 0 --json" for words in FILTERS))
    by_place = sorted(spans, key=lambda span: int(span["start"], 16))
    for (words, keep), text in zip(FILTERS.items(), outputs, strict=True):
        listed = sorted(span["descriptor"] for span in json.loads(text)["list"])
        wanted = sorted(span["descriptor"] for span in by_place if keep(span))
        assert listed == wanted, words
        assert len(wanted) > 0, words


def test_a_filter_that_nothing_passes(say: Run) -> None:
    text, document, table = say(
        "list --class 135 --size 8", "list --class 135 --size 8 --json", "list --class 135 --size 8 --csv"
    )
    assert "No span passes these filters." in text
    assert json.loads(document)["list"] == []
    assert table == ""


def shown(say: Run, address: object) -> tuple[dict[str, Any], str]:
    document, text = say(f"show {address} --json", f"show {address}")
    return json.loads(document), text


def test_show_a_descriptor(say: Run, spans: list[dict[str, Any]]) -> None:
    for state in ("in use", "stack", "dead"):
        span = next(span for span in spans if span["state"] == state)
        document, text = shown(say, span["descriptor"])
        assert document["is_descriptor"] is True
        assert {key: document["span"][key] for key in span} == span
        assert "a span descriptor" in text
        assert document["slot"] is None


def test_show_each_slot_of_a_span(say: Run, spans: list[dict[str, Any]]) -> None:
    """allocCount of the slots are allocated, the others free; an address inside is of the same slot."""
    span = next(
        s for s in spans if s["state"] == "in use" and s["nelems"] > 8 and 2 < s["objects"] < s["nelems"] - 2
    )
    start, size = int(span["start"], 16), span["elemsize"]
    outputs = say(*(f"show {start + slot * size + size // 2:#x} --json" for slot in range(span["nelems"])))
    slots = [json.loads(text)["slot"] for text in outputs]
    assert [slot["index"] for slot in slots] == list(range(span["nelems"]))
    assert {slot["offset"] for slot in slots} == {size // 2}
    assert sum(slot["allocated"] for slot in slots) == span["objects"]
    words = {True: "allocated", False: "free"}
    for allocated in (True, False):
        slot = next(slot for slot in slots if slot["allocated"] is allocated)
        document, text = shown(say, slot["address"])
        assert document["slot"] == {**slot, "offset": 0}
        assert f"slot {slot['index']} of {span['nelems']:,}" in text
        assert re.search(rf" · {words[allocated]}( · |$)", text, re.MULTILINE)
        assert document["page"] == "in use"


def test_show_a_tail(say: Run, spans: list[dict[str, Any]]) -> None:
    span = next(
        span for span in spans if span["state"] == "in use" and span["spanclass"] > 1 and span["tail_bytes"]
    )
    end = int(span["start"], 16) + span["nelems"] * span["elemsize"]
    document, text = shown(say, f"{end:#x}")
    assert document["in_tail"] is True
    assert document["slot"] is None
    assert document["span"]["descriptor"] == span["descriptor"]
    assert "past the last slot" in text
    assert json.loads(say(f"show {end - 1:#x} --json")[0])["slot"]["index"] == span["nelems"] - 1


def test_show_a_stack(say: Run, spans: list[dict[str, Any]]) -> None:
    span = next(span for span in spans if span["state"] == "stack")
    document, text = shown(say, f"{int(span['start'], 16) + 100:#x}")
    assert document["span"]["descriptor"] == span["descriptor"]
    assert document["page"] == "manual"
    assert f"stacks of {span['elemsize']:,}" in text


def test_show_neighbours_and_free_pages(say: Run, spans: list[dict[str, Any]]) -> None:
    """What comes after a span has that span before it, without a gap; free pages come in runs."""
    live = sorted(int(span["start"], 16) for span in spans if span["state"] != "dead")[:200]
    here = [json.loads(text) for text in say(*(f"show {start:#x} --json" for start in live))]
    following = [document["after"] for document in here if document["after"]]
    there = [json.loads(text) for text in say(*(f"show {after['address']} --json" for after in following))]
    free = 0
    for document, after in zip((d for d in here if d["after"]), there, strict=True):
        span = document["span"]
        assert int(after["address"], 16) == int(span["start"], 16) + span["npages"] * 8192
        assert after["before"]["address"] == span["start"]
        assert {key: after["before"]["span"][key] for key in span} == span
        if after["span"] is None:
            free += 1
            assert after["page"] in {"free", "released", "cached", "cached and released", "padding"}
            assert after["page_run"]["address"] == after["address"]
            assert after["page_run"]["npages"] == document["after"]["npages"]
            if after["after"]:
                end = int(after["address"], 16) + after["page_run"]["npages"] * 8192
                assert int(after["after"]["address"], 16) == end
    assert 0 < free < len(there)
    assert "page" in say(f"show {next(d['address'] for d in there if d['span'] is None)}")[0]


def test_show_where_the_heap_will_grow(say: Run, refuse: Run) -> None:
    """What map and pages call reserved is no global and no C address."""
    arena = json.loads(say("pages --json")[0])["current_arena"]
    low, high = int(arena["base"], 16), int(arena["end"], 16)
    assert low < high
    first, last, beyond = refuse(f"show {low:#x}", f"show {high - 1:#x}", f"show {high:#x}")
    for line in (first, last):
        assert f"reserved for the heap to grow into (mheap_.curArena, {low:#x} to {high:#x})" in line
    assert "is not in the Go heap" in beyond


def test_show_says_returned_as_pages_does(say: Run) -> None:
    run = json.loads(say("pages --json")[0])["largest_run"]
    document, text = shown(say, run["address"])
    words = {"free": "free, kept", "released": "free, returned or never touched"}[document["page"]]
    assert f"page      {words}, one of" in text
    assert words in say("pages")[0]


def test_flags_of_a_span(say: Run, spans: list[dict[str, Any]]) -> None:
    for needzero in (True, False):
        span = next(
            span for span in spans if span["state"] == "in use" and bool(span["needzero"]) is needzero
        )
        flags = "" if needzero else "not "
        assert f" {flags}flagged as needing zeroing" in say(f"show {span['start']}")[0]


def test_show_takes_expressions(say: Run, spans: list[dict[str, Any]]) -> None:
    by_name, in_quotes, second, slot = (
        json.loads(text)
        for text in say(
            "show main.sessions --json",
            "show 'main.sessions'.array --json",
            "show &'main.sessions'.array[1] --json",
            "show ('main.sessions'.array)[0] --json",
        )
    )
    span = by_name["span"]
    assert span["descriptor"] in {span["descriptor"] for span in spans}
    assert by_name["slot"]["allocated"] is True
    assert in_quotes["slot"] == by_name["slot"]
    assert second["slot"]["offset"] == by_name["slot"]["offset"] + 8
    assert slot["slot"]["allocated"] is True
    assert slot["span"]["elemsize"] == 64  # a session is 56 bytes


def test_map_takes_expressions(say: Run) -> None:
    for option in ("zoom", "arena"):
        by_name, by_number = (
            json.loads(text)
            for text in say(
                f"map --{option} main.sessions --json",
                f"map --{option} {json.loads(say('show main.sessions --json')[0])['address']} --json",
            )
        )
        assert by_name == by_number


def test_help(gdb: gdbs.Gdb, core: cores.Core) -> None:
    names = [name for command in catalog.COMMANDS for name in (command.name, *command.aliases)]
    outputs = run_gdb(
        gdb, ["help go-spans", "go-spans", *(f"help go-spans {name}" for name in names)], exe=core.executable
    )
    assert outputs.stderr == [""] * (len(names) + 2)
    for name in names:
        assert re.search(rf"^go-spans {name}\b.* -- \w", outputs.stdout[0], re.MULTILINE)
    for command in catalog.COMMANDS:
        assert re.search(rf"^go-spans {command.name} +\w", outputs.stdout[1], re.MULTILINE)
    for name, text in zip(names, outputs.stdout[2:], strict=True):
        command = catalog.find(name)
        for option in options_of(command):
            assert re.search(rf"^  --{option.name}\b", text, re.MULTILINE), (name, option.name)
        for word in ("Usage:", "Options:", command.example):
            assert word in text, (name, word)


def test_version_as_in_a_shell(gdb: gdbs.Gdb, core: cores.Core) -> None:
    result = run_gdb(gdb, ["go-spans --version", "go-spans version"])
    assert result.stderr == ["", ""]
    assert result.stdout[0] == result.stdout[1]
    first, second = result.stdout[0].splitlines()
    assert re.fullmatch(rf"go-spans {__version__} \(gdb [\d.]+\S*, Python [\d.]+\S*, numpy [\d.]+\)", first)
    assert second.startswith("Go 1.19 to 1.27; 56 bundled layout tables for ")


def test_short_help(say: Run, refuse: Run) -> None:
    """As --help; in an expression it is a subtraction only without blanks, as any option."""
    asked = ("summary", "list", "explain", "show", "spanalloc")
    assert say(*(f"{name} -h" for name in asked)) == say(*(f"{name} --help" for name in asked))
    assert say("classes --limit 0 -h") == say("classes --help")
    assert "nosuch-h" in refuse("show nosuch-h")[0]


def test_check_says_what_it_counts(say: Run) -> None:
    document, text = json.loads(say("check --json")[0]), say("check")[0]
    units = {row["code"]: row["unit"] for row in document["identities"]}
    assert units == {row["code"]: row["unit"] for row in document["checks"]}
    assert set(units.values()) == {
        "bytes", "pages", "objects", "size classes", "spans", "entries", "descriptors", "mcaches", "generations",
        "goroutines", "stacks", "Ms",
    }  # fmt: skip
    for row in document["identities"]:
        sign = " B" if row["unit"] == "bytes" else ""
        line = next(line for line in text.splitlines() if line.split()[1:2] == [row["code"]])
        assert f" {row['expected']:,}{sign} " in line
    assert text.count(" B ") == 2 * list(units.values()).count("bytes") + 1, (
        "two figures each, and the last line"
    )


def test_why_of_check_is_a_formula_for_each_identity(say: Run) -> None:
    every, some = say("check --why", "check --why --limit 2 --sort code")
    assert "  heap-inuse: bytes of spans in use = HeapInuse.\n    = gcController.heapInUse = sum of" in every
    codes = [row["code"] for row in json.loads(say("check --json")[0])["checks"]]
    assert [code for code in codes if f"\n  {code}: " not in every] == []
    assert sum(f"\n  {code}: " in some for code in codes) == 2


def test_the_examples_of_the_help_work(say: Run, spans: list[dict[str, Any]], tmp_path: Path) -> None:
    start = next(span["start"] for span in spans if span["state"] == "in use")
    commands = [re.sub(r"\b0xc[0-9a-f]+", start, command.example) for command in catalog.COMMANDS]
    commands = [command.replace("heap.gospan", str(tmp_path / "heap.gospan")) for command in commands]
    assert all(say(*(command.removeprefix("go-spans ") for command in commands)))


SLIPS = {
    "summry": "did you mean summary?",
    "clases --json": "did you mean classes?",
    "xyzzy": "try one of: summary",
    "summary --jsno": "did you mean --json?",
    "list --sizes 8": "did you mean --size?",
    "list --sort zorkq": "invalid --sort zorkq (choose from descriptor, start, npages, ",
    "list --sort 'fre byts'": "invalid --sort fre byts (did you mean free_bytes?)",
    "classes --sort ocupied": "did you mean occupied?",
    "list --state inus": "did you mean in-use?",
    'list --class "17 scan"': "there is no size class of 17 bytes",
    "list --size 3,07": "3,07 is not a number",
    "list --state free": "in-use",
    "list --class many": "many is not a number",
    "list --limit -1": "-1 is negative",
    "list --class": "--class needs a value",
    "list --occupancy lots": "invalid --occupancy lots (try: --occupancy 0-25)",
    "list --pages 9-2": "LOW must be 0 or more, and HIGH not below LOW",
    "classes --color red": "always",
    "summary now": "unexpected argument now",
    "show": "needs ADDRESS",
    "show nosuch": "nosuch",
    "show 1 +": "1 +",
    "map --zoom nosuch": "map --zoom: nosuch is not an address",
    "show 0x": "0x",
    "show 0": "0x0 is nil",
    "show -1": "is not an address",
    "show 99999999999999999999999999": "",
    "show 0xffffffffffffffff": "0xffffffffffffffff is not in the Go heap",
    "show &'runtime.mheap_'": "is runtime.mheap_, a global, not in the Go heap",
}


def test_slips_get_one_line(refuse: Run) -> None:
    for (command, hint), line in zip(SLIPS.items(), refuse(*SLIPS), strict=True):
        assert hint in line, (command, line)


def test_a_slip_does_not_spoil_what_follows(gdb: gdbs.Gdb, core: cores.Core) -> None:
    result = run_gdb(
        gdb, ["go-spans check", "go-spans summry", "go-spans check"], exe=core.executable, core=core.path
    )
    assert result.stdout[0] == result.stdout[2] != ""


def test_beginnings_of_names(say: Run) -> None:
    assert say("sum", "cl --limit 0", "spana") == say("summary", "classes --limit 0", "fixalloc")


def test_sourcing_twice(gdb: gdbs.Gdb, core: cores.Core) -> None:
    source = f"source {gdbs.PLUGIN}"
    result = run_gdb(
        gdb, [source, "go-spans summary", source, "go-spans summary"], exe=core.executable, core=core.path
    )
    assert result.stderr == [""] * 4
    assert result.stdout[0] == result.stdout[2] == ""
    assert result.stdout[1] == result.stdout[3] != ""
    assert result.startup.count("go-spans") == 0


def test_the_selection_of_gdb_stays(gdb: gdbs.Gdb, core: cores.Core) -> None:
    commands = [
        "thread 2",
        "frame 1",
        "python print(gdb.selected_thread().num, gdb.selected_frame().level())",
    ]
    looks = ["go-spans summary", "go-spans check", "show language", "show width"]
    result = run_gdb(gdb, [*commands, *looks[2:], *looks, commands[-1]], exe=core.executable, core=core.path)
    assert result.stdout[2] == result.stdout[-1] == "2 1\n"
    assert result.stdout[3:5] == result.stdout[7:9]


def test_a_narrow_and_a_wide_terminal(gdb: gdbs.Gdb, core: cores.Core) -> None:
    result = run_gdb(
        gdb, ["set width 80", "go-spans summary", "set width 200", "go-spans summary"],
        exe=core.executable, core=core.path,
    )  # fmt: skip
    narrow, wide = result.stdout[1], result.stdout[3]
    assert max(map(len, narrow.split("Most free bytes")[0].splitlines())) <= 80
    assert [word for word in narrow.split() if word != "·"] == [word for word in wide.split() if word != "·"]


def test_a_terminal_that_takes_ascii_only(gdb: gdbs.Gdb, core: cores.Core) -> None:
    commands = ["set host-charset ASCII", *(f"go-spans {name}" for name in NAMES)]
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    for text in result.stdout[1:]:
        assert text.isascii(), {letter for letter in text if ord(letter) > 127}
        assert text
