"""What a person at a terminal relies on: TAB, the pager, a log without colours, and Ctrl-C."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.fields.command import options_of
from gdb_gospan.layout.sizeclasses import SIZES
from gdb_gospan.reports.catalog import COMMANDS
from gdb_gospan.reports.keys import names
from tools import cores, programs, toolchains
from tools.gdbs import run_gdb
from tools.questions import bare
from tools.terminal import gdb_on_a_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gdbs import Gdb

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def core() -> cores.Core:
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000", "-cached")


def completions(gdb: Gdb, *typed: str) -> list[set[str]]:
    """What gdb's own complete command offers, without what is typed before the last word."""
    result = run_gdb(gdb, ["set max-completions unlimited", *(f"complete {text}" for text in typed)])
    assert result.stderr == [""] * (len(typed) + 1), result.stderr
    return [set(text.splitlines()) for text in result.stdout[1:]]


def test_completion_of_subcommands_and_options(gdb: Gdb) -> None:
    subcommands, *options = completions(
        gdb, "go-spans ", *(f"go-spans {command.name} --" for command in COMMANDS)
    )
    every = {name for command in COMMANDS for name in (command.name, *command.aliases)}
    assert subcommands == {f"go-spans {name}" for name in every}
    for command, offered in zip(COMMANDS, options, strict=True):
        assert offered == {f"go-spans {command.name} --{option.name}" for option in options_of(command)}


def test_completion_of_values(gdb: Gdb) -> None:
    pairs = [(command, option) for command in COMMANDS for option in options_of(command) if option.choices]
    assert {option.name for _, option in pairs} >= {"sort", "state", "color"}
    typed = [f"go-spans {command.name} --{option.name} " for command, option in pairs]
    for (_, option), text, offered in zip(pairs, typed, completions(gdb, *typed), strict=True):
        assert offered == {text + choice for choice in option.choices}
    for typed, ends in {
        "go-spans list --class 1,0": (
            "go-spans list --class 1,024 scan",
            "go-spans list --class 1,024 noscan",
        ),
        "go-spans list --class 1,024 s": ("go-spans list --class 1,024 scan",),
        "go-spans list --class 1,024 ": (
            "go-spans list --class 1,024 scan",
            "go-spans list --class 1,024 noscan",
        ),
        "go-spans list --class lar": (
            "go-spans list --class large scan",
            "go-spans list --class large noscan",
        ),
        "go-spans list --class=1,0": (
            "go-spans list --class=1,024 scan",
            "go-spans list --class=1,024 noscan",
        ),
        "go-spans list --size 1,0": ("go-spans list --size 1,024",),
    }.items():
        (offered,) = completions(gdb, typed)
        assert offered == set(ends), typed
    for text in ("go-spans list --sort spa", "go-spans list --sort=spa"):
        (offered,) = completions(gdb, text)
        assert offered == {text + end for end in ("n_bytes", "nclass")}
    classes, sizes, one, nothing, used = completions(
        gdb, "go-spans list --class ", "go-spans list --size ", "go-spans list --size 48", "go-spans list --limit ",
        "go-spans list --json --js",
    )  # fmt: skip
    assert classes == {f"go-spans list --class {number}" for number in range(2 * len(SIZES))}
    assert sizes == {f"go-spans list --size {size}" for size in SIZES[1:]}
    assert one == {"go-spans list --size 48", "go-spans list --size 480", "go-spans list --size 4864"}
    assert nothing == used == set()


def test_completion_of_terms(gdb: Gdb) -> None:
    every, some, several, returned, options = completions(
        gdb, "go-spans explain ", "go-spans explain heap-s", "go-spans explain idle pages, r",
        "go-spans explain idle, r", "go-spans explain inCache --js",
    )  # fmt: skip
    assert every == {f"go-spans explain {name}" for name in names()}
    assert {"go-spans explain heap-stats", "go-spans explain heap-stats-inuse"} <= some
    assert several == {"go-spans explain idle pages, retained"}
    assert returned == {"go-spans explain idle, returned or never touched"}
    assert options == {"go-spans explain inCache --json"}


