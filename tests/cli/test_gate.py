"""`gate` on a core and on a process, in the shell and in gdb: statuses, and figures that only a process has."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import gdb_gospan
from tools import cores, gdbs, mi, processes, programs, shell, toolchains

pytestmark = pytest.mark.toolchain

HOLDS = ["--max", "idle_retained=64MiB", "--max", "goroutines=10000", "--max", "free_slots=100%"]
EXCEEDED = [*HOLDS, "--max", "HeapAlloc=1"]
UNKNOWN = [*HOLDS, "--max", "rss=1TiB"]


@pytest.fixture(scope="module")
def core() -> cores.Core:
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")


def test_a_core_in_the_shell_and_in_gdb(core: cores.Core, tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text('[max]\ngoroutines = 10000\nfree_slots = "100%"\n[min]\nHeapAlloc = "1KiB"\n')
    asked = {
        0: [*HOLDS],
        1: [*EXCEEDED, "--limits", str(limits)],
        3: [*UNKNOWN, "--format", "github"],
        2: ["--max", "goroutine=1"],
    }
    lines = [
        line
        for words in asked.values()
        for line in (f"go-spans gate {' '.join(words)}", "output $_go_spans_status")
    ]
    said = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), lines, exe=core.executable, core=core.path)
    for at, (status, words) in enumerate(asked.items()):
        answer = shell.run("gate", *words, core.executable, core.path)
        assert answer.status == status
        assert (answer.stdout, answer.stderr) == (said.stdout[2 * at], said.stderr[2 * at])
        assert said.stdout[2 * at + 1].strip() == str(status)


def test_in_mi_there_is_only_the_document(core: cores.Core) -> None:
    asked = [
        "-go-spans-gate --max HeapAlloc=1 --max=goroutines=10000",
        "-go-spans-gate --max sys=1 --format junit",
    ]
    found, refused = mi.run_mi(gdbs.ensure(gdbs.system_label()), asked, exe=core.executable, core=core.path)
    rows = [(row["name"], row["status"]) for row in found.results["conditions"]]
    assert rows == [("HeapAlloc", "exceeded"), ("goroutines", "ok"), ("broken_checks", "ok")]
    assert "--format junit is for text output" in refused.results["msg"]


@pytest.mark.live
def test_a_process() -> None:
    program = programs.build("frag", toolchains.NEWEST)
    with processes.start(program, "-end", "sleep", env={"GOMEMLIMIT": "1GiB"}) as running:
        running.line()
        holds = [
            "--max",
            "rss=1TiB",
            "--min",
            "memory_headroom=10%",
            "--min",
            "threads=2",
            "--max",
            "threads=1000",
        ]
        answer = shell.run("gate", *holds, "--json", "--pid", running.pid)
        document = json.loads(answer.stdout)
        rows = {row["name"]: row for row in document["conditions"]}
        assert (answer.status, document["status"]) == (0, "ok")
        assert rows["rss"]["value"] == document["target"]["resident"] > 1 << 20
        assert rows["memory_headroom"]["limit"] == -(-(1 << 30) // 10)
        assert rows["threads"]["value"] == len([*Path(f"/proc/{running.pid}/task").iterdir()])
        exceeded = shell.run("gate", "--max", "rss=1", "--format", "junit", "--pid", running.pid)
        assert exceeded.status == 1
        assert [
            case.get("name") for case in ET.fromstring(exceeded.stdout).iter("testcase") if len(case)
        ] == ["max rss"]
        heap = gdb_gospan.open(pid=running.pid, needs=["gate"])
        assert heap.report(
            "gate", max=["rss=1TiB", "goroutines=1000"], min="gc_cycles_per_second=0"
        ).about.target.pid
