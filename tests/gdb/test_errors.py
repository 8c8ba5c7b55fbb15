"""What cannot work says so in one line on standard error: what, where, what next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import cores, gdbs, processes, programs, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

NEWEST = toolchains.NEWEST
COMMANDS = ["go-spans summary", "go-spans check --json", "go-spans show 0xc000000000", "go-spans list --csv"]
SMALL = ("-objects", "2000")

pytestmark = pytest.mark.toolchain


def one_line(
    gdb: gdbs.Gdb,
    exe: Path | None = None,
    core: Path | None = None,
    before: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    pid: int | None = None,
) -> str:
    """Return the one line that every command prints, between what gdb does before and after."""
    result = run_gdb(gdb, [*before, *COMMANDS, *after], exe=exe, core=core, pid=pid)
    ours = slice(len(before), len(before) + len(COMMANDS))
    stdout, stderr = result.stdout[ours], result.stderr[ours]
    assert stdout == [""] * len(COMMANDS)
    (text,) = set(stderr)
    assert text.startswith("go-spans: ")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert "internal error" not in text
    assert len(text) < 300
    return text.removeprefix("go-spans: ").rstrip("\n")


def test_no_program(gdb: gdbs.Gdb) -> None:
    assert one_line(gdb) == "no program is loaded (try: gdb PROGRAM CORE, or attach PID)"


def test_a_program_that_does_not_run(gdb: gdbs.Gdb) -> None:
    line = one_line(gdb, programs.build("frag", NEWEST))
    assert line.startswith("frag is not running and there is no core (try: ")


def test_a_program_before_its_first_instruction(gdb: gdbs.Gdb) -> None:
    line = one_line(gdb, programs.build("frag", NEWEST), before=("starti",))
    assert line.startswith("the Go runtime of frag has not set up its heap yet (try: ")


def test_a_program_that_ended(gdb: gdbs.Gdb) -> None:
    line = one_line(gdb, programs.build("frag", NEWEST), before=("run -objects 10 -end exit >/dev/null",))
    assert line.startswith("frag is not running and there is no core (try: ")


def test_a_c_program(gdb: gdbs.Gdb) -> None:
    core = cores.kernel_core(programs.build_c())
    line = one_line(gdb, core.executable, core.path)
    assert line.startswith("no Go runtime in plain: ")
    assert "(try: file PATH of the Go program)" in line


@pytest.mark.parametrize(
    "other", [("frag", toolchains.OLDEST), ("frag", "1.26"), ("corners", NEWEST)], ids=" ".join
)
def test_the_wrong_executable(gdb: gdbs.Gdb, other: tuple[str, str]) -> None:
    core = cores.kernel_core(programs.build("frag", NEWEST), *SMALL)
    line = one_line(gdb, programs.build(*other), core.path)
    assert line.startswith(f"{other[0]} is not the executable of this core or process: ")
    assert "file PATH)" in line


@pytest.mark.parametrize("build", [{"ldflags": "-buildid=another"}, {"gcflags": "-N -l"}], ids=["id", "code"])
def test_another_build_of_the_same_program(gdb: gdbs.Gdb, build: dict[str, str]) -> None:
    """The runtime's variables lie at the same addresses; only the build ids tell, and gdb says nothing of them."""
    core = cores.kernel_core(programs.build("frag", NEWEST), *SMALL)
    line = one_line(gdb, programs.build("frag", NEWEST, **build), core.path)
    assert line.startswith("frag is not the executable of this core or process: their build ids differ")


def test_a_process_that_was_killed_behind_gdb_s_back(gdb: gdbs.Gdb) -> None:
    with processes.start(programs.build("frag", NEWEST), *SMALL, "-end", "sleep") as running:
        running.line()
        commands = ["go-spans summary", f"shell kill -9 {running.pid}; sleep 1", "go-spans summary"]
        said = gdbs.run_gdb(gdb, commands, pid=running.pid)
        assert said.stderr[-1].startswith(f"go-spans: process {running.pid} has ended")


def test_an_executable_that_is_no_go_program(gdb: gdbs.Gdb) -> None:
    core = cores.kernel_core(programs.build("frag", NEWEST), *SMALL)
    line = one_line(gdb, programs.build_c(), core.path)
    assert line.startswith(
        "plain is not a Go program and not the executable of this core, which was dumped by frag"
    )


def test_the_executable_is_of_a_newer_go(gdb: gdbs.Gdb) -> None:
    """The newer runtime's variables lie where the older program had nothing."""
    core = cores.kernel_core(programs.build("frag", toolchains.OLDEST), *SMALL)
    line = one_line(gdb, programs.build("frag", NEWEST), core.path)
    assert line.startswith(
        ("frag is not the executable of this core", "cannot read runtime.buildVersion of frag")
    )
    assert "the program's own executable" in line or "the same build" in line or "build ids differ" in line


def test_a_go_that_is_too_old(gdb: gdbs.Gdb) -> None:
    """A Go 1.18 cannot be had as a package, so a program of the oldest release claims to be one."""
    claim = programs.build("frag", toolchains.OLDEST, ldflags="-X runtime.buildVersion=go1.18.10")
    core = cores.kernel_core(claim, *SMALL)
    assert core.stdout["Version"] == "go1.18.10"
    line = one_line(gdb, core.executable, core.path)
    assert line.startswith("go1.18.10 is too old: go-spans supports ")
    assert "(try: rebuild with a newer Go)" in line


def test_a_runtime_that_no_layout_fits(gdb: gdbs.Gdb) -> None:
    """Lock ranks make every lock larger, so that nothing lies where the bundled layouts have it."""
    program = programs.build("frag", NEWEST, ldflags="-s -w", experiments="staticlockranking")
    core = cores.kernel_core(program, *SMALL)
    line = one_line(gdb, core.executable, core.path)
    assert line.startswith("frag is a Go program (go1.")
    assert "staticlockranking" in line
    assert "not stripped" in line


@pytest.mark.live
def test_a_process_that_runs(gdb: gdbs.Gdb) -> None:
    """The program is killed before gdb ends: gdb 18.1 at times waits for ever when it detaches from one that runs."""
    with processes.start(programs.build("churn", NEWEST)) as churn:
        churn.line()
        line = one_line(gdb, pid=churn.pid, before=("continue &",), after=(f"shell kill -9 {churn.pid}",))
        assert line == f"process {churn.pid} is running, so its heap changes (try: interrupt)"


def test_show_an_address_where_nothing_is(gdb: gdbs.Gdb) -> None:
    core = cores.kernel_core(programs.build("frag", NEWEST), *SMALL)
    nowhere = ["0x10", "0xffffffffff600000", "0x8000000000000000"]
    asked = [f"go-spans show {address}" for address in nowhere]
    result = run_gdb(gdb, asked, exe=core.executable, core=core.path)
    assert result.stdout == [""] * len(nowhere)
    for address, line in zip(nowhere, result.stderr, strict=True):
        assert line.startswith(f"go-spans: {address} is not in the Go heap and is no span descriptor")
        assert line.count("\n") == 1
