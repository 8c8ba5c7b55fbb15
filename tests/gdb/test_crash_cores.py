"""Cores as they come in production: the program dies in the middle of its work, by Go's own signal handler.

Every thread is then in that handler. What it interrupted can be seen below, and only that excuses anything.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, gdbs, programs, shell
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cores import Core
    from tools.gdbs import Gdb

SYSTEM = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")
CHECK = "go-spans check --json"


def off(text: str) -> dict[str, dict[str, Any]]:
    return {check["code"]: check for check in json.loads(text)["checks"] if check["status"] != "exact"}


@pytest.fixture
def core(go_minor: str) -> Core:
    return cores.crash_core(programs.build("churn", go_minor), "-seconds", "60")


@SYSTEM
def test_nothing_is_blamed_on_corruption(gdb: Gdb, core: Core) -> None:
    result = run_gdb(gdb, [CHECK, "go-spans summary"], exe=core.executable, core=core.path)
    assert {check["status"] for check in off(result.stdout[0]).values()} <= {"transient"}
    assert "died of SIGABRT" in result.stdout[1]


@SYSTEM
@pytest.mark.ends
def test_damage_is_broken_although_all_threads_are_in_a_handler(gdb: Gdb, core: Core, tmp_path: Path) -> None:
    """A terabyte more in use than there is."""
    copy = tmp_path / "core"
    shutil.copyfile(core.path, copy)
    where = run_gdb(
        gdb,
        ["python print(int(gdb.parse_and_eval(\"&'runtime.gcController'.heapInUse\")))"],
        exe=core.executable,
        core=core.path,
    ).stdout[0]
    overwrite(copy, int(where), (1 << 40).to_bytes(8, "little"))
    result = run_gdb(gdb, [CHECK], exe=core.executable, core=copy)
    found = off(result.stdout[0])
    assert found["heap-inuse"]["status"] == "broken"
    assert found["heap-stats-inuse"]["status"] == "broken"


@SYSTEM
@pytest.mark.ends
@pytest.mark.parametrize("build", [{}, {"ldflags": "-linkmode=external", "cgo": True}], ids=["plain", "cgo"])
def test_small_damage_is_broken_in_gdb_and_in_a_shell(
    gdb: Gdb, go_minor: str, build: dict[str, Any], tmp_path: Path
) -> None:
    """Less than many threads could be off by together, if each of them hid what it was doing."""
    core = cores.crash_core(programs.build("churn", go_minor, **build), "-seconds", "60")
    copy = tmp_path / "core"
    shutil.copyfile(core.path, copy)
    names = ["gcController'.heapInUse", "memstats'.numgc"]
    asked = run_gdb(
        gdb,
        [
            f'python v = gdb.parse_and_eval("\'runtime.{name}"); print(int(v.address), int(v))'
            for name in names
        ],
        exe=core.executable,
        core=core.path,
    ).stdout
    (in_use, value), (cycles, number) = (map(int, line.split()) for line in asked)
    overwrite(copy, in_use, (value + (256 << 20)).to_bytes(8, "little"))
    overwrite(copy, cycles, (number + 7).to_bytes(4, "little"))
    in_gdb = off(run_gdb(gdb, [CHECK], exe=core.executable, core=copy).stdout[0])
    in_shell = off(shell.inside("check", "--json", core.executable, copy).stdout)
    assert {code: check["status"] for code, check in in_shell.items()} == {
        code: check["status"] for code, check in in_gdb.items()
    }
    for code in ("heap-inuse", "heap-stats-inuse", "gc-cycles"):
        assert (code, in_shell[code]["status"]) == (code, "broken")


def overwrite(core: Path, address: int, data: bytes) -> None:
    from gdb_gospan.memory.elfcore import CoreFile

    segments = CoreFile(core).segments
    found = None
    for start, size, at in zip(
        segments.start.tolist(), segments.size.tolist(), segments.offset.tolist(), strict=True
    ):
        if start <= address < start + size:
            found = at + address - start
    assert found is not None
    with core.open("r+b") as file:
        file.seek(found)
        file.write(data)