def test_completion_of_expressions_and_parameters(gdb: Gdb, core: cores.Core) -> None:
    commands = [
        "complete go-spans show 'runtime.mheap",
        "complete set go-spans ",
        "complete set go-spans color a",
    ]
    shown, parameters, colours = run_gdb(gdb, commands, exe=core.executable, core=core.path).stdout
    assert "go-spans show 'runtime.mheap_" in shown
    assert parameters.split("\n")[:3] == [f"set go-spans {name}" for name in ("color", "limit", "units")]
    assert colours == "set go-spans color always\nset go-spans color auto\n"


def test_completion_of_files(gdb: Gdb, tmp_path: Path) -> None:
    (tmp_path / "heap.gospan").touch()
    (offered,) = completions(gdb, f"go-spans snapshot {tmp_path}/he")
    assert offered == {f"go-spans snapshot {tmp_path}/heap.gospan"}


def test_completion_of_go_names(gdb: Gdb, core: cores.Core) -> None:
    """Package variables, and fields; no function, no type, and nothing that gdb finds and cannot read."""
    wanted = {
        "show ": {"main.sessions", "main..typeAssert.0"},
        "show main.s": {"main.sessions"},
        "show &main.s": {"&main.sessions"},
        "show main.nosuch": set(),
        "show runtime.mh": {"runtime.mheap_"},
        "show gospan.example/frag/last.h": {"gospan.example/frag/last.held"},
        "show main.sessions.a": {"main.sessions.array"},
        "show main.sessions[0].": {f"main.sessions[0].{name}" for name in ("id", "table", "buffer")},
        "show main.sessions[0].buffer.c": {"main.sessions[0].buffer.cap"},
        "map --zoom main.s": {"main.sessions"},
        "map --arena main.s": {"main.sessions"},
    }
    typed = [f"complete go-spans {line}" for line in wanted]
    result = run_gdb(gdb, typed, exe=core.executable, core=core.path)
    assert result.stderr == [""] * len(typed)
    for (line, ends), text in zip(wanted.items(), result.stdout, strict=True):
        begun = "go-spans " + line[: line.rindex(" ") + 1]
        offered = {found.removeprefix(begun) for found in text.splitlines()}
        assert offered - {"main..typeAssert.0"} == ends - {"main..typeAssert.0"}, line
    quoted = run_gdb(gdb, ["complete go-spans show 'main.sess"], exe=core.executable, core=core.path).stdout[
        0
    ]
    assert "go-spans show 'main.sessions" in quoted


def test_a_log_has_no_colours(gdb: Gdb, core: cores.Core, tmp_path: Path) -> None:
    """The screen has some, with color auto, and so the log's text is the screen's without them."""
    log = tmp_path / "log"
    (plain,) = run_gdb(gdb, ["go-spans classes"], exe=core.executable, core=core.path).stdout
    with gdb_on_a_terminal(gdb, exe=core.executable, core=core.path) as terminal:
        terminal.run("show go-spans color")
        terminal.run("set width 150")  # room for every column, as where no screen ends
        terminal.run(f"set logging file {log}")
        terminal.run("set logging enabled on")
        screen = terminal.run("go-spans classes")
        terminal.run("go-spans classes --color always")
        terminal.run("set logging enabled off")
        terminal.run("set style enabled off")
        without = terminal.run("go-spans classes")
    assert ESCAPE.search(screen)
    assert not ESCAPE.search(without)
    text = log.read_text()
    assert "\x1b" not in text
    assert text.count(plain) == 2
    assert ESCAPE.sub("", screen) == without == plain


def test_the_pager_stops_at_the_height_and_can_be_left(gdb: Gdb, core: cores.Core) -> None:
    with gdb_on_a_terminal(gdb, exe=core.executable, core=core.path) as terminal:
        terminal.run("set height 12")
        terminal.type("go-spans list --limit 0\n")
        page = terminal.until("--Type <RET> for more.*--")
        assert 5 < page.count("\n") <= 12
        terminal.type("\n")
        assert 5 < terminal.until("--Type <RET> for more.*--").count("\n") <= 13
        terminal.type("q\n")
        rest = ESCAPE.sub("", terminal.until("gdb-is-ready> "))
        assert re.fullmatch(r"(q\n)?\W*Quit\ngdb-is-ready> ", rest)


