"""In gdb, too, a program without symbols gives the figures that it gives with them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, forms, gdbs, processes, programs, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cores import Core

COMMANDS = [
    "summary",
    "check",
    "classes",
    "central",
    "fixalloc",
    "cache",
    "pages",
    "gc",
    "stacks",
    "memstats",
]

pytestmark = pytest.mark.toolchain


def figures(gdb: gdbs.Gdb, core: Core, form: str) -> list[dict[str, Any]]:
    lines = [f"go-spans {command} --json" for command in COMMANDS]
    result = run_gdb(gdb, lines, exe=forms.executable(core, form), core=core.path)
    assert result.stderr == [""] * len(COMMANDS)
    documents = [json.loads(text) for text in result.stdout]
    if (
        form != "none" or documents[0]["target"]["executable"] is None
    ):  # gdb finds some by the name in the core
        assert {document["layout"]["source"] for document in documents} == {forms.SOURCES[form]}
    return [forms.figures(document) for document in documents]


def known(wanted: list[dict[str, Any]], found: list[dict[str, Any]], form: str) -> Any:
    """Return what is expected, as far as it is known in that form."""
    return forms.without_unknown(wanted, found, forms.MAY_BE_UNKNOWN[form])


@pytest.mark.in_turn("form")
@pytest.mark.parametrize("go_minor", [toolchains.OLDEST, "1.24", toolchains.NEWEST])
@pytest.mark.parametrize("form", forms.FORMS[1:])
def test_every_command_says_the_same(gdb: gdbs.Gdb, go_minor: str, form: str) -> None:
    core = cores.kernel_core(programs.build("frag", go_minor), "-objects", "2000")
    found = figures(gdb, core, form)
    assert found == known(figures(gdb, core, "full"), found, form)


def test_a_core_whose_executable_is_gone(gdb: gdbs.Gdb, tmp_path: Path) -> None:
    """The executable must be gone: gdb finds some by the name in the core."""
    executable = tmp_path / "gone"
    shutil.copy2(programs.build("frag", toolchains.NEWEST), executable)
    core = cores.kernel_core(executable, "-objects", "2000", "-seed", "18")
    wanted = figures(gdb, core, "full")
    executable.unlink()
    found = figures(gdb, core, "none")
    assert found == known(wanted, found, "none")
    assert found[0]["target"]["description"] == "core of gone, died of SIGABRT"


@pytest.mark.live
@pytest.mark.ends
@pytest.mark.in_turn("ldflags")
@pytest.mark.parametrize("ldflags", ["-w", "-s -w"])
def test_a_live_process(gdb: gdbs.Gdb, go_minor: str, ldflags: str) -> None:
    program = programs.build("frag", go_minor, ldflags=ldflags)
    with processes.start(program, "-objects", "2000", "-end", "sleep") as frag:
        printed = json.loads(frag.line())
        result = run_gdb(gdb, ["go-spans summary --json", "go-spans summary"], pid=frag.pid)
        assert result.stderr == ["", ""]
        summary = json.loads(result.stdout[0])
        assert {check["status"] for check in summary["checks"]} == {"exact"}
        assert summary["memstats"]["HeapAlloc"] == printed["HeapAlloc"]
        assert "checks passed" in result.stdout[1]
