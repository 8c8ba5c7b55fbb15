"""Cores of which a part is missing: figures are bounds or there is one line, and nothing is called broken."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, gdbs, programs, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")
RELEASES = pytest.mark.parametrize(
    "go_minor", [toolchains.OLDEST, "1.24", toolchains.NEWEST], scope="session"
)
COMMANDS = [
    "go-spans summary --json",
    "go-spans summary",
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

#: Fields of MemStats that take a look into the caches of the Ps, and are unknown without.
OF_THE_MCACHES = {"BySize", "Alloc", "TotalAlloc", "Mallocs", "Frees", "HeapAlloc", "HeapObjects", "NextGC"}


def judge(gdb: gdbs.Gdb, executable: Path, core: Path, whole: dict[str, Any]) -> str:
    """Ask about an incomplete core; return what came: "refused", "bounds" or "same"."""
    result = run_gdb(gdb, COMMANDS, exe=executable, core=core)
    assert "internal error" not in result.text
    if not result.stdout[0]:
        assert result.stdout == [""] * len(COMMANDS)
        for line in result.stderr:
            assert line.startswith("go-spans: ")
            assert line.count("\n") == 1
        return "refused"
    document = json.loads(result.stdout[0])
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
    for text in result.stdout[1:]:
        assert ("cannot be checked: part of the memory is missing" in text) is ("unknown" in statuses)
        assert not text.splitlines()[-1].endswith("0 B unreadable")
    less = {name for name in WALKED if document["bytes"][name] < whole["bytes"][name]}
    more = {name for name in WALKED if document["bytes"][name] > whole["bytes"][name]}
    assert not more, "more than the whole core has"
    if less:
        assert document["complete"] is False
        assert "≥" in result.stdout[1]
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


def sparse_copy(core: Path, folder: Path) -> Path:
    copy = folder / "core"
    subprocess.run(["cp", "--sparse=always", str(core), str(copy)], check=True)
    return copy


@pytest.fixture(scope="session", params=["unswept", "cached"])
def core(go_minor: str, request: pytest.FixtureRequest) -> cores.Core:
    if request.param == "unswept":
        return cores.kernel_core(programs.build("corners", go_minor), "-unswept")
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "2000", "-cached")


@pytest.fixture(scope="session")
def whole(gdb: gdbs.Gdb, core: cores.Core) -> dict[str, Any]:
    return json.loads(run_gdb(gdb, COMMANDS[:1], exe=core.executable, core=core.path).stdout[0])


@SYSTEM
@RELEASES
def test_cut_off(gdb: gdbs.Gdb, core: cores.Core, whole: dict[str, Any], tmp_path: Path) -> None:
    """As when the disk was full: the end of the file is missing, more and more of it."""
    copy = sparse_copy(core.path, tmp_path)
    last = segments(core.path)[-24:]
    cuts = [offset + size for _, offset, size in last] + [
        offset + size // 3 // 4096 * 4096 for _, offset, size in last
    ]
    came = []
    for cut in [*sorted(set(cuts), reverse=True), 1 << 20, 100_000]:
        with copy.open("r+b") as file:
            file.truncate(cut)
        came.append(judge(gdb, core.executable, copy, whole))
    assert came[0] == "same"
    assert came[-1] == "refused"
    shutil.rmtree(tmp_path)


@SYSTEM
@RELEASES
def test_segments_left_out(gdb: gdbs.Gdb, core: cores.Core, whole: dict[str, Any], tmp_path: Path) -> None:
    """As a core filter or a full pipe leaves it: one segment has no contents, or half of them."""
    copy = sparse_copy(core.path, tmp_path)
    came = []
    for header, _, size in segments(core.path):
        for kept in (0, size // 2 // 4096 * 4096) if size > 1 << 20 else (0,):
            with copy.open("r+b") as file:
                file.seek(header + 32)
                file.write(struct.pack("<Q", kept))
            came.append(judge(gdb, core.executable, copy, whole))
            with copy.open("r+b") as file:
                file.seek(header + 32)
                file.write(struct.pack("<Q", size))
    assert set(came) == {"same", "bounds", "refused"}
    shutil.rmtree(tmp_path)


@SYSTEM
@RELEASES
@pytest.mark.parametrize("size", [0, 10, 63, 1000, 3000])
def test_hardly_a_core(gdb: gdbs.Gdb, core: cores.Core, tmp_path: Path, size: int) -> None:
    """gdb itself refuses the file, so there is no core."""
    cut = tmp_path / "core"
    with core.path.open("rb") as file:
        cut.write_bytes(file.read(size))
    result = run_gdb(gdb, ["go-spans summary"], exe=core.executable, core=cut)
    assert result.stdout == [""]
    assert result.stderr[0].startswith(
        f"go-spans: {core.executable.name} is not running and there is no core (try: "
    )
    assert result.stderr[0].count("\n") == 1
