"""Names of package variables in the place of addresses: in the shell by the symbol table, as gdb evaluates them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, gdbs, processes, programs, shell, toolchains

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cores import Core

pytestmark = pytest.mark.toolchain

CORNERS = ("-tiny", "2000", "-finalizers", "99", "-goroutines", "99", "-stacks", "9", "-huge", "1")
VARIABLES = ("main.held", "os.Args", "runtime.allgs", "runtime.allm", "'main.held'")
"""A slice of interfaces, of strings, of pointers, and a pointer that does not lead into the heap for each program."""


@pytest.fixture(scope="module")
def core() -> Core:
    return cores.kernel_core(programs.build("corners", toolchains.NEWEST), *CORNERS)


def stripped(core: Core, folder: Path, option: str) -> str:
    path = folder / f"corners{option}"
    subprocess.run(["objcopy", option, core.executable, path], check=True)
    return str(path)


def facts(document: dict[str, Any]) -> dict[str, Any]:
    return {key: document[key] for key in ("address", "span", "slot", "page", "page_run", "stack")}


@pytest.mark.parametrize("go_minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_as_in_gdb(go_minor: str, tmp_path: Path) -> None:
    core = cores.kernel_core(programs.build("corners", go_minor), *CORNERS)
    gdb = gdbs.ensure(gdbs.labels()[0])
    result = gdbs.run_gdb(
        gdb, [f"go-spans show {name} --json" for name in VARIABLES], exe=core.executable, core=core.path
    )
    symbols = stripped(core, tmp_path, "--strip-debug")
    for name, out, error in zip(VARIABLES, result.stdout, result.stderr, strict=True):
        for executable in (core.executable, symbols):
            answer = shell.inside("show", name, "--json", executable, core.path)
            assert bool(answer.stdout) is bool(out), (name, error, answer.stderr)
            if out:
                assert facts(json.loads(answer.stdout)) == facts(json.loads(out)), (name, executable)


def test_in_the_place_of_any_address(core: Core) -> None:
    files = [core.executable, core.path]
    address = json.loads(shell.inside("show", "main.held", "--json", *files).stdout)["address"]
    for option in ("--zoom", "--arena"):
        named, numbered = (
            shell.inside("map", option, where, *files).stdout for where in ("main.held", address)
        )
        assert named == numbered != ""


def test_of_a_process() -> None:
    program = programs.build("corners", toolchains.NEWEST)
    with processes.start(program, *CORNERS, "-end", "sleep") as running:
        running.line()
        answer = shell.inside("show", "main.held", "--json", "--pid", running.pid)
        assert answer.status == 0, answer.stderr
        assert json.loads(answer.stdout)["slot"]["allocated"] is True


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("main.hold", "no variable main.hold in the symbols of {exe} (did you mean main.held?)"),
        ("nowhere.at_all", "no variable nowhere.at_all in the symbols of {exe} (try: a package variable such as"),
        ("main.main", "no variable main.main in the symbols of {exe} (try: "),
        ("main.held[3]", "main.held[3] is an expression, which only a debugger can evaluate (try: main.held; or in gdb: "),
        ("&main.held", "&main.held is an expression"),
        ("main.held.array", "main.held.array is an expression"),
        ("held", "held is not an address or a variable (try: an address such as 0xc000012340, or a package variable"),
        ("runtime.mheap_", "is a variable of "),
        ("runtime.mheap_", "and no pointer, slice, string or interface: it is not in the Go heap"),
    ],
)  # fmt: skip
def test_what_cannot_be_found_with_symbols(core: Core, words: str, said: str) -> None:
    answer = shell.inside("show", words, core.executable, core.path)
    assert (answer.stdout, answer.stderr.count("\n")) == ("", 1)
    assert said.format(exe=core.executable) in answer.stderr
    assert answer.status in (2, 3)


def test_what_is_missing_is_said(core: Core, tmp_path: Path) -> None:
    bare, snapshot = stripped(core, tmp_path, "--strip-all"), tmp_path / "heap.gospan"
    assert shell.inside("snapshot", snapshot, core.executable, core.path).status == 0
    for files, said in (
        ([bare, core.path], f"{bare} has no symbol table, so main.held cannot be found (try: an executable of the same"),
        ([core.path], "names are known only with the executable (try: go-spans show main.held PROGRAM CORE, or"),
        ([snapshot], "main.held is not an address, and a snapshot has no program variables (try: "),
    ):  # fmt: skip
        answer = shell.inside("show", "main.held", *files)
        assert (answer.stdout, answer.status, answer.stderr.count("\n")) == ("", 2, 1)
        assert said in answer.stderr
        assert "map --zoom: " in shell.inside("map", "--zoom", "main.held", *files).stderr
