"""`go-spans objects` in gdb: of a core as in a shell, and of a process with its registers by gdb."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tools import cores, processes, programs, shell
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from tools.gdbs import Gdb

WORDS = ("-since", "1000")
ASKED = "go-spans objects --json --limit 0"


def test_of_a_core_as_in_a_shell(gdb: Gdb, go_minor: str) -> None:
    core = cores.kernel_core(programs.build("objects", go_minor), *WORDS)
    said = run_gdb(gdb, [ASKED], exe=core.executable, core=core.path)
    found = json.loads(said.stdout[0])
    alone = json.loads(shell.inside("objects", core.executable, core.path, "--json", "--limit", "0").stdout)
    for key in ("totals", "classes", "occupancies", "roots", "edges"):
        assert found[key] == alone[key], key


@pytest.mark.live
def test_of_a_process(gdb: Gdb, go_minor: str) -> None:
    """gdb's selection stays, and what is reached is what the command alone finds."""
    with processes.start(programs.build("objects", go_minor), *WORDS, "-end", "sleep") as running:
        running.line()
        alone = json.loads(shell.inside("objects", "--pid", running.pid, "--json", "--limit", "0").stdout)
        said = run_gdb(gdb, ["thread 2", "thread", ASKED, "thread"], pid=running.pid)
    found = json.loads(said.stdout[2])
    assert found["totals"] == alone["totals"]
    assert {row["code"]: row["pointers"] for row in found["roots"] if row["code"] != "registers"} == {
        row["code"]: row["pointers"] for row in alone["roots"] if row["code"] != "registers"
    }
    assert said.stdout[1] == said.stdout[3]
