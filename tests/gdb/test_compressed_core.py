"""gdb opens no compressed core, and does not say why: then we do, with the command that helps."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tools import cores, gdbs, programs, toolchains
from tools.gdbs import run_gdb
from tools.packing import PACKERS, PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gdbs import Gdb

SYSTEM = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")


@SYSTEM
@pytest.mark.parametrize("kind", PACKERS)
def test_the_command_that_helps(gdb: Gdb, kind: str, tmp_path: Path) -> None:
    if not shutil.which(PROGRAMS[kind]):
        pytest.skip(f"{PROGRAMS[kind]} is not installed")
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")
    path = tmp_path / f"core.frag.0.{'9c' * 16}.4711.1764000000000000.{kind}"
    path.write_bytes(PACKERS[kind](core.path.read_bytes()))
    result = run_gdb(gdb, ["go-spans summary"], exe=core.executable, core=path)
    line = result.stderr[0]
    assert line.startswith(f"go-spans: {path} is compressed, and gdb cannot open compressed cores ")
    match = re.search(r"\(try: (.*); then: (core-file .*)\)\n$", line)
    assert match, line
    subprocess.run(match[1], shell=True, check=True)
    result = run_gdb(gdb, [match[2], "go-spans check"], exe=core.executable)
    assert result.stderr[1] == ""
    assert "broken" not in result.stdout[1]
