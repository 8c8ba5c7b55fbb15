"""How long a process has stood still for gdb is said, and what can be loaded before gdb stops it is."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tools import cores, gdbs, processes, programs, toolchains

if TYPE_CHECKING:
    from tools.gdbs import Gdb

LOADED = (
    "python import sys; print(sorted(set(sys.modules) & {'numpy', 'attr', 'gdb_gospan.reports.summary'}))"
)


@pytest.mark.toolchain
def test_the_whole_stop_is_longer_than_our_part_of_it(gdb: Gdb) -> None:
    """From the first thread that gdb stops, not from when it has read the symbols; anew at the next stop."""
    with processes.start(
        programs.build("frag", toolchains.NEWEST), "-objects", "2000", "-end", "sleep"
    ) as running:
        running.line()
        commands = [
            "go-spans fixalloc --json",  # the plugin came after this stop
            "detach",
            f"attach {running.pid}",
            "go-spans fixalloc --json",
            "python import time; time.sleep(0.3)",
            "go-spans fixalloc --json",
            "go-spans fixalloc",
            "detach",
            f"attach {running.pid}",
            "go-spans fixalloc --json",
        ]
        before, _, _, first, _, later, text, _, _, again = gdbs.run_gdb(gdb, commands, pid=running.pid).stdout
    assert "stopped_ms" not in json.loads(before)["target"]
    targets = [json.loads(each)["target"] for each in (first, later, again)]
    assert all(0 < target["pause_ms"] < target["stopped_ms"] for target in targets)
    assert targets[1]["stopped_ms"] > targets[0]["stopped_ms"] + 300
    assert targets[2]["stopped_ms"] < targets[1]["stopped_ms"]
    assert "stopped for " in " ".join(text.split())


@pytest.mark.toolchain
def test_a_core_has_not_been_stopped(gdb: Gdb) -> None:
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000", "-cached")
    (text,) = gdbs.run_gdb(gdb, ["go-spans fixalloc --json"], exe=core.executable, core=core.path).stdout
    assert "stopped_ms" not in json.loads(text)["target"]


@pytest.mark.parametrize(
    ("words", "loads"),
    [
        (["-p", "{pid}"], True), (["--pid={pid}"], True), (["-pid", "{pid}"], True), (["{exe}", "{pid}"], True), ([], False),
        (["-ex", "echo -p"], False), (["-ex", "-p"], False), (["--args", "{exe}", "-p", "8080"], False), (["{exe}"], False),
    ],
)  # fmt: skip
@pytest.mark.toolchain
def test_what_is_loaded_before_gdb_attaches(gdb: Gdb, words: list[str], loads: bool) -> None:
    exe = programs.build("frag", toolchains.NEWEST)
    with processes.start(exe, "-objects", "2000", "-end", "sleep") as running:
        running.line()
        argv = [
            *gdb.argv,
            "-nx",
            "-q",
            "-batch",
            "-iex",
            "set auto-load no",
            "-iex",
            f"source {gdbs.PLUGIN}",
            "-iex",
            LOADED,
        ]
        argv += [word.format(pid=running.pid, exe=exe) for word in words]
        done = subprocess.run(argv, env=gdb.environment(), capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[0] == (
        str(["attr", "gdb_gospan.reports.summary", "numpy"]) if loads else "[]"
    )
