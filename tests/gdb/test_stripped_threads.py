"""A stripped program dies in the middle of its work: what its threads were doing is named as with its symbols."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gdb_gospan.targets.core import open_session
from tools import cores, programs, shell, split
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gdbs import Gdb


def notes(text: str) -> list[tuple[str, str, str | None]]:
    document: dict[str, Any] = json.loads(text)
    return [(check["code"], check["status"], check["note"]) for check in document["checks"]]


def test_in_gdb_and_in_the_shell(gdb: Gdb, go_minor: str, tmp_path: Path) -> None:
    core = cores.crash_core(programs.build("churn", go_minor), "-seconds", "60")
    stripped, _ = split.split(core.executable, tmp_path, link=False)
    whole = open_session([str(core.executable), str(core.path)])
    bare = open_session([str(stripped), str(core.path)])
    assert bare.heap.layout.source == "none"
    assert list(bare.frames()) == list(whole.frames())

    expected = shell.inside("check", "--json", core.executable, core.path).stdout
    assert notes(shell.inside("check", "--json", stripped, core.path).stdout) == notes(expected)
    ask = "python import json; from gdb_gospan.debugger.target import current_session; print(json.dumps(list(current_session().frames())))"
    result = run_gdb(gdb, ["go-spans check --json", ask], exe=stripped, core=core.path)
    assert result.stderr == ["", ""]
    assert notes(result.stdout[0]) == notes(expected)
    in_gdb = [(thread, tuple(names), lwp) for thread, names, lwp in json.loads(result.stdout[1])]
    assert in_gdb == list(whole.frames())
