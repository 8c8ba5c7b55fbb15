"""Whole commands side by side in one run, in turn, page cache warm: medians and their ratio.

    summary    gdb -batch PROGRAM CORE -ex 'go-spans summary', start-up included
    viewcore   viewcore CORE --exe PROGRAM breakdown   (golang.org/x/debug/cmd/viewcore)
    gdb        gdb -batch PROGRAM CORE: what gdb itself takes

and what the plugin in a gdbinit adds to gdb's start. On a core of a 320 MB heap with some 24,000
span descriptors.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tools import cores, gdbs, programs
from tools.cache import CHECKOUT, Unavailable, root

OBJECTS = "100000"


class Run(NamedTuple):
    """One run of a whole command: seconds of wall and processor time, peak memory in KiB."""

    wall: float
    cpu: float
    peak: int


def once(command: list[str], env: dict[str, str]) -> Run:
    """Run a command to its end with its output thrown away."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)}: status {status}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def in_turn(commands: dict[str, tuple[list[str], dict[str, str]]], rounds: int) -> dict[str, list[Run]]:
    """Run every command once to warm up, then all of them in turn, so that a slow moment hits each alike."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for command in commands.values():
        once(*command)
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(once(*command))
    return runs


def table(runs: dict[str, list[Run]], base: str) -> str:
    """Format the medians, with the ratio of wall time to ``base`` pair by pair."""
    ratio_of = f"wall / {base}"
    width = len(ratio_of) + 1
    lines = [f"{'':<22}{'wall':>9}{'CPU':>9}{'peak':>10}{ratio_of:>{width}}"]
    for name, list_of_runs in runs.items():
        wall, cpu = (statistics.median(run[i] for run in list_of_runs) for i in (0, 1))
        peak = max(run.peak for run in list_of_runs) / 1024
        ratio = statistics.median(a.wall / b.wall for a, b in zip(list_of_runs, runs[base], strict=True))
        lines.append(f"{name:<22}{wall:>7.3f} s{cpu:>7.3f} s{peak:>6.0f} MiB{ratio:>{width}.2f}")
    return "\n".join(lines)


def viewcore(given: str | None) -> str | None:
    """Return a viewcore to compare with: the one given, on PATH, or built from the Go module proxy."""
    found = given or shutil.which("viewcore")
    if found:
        return found
    folder = root() / "bench" / "bin"
    target = folder / "viewcore"
    go = shutil.which("go")
    if not target.exists() and go:
        command = [go, "install", "golang.org/x/debug/cmd/viewcore@latest"]
        subprocess.run(command, env=os.environ | {"GOBIN": str(folder)}, capture_output=True, check=False)
    return str(target) if target.exists() else None


def main() -> int:
    """Print the two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewcore", help="path of a viewcore binary")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--go", default="1.26", help="Go release of the program under the core [1.26]")
    arguments = parser.parse_args()
    try:
        gdb = gdbs.ensure(gdbs.system_label())
        core = cores.kernel_core(programs.build("frag", arguments.go), "-objects", OBJECTS)
    except Unavailable as error:
        print(f"tests/bench/run: {error}", file=sys.stderr)
        return 1
    target = [str(core.executable), str(core.path)]
    plain = [*gdb.argv, "-nx", "-batch", "-iex", "set auto-load no"]
    source = ["-ex", f"source {CHECKOUT / 'gdb_gospan' / 'gdb_gospan'}"]
    env = gdb.environment()
    commands = {"gdb alone": ([*plain, *target], env)}
    peer = viewcore(arguments.viewcore)
    base = "gdb alone"
    if peer:
        base = "viewcore breakdown"
        commands[base] = ([peer, target[1], "--exe", target[0], "breakdown"], env)
    else:
        print("no viewcore here (try: --viewcore PATH)", file=sys.stderr)
    commands["go-spans summary"] = ([*plain, *target, *source, "-ex", "go-spans summary"], env)
    print(table(in_turn(commands, arguments.rounds), base))

    print("\nWhat the plugin adds to gdb's start")
    with tempfile.TemporaryDirectory() as folder:
        init = Path(folder) / "gdbinit"
        init.write_text(f"source {CHECKOUT / 'gdb_gospan' / 'gdb_gospan'}\n")
        bare = ([*gdb.argv, "-nx", "-batch"], env)
        loaded = ([*gdb.argv, "-nx", "-batch", "-ix", str(init)], env)
        runs = in_turn({"gdb": bare, "gdb with the plugin": loaded}, 2 * arguments.rounds)
    print(table(runs, "gdb"))
    added = statistics.median(b.wall - a.wall for a, b in zip(*runs.values(), strict=True))
    print(f"added: {added * 1000:.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
