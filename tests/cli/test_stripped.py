"""A program without symbols gives the figures that it gives with them, to the last one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from gdb_gospan.errors import LayoutError
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.resolve import find_symbols
from gdb_gospan.targets import core as coredump
from tools import cores, forms, gdbs, programs, toolchains
from tools.damage import CopiedCore, value_at
from tools.forms import compare, open_in

#: Programs that lie where the loader puts them.
PLACED: dict[str, dict[str, Any]] = {
    "pie": {"buildmode": "pie"},
    "cgo": {"ldflags": "-linkmode=external", "cgo": True},
    "pie-cgo": {"buildmode": "pie", "cgo": True},
}

#: Programs in states in which other variables have something to show.
STATES = {
    "frag": ("frag", "-objects", "2000"),
    "cached": ("corners", "-cached", "-tiny", "500"),
    "unswept": ("corners", "-unswept"),
    "stacks": ("corners", "-goroutines", "50", "-stacks", "5"),
    "large": ("corners", "-huge", "1", "-finalizers", "99"),
}


@pytest.mark.in_turn("form")
@pytest.mark.parametrize("form", forms.FORMS[1:])
def test_every_command_says_the_same(go_minor: str, core_kind: cores.Kind, form: str) -> None:
    compare(cores.core(core_kind, programs.build("frag", go_minor), "-objects", "2000"), form)


@pytest.mark.in_turn("state")
@pytest.mark.parametrize("state", list(STATES)[1:])
def test_in_every_state(go_minor: str, state: str) -> None:
    name, *arguments = STATES[state]
    compare(cores.kernel_core(programs.build(name, go_minor), *arguments), "none")


@pytest.mark.in_turn("setting")
@pytest.mark.parametrize("setting", ["GOMEMLIMIT=100MiB", "GOMAXPROCS=1", "GODEBUG=madvdontneed=0"])
def test_under_every_setting(go_minor: str, setting: str) -> None:
    """Where the collector's variables are told by what is in them, other values must do as well."""
    env = dict([setting.split("=", 1)])
    compare(cores.kernel_core(programs.build("corners", go_minor), "-huge", "1", env=env), "none")


@pytest.mark.toolchain
def test_a_copy_of_allp_with_dead_ps_is_not_allp(tmp_path: Path) -> None:
    """GOMAXPROCS was lowered from 4 to 1; m0 still has the slice of before in m.allpSnapshot (proc.go, findRunnable)."""
    program = programs.build("corners", toolchains.NEWEST)
    core = cores.kernel_core(program, "-unswept", env={"GOMAXPROCS": "4"})
    types = DwarfTypes(program)
    m0, allp = types.address("runtime.m0"), types.address("runtime.allp")
    m = types.struct("runtime.m")
    assert m0
    assert allp
    assert m
    snapshot = m.field("allpSnapshot")
    assert snapshot
    copy = CopiedCore(core.path, tmp_path / "core")
    heap = coredump.open_session([str(core.executable), str(core.path)]).heap
    array, length, room = (value_at(heap, allp + at, 8) for at in (0, 8, 16))
    assert (length, room) == (1, 4)
    stale = b"".join(word.to_bytes(8, "little") for word in (array, room, room))
    with copy.changed((m0 + snapshot[0], stale)):
        found = coredump.open_session([str(copy.path)]).heap.symbols
    assert found["allp"] == allp


def test_with_the_collector_off(go_minor: str) -> None:
    """Then the scavenger's goal is 0, in which nothing tells its variable from others."""
    goals = "goals_known", "gc_percent_goal", "memory_limit_goal"
    compare(cores.kernel_core(programs.build("spans", go_minor), "-spans", "500"), "none", goals)


@pytest.mark.toolchain
@pytest.mark.parametrize(
    ("minor", "form"), [(toolchains.OLDEST, "no-dwarf"), ("1.24", "stripped"), (toolchains.NEWEST, "none")]
)
def test_a_version_of_a_vendor(minor: str, form: str) -> None:
    """As other builders of Go name theirs: the release counts, and the name is shown whole."""
    version = f"go{minor}.4-1-microsoft"
    program = programs.build("corners", minor, ldflags=f"-X=runtime.buildVersion={version}")
    core = cores.kernel_core(program, "-tiny", "500")
    compare(core, form)
    session = open_in(core, form)
    assert session.heap.layout.go.raw == version
    assert session.heap.layout.tested


