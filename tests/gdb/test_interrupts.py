"""Ctrl-C at any moment, the first import included: it ends in Quit and what is known, and the next command is right."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.reports import catalog
from tools import cores, programs, toolchains
from tools.cache import CHECKOUT
from tools.gdbs import run_gdb
from tools.mi import run_mi
from tools.questions import bare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.gdbs import Gdb, Session

pytestmark = pytest.mark.parametrize("go_minor", [toolchains.NEWEST], scope="session")

MOMENTS = f"python import sys; sys.path.append({str(CHECKOUT / 'tests' / 'gdb')!r}); import moments"
SUMMARY = "go-spans summary"
NOTHING = "Interrupted. Nothing is known yet.\n"
KNOWN = "Interrupted. Known so far, and not checked against the runtime's counters:\n"
ALL_CALLS = 24
"""Moments that are tried, all over a command."""
BEGUN = 2
"""Calls until a command has begun: before, gdb's own Quit is all."""


@pytest.fixture(scope="session")
def core(go_minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "2000", "-cached")


def every_command(folder: Path) -> list[str]:
    given = {"ADDRESS": "main.sessions[1]", "FILE": f"{folder}/saved.gospan", "TERM": "span"}
    asked = []
    for command in catalog.COMMANDS:
        word = given.get(command.argument[0], "") if command.argument else ""
        asked += [
            f"go-spans {bare(command)} {word} {option}"
            for option in ("", "--json", "--csv", "--why --color always")
        ]
    return [line for line in asked if "saved" not in line or line.endswith(" ")]


@pytest.mark.usefixtures("go_minor")
def test_no_import_is_broken_off(gdb: Gdb, core: cores.Core, tmp_path: Path) -> None:
    """Whatever imports it: a command, a function in an expression, a printer, TAB."""
    asked = [
        "complete go-spans show main.s", "print $go_slot('main.sessions')", "print runtime.mheap_.spanalloc",
        *every_command(tmp_path), f"go-spans snapshot {tmp_path}/again.gospan", "go-spans summary --sort x", "go-spans nosuch",
    ]  # fmt: skip
    before = [MOMENTS, "python seen = moments.Imports().watch()"]
    said = run_gdb(
        gdb,
        [*before, *asked, "python print(seen.unguarded)", "python print(seen.count)"],
        exe=core.executable,
        core=core.path,
    )
    assert int(said.stdout[-1]) > 100
    assert ast.literal_eval(said.stdout[-2]) == []


@pytest.mark.usefixtures("go_minor")
@pytest.mark.parametrize(
    "press", ["range(100_000)", "{0}", "{150}"], ids=["all", "the first", "in the midst"]
)
def test_at_an_import_of_the_first_command(gdb: Gdb, core: cores.Core, press: str) -> None:
    commands = [
        MOMENTS,
        f"python seen = moments.Imports({press}).watch()",
        SUMMARY,
        "python seen.end()",
        SUMMARY,
        "go-spans check",
    ]
    said = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    assert (said.stdout[2], said.stderr[2]) == (NOTHING, "Quit\n")
    assert said.stderr[3:] == ["", "", ""]
    assert "identities exact" in said.stdout[4]
    assert "identities exact" in said.stdout[5]


def spread(count: int, most: int) -> list[int]:
    return sorted({count * place // most for place in range(most)} | {count - 1})


@pytest.mark.parametrize("command", ["go-spans check", "go-spans classes --json"])
def test_at_any_call(session: Session, say: Callable[..., list[str]], command: str) -> None:
    """Everything is forgotten, and Ctrl-C pressed at one of some thousand calls; then the same command goes on from there."""
    session.run(MOMENTS)
    (expected,) = say(command.removeprefix("go-spans "))
    *_, (counted, _) = session.run(
        "python moments.forget()",
        "python seen = moments.Calls().watch()",
        command,
        "python seen.end(); print(seen.count)",
    )
    told = set()
    for moment in spread(int(counted), ALL_CALLS):
        start = ["python moments.forget()", f"python seen = moments.Calls({moment}).watch()"]
        *_, (out, err), _, (again, error) = session.run(*start, command, "python seen.end()", command)
        assert re.search(r"^\W*Quit\n$", err, re.MULTILINE), (moment, out, err)
        known = (out + err).removesuffix("Quit\n")
        if moment < BEGUN or out == expected:  # before the command begins, and behind its end
            assert known.removeprefix(expected) == "", (moment, out, err)
            continue
        assert known.startswith((NOTHING, KNOWN)), (moment, out, err)
        assert ("--json" not in command) or out == "", "a program that reads gets no half document"
        told.add(known.startswith(KNOWN))
        assert (again, error) == (expected, ""), moment
    assert told == {False, True}


@pytest.mark.usefixtures("go_minor")
def test_in_a_front_end(gdb: Gdb, core: cores.Core) -> None:
    """A result that is an error can have a message only: it has what is known."""
    check = "-go-spans-check"
    lines = [
        *(in_python(line.removeprefix("python ")) for line in MOMENTS.split("; ")),
        in_python("seen = moments.Imports({0}).watch()"), check,
        in_python("seen.end()"), check,
        in_python("moments.forget(); seen = moments.Calls().watch()"), check,
        in_python("seen.end(); moments.forget(); seen = moments.Calls(seen.count * 8 // 10).watch()"), check,
        in_python("seen.end()"), check,
    ]  # fmt: skip
    answers = run_mi(gdb, lines, exe=core.executable, core=core.path)
    early, first, again, late, done = (answers[at] for at, line in enumerate(lines) if line == check)
    assert (early.status, early.results) == ("error", {"msg": "Quit (nothing is known yet)"})
    assert late.status == "error"
    known = r"Quit \(known so far, not checked: Spans [\d,]+ in use, .*; MemStats .*\)"
    assert re.fullmatch(known, late.results["msg"])
    assert first.status == again.status == done.status == "done"
    assert first.results == again.results == done.results


def in_python(line: str) -> str:
    return f"-interpreter-exec console {json.dumps('python ' + line)}"
