"""What show takes for an address: Go's own names, with or without quotes; and what it says of what is not in the heap."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from elftools.elf.elffile import ELFFile

from tools import cores, processes, programs, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.gdbs import Gdb

    Run = Callable[..., list[str]]


# As for other modules' cores, so that what the fixtures keep goes with the release that it is of.
pytestmark = pytest.mark.parametrize("go_minor", [toolchains.NEWEST], scope="session")


@pytest.fixture(scope="session")
def core(go_minor: str) -> cores.Core:
    """Its frame is in assembly, where gdb's language is not Go."""
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000", "-cached")


def places(say: Run, *expressions: str) -> list[tuple[str, dict[str, Any]]]:
    documents = map(json.loads, say(*(f"show {expression} --json" for expression in expressions)))
    return [(document["address"], document["slot"]) for document in documents]


@pytest.mark.parametrize(
    "same",
    [
        ("main.sessions", "'main.sessions'", "main.sessions.array", "'main.sessions'.array"),
        ("main.sessions[3]", "'main.sessions'[3]", "main.sessions.array[3]", "'main.sessions'.array[3]", "(main.sessions.array[3])", "2 * (long) main.sessions.array[3] - (long) main.sessions.array[3]"),
        ("&main.sessions.array[1]", "&'main.sessions'.array[1]", "&main.sessions[1]", "main.sessions.array + 1"),
        ("runtime.allgs[1]", "'runtime.allgs'.array[1]", "*'runtime.allgs'.array[1]", "*runtime.allgs[1]"),
    ],
)  # fmt: skip
def test_names_need_no_quotes(say: Run, same: tuple[str, ...]) -> None:
    first, *others = places(say, *same)
    assert first[1] is None or first[1]["allocated"]
    assert others == [first] * len(others)


def test_what_no_expression_gives(refuse: Run) -> None:
    """A name that does not exist never reaches gdb's own parser, which may crash on it (gdb 13)."""
    lines = refuse(
        "show main.nosuch[3]", "show (main.nosuch) + 1", "show 8 + main.nosuch[3]", "show 'main.nosuch'", "show main.sessions[99999999]", "show main.sessions.nosuch", "show nosuch"
    )  # fmt: skip
    assert (
        "No symbol main.nosuch; try: a Go name such as main.items, main.items.field or main.items[3]"
        in lines[0]
    )
    assert all("No symbol main.nosuch" in line for line in lines[:3])
    assert "(index 99999999 is out of range for a slice of " in lines[4]
    assert "nosuch" in lines[5]
    assert not any("&" in line for line in lines)


