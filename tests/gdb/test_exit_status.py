"""$_go_spans_status says how the last command ended, for scripts of gdb that have no exit status to go by."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tools import cores, gdbs, programs, toolchains
from tools.gdbs import run_gdb
from tools.mi import run_mi

if TYPE_CHECKING:
    from tools.gdbs import Gdb

pytestmark = pytest.mark.toolchain

#: What is asked, after what, and the status.
ASKED = (
    ("go-spans check", 0),
    ("go-spans summary --json", 0),
    ("go-spans", 0),
    ("go-spans list --help", 0),
    ("go-spans lst", 2),
    ("go-spans list --limit x", 2),
    ("go-spans explain zork", 2),
    ("go-spans show 0x10", 3),
    ("go-spans show 'no.such'.name", 3),
    ("go-spans --version", 0),
)

BREAK = (
    "python import gdb_gospan.analysis.verification as v, attrs; real = v.verify; "
    "import gdb_gospan.analysis.session as s; "
    "s.verify = lambda *a, **k: (attrs.evolve(real(*a, **k)[0], status='{}'), *real(*a, **k)[1:]); "
    "import gdb_gospan.debugger.target as t; t.forget()"
)
STOP = (
    "python import gdb_gospan.reports.check as c, attrs; was = c.REPORT; "
    "c.REPORT = attrs.evolve(was, build=lambda *a: (_ for _ in ()).throw({}()))"
)
MEND = "python c.REPORT = was"


@pytest.fixture
def core() -> cores.Core:
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")


def statuses(gdb: Gdb, core: cores.Core | None, *commands: str) -> list[str]:
    lines = [line for command in commands for line in (command, "output $_go_spans_status")]
    target = {"exe": core.executable, "core": core.path} if core else {}
    return run_gdb(gdb, lines, check=False, **target).stdout[1::2]


def test_of_every_way_that_a_command_ends(gdb: Gdb, core: cores.Core) -> None:
    commands = [command for command, _ in ASKED]
    assert statuses(gdb, core, *commands) == [str(status) for _, status in ASKED]


def test_findings_defects_and_interrupts(gdb: Gdb, core: cores.Core) -> None:
    prepared = [BREAK.format("broken"), BREAK.format("unknown"), STOP.format("ZeroDivisionError")]
    prepared += [MEND, STOP.format("KeyboardInterrupt"), MEND]
    commands = [line for change in prepared for line in (change, "go-spans check")]
    assert statuses(gdb, core, *commands)[1::2] == ["1", "3", "3", "3", "130", "3"]


def test_without_a_program(gdb: Gdb) -> None:
    assert statuses(gdb, None, "echo", "go-spans summary", "go-spans explain span") == ["void", "3", "0"]


def test_of_a_front_end(gdb: Gdb, core: cores.Core) -> None:
    asked = {"-go-spans-check": 0, "-go-spans-list --limit x": 2, "-go-spans-show 0x10": 3}
    lines = [line for command in asked for line in (command, "-data-evaluate-expression $_go_spans_status")]
    answers = run_mi(gdb, lines, exe=core.executable, core=core.path)
    assert [answer.results["value"] for answer in answers[1::2]] == [str(status) for status in asked.values()]


def test_gdb_itself_ends_with_it(gdb: Gdb, core: cores.Core) -> None:
    for command, status in (("go-spans check", 0), ("go-spans show 0x10", 3)):
        words = [*gdb.argv, "-nx", "-batch", "-ex", f"source {gdbs.PLUGIN}", "-ex", command]
        words += ["-ex", "quit $_go_spans_status", str(core.executable), str(core.path)]
        done = subprocess.run(words, env=gdb.environment(), capture_output=True, check=False)
        assert done.returncode == status, done.stderr


def test_help_names_it(gdb: Gdb) -> None:
    said = run_gdb(gdb, ["help go-spans", "help go-spans check"]).stdout
    assert all("$_go_spans_status" in text for text in said)
