"""$go_span, $go_slot and $go_spanclass: against a walk over every descriptor, and as a breakpoint's condition."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.layout.sizeclasses import SIZES
from tools import cores, processes, programs, toolchains
from tools.cache import CHECKOUT
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from tools.gdbs import Gdb

SCRIPT = Path(__file__).with_name("span_of_addresses.py")
NEWEST = toolchains.NEWEST


@pytest.mark.ends
def test_every_address_as_by_going_through_all_spans(gdb: Gdb, go_minor: str, tmp_path: Path) -> None:
    core = cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000", "-cached")
    path = tmp_path / "result.json"
    run_gdb(gdb, [f"python RESULT = {str(path)!r}", f"source {SCRIPT}"], exe=core.executable, core=core.path)
    result = json.loads(path.read_text())
    assert result["wrong"] == []
    assert result["found"] > 500
    assert result["found"] < result["asked"]
    assert result["manual"] > 0


@pytest.mark.parametrize("go_minor", ["1.27"])
def test_user_arenas_position_independent_and_32_bit(gdb: Gdb, go_minor: str, tmp_path: Path) -> None:
    """Other maps of arenas: mapped elsewhere, and with other sizes of levels."""
    for index, options in enumerate(({"buildmode": "pie"}, {"experiments": "arenas"}, {"goarch": "386"})):
        arguments = ("-arenas", "2") if "experiments" in options else ("-tiny", "1000")
        core = cores.kernel_core(programs.build("corners", go_minor, **options), *arguments)
        path = tmp_path / f"{index}.json"
        run_gdb(gdb, [f"python RESULT = {str(path)!r}", f"source {SCRIPT}"],
                exe=core.executable, core=core.path)  # fmt: skip
        result = json.loads(path.read_text())
        assert result["wrong"] == []
        assert result["found"] > 50


def test_in_expressions(gdb: Gdb) -> None:
    core = cores.kernel_core(programs.build("frag", NEWEST), "-objects", "2000")
    result = run_gdb(
        gdb,
        [
            "print $go_span('main.sessions').npages > 0",
            "print $go_span('main.sessions')",
            "print $go_slot('main.sessions'.array[5])",
            "print $go_span('main.sessions'.array[5]).elemsize",
            "print 'main.sessions'.array[5]",
            "print $go_span('main.sessions'.array[5]).startAddr",
            "print $_isvoid($go_span(&'main.sessions'))",
            "print $go_slot(&'main.sessions')",
            "print $_isvoid($go_slot(1))",
        ],
        exe=core.executable,
        core=core.path,
    )
    assert result.stderr == [""] * 9
    values = [text.split(" = ", 1)[1].strip() for text in result.stdout[:1] + result.stdout[2:]]
    assert values[0] in ("1", "true")
    assert re.fullmatch(r"\$2 = \(runtime\.mspan \*\) 0x[0-9a-f]+\n", result.stdout[1])
    pointer = int(re.search(r"0x[0-9a-f]+", values[3])[0], 16)
    start = int(values[4], 0)
    assert (pointer - start) // int(values[2]) == int(values[1])
    assert values[5:] == ["1", "-1", "0"]


def test_names_of_span_classes(gdb: Gdb) -> None:
    numbers = range(2 * len(SIZES))
    printed = run_gdb(gdb, [f"output $go_spanclass({number})" for number in numbers]).stdout
    # output wants a target for an array in some gdbs, so it is asked with one below.
    if not any(printed):
        core = cores.kernel_core(programs.build("frag", NEWEST), "-objects", "2000")
        commands = [f"output $go_spanclass({number})" for number in numbers]
        printed = run_gdb(gdb, commands, exe=core.executable, core=core.path).stdout
    for number, text in zip(numbers, printed, strict=True):
        size = f"{SIZES[number // 2]:,}" if number > 1 else "large"
        assert text == f'"{size} {"noscan" if number % 2 else "scan"}"'


@pytest.mark.parametrize("go_minor", [NEWEST], scope="session")
def test_a_name_beside_gos_own_script(gdb: Gdb, toolchain: toolchains.Toolchain) -> None:
    """Its printers look inside every value, and take characters of Go's for a Go string."""
    core = cores.kernel_core(programs.build("frag", NEWEST), "-objects", "2000")
    asked = [
        "print $go_spanclass(64)",
        'print $_streq($go_spanclass(64), "1,024 scan") + 0',
        "output $go_spanclass(1)",
    ]
    twice = ["print $_strlen($go_spanclass(1)) - $_strlen($go_spanclass(64))"]
    script = f"source {toolchain.goroot / 'src' / 'runtime' / 'runtime-gdb.py'}"
    commands = [script]
    for language in ("auto", "go", "c"):
        commands += [f"set language {language}", *asked, *twice]
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    assert not any(text for text in result.stderr[1:] if "current language does not match" not in text)
    for start in range(1, len(commands), 5):
        name, same, other, longer = result.stdout[start + 1 : start + 5]
        assert re.fullmatch(r'\$\d+ = "1,024 scan"\n', name)
        assert re.fullmatch(r"\$\d+ = (1|true)\n", same)
        assert other == '"large noscan"'
        assert re.fullmatch(r"\$\d+ = 2\n", longer)
        # The language is what the user set.
    shown = run_gdb(
        gdb,
        ["set language go", "print $go_spanclass(64)", "show language"],
        exe=core.executable,
        core=core.path,
    )
    assert '"go"' in shown.stdout[2]


