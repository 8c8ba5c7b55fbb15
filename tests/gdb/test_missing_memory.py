"""Cores of which a part is missing: figures are bounds or there is one line, and nothing is called broken."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, gdbs, programs, shell, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")
CASES = [
    (toolchains.OLDEST, "unswept"), ("1.24", "cached"), (toolchains.NEWEST, "unswept"), (toolchains.NEWEST, "cached")
]  # fmt: skip

#: Asked about each core, and one of the others in turn.
ALWAYS = ["go-spans summary --json", "go-spans summary"]
IN_TURN = [
    "go-spans list",
    "go-spans central",
    "go-spans fixalloc",
    "go-spans pages --chunks",
    "go-spans map",
]
PT_LOAD = 1

#: Accounts that come from walking spans and pages; the others are counters of the runtime.
WALKED = ("objects", "garbage_unswept", "free_slots", "span_metadata", "tail", "idle_retained", "idle_released",
          "stacks", "work_buffers")  # fmt: skip

#: Fields of MemStats that need the caches of the Ps, and are unknown without.
OF_THE_MCACHES = {"BySize", "Alloc", "TotalAlloc", "Mallocs", "Frees", "HeapAlloc", "HeapObjects", "NextGC"}


class Damages:
    """A core that is damaged again and again, all of it in one gdb, which opens it anew each time."""

    def __init__(self, core: cores.Core, folder: Path) -> None:
        self.executable, self.path = core.executable, folder / "core"
        subprocess.run(["cp", "--sparse=always", str(core.path), str(self.path)], check=True)
        self._commands: list[str] = []
        self._asked: list[int] = []

    def cut(self, size: int) -> None:
        """Make the file shorter than before, and ask about it."""
        self._ask(f"python import os; os.truncate({str(self.path)!r}, {size})")

    def keep(self, header: int, size: int, whole: int) -> None:
        """Leave that much of one segment, ask about it, and put back the size that it had."""
        self._ask(self._size(header, size))
        self._commands += ["core-file", self._size(header, whole)]

    def _size(self, header: int, size: int) -> str:
        data = struct.pack("<Q", size)
        return (
            f"python f = open({str(self.path)!r}, 'r+b'); f.seek({header + 32}); f.write({data!r}); f.close()"
        )

    def _ask(self, change: str) -> None:
        self._commands += ["core-file", change, f"core-file {self.path}"]
        self._asked.append(len(self._commands))
        self._commands += [*ALWAYS, IN_TURN[len(self._asked) % len(IN_TURN)]]

    def answers(self, gdb: gdbs.Gdb) -> list[tuple[list[str], list[str]]]:
        """Return what each core gave: standard output and standard error of the commands."""
        result = run_gdb(gdb, self._commands, exe=self.executable, timeout=300)
        assert "internal error" not in result.text
        count = len(ALWAYS) + 1
        return [(result.stdout[at : at + count], result.stderr[at : at + count]) for at in self._asked]


def judge(stdout: list[str], stderr: list[str], whole: dict[str, Any]) -> str:
    """Return what came of an incomplete core: "refused", "bounds" or "same"."""
    if not stdout[0]:
        assert set(stdout) == {""}
        for line in stderr:
            assert line.startswith("go-spans: ")
            assert line.count("\n") == 1
        return "refused"
    document = json.loads(stdout[0])
    statuses = {check["status"] for check in document["checks"]}
    assert "broken" not in statuses, [check for check in document["checks"] if check["status"] == "broken"]
    assert "transient" not in statuses
    if not document["unreadable"]["bytes"]:
        assert statuses == {"exact"}
        skip = ("target", "gc")
        assert {key: value for key, value in document.items() if key not in skip} == {
            key: value for key, value in whole.items() if key not in skip
        }
        return "same"
    # What needs none of the missing memory is as exact as before.
    assert statuses <= {"unknown", "exact"}
    assert "unknown" in statuses or document["complete"] is False
    counted = {name: value for name, value in document["memstats"].items() if value is not None}
    assert counted == {name: whole["memstats"][name] for name in counted}
    assert set(document["memstats"]) - set(counted) <= OF_THE_MCACHES
    for text in stdout[1:]:
        assert ("cannot be checked: part of the memory is missing" in text) is ("unknown" in statuses)
        assert not text.splitlines()[-1].endswith("0 B unreadable")
    less = {name for name in WALKED if document["bytes"][name] < whole["bytes"][name]}
    more = {name for name in WALKED if document["bytes"][name] > whole["bytes"][name]}
    assert not more, "more than the whole core has"
    if less:
        assert document["complete"] is False
        assert "≥" in stdout[1]
    return "bounds"


def segments(core: Path) -> list[tuple[int, int, int]]:
    """Position of the program header, offset and size of each segment with contents."""
    with core.open("rb") as file:
        header = file.read(64)
        (table,) = struct.unpack_from("<Q", header, 32)
        (count,) = struct.unpack_from("<H", header, 56)
        file.seek(table)
        raw = file.read(56 * count)
    found = []
    for index in range(count):
        kind, _, offset, _, _, filesz, _, _ = struct.unpack_from("<IIQQQQQQ", raw, 56 * index)
        if kind == PT_LOAD and filesz:
            found.append((table + 56 * index, offset, filesz))
    return found


@pytest.fixture(scope="session", params=CASES, ids=" ".join)
def core(request: pytest.FixtureRequest) -> cores.Core:
    minor, state = request.param
    if state == "unswept":
        return cores.kernel_core(programs.build("corners", minor), "-unswept")
    return cores.kernel_core(programs.build("frag", minor), "-objects", "2000", "-cached")


@pytest.fixture(scope="session")
def whole(gdb: gdbs.Gdb, core: cores.Core) -> dict[str, Any]:
    return json.loads(run_gdb(gdb, ALWAYS[:1], exe=core.executable, core=core.path).stdout[0])


def test_cut_off(gdb: gdbs.Gdb, core: cores.Core, whole: dict[str, Any], tmp_path: Path) -> None:
    """As when the disk was full: the end of the file is missing, more and more of it.

    In a shell there are more places, where the spans' descriptors are (tests/cli/test_cut_cores.py).
    """
    damages = Damages(core, tmp_path)
    last = segments(core.path)[-24:]
    cuts = {offset + size for _, offset, size in last[::4]} | {
        offset + size // 3 // 4096 * 4096 for _, offset, size in last[::4]
    }
    for cut in [sum(last[-1][1:]), *sorted(cuts - {sum(last[-1][1:])}, reverse=True), 1 << 20, 100_000]:
        damages.cut(cut)
    came = [judge(*answer, whole) for answer in damages.answers(gdb)]
    assert came[0] == "same"
    assert came[-1] == "refused"
    shutil.rmtree(tmp_path)


def test_segments_left_out(gdb: gdbs.Gdb, core: cores.Core, whole: dict[str, Any], tmp_path: Path) -> None:
    """As a core filter or a full pipe leaves it: one segment has no contents, or half of them."""
    damages = Damages(core, tmp_path)
    for header, _, size in segments(core.path):
        for kept in (0, size // 2 // 4096 * 4096) if size > 1 << 20 else (0,):
            damages.keep(header, kept, size)
    came = [judge(*answer, whole) for answer in damages.answers(gdb)]
    assert set(came) == {"same", "bounds", "refused"}
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("core", CASES[-1:], indirect=True, ids=" ".join)
def test_ill_formed(gdb: gdbs.Gdb, core: cores.Core, tmp_path: Path) -> None:
    """gdb makes do with segments that contradict each other; the figures would be anybody's guess."""
    copy = tmp_path / "core"
    subprocess.run(["cp", "--sparse=always", str(core.path), str(copy)], check=True)
    header, _, _ = segments(core.path)[-3]
    for at, value, words in (
        (8, 0, "overlaps the headers of the file"),
        (40, (1 << 64) - 1, "ends beyond the address space"),
    ):
        with copy.open("r+b") as file:
            file.seek(header + at)
            before = file.read(8)
            file.seek(header + at)
            file.write(struct.pack("<Q", value))
            file.flush()
            line = shell.inside("summary", core.executable, copy).stderr
            assert f"malformed core: program header {(header - 64) // 56} (PT_LOAD, " in line
            assert words in line
            said = run_gdb(gdb, [f"core-file {copy}", "go-spans summary"], exe=core.executable)
            assert said.stderr[1] == line
            file.seek(header + at)
            file.write(before)
    shutil.rmtree(tmp_path)


def test_hardly_a_core(gdb: gdbs.Gdb, core: cores.Core, tmp_path: Path) -> None:
    """gdb itself refuses the file, so there is no core."""
    commands = []
    for size in (0, 10, 63, 1000, 3000):
        cut = tmp_path / f"core.{size}"
        with core.path.open("rb") as file:
            cut.write_bytes(file.read(size))
        commands += [f"core-file {cut}", "go-spans summary"]
    result = run_gdb(gdb, commands, exe=core.executable)
    for out, error in zip(result.stdout[1::2], result.stderr[1::2], strict=True):
        assert out == ""
        assert error.startswith(
            f"go-spans: {core.executable.name} is not running and there is no core (try: "
        )
        assert error.count("\n") == 1