def test_the_pager_counts_lines_and_not_bytes(gdb: Gdb, core: cores.Core) -> None:
    """Shades and dots are three bytes each; a page is full of whole lines all the same, and width stays as set."""
    more = "--Type <RET> for more.*--"
    with gdb_on_a_terminal(gdb, exe=core.executable, core=core.path) as terminal:
        terminal.run("set charset UTF-8")
        terminal.run("set width 80")
        terminal.run("set height 12")
        for command in ("go-spans map --lines 20", "go-spans summary", "go-spans summary --color always"):
            for leave in ("q\n", "\x03"):
                terminal.type(command + "\n")
                page = terminal.until(more)
                lines = page.replace(command + "\n", "").split("\n")
                assert lines[-1].lstrip("\r").startswith("--Type"), page
                assert len(lines) == 12, page
                assert not page.isascii()
                terminal.type(leave)
                terminal.until("gdb-is-ready> ")
                assert "is 80." in terminal.run("show width")
        assert terminal.run("python gdb.execute('go-spans map', to_string=True)") == ""
        assert "is 80." in terminal.run("show width")
        terminal.run("set width 30")
        terminal.type("go-spans summary\n")
        lines = ESCAPE.sub("", terminal.until(more)).splitlines()[:-1]
        assert sum(-(-len(line) // 30) for line in lines) <= 12, "a line that is wrapped counts as several"


@pytest.mark.parametrize("where", ["a walk in Python", "a formatting loop"])
def test_ctrl_c_stops_at_once_with_what_is_known(gdb: Gdb, core: cores.Core, where: str) -> None:
    """The work is made to take long; the next command finds nothing half done."""
    slow = {
        "a walk in Python": "from gdb_gospan.runtime import mcentral as m; name = 'read_central'",
        "a formatting loop": "from gdb_gospan.render import text as m; name = '_table'",
    }[where]
    with gdb_on_a_terminal(gdb, exe=core.executable, core=core.path) as terminal:
        expected = terminal.run("go-spans central")
        terminal.run("python import os, time; import gdb_gospan.debugger.target as t; t.forget()")
        terminal.run(f"python {slow}; real = getattr(m, name)")
        # Past gdb's own output, which may take the Ctrl-C; and short sleeps, for one that comes just before a sleep does
        # not end it.
        terminal.run(
            "python setattr(m, name, lambda *a: (os.write(1, b'slow\\n'), [time.sleep(0.01) for _ in iter(int, 1)]))"
        )
        terminal.type("go-spans central\n")
        terminal.until("slow\n")
        terminal.type("\x03")
        said = terminal.until("gdb-is-ready> ")  # and not after hours
        *known, line = ESCAPE.sub("", said.removesuffix("gdb-is-ready> ")).strip().splitlines()
        assert re.fullmatch(r"\W*Quit", line)  # newer gdbs have a sign before an error
        assert re.fullmatch(r"(\^C)?Interrupted\. Known so far, .*", known[0])
        assert re.fullmatch(
            r"Spans +[\d,]+ in use, [\d.]+ MiB · [\d,]+ manual · [\d,]+ dead descriptors", known[1]
        )
        assert any(line.startswith("MemStats") for line in known) == (where == "a formatting loop")
        terminal.run("python setattr(m, name, real)")
        assert terminal.run("go-spans central") == expected


def test_a_terminal_of_next_to_no_columns(gdb: Gdb, core: cores.Core) -> None:
    """gdb breaks the lines then, of a layout in which each word has room."""
    commands = [
        f"go-spans {bare(command)}"
        for command in COMMANDS
        if command.argument is None or command.argument_optional
    ]
    asked = [line for width in (20, 1, 2, 3, 4) for line in (f"set width {width}", *commands)]
    result = run_gdb(gdb, asked, exe=core.executable, core=core.path)
    assert result.stderr == [""] * len(asked)
    expected, *others = (
        result.stdout[at : at + 1 + len(commands)] for at in range(0, len(asked), 1 + len(commands))
    )
    assert others == [expected] * 4


def test_long_work_shows_what_it_reads(gdb: Gdb, core: cores.Core) -> None:
    """Here everything counts as long; the line is overwritten before the report comes."""
    with gdb_on_a_terminal(gdb, exe=core.executable, core=core.path) as terminal:
        terminal.run("python import gdb_gospan.render.progress as p; p._AFTER = 0")
        screen = terminal.run("go-spans summary")
    line = re.search(r"\rgo-spans: [\w ]+, [\d.]+ \w+ read, [\d.]+ \w+/s *", screen)
    assert line is not None, screen
    assert re.search(r"\r +\r", screen[line.end() :])
    assert "identities exact" in screen
