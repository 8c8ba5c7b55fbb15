"""A process in a container, seen from outside it: the debugger's files are not the program's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools import containers, gdbs, programs, remote, shell, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gdbs import Gdb

pytestmark = [
    pytest.mark.live,
    pytest.mark.parametrize("build", [{}, {"ldflags": "-s -w"}], ids=["", "stripped"]),
]

COMMANDS = [
    "go-spans check --json",
    "go-spans summary --json",
    "go-spans stacks --json",
    "go-spans layout --json",
]
FRAMES = (
    "python from gdb_gospan.debugger.target import current_session as now",
    "python print(*sorted({name for stack in now().frames() for name in stack.functions}))",
)


def off(document: dict[str, Any]) -> dict[str, str]:
    return {check["code"]: check["status"] for check in document["checks"] if check["status"] != "exact"}


def documents(texts: list[str]) -> dict[str, dict[str, Any]]:
    found = map(json.loads, texts)
    return {document["command"]: document for document in found}


def test_from_the_host(gdb: Gdb, build: dict[str, str], tmp_path: Path) -> None:
    """gdb calls the executable target:/…, which is no path here; the figures are those of --pid."""
    program = programs.build("frag", toolchains.NEWEST, **build)
    with containers.contained(program, tmp_path, "-objects", "2000", "-end", "sleep") as pid:
        assert list(tmp_path.iterdir()) == []
        said = run_gdb(gdb, [*COMMANDS, *FRAMES], pid=pid)
        alone = shell.inside("summary", "--json", "--pid", pid)
    assert said.stderr[: len(COMMANDS)] == [""] * len(COMMANDS)
    there = documents(said.stdout[: len(COMMANDS)])
    assert off(there["check"]) == {}
    assert there["layout"]["layout"]["source"] == ("none" if build else "dwarf")
    assert there["summary"]["memstats"] == json.loads(alone.stdout)["memstats"]
    assert there["summary"]["target"]["executable"].endswith(containers.PATH)
    assert there["summary"]["target"]["description"] == f"server, process {pid}"
    assert "runtime.futex" in said.stdout[-1], "functions without a symbol have their names by the executable"


@pytest.mark.parametrize(
    "gdb_label", [gdbs.system_label()], scope="session"
)  # gdb 17 and 18 crash on their own here
def test_through_gdbserver(gdb: Gdb, build: dict[str, str], tmp_path: Path) -> None:
    """No file of the program is on gdb's side, under that path or another; gdb has it through gdbserver, or not at all."""
    program = programs.build("frag", toolchains.NEWEST, **build)
    with containers.contained(program, tmp_path, "-objects", "2000", "-end", "sleep") as pid:
        for sysroot in ("target:", "/nonexistent"):
            with remote.served(pid) as port:
                first = [f"set sysroot {sysroot}", f"target remote 127.0.0.1:{port}"]
                said = run_gdb(gdb, [*first, *COMMANDS])
            assert said.stderr[len(first) :] == [""] * len(COMMANDS)
            there = documents(said.stdout[len(first) :])
            # A gdbserver outside the container numbers the threads otherwise than the program does.
            assert off(there["check"]) == {"thread-numbers": "unknown"}
            stripped = build or sysroot != "target:"
            assert there["layout"]["layout"]["source"] == ("none" if stripped else "dwarf")
