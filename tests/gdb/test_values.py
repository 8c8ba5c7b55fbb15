"""Rows, the heap and its descriptors as gdb's own values: $go_row, $go_heap and the walk."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tools import cores, forms, programs, toolchains
from tools.cache import CHECKOUT
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from tools.cores import Core
    from tools.gdbs import Gdb

pytestmark = pytest.mark.ends

NO_LIST = "go-spans: $go_row: no report has listed spans yet (try: go-spans list)\n"
EXAMPLE = CHECKOUT / "examples" / "walk.py"
GONE = "go-spans: $go_row: the program has run since its spans were listed (try: go-spans list)\n"


@pytest.fixture(scope="session")
def core(go_minor: str) -> Core:
    """The sample program at rest, with spans in a cache."""
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000", "-cached")


def pointer(text: str) -> int:
    """Return the address that print shows of a *runtime.mspan."""
    return int(re.fullmatch(r"\$\d+ = \(runtime\.mspan \*\) (0x[0-9a-f]+)\n", text)[1], 16)


def test_rows_are_those_that_were_printed(gdb: Gdb, core: Core) -> None:
    """In the order and to the limit of the report, be it text or JSON; another report has its own."""
    asked = "list --sort start --limit 7"
    target = {"exe": core.executable, "core": core.path}
    (said,) = run_gdb(gdb, ["go-spans cache --sort spans --json"], **target).stdout
    p = json.loads(said)["caches"][0]["p"]
    documents = [f"go-spans {command} --json" for command in (asked, f"cache {p}", "pages --blockers")]
    rows, cache, blockers = map(json.loads, run_gdb(gdb, documents, **target).stdout)
    cached = [int(span["descriptor"], 16) for span in cache["spans_cached"]]
    blocking = [span for block in blockers["blockers"]["rows"] for span in block["spans"]]
    assert len(rows["list"]) == 7
    commands = [
        f"go-spans {asked}", "go-spans summary", "info registers rip", "print $go_row(0)", "print $go_row(6)",
        "print $go_row(3).startAddr", "print *$go_row(3)", "print $go_row(7)", "print $go_row(-1)",
        f"go-spans show {rows['list'][5]['descriptor']}", "print $go_row(0)", "print $go_row(1)",
        f"go-spans cache {p}", f"print $go_row({len(cached) - 1})",
        "go-spans cache", f"print $go_row({len(cached) - 1})",
        "go-spans pages --blockers", f"print $go_row({len(blocking) - 1})",
        "go-spans list --csv", "print $go_row(0)",
        "go-spans list --class 135 --pages 9999-9999", "print $go_row(0)",
    ]  # fmt: skip
    result = run_gdb(gdb, commands, **target)
    out = dict(enumerate(result.stdout))
    descriptors = [int(row["descriptor"], 16) for row in rows["list"]]
    assert [pointer(out[3]), pointer(out[4])] == [descriptors[0], descriptors[6]]
    assert int(out[5].split(" = ")[1]) == int(rows["list"][3]["start"], 16)
    assert f" = mspan {rows['list'][3]['start']} [" in out[6]
    assert result.stderr[7] == "go-spans: $go_row: no row 7: list has rows 0 to 6\n"
    assert result.stderr[8] == "go-spans: $go_row: no row -1: list has rows 0 to 6\n"
    assert pointer(out[10]) == descriptors[5]
    assert result.stderr[11] == "go-spans: $go_row: no row 1: show has only row 0\n"
    assert pointer(out[13]) == pointer(out[15]) == cached[-1]
    if blocking:  # whether a block of 2 MiB has few pages in use is not in the program's hands
        assert pointer(out[17]) == int(blocking[-1]["descriptor"], 16)
    assert pointer(out[19]) == int(out[18].splitlines()[1].split(",")[0], 16)
    assert result.stderr[21] == "go-spans: $go_row: no row 0: list has no rows\n"


def test_rows_of_no_list(gdb: Gdb, core: Core) -> None:
    other = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")
    commands = [
        "print $go_row(0)", "go-spans summary", "print $go_row(0)",
        "go-spans list", "print $go_row(0)", f"file {other.executable}", f"core-file {other.path}",
        "print $go_row(0)", "print $go_row()", 'print $go_row("x")',
    ]  # fmt: skip
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    assert result.stderr[0] == result.stderr[2] == NO_LIST
    assert pointer(result.stdout[4])
    assert result.stderr[7] == GONE
    assert result.stderr[8] == "$go_row takes one argument, not 0\n"
    assert len(result.stderr[9].splitlines()) == 1


@pytest.mark.live
def test_rows_of_a_program_that_has_gone_on(gdb: Gdb, frag: object) -> None:
    commands = ["break runtime.GC", "run -objects 2000 -end exit >/dev/null", "go-spans list", "print $go_row(0)", "stepi",
                "print $go_row(0)", "go-spans list", "print $go_row(0)", "kill", "print $go_row(0)"]  # fmt: skip
    result = run_gdb(gdb, commands, exe=frag)
    assert pointer(result.stdout[3])
    assert pointer(result.stdout[7])
    assert result.stderr[5] == result.stderr[9] == GONE


def test_the_heap(gdb: Gdb, core: Core) -> None:
    commands = [
        "print $go_heap() == &'runtime.mheap_'",
        "print $go_heap()",
        "print $go_heap().allspans",
        "print $go_heap().spanalloc",
        "print $go_heap().central[89]",
        "print &$go_heap().pages",
        "go-spans summary --json",
        "print $go_heap(1)",
    ]
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    assert result.stdout[0].split(" = ")[1].strip() in ("1", "true")
    assert ": mheap " in result.stdout[1]
    assert (
        int(re.search(r"len = (\d+)", result.stdout[2])[1])
        == json.loads(result.stdout[6])["spans"]["descriptors"]
    )
    assert " = fixalloc of " in result.stdout[3]
    assert "mcentral 4,096 noscan (class 89) · partial " in result.stdout[4]
    assert ": pageAlloc " in result.stdout[5]
    assert result.stderr == [*[""] * 7, "$go_heap takes no argument, not 1\n"]


def test_without_types_each_is_one_line(gdb: Gdb) -> None:
    """A program without debug information: reports work, and gdb has no type to give a value."""
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")
    for form in ("stripped", "no-dwarf"):
        result = run_gdb(
            gdb,
            ["print $go_heap()", "go-spans list", "print $go_row(0)"],
            exe=forms.executable(core, form),
            core=core.path,
        )
        assert result.stdout[0] == result.stdout[2] == ""
        assert re.fullmatch(
            r"go-spans: \$go_heap: gdb has no type runtime.mheap for this program, whose mheap_ is at 0x[0-9a-f]+ "
            r"\(try: go-spans summary, which needs no debug information\)\n",
            result.stderr[0],
        )
        assert re.fullmatch(
            r"go-spans: \$go_row: gdb has no type runtime.mspan for this program "
            r"\(try: go-spans show 0x[0-9a-f]+\)\n",
            result.stderr[2],
        )


def test_without_a_program(gdb: Gdb) -> None:
    result = run_gdb(gdb, ["print $go_heap()", "print $go_row(0)"])
    assert result.stderr[0].startswith("go-spans: no program is loaded")
    assert result.stderr[1] == NO_LIST


def test_the_walk(gdb: Gdb, core: Core) -> None:
    """The values are lazy, in the order of allspans, and of gdb's program as it stands."""
    commands = [
        "python import gdb_gospan; heap = gdb_gospan.open(); spans = list(heap.walk())",
        "python print(all(span.is_lazy for span in spans), len(spans) == len(heap.spans), spans[0].type)",
        "python spans.sort(key=lambda span: int(span.address))",
        "python print([int(span.address) for span in spans] == heap.spans.descriptor.tolist())",
        "python print([int(span['startAddr']) for span in spans] == heap.spans.start.tolist())",
        "python print(spans[0].format_string().split(' = ')[0])",
    ]
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    assert result.stdout[1:5] == ["True True runtime.mspan\n", "", "True\n", "True\n"]
    assert result.stdout[5].startswith("mspan ")