@pytest.mark.live
@pytest.mark.parametrize("go_minor", [NEWEST], scope="session")
def test_a_name_calls_nothing_in_a_live_process(gdb: Gdb, toolchain: toolchains.Toolchain) -> None:
    """Go's printers look inside every value, for which gdb would copy a string of its own into the target, with malloc."""
    calls = "python import gdb; calls = []; gdb.events.inferior_call.connect(calls.append)"
    script = f"source {toolchain.goroot / 'src' / 'runtime' / 'runtime-gdb.py'}"
    with processes.start(programs.build_c()) as program:
        program.line()
        asked = [
            text
            for language in ("c", "go")
            for text in (f"set language {language}", "print $go_spanclass(64)")
        ]
        result = run_gdb(
            gdb, [script, calls, *asked, "python print(len(calls))"], exe=programs.build_c(), pid=program.pid
        )
    assert [result.stdout[index].split(" = ")[1] for index in (3, 5)] == ['"1,024 scan"\n'] * 2
    assert result.stdout[-1] == "0\n"


def test_the_examples_of_the_help(gdb: Gdb) -> None:
    """On a core that died in the runtime, where gdb's language is not Go."""
    core = cores.kernel_core(programs.build("frag", NEWEST), "-objects", "2000")
    (text,) = run_gdb(gdb, ["help function go_span"]).stdout
    pages = "".join((CHECKOUT / name).read_text() for name in ("README.md", "examples/gdb.md"))
    examples = re.findall(r"print \*\$go_span\('main.*?\)$", text, re.MULTILINE) + re.findall(
        r"print \S*\$go_\w+\('main[^`\n]*", pages
    )
    assert len(examples) >= 4
    result = run_gdb(gdb, examples, exe=core.executable, core=core.path)
    assert result.stderr == [""] * len(examples)
    assert all(" = " in line for line in result.stdout)


@pytest.mark.live
def test_a_breakpoint_stops_at_that_slot_only(gdb: Gdb) -> None:
    """Objects with a finalizer are passed one by one; the fourth slot of their spans comes up now and then."""
    executable = programs.build("corners", NEWEST)
    stops = 3
    commands = [
        "break runtime.SetFinalizer if $go_slot(obj) == 3",
        "run -finalizers 600 -end exit >/dev/null",
        *["print obj.data", "print $go_span(obj).startAddr", "print $go_span(obj).elemsize", "continue"]
        * stops,
        "info breakpoints",
    ]
    result = run_gdb(gdb, commands, exe=executable, env={"GOMAXPROCS": "1"})
    assert "Error in testing" not in result.text, result.text
    hits = 0
    for stop in range(stops):
        shown = result.stdout[2 + 4 * stop : 5 + 4 * stop]
        if not all("=" in text for text in shown):
            break  # the program is over
        pointer, start, size = (int(re.findall(r"= .*?(0x[0-9a-f]+|\d+)", text)[0], 0) for text in shown)
        assert (pointer - start) // size == 3
        hits += 1
    assert hits >= 2, result.text


WRONG = {
    "$go_spanclass(136)": "$go_spanclass: no span class 136 (they are 0 to 135)",
    "$go_slot(1, 2)": "$go_slot takes one argument, not 2",
    "$go_span()": "$go_span takes one argument, not 0",
    '$go_spanclass("x")': "$go_spanclass: the argument is not a number",
    "$go_slot(1)": "go-spans: the program is not running and there is no core (try: run, or core-file FILE)",
}


def test_what_cannot_be_answered_is_one_line(gdb: Gdb) -> None:
    asked = [f"print {expression}" for expression in WRONG]
    result = run_gdb(gdb, asked, exe=programs.build("frag", NEWEST))
    assert result.stdout == [""] * len(WRONG)
    assert result.stderr == [f"{line}\n" for line in WRONG.values()]


def test_a_string_is_not_an_address(gdb: Gdb) -> None:
    core = cores.kernel_core(programs.build("frag", NEWEST), "-objects", "2000")
    asked = ['print $go_span("main.sessions")', 'go-spans show "main.sessions"']
    result = run_gdb(gdb, asked, exe=core.executable, core=core.path)
    why = "a string is not an address; put a package variable in single quotes: 'main.sessions'"
    assert result.stderr == [
        f"$go_span: {why}\n",
        f'go-spans: show: "main.sessions" is not an address or an expression that gives one ({why})\n',
    ]


def test_without_a_program_and_with_one_in_c(gdb: Gdb) -> None:
    line = "go-spans: no variable runtime.mheap_ with debug information (try: file PATH of the Go program)\n"
    assert run_gdb(gdb, ["print $go_slot(1)"]).stderr == [line]
    core = cores.kernel_core(programs.build_c())
    assert run_gdb(gdb, ["print $go_slot(1)"], exe=core.executable, core=core.path).stderr == [line]


def test_another_program_in_the_same_gdb(gdb: Gdb) -> None:
    """What is known of the first program must not answer for the second."""
    first, second = (
        cores.kernel_core(programs.build("frag", minor), "-objects", "2000") for minor in ("1.27", "1.19")
    )
    question = "print $go_span('main.sessions'.array[5]).elemsize"
    commands = [question, f"file {second.executable}", f"core-file {second.path}", question, "info files"]
    result = run_gdb(gdb, commands, exe=first.executable, core=first.path)
    alone = run_gdb(gdb, [question], exe=second.executable, core=second.path)
    assert result.stdout[0].startswith("$1 = ")
    assert result.stdout[3].split(" = ")[1] == alone.stdout[0].split(" = ")[1]
