"""The fast ways to memory are taken only when they provably give gdb's own bytes, and then give the same figures."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, gdbs, processes, programs, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

SUMMARY = "go-spans summary --json"
MEMORY = (
    "python from gdb_gospan.debugger.target import current_session;"
    " memory = current_session().heap.memory; print(type(getattr(memory, 'memory', memory)).__name__)"
)
THROUGH_GDB = (
    "python import gdb_gospan.debugger.target as t, gdb_gospan.debugger.memory as m;"
    " t.choose = lambda kind, anchor: (m.GdbMemory(kind), m.core_path())"
)


@pytest.mark.ends
def test_a_core_is_mapped_and_gives_what_gdb_gives(gdb: gdbs.Gdb, frag_core_cached: cores.Core) -> None:
    at = {"exe": frag_core_cached.executable, "core": frag_core_cached.path}
    fast = run_gdb(gdb, [MEMORY, SUMMARY], **at)
    slow = run_gdb(gdb, [THROUGH_GDB, MEMORY, SUMMARY], **at)
    assert (fast.stdout[0].strip(), slow.stdout[1].strip()) == ("CoreFile", "GdbMemory")
    assert without_path(fast.stdout[1]) == without_path(slow.stdout[2])


def without_path(text: str) -> dict[str, Any]:
    """The document without the path of the runtime's file, which only the core's own notes have in full."""
    document: dict[str, Any] = json.loads(text)
    assert len([row.pop("path") for row in document["runtimes"]]) == 1
    return document


@pytest.mark.live
def test_a_process_is_read_directly_and_gives_what_gdb_gives(gdb: gdbs.Gdb) -> None:
    frag = programs.build("frag", toolchains.NEWEST)
    with processes.start(frag, "-objects", "2000", "-end", "sleep") as running:
        running.line()
        result = run_gdb(
            gdb, [MEMORY, SUMMARY, THROUGH_GDB, "python t.forget()", MEMORY, SUMMARY], pid=running.pid
        )
    assert (result.stdout[0].strip(), result.stdout[4].strip()) == ("ProcessMemory", "GdbMemory")
    fast, slow = (without_path(result.stdout[i]) for i in (1, 5))
    assert fast["target"].pop("pause_ms") > 0
    assert slow["target"].pop("pause_ms") > 0
    assert fast == slow


def test_a_core_file_that_was_replaced_is_not_mapped(tmp_path: Path) -> None:
    executable = programs.build("frag", toolchains.NEWEST)
    one, other = (cores.kernel_core(executable, "-objects", objects) for objects in ("2000", "3000"))
    opened, new = tmp_path / "core", tmp_path / "new"
    shutil.copyfile(one.path, opened)
    shutil.copyfile(other.path, new)
    result = run_gdb(
        gdbs.ensure(gdbs.system_label()),
        [f"shell mv {new} {opened}", MEMORY, SUMMARY],
        exe=executable,
        core=opened,
    )
    assert result.stdout[1].strip() == "GdbMemory"
    assert json.loads(result.stdout[2])["memstats"]["HeapInuse"] == one.stdout["HeapInuse"]
    assert one.stdout["HeapInuse"] != other.stdout["HeapInuse"]


@pytest.mark.parametrize("core_kind", ["kernel"], scope="session")
@pytest.mark.parametrize("go_minor", [toolchains.NEWEST], scope="session")
def test_a_summary_loads_no_package_that_it_does_not_need(
    gdb: gdbs.Gdb, frag_core_cached: cores.Core
) -> None:
    """Each takes some 30 ms of the tenths of a second that the summary of a small heap takes."""
    loaded = "python import sys; print({'elftools', 'pygments', 'tabulate', 'numpy'} & set(sys.modules))"
    result = run_gdb(
        gdb, ["go-spans summary", loaded], exe=frag_core_cached.executable, core=frag_core_cached.path
    )
    assert result.stdout[1].strip() == "{'numpy'}"
