"""What README and the pages of examples say to type works as it is written, on the programs that they name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

import gdb_gospan
from tools import gdbs, programs, recipes, toolchains

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gdbs import Gdb

pytestmark = [pytest.mark.gdb, pytest.mark.toolchain, pytest.mark.live]

#: What p and main.f of the README are in frag: a variable, and a function that is not called any more.
P, F = "'main.sessions'.array[3]", "main.size"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recipes.furnish(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", recipes.with_blocks("sh"), ids=lambda page: page.name)
def test_shell_lines(page: Path, folder: Path) -> None:
    said = recipes.typed(folder, "".join(recipes.blocks(page, "sh")))
    assert "Traceback" not in said
    assert "go-spans: " not in said


@pytest.mark.parametrize("page", recipes.with_blocks("gdb"), ids=lambda page: page.name)
def test_gdb_lines(page: Path, gdb: Gdb) -> None:
    lines = recipes.commands("".join(recipes.blocks(page, "gdb")))
    core = recipes.core()
    result = gdbs.run_gdb(gdb, lines, exe=core.executable, core=core.path)
    assert dict(zip(lines, result.stderr, strict=True)) == dict.fromkeys(lines, "")


def test_the_readme_in_a_shell(folder: Path) -> None:
    text = recipes.README.read_text(encoding="utf-8")
    lines = re.findall(r"^    (go-spans .*)$", text, re.MULTILINE)
    assert len(lines) >= 2, "a core and a process"
    script = "./cases leak & pid=$!\nsleep 1\n" + "\n".join(lines).replace(" N ", " $pid ")
    said = recipes.typed(folder, script + "\nkill $pid")
    assert len(re.findall(r"^  Sys ", said, re.MULTILINE)) == len(lines)


def test_the_readme_in_gdb(gdb: Gdb) -> None:
    text = recipes.README.read_text(encoding="utf-8")
    lines = [line.replace("(p)", f"({P})").replace("main.f ", f"{F} ") for line in recipes.commands(text)]
    assert any(line.startswith("watch ") for line in lines)
    result = gdbs.run_gdb(
        gdb,
        ["tbreak main.expire", "run -objects 2000 -end exit >/dev/null", *lines, "continue", "bt 1"],
        exe=programs.build("frag", toolchains.NEWEST),
    )
    assert [text for text in result.stderr if "Error" in text or "No symbol" in text] == []
    assert "New value" in result.stdout[-2]
    assert "sweep" in result.stdout[-1]


def test_the_readme_in_python() -> None:
    core = recipes.core()
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
        for block in recipes.blocks(page, "json"):
            json.loads(block)