@pytest.mark.toolchain
@pytest.mark.parametrize(
    ("minor", "build", "form"),
    [
        (toolchains.OLDEST, "pie", "none"),
        (toolchains.OLDEST, "cgo", "stripped"),
        (toolchains.OLDEST, "pie-cgo", "stripped"),
        ("1.24", "cgo", "none"),
        (toolchains.NEWEST, "pie", "stripped"),
        (toolchains.NEWEST, "cgo", "none"),
        (toolchains.NEWEST, "pie-cgo", "none"),
    ],
)
def test_programs_that_the_loader_places(minor: str, build: str, form: str) -> None:
    compare(cores.kernel_core(programs.build("frag", minor, **PLACED[build]), "-objects", "2000"), form)


@pytest.mark.toolchain
@pytest.mark.parametrize(
    ("minor", "experiments"),
    [
        (toolchains.NEWEST, "arenas"),
        (toolchains.NEWEST, "nogreenteagc"),
        (toolchains.NEWEST, "norandomizedheapbase64"),
        ("1.25", "greenteagc"),
        ("1.24", "noswissmap"),
    ],
    ids="-".join,
)
def test_experiments_that_leave_the_layout_alone(minor: str, experiments: str) -> None:
    core = cores.kernel_core(programs.build("frag", minor, experiments=experiments), "-objects", "2000")
    compare(core, "none")


@pytest.mark.toolchain
@pytest.mark.parametrize("minor", ["1.24", toolchains.NEWEST])
def test_an_experiment_that_changes_the_layout_is_refused(minor: str) -> None:
    """Lock ranks make every lock larger: nothing lies where the tables have it."""
    core = cores.kernel_core(
        programs.build("frag", minor, experiments="staticlockranking"), "-objects", "2000"
    )
    with pytest.raises(
        LayoutError, match=r"frag is a Go program .*staticlockranking.* without debug information"
    ):
        open_in(core, "none")
    assert open_in(core, "full").heap.layout.source == "dwarf"


@pytest.mark.toolchain
@pytest.mark.live
@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_when_a_cycle_begins(tmp_path: Path, minor: str) -> None:
    """The lists of gcBitsArenas have just moved up, and gcController does not know of the cycle yet (mgc.go, gcStart).

    Nor is it another variable that holds the address of an arena of bitmaps with nil around it: in one of twenty such
    moments a program has one, and one is written into the core here.
    """
    executable = programs.build("churn", minor)
    stripped = tmp_path / "churn"
    subprocess.run(["objcopy", "--strip-all", executable, stripped], check=True)
    commands = [
        "break 'runtime.(*gcControllerState).startCycle'",
        "ignore 1 4",
        "run -seconds 100 > /dev/null",
        f"generate-core-file {tmp_path}/core",
        "kill",
    ]
    gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), commands, exe=executable)
    core = CopiedCore(tmp_path / "core", tmp_path / "copy")
    (tmp_path / "core").unlink()
    exact = find_symbols(DwarfTypes(executable))["gcBitsArenas"]
    heap = coredump.open_session([str(stripped), str(core.path)]).heap
    assert heap.symbols["gcBitsArenas"] == exact
    arenas = heap.layout["gcBitsArenas"]
    assert value_at(heap, exact + arenas["next"].offset, 8) == 0, "no such moment"
    marks = value_at(heap, exact + arenas["current"].offset, 8)
    near = heap.memory.read(exact, 1 << 14)
    assert isinstance(near, bytes)
    rival = exact + near.index(bytes(512)) // 8 * 8 + 256
    with core.changed((rival + arenas["current"].offset, marks.to_bytes(8, "little"))):
        found = coredump.open_session([str(stripped), str(core.path)]).heap.symbols
    core.path.unlink()
    assert found["gcBitsArenas"] == exact
