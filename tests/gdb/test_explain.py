"""explain and --why inside gdb: without a program too, and the same words as in a shell."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.reports import catalog
from tools import cores, programs, shell, toolchains
from tools.gdbs import run_gdb
from tools.questions import bare

if TYPE_CHECKING:
    from tools.gdbs import Gdb

REPORTS = [command for command in catalog.COMMANDS if not command.argument]


@pytest.fixture
def core() -> cores.Core:
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000", "-cached")


def test_without_a_program_as_in_a_shell(gdb: Gdb) -> None:
    asked = [
        "",
        "free_slots",
        "spanalloc.free.count",
        "fragmentation above 35 %",
        "needzero --json",
        "heap-inuse",
    ]
    said = run_gdb(gdb, [f"go-spans explain {term}" for term in asked])
    assert said.stderr == [""] * len(asked)
    for term, text in zip(asked, said.stdout, strict=True):
        assert text == shell.run("explain", *term.split()).stdout
        assert text.count("\n") > 2


def test_of_a_program_it_reads_nothing(gdb: Gdb, core: cores.Core) -> None:
    """An expression is not evaluated: a term is a word, even when it is a variable's name."""
    said = run_gdb(gdb, ["go-spans explain pagesInUse"], exe=core.executable, core=core.path)
    assert said.stdout == run_gdb(gdb, ["go-spans explain pagesInUse"]).stdout


def test_an_unknown_term_is_one_line(gdb: Gdb) -> None:
    said = run_gdb(gdb, ["go-spans explain inCashe", "go-spans explain zzzz"])
    assert said.stdout == ["", ""]
    assert said.stderr[0] == "go-spans: explain: no term inCashe (did you mean inCache?)\n"
    assert said.stderr[1] == "go-spans: explain: no term zzzz (go-spans explain lists all terms)\n"


def test_why_comes_after_every_report(gdb: Gdb, core: cores.Core) -> None:
    commands = [f"go-spans {bare(command)}{why}" for command in REPORTS for why in ("", " --why")]
    said = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    assert said.stderr == [""] * len(commands)
    for command, plain, more in zip(REPORTS, said.stdout[::2], said.stdout[1::2], strict=True):
        assert more.startswith(plain + "\nWhy\n"), command.name
        assert max(map(len, more.removeprefix(plain).splitlines())) <= 90


def test_why_explains_each_line_of_the_block(gdb: Gdb, core: cores.Core) -> None:
    said, data = run_gdb(
        gdb, ["go-spans summary --why", "go-spans summary --why --json"], exe=core.executable, core=core.path
    ).stdout
    block = said.partition("Where the memory is")[2].partition("\n\n")[0]
    labels = re.findall(r"^  (\S.*?) +[\d.,]+ [KMG]?i?B ", block, re.MULTILINE)
    assert labels[0] == "objects"
    assert labels[-1] == "Sys"
    why = said.partition("\nWhy\n")[2]
    for label in labels:
        entry = re.search(rf"^  {re.escape(label)}: (.*?)(?=^  \S|\Z)", why, re.MULTILINE | re.DOTALL)
        assert entry, label
        assert "\n    = " in entry[1], label
    assert "RSS" not in re.findall(r"^  (\S.*?): ", why, re.MULTILINE)
    assert [term["name"] for term in json.loads(data)["why"]][: len(labels) - 2] != []
