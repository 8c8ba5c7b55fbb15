"""Where the threads of a stripped program stand: the same functions as with its symbols."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.targets.core import open_session
from tools import cores, processes, programs, split
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gdbs import Gdb

ASK = "python import json; from gdb_gospan.debugger.threads import frames; from gdb_gospan.memory.{}; print(json.dumps(frames({})))"
BUILDS = pytest.mark.parametrize(
    "build",
    [{}, {"buildmode": "pie"}, {"ldflags": "-linkmode=external", "cgo": True}],
    ids=["plain", "pie", "cgo"],
)


@pytest.mark.in_turn("build")
@BUILDS
def test_of_a_core(gdb: Gdb, go_minor: str, build: dict[str, str], tmp_path: Path) -> None:
    core = cores.kernel_core(programs.build("frag", go_minor, **build), "-objects", "2000")
    stripped, _ = split.split(core.executable, tmp_path, link=False)
    ask = ASK.format("elfcore import CoreFile", f"CoreFile({str(core.path)!r})")
    got = json.loads(run_gdb(gdb, [ask], exe=stripped, core=core.path).stdout[0])
    expected = list(open_session([str(core.executable), str(core.path)]).frames())
    assert any("main.main" in names for _, names, _ in got)
    assert [(label, tuple(names), lwp) for label, names, lwp in got] == expected


@pytest.mark.live
@pytest.mark.in_turn("build")
@BUILDS
def test_of_a_process(gdb: Gdb, go_minor: str, build: dict[str, str], tmp_path: Path) -> None:
    executable = programs.build("frag", go_minor, **build)
    stripped, _ = split.split(executable, tmp_path, link=False)
    with processes.start(stripped, "-objects", "2000", "-end", "sleep") as program:
        program.line()
        ask = ASK.format("procmem import ProcessMemory", f"ProcessMemory({program.pid})")
        got = json.loads(run_gdb(gdb, [ask], exe=stripped, pid=program.pid).stdout[0])
    assert len(got) > 2
    for label, names, _ in got:
        assert names, label
        assert any(name.startswith(("runtime.", "internal/runtime/")) for name in names), (label, names)
