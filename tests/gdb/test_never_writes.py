"""Nothing is written to a target or called in it: its memory, mappings and registers are the same after each command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.targets.process import open_session
from tools import processes, programs, toolchains
from tools.gdbs import run_gdb
from tools.questions import addresses, questions

if TYPE_CHECKING:
    from tools.gdbs import Gdb

pytestmark = [pytest.mark.live, pytest.mark.parametrize("go_minor", [toolchains.NEWEST], scope="session")]

SCRIPT = Path(__file__).with_name("watch_target.py")

#: Besides the commands: what else of the plugin looks at a target, with expressions that would write if gdb evaluated them.
OTHERS = (
    "print $go_span(main.held)", "print $go_spanclass(7)", "print $go_slot(&main.held)", "print runtime.mheap_",
    "print *runtime.mheap_.allspans.array[3]", "print runtime.allp.array[0].mcache.alloc", "info locals", "complete go-spans show main.",
    "go-spans show main.held", "go-spans show &main.held", "go-spans show main.held[0]", "go-spans map --zoom main.held",
    "go-spans show main.held=0", "go-spans show runtime.GC()", "go-spans show $rip=0", "go-spans show runtime.mheap_.sweepgen++",
    'interpreter-exec mi "-go-spans-summary"',
)  # fmt: skip


def test_the_target_is_what_it_was(gdb: Gdb, go_minor: str, tmp_path: Path) -> None:
    program = programs.build("corners", go_minor)
    with processes.start(program, "-end", "sleep", "-tiny", "2000", "-finalizers", "99") as running:
        running.line()
        session = open_session(running.pid)
        with session.capture():
            some = addresses(session)
        asked = [" ".join(["go-spans", command.name, *words]) for command, words in questions(some)]
        asked += [
            f"go-spans snapshot {tmp_path / 'heap.gospan'}",
            "go-spans explain span",
            "go-spans help",
            *OTHERS,
        ]
        result = tmp_path / "result.json"
        run_gdb(
            gdb,
            [f"python COMMANDS, RESULT = {asked!r}, {str(result)!r}", f"source {SCRIPT}"],
            pid=running.pid,
        )
        found = json.loads(result.read_text())
        assert found["changed"] == []
        assert found["seen"] == ["sums"], "the watch does not see a byte that is written"
        assert len(found["failed"]) < len(OTHERS), found["failed"]
        assert found["asked"] > 60
