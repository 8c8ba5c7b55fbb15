"""What a program died of, by its own word, stands in the heading of every report of its core, and in no snapshot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from gdb_gospan.memory.image import Image
from tools import cores, programs, shell, toolchains

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cores import Core

ERROR: Final = "cannot open the ledger: no such file"
WAYS: Final = {
    "deadlock": ("throw", "all goroutines are asleep - deadlock!", ""),
    "error": ("panic", ERROR, "string"),
    "text": ("panic", "out of patience", "string"),
    "value": ("panic", "", "main.value"),
    "empty": ("panic", '""', "string"),
    "number": ("panic", "-7", "int"),
    "truth": ("panic", "true", "bool"),
    "recovered": ("throw", "sync: unlock of unlocked mutex", ""),
    "repeated": ("panic", "the database is gone", "string"),
    "overtaken": ("panic", "", "main.value"),
    "again": ("panic", "while cleaning up", "string"),
}


def core_of(minor: str, way: str, ldflags: str = "") -> Core:
    program = programs.build("dies", minor, ldflags=ldflags)
    return cores.kernel_core(program, way, env={"GOTRACEBACK": "crash"})


def asked(core: Core, *words: str) -> dict[str, object]:
    return json.loads(shell.inside(*words, core.executable, core.path, "--json").stdout)["target"]


@pytest.mark.parametrize("way", ["deadlock", "error"])
def test_every_release_says_it(go_minor: str, way: str) -> None:
    kind, text, name = WAYS[way]
    assert asked(core_of(go_minor, way), "gc")["death"] == {"kind": kind, "text": text, "type": name}


@pytest.mark.toolchain
@pytest.mark.parametrize("way", WAYS)
def test_every_way(way: str) -> None:
    kind, text, name = WAYS[way]
    core = core_of(toolchains.NEWEST, way)
    assert asked(core, "summary")["death"] == {"kind": kind, "text": text, "type": name}
    second = shell.inside("summary", core.executable, core.path).stdout.splitlines()[1]
    words = text or f"a value of type {name}"
    assert second == (f"fatal error: {words}" if kind == "throw" else f"panic: {words}")


@pytest.mark.toolchain
def test_a_fault_of_memory_is_a_panic() -> None:
    death = asked(core_of(toolchains.NEWEST, "nil"), "summary")["death"]
    assert isinstance(death, dict)
    assert death["kind"] == "panic"
    assert "invalid memory address or nil pointer dereference" in death["text"]


@pytest.mark.toolchain
def test_what_the_program_printed_is_no_death() -> None:
    """It stands in the same ring as a throw; but no M has thrown."""
    assert "death" not in asked(core_of(toolchains.NEWEST, "printed"), "summary")


@pytest.mark.toolchain
@pytest.mark.parametrize("width", [40, 80])
def test_a_long_text_keeps_to_the_width(width: int) -> None:
    core = core_of(toolchains.NEWEST, "long")
    words = ["summary", "--color", "never", core.executable, core.path]
    lines = shell.on_a_terminal(words, columns=width).splitlines()
    assert max(map(len, lines)) <= width
    assert "xxxxxxxx" in "".join(lines)


@pytest.mark.toolchain
def test_a_stripped_program_says_its_panics() -> None:
    core = core_of(toolchains.NEWEST, "error", ldflags="-s -w")
    assert asked(core, "summary")["death"] == {"kind": "panic", "text": ERROR, "type": "string"}


@pytest.mark.toolchain
def test_without_the_executable_only_that_it_was_a_panic_is_known() -> None:
    core = core_of(toolchains.NEWEST, "value")
    text = shell.inside("summary", core.path).stdout
    assert text.splitlines()[1] == "panic: its value cannot be read without the executable"


@pytest.mark.toolchain
def test_a_snapshot_holds_nothing_of_it(tmp_path: Path) -> None:
    core = core_of(toolchains.NEWEST, "error")
    file = tmp_path / "dies.gospan"
    assert shell.inside("snapshot", file, core.executable, core.path).status == 0
    assert "death" not in json.loads(shell.inside("summary", file, "--json").stdout)["target"]
    image, meta = Image.load(str(file))
    assert b"ledger" not in image.segments.flat.tobytes() + json.dumps(meta).encode()


@pytest.mark.toolchain
def test_a_core_of_a_program_that_lives_has_none() -> None:
    core = cores.gcore_core(programs.build("frag", toolchains.NEWEST), "-objects", "500")
    assert "death" not in asked(core, "summary")
