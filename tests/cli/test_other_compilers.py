"""Programs in Go that Go's own compiler has not made: one line that says by which, and none that blames the files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tools import cores, elfs, gdbs, processes, programs, shell, toolchains

if TYPE_CHECKING:
    from pathlib import Path

LINE = "{} was compiled by {}, whose heap go-spans cannot read: only Go's own compiler is supported (try: "


def refused(*words: object) -> str:
    answer = shell.inside(*words)
    assert (answer.stdout, answer.status) == ("", 3)
    assert re.fullmatch(r"go-spans: [^\n]+\n", answer.stderr), answer.stderr
    return answer.stderr.removeprefix("go-spans: ")


@pytest.mark.toolchain
@pytest.mark.live
@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
def test_gccgo(static: bool) -> None:
    program = programs.build_gccgo(static=static)
    wanted = LINE.format(program.name, "gccgo")
    core = cores.kernel_core(program, env={"GOTRACEBACK": "crash"}).path
    assert refused("summary", program, core).startswith(wanted)
    if not static:  # with its runtime inside, memory alone does not tell
        assert refused("summary", core).startswith(wanted)
    assert refused("summary", program, cores.kernel_core(programs.build_c()).path).startswith(wanted)
    with processes.start(program, "-end", "sleep") as running:
        running.line()
        assert refused("summary", "--pid", running.pid).startswith(wanted)
    said = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), ["go-spans summary"], exe=program, core=core)
    assert said.stderr[0].startswith("go-spans: " + wanted)


@pytest.mark.toolchain
def test_tinygo(tmp_path: Path) -> None:
    """By the names of its functions in assembly; no program of it was at hand."""
    names = b"\0main\0tinygo_startTask\0runtime.alloc\0"
    rows = [
        (0, 0, 0, 0, 0),
        *((names.index(name), 0x12, 1, 0x401000, 16) for name in (b"main", b"tinygo_startTask")),
    ]
    program = tmp_path / "blinky"
    program.write_bytes(elfs.executable({".symtab": elfs.symbols(rows), ".strtab": names}))
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000").path
    assert refused("summary", program, core).startswith(LINE.format("blinky", "TinyGo"))
