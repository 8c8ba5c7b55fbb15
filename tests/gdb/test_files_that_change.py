"""What gdb knows of a program is kept across stops, and not longer than it is true: other files, a build on top of it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, gdbs, processes, programs
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gdbs import Gdb

SYSTEM = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")
CHECK = "go-spans check --json"


def all_exact(text: str) -> bool:
    document: dict[str, Any] = json.loads(text)
    return {check["status"] for check in document["checks"]} == {"exact"}


@SYSTEM
@pytest.mark.live
def test_another_build_at_the_path_of_a_running_program(gdb: Gdb, tmp_path: Path) -> None:
    """gdb has the symbols of the one that runs; at the path lies a program whose variables are elsewhere."""
    executable, other = tmp_path / "frag", tmp_path / "other"
    shutil.copy(programs.build("frag", "1.27"), executable)
    shutil.copy(programs.build("churn", "1.26"), other)
    with processes.start(executable, "-objects", "500", "-end", "sleep") as running:
        running.line()
        replaced = run_gdb(gdb, [f"shell mv {other} {executable}", CHECK], pid=running.pid)
        assert replaced.stderr[1] == ""
        assert all_exact(replaced.stdout[1])


@SYSTEM
@pytest.mark.live
@pytest.mark.parametrize("options", [{}, {"ldflags": "-s -w"}], ids=["whole", "stripped"])
def test_an_executable_that_is_removed(gdb: Gdb, tmp_path: Path, options: dict[str, str]) -> None:
    """gdb has read what it needs of it, and the heap is in memory."""
    executable = tmp_path / "frag"
    shutil.copy(programs.build("frag", "1.27", **options), executable)
    with processes.start(executable, "-objects", "500", "-end", "sleep") as running:
        running.line()
        frames = "python from gdb_gospan.debugger.target import current_session as now; print(now().frames())"
        removed = run_gdb(gdb, [f"shell rm {executable}", CHECK, frames], pid=running.pid)
        assert removed.stderr[1] == ""
        assert all_exact(removed.stdout[1])
        assert "runtime.futex" in removed.stdout[2]


@SYSTEM
@pytest.mark.live
def test_the_next_stop_of_the_same_program(gdb: Gdb) -> None:
    executable = programs.build("frag", "1.27")
    with processes.start(executable, "-objects", "500", "-end", "sleep") as running:
        running.line()
        said = run_gdb(gdb, [CHECK, "detach", f"attach {running.pid}", CHECK], pid=running.pid).stdout
        assert all_exact(said[0])
        assert all_exact(said[3])


@SYSTEM
def test_debug_information_that_is_added_later(gdb: Gdb) -> None:
    whole, bare = programs.build("frag", "1.27"), programs.build("frag", "1.27", ldflags="-w")
    core = cores.kernel_core(bare, "-objects", "500")
    commands = [CHECK, f"add-symbol-file {whole} -o 0", CHECK]
    before, _, after = (text for text in run_gdb(gdb, commands, exe=bare, core=core.path).stdout)
    assert json.loads(before)["layout"]["source"] == "symbols"
    assert json.loads(after)["layout"]["source"] == "dwarf"


@SYSTEM
def test_two_programs_in_one_gdb(gdb: Gdb) -> None:
    first, second = (
        cores.kernel_core(programs.build("frag", go), "-objects", "500") for go in ("1.19", "1.27")
    )
    commands = [
        CHECK,
        f"add-inferior -exec {second.executable}",
        "inferior 2",
        f"core-file {second.path}",
        CHECK,
        "inferior 1",
        CHECK,
    ]
    said = run_gdb(gdb, commands, exe=first.executable, core=first.path).stdout
    one, two, again = (json.loads(said[at]) for at in (0, 4, 6))
    assert [document["go"]["version"][:6] for document in (one, two, again)] == ["go1.19", "go1.27", "go1.19"]
    assert again == one