def test_a_map_has_no_element_to_show(refuse: Run) -> None:
    """To gdb it is a pointer, and an index would give whatever lies beside the map."""
    spelt = (
        "syscall.env",
        "'syscall.env'",
        "flag.CommandLine.formal",
        "'flag.CommandLine'.formal",
        "('syscall.env')",
    )
    commands = ("show {}[0]", "show &{}[1]", 'show {}["PATH"]', "map --zoom {}[3]", "map --arena {}[3]")
    lines = refuse(*(command.format(name) for name in spelt for command in commands))
    for place, line in enumerate(lines):
        name, command = (
            spelt[place // len(commands)],
            commands[place % len(commands)].partition("{")[0].strip(" &"),
        )
        typed = name if name.startswith("(") else name.replace("'", "")
        assert (
            line
            == f"go-spans: {typed} is a map; its elements have no fixed address (try: go-spans {command} {typed})"
        )


def test_a_map_within_an_expression(refuse: Run, say: Run) -> None:
    (line,) = refuse("show (long) syscall.env[1] + 8")
    assert "is a map; its elements have no fixed address" in line
    assert json.loads(say("show flag.CommandLine.formal --json")[0])["slot"]["allocated"]


HELD = "gospan.example/frag/last.held"


def test_an_array_ends_where_go_says(refuse: Run) -> None:
    spelt = (HELD, f"'{HELD}'", f"&{HELD}", f"('{HELD}')", f"*&'{HELD}'")
    indexes = {"64": 64, "-1": -1, "0x40": 64, "60 + 4": 64}
    lines = refuse(*(f"show {name}[{index}]" for name in spelt for index in indexes))
    for line, number in zip(lines, [*indexes.values()] * len(spelt), strict=True):
        assert f" (index {number} is out of range for an array of 64)" in line


def test_an_element_of_an_array(say: Run) -> None:
    first, *others = places(
        say, f"{HELD}[2]", f"'{HELD}'[2]", f"{HELD}[1 + 1]", f"{HELD}[0x2]", f"('{HELD}')[2]"
    )
    assert first[1]["allocated"]
    assert others == [first] * len(others)


def test_no_negative_index_of_a_slice(refuse: Run) -> None:
    for line in refuse("show main.sessions[-1]", "show 'main.sessions'[-1]", "map --zoom main.sessions[-1]"):
        assert "(index -1 is out of range for a slice of " in line


CHANGES = {
    "$rax=5": "=",
    "*(long *) $sp = 5": "=",
    "$sp += 8": "=",
    "$x <<= 1": "<<=",
    "main.sessions[$x++]": "++",
    "$x--": "--",
}


def test_nothing_is_assigned(refuse: Run) -> None:
    lines = refuse(*(f"show {expression}" for expression in CHANGES), "map --zoom $rax=5", "map --arena $x++")
    for line, (expression, sign) in zip(
        lines, [*CHANGES.items(), ("$rax=5", "="), ("$x++", "++")], strict=True
    ):
        assert line.endswith(f": {expression} would change the program ({sign}), which go-spans never does")


def test_comparisons_and_quotes_are_no_assignments(refuse: Run) -> None:
    for line in refuse(
        "show 1 == 2", "show 1 != 1", "show 1 <= 0", "show 1 >= 2", 'show $_strlen("a=b") - 3'
    ):
        assert line == "go-spans: 0x0 is nil: it points to nothing"


EVENTS = "('inferior_call', 'memory_changed', 'register_changed')"
WATCH = (
    "python import gdb; seen = []",
    f"python [getattr(gdb.events, name).connect(seen.append) for name in {EVENTS}]",
)


@pytest.mark.live
@pytest.mark.usefixtures("go_minor")
def test_a_live_process_is_neither_called_nor_written(gdb: Gdb) -> None:
    """A program with malloc: gdb would take memory with it for a string."""
    with processes.start(programs.build_c()) as program:
        program.line()
        before = ["set language c", *WATCH, "print $rax", "print $sp"]
        tried = [
            "show (long) malloc(10)", "show malloc(10)", 'show "text" + 1', 'show (char *) "text"', "map --zoom malloc(10)",
            "show getpid()", "show $rax=5", "show *(long *) $sp=5", "show $sp++",
        ]  # fmt: skip
        after = ["print $rax", "print $sp", "python print(len(seen))"]
        permissions = [f"show may-{what}" for what in ("call-functions", "write-memory", "write-registers")]
        result = run_gdb(
            gdb,
            [*before, *(f"go-spans {command}" for command in tried), *after, *permissions],
            exe=programs.build_c(),
            pid=program.pid,
        )
    first = len(before)
    lines = result.stderr[first : first + len(tried)]
    assert all(line.startswith("go-spans: ") and line.count("\n") == 1 for line in lines), lines
    for line in lines[:6]:
        assert "it would call a function of the program" in line
    last = first + len(tried)
    assert [text.split(" = ")[1] for text in result.stdout[first - 2 : first]] == [
        text.split(" = ")[1] for text in result.stdout[last : last + 2]
    ]
    assert result.stdout[last + 2] == "0\n"
    assert all(text.endswith(" on.\n") for text in result.stdout[last + 3 :]), result.stdout[last + 3 :]


def test_what_the_user_has_forbidden_stays_so(gdb: Gdb, core: cores.Core) -> None:
    commands = [
        "set may-call-functions off",
        "go-spans show main.sessions",
        "show may-call-functions",
        "show may-write-memory",
    ]
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    assert result.stderr == [""] * 4
    assert result.stdout[2].endswith(" off.\n")
    assert result.stdout[3].endswith(" on.\n")


def test_what_is_not_in_the_heap_has_a_name(refuse: Run, say: Run) -> None:
    (address,) = (line.split()[1] for line in refuse("show &main.sessions"))
    lines = refuse(
        "show &main.sessions", f"show {int(address, 16) + 8:#x}", "show runtime.mheap_", "show main.main", "show 0", "show 0x10",
    )  # fmt: skip
    hint = "a global, not in the Go heap (try: go-spans show 'main.sessions')"
    assert lines[0] == f"go-spans: {address} is main.sessions, {hint}"
    assert lines[1] == f"go-spans: {int(address, 16) + 8:#x} is main.sessions + 8, {hint}"
    assert lines[2].endswith(" is runtime.mheap_, a global, not in the Go heap")
    assert lines[3].endswith(" is main.main, not in the Go heap")
    assert lines[4] == "go-spans: 0x0 is nil: it points to nothing"
    assert lines[5].startswith("go-spans: 0x10 is not in the Go heap and is no span descriptor")
    assert say("show 'main.sessions'")[0]


def test_the_bound_of_a_section_owns_nothing(refuse: Run, core: cores.Core) -> None:
    """The linker's names of where sections begin and end are the nearest symbols of much that is nobody's by name."""
    with core.executable.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        bounds = {
            symbol.name: symbol["st_value"]
            for symbol in table.iter_symbols()
            if re.fullmatch(r"runtime\.(e?(data|bss|noptrdata|noptrbss)|end)", symbol.name)
        }
    assert len(bounds) >= 7
    lines = refuse(*(f"show {address:#x}" for address in bounds.values()))
    for name, line in zip(bounds, lines, strict=True):
        assert "not in the Go heap" in line
        assert not re.search(rf"is {re.escape(name)}\b", line)