@pytest.mark.ends(False)
def test_where_the_walk_ends(gdb: Gdb) -> None:
    """A program that has gone on, one without types, and a heap that is not gdb's: a line each."""
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")
    other = f"gdb_gospan.open({str(core.path)!r}, executable={str(core.executable)!r})"
    commands = [
        "python import gdb_gospan",
        f"python {other}.walk()",
        "python heap = gdb_gospan.open(); spans = heap.walk(); first = next(spans)",
        f"file {forms.executable(core, 'stripped')}",
        "python next(spans)",
        "python heap.walk()",
        "python gdb_gospan.open().walk()",
    ]
    said = run_gdb(gdb, commands, exe=core.executable, core=core.path, check=False).stderr
    wanted = {
        1: "walk: gdb has values only of its own program (try: gdb_gospan.open() without a target)",
        4: "walk: the program has run since (try: refresh(), or gdb_gospan.open() again)",
        5: "walk: the program has run since (try: refresh(), or gdb_gospan.open() again)",
        6: "walk: gdb has no type runtime.mheap for this program, whose mheap_ is at 0x",
    }
    for at, line in wanted.items():
        assert line in said[at]


def test_the_example_says_what_the_summary_says(gdb: Gdb, core: Core) -> None:
    commands = [f"source {EXAMPLE}", "go-spans summary --json", "go-spans classes --limit 0 --json"]
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    assert result.stderr == [""] * 3
    by_state, by_class = (
        [line.split() for line in part.splitlines()[1:]] for part in result.stdout[0].split("\n\n")
    )
    summary, classes = json.loads(result.stdout[1]), json.loads(result.stdout[2])["classes"]
    found = {" ".join(words[:-2]): (int(words[-2]), int(words[-1])) for words in by_state}
    spans, pages = summary["spans"], summary["pages"]
    assert found == {
        "dead": (spans["dead"], 0),
        "in use": (spans["in_use"], 8192 * pages["in_use"]),
        "manual": (spans["manual"], 8192 * pages["manual"]),
    }
    named = {
        (str(row["elemsize"] or "large"), "noscan" if row["noscan"] else "scan"): (
            row["object_bytes"],
            row["free_bytes"],
        )
        for row in classes
    }
    assert {(size, kind): (int(taken), int(free)) for size, kind, taken, free in by_class} == named
    assert sum(int(free) for *_, free in by_class) == summary["bytes"]["free_slots"]
