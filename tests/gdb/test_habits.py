"""What is typed from the habit of a shell gets one line that says how it is done in gdb."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import cores, programs, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.gdbs import Gdb

pytestmark = pytest.mark.parametrize("go_minor", [toolchains.NEWEST], scope="session")

#: What is typed after go-spans, and what is to be tried.
SAID = {
    "classes | head": "pipe go-spans classes | head",
    "classes --limit 0|head -3": None,
    "classes --limit 0 |head -3": "pipe go-spans classes --limit 0 | head -3",
    "list --json | jq .list": "pipe go-spans list --json | jq .list",
    "show main.sessions | head": "pipe go-spans show main.sessions | head",
    "explain span | less": "pipe go-spans explain span | less",
    "summary > out.txt": "pipe go-spans summary | cat > out.txt",
    "summary >> out.txt": "pipe go-spans summary | cat >> out.txt",
    "summary --pid 42": "attach 42",
    "summary --pid=42": "attach 42",
    "summary -p 42": "attach 42",
    "show 0x10 --pid": "attach PID",
    "check --dlv localhost:4": "target remote localhost:4, if it is a gdbserver",
    "check --debug-directory /debug": "set debug-file-directory /debug",
    "--json summary": "go-spans summary --json",
    "--limit 3 list": "go-spans list --limit 3",
    "./svc core": "file ./svc, core-file core, then go-spans summary",
    "/bin/sh core": "file /bin/sh, core-file core, then go-spans summary",
    "summary /bin/sh core": "file /bin/sh, core-file core, then go-spans summary",
    "/bin/sh check": "file /bin/sh, then go-spans check",
}


@pytest.fixture(scope="session")
def core(go_minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "2000", "-cached")


def test_habits_of_a_shell(refuse: Callable[..., list[str]]) -> None:
    for line, (typed, way) in zip(refuse(*SAID), SAID.items(), strict=True):
        if way is not None:
            assert line.endswith(f" (try: {way})"), typed


def test_operators_are_none(say: Callable[..., list[str]]) -> None:
    whole = say("show main.sessions --json")
    assert (
        say("show (long) main.sessions.array | 0 --json", "show (long) main.sessions.array >> 0 --json")
        == whole * 2
    )


def test_short_forms(say: Callable[..., list[str]]) -> None:
    version, long, helped, whole = say("-V", "--version", "list -h", "list --help")
    assert version == long
    assert helped == whole


@pytest.mark.parametrize("target", ["nothing", "a core alone", "stripped"])
def test_names_without_symbols(gdb: Gdb, core: cores.Core, target: str) -> None:
    files: dict[str, Path] = {}
    if target == "a core alone":
        files = {"core": core.path}
    elif target == "stripped":
        program = programs.build("frag", toolchains.NEWEST, ldflags="-s -w")
        files = {"exe": program, "core": cores.kernel_core(program, "-objects", "2000").path}
    asked = {
        "go-spans show main.sessions": "show: no symbol in main.sessions",
        "go-spans show nosuch": "show: no symbol in nosuch",
        "go-spans map --zoom 'main.x'[3]": "map --zoom: no symbol in 'main.x'[3]",
    }
    why = {
        "stripped": "frag is stripped (try: an address, or symbol-file PATH of the same build with symbols)",
    }.get(target, "gdb has no executable, so it knows no names (try: file PATH)")
    said = run_gdb(gdb, [*asked], **files)
    assert said.stderr == [f"go-spans: {begun}: {why}\n" for begun in asked.values()]
