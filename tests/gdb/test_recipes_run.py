"""What README and the pages of examples say to type works as it is written, on the programs that they name."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import gdb_gospan
from tools import cores, gdbs, processes, programs, recipes, toolchains
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gdbs import Gdb

pytestmark = [pytest.mark.gdb, pytest.mark.toolchain, pytest.mark.live]

#: In a README of any program; in this one: a variable of frag, and a function that it calls later.
P, F = "'main.sessions'.array[3]", "main.expire"


@pytest.fixture(scope="module")
def core() -> cores.Core:
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000")


@pytest.fixture
def folder(tmp_path: Path, core: cores.Core) -> Path:
    """A folder with the programs and the core that the pages name, and with go-spans and gdb as an installation has them."""
    for name, target in {
        "frag": core.executable,
        "server": core.executable,
        "core": core.path,
        "cases": programs.build("cases", toolchains.NEWEST),
    }.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / "bin").mkdir()
    debugger = gdbs.ensure(gdbs.system_label())
    options = ["-nx", "-iex", "set auto-load no", "-x", str(gdbs.PLUGIN)]
    for name, words, path in [
        ("go-spans", [sys.executable, "-m", "gdb_gospan"], CHECKOUT),
        ("gdb", [*debugger.argv, *options], debugger.site),
    ]:
        script = tmp_path / "bin" / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(path))} exec {shlex.join(words)} "$@"\n')
        script.chmod(0o755)
    return tmp_path


def bash(folder: Path, text: str) -> str:
    """Run lines of shell in that folder; all that they start ends with them."""
    env = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            said, _ = running.communicate(timeout=processes.PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 0, said
    return said


@pytest.mark.parametrize("page", recipes.with_blocks("sh"), ids=lambda page: page.name)
def test_shell_lines(page: Path, folder: Path) -> None:
    said = bash(folder, recipes.blocks(page, "sh"))
    assert "Traceback" not in said
    assert "go-spans: " not in said


@pytest.mark.parametrize("page", recipes.with_blocks("gdb"), ids=lambda page: page.name)
def test_gdb_lines(page: Path, gdb: Gdb, core: cores.Core) -> None:
    lines = recipes.commands(recipes.blocks(page, "gdb"))
    result = gdbs.run_gdb(gdb, lines, exe=core.executable, core=core.path)
    assert dict(zip(lines, result.stderr, strict=True)) == dict.fromkeys(lines, "")


def test_the_readme_in_a_shell(folder: Path) -> None:
    text = recipes.README.read_text(encoding="utf-8")
    lines = re.findall(r"^    (go-spans .*)$", text, re.MULTILINE)
    assert len(lines) >= 2, "a core and a process"
    script = "./cases leak & pid=$!\nsleep 1\n" + "\n".join(lines).replace(" N ", " $pid ")
    said = bash(folder, script + "\nkill $pid")
    assert said.count("\nWhere the memory is") == len(lines)


def test_the_readme_in_gdb(gdb: Gdb) -> None:
    text = recipes.README.read_text(encoding="utf-8")
    lines = [line.replace("(p)", f"({P})").replace("main.f ", f"{F} ") for line in recipes.commands(text)]
    assert any(line.startswith("watch ") for line in lines)
    result = gdbs.run_gdb(
        gdb,
        [f"break {F}", "run -objects 2000 -end exit >/dev/null", *lines, "continue", "bt 1"],
        exe=programs.build("frag", toolchains.NEWEST),
    )
    assert [text for text in result.stderr if "Error" in text or "No symbol" in text] == []
    assert "New value" in result.stdout[-2]
    assert "sweep" in result.stdout[-1]


def test_the_readme_in_python(core: cores.Core) -> None:
    text = recipes.README.read_text(encoding="utf-8")
    (lines,) = re.findall(r"^    import gdb_gospan\n((?:    .*\n)+)", text, re.MULTILINE)
    opened, *questions = [line.strip() for line in lines.splitlines()]
    found = {"gdb_gospan": gdb_gospan}
    opened = opened.replace('"core"', repr(str(core.path))).replace('"./server"', repr(str(core.executable)))
    exec(opened, found)
    assert len(questions) >= 2
    assert all(eval(question, found) > 0 for question in questions)


def test_json_blocks_are_json() -> None:
    pages = recipes.with_blocks("json")
    assert pages
    for page in pages:
        json.loads(recipes.blocks(page, "json"))
