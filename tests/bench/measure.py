"""Whole commands side by side: in turn in one run, so that a slow moment hits each alike; medians and ratios."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

from tools.cache import CHECKOUT, root

if TYPE_CHECKING:
    from tools.cores import Core
    from tools.gdbs import Gdb

Command = tuple[list[str], dict[str, str]]
"""What to run, and its environment."""


class Run(NamedTuple):
    """One run of a whole command: seconds of wall and processor time, peak memory in bytes."""

    wall: float
    cpu: float
    peak: float


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
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)


def in_turn(commands: dict[str, Command], rounds: int) -> dict[str, list[Run]]:
    """Run every command once to warm up, then all of them in turn."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for command in commands.values():
        once(*command)
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(once(*command))
    return runs


def median(runs: list[Run]) -> Run:
    """Return the median wall and processor time, and the highest peak."""
    wall, cpu = (statistics.median(run[i] for run in runs) for i in (0, 1))
    return Run(wall, cpu, max(run.peak for run in runs))


def ratio(runs: list[Run], base: list[Run]) -> Run:
    """Return the medians of the ratios, round by round; that of the memory as a number, too."""
    pairs = list(zip(runs, base, strict=True))
    return Run(*(statistics.median(a[i] / b[i] for a, b in pairs) for i in range(3)))


def table(runs: dict[str, list[Run]], base: str) -> str:
    """Format the medians, with the ratios to ``base``."""
    lines = [f"{'':<22}{'wall':>9}{'CPU':>9}{'peak':>10}   by {base}: wall, CPU, peak"]
    for name, several in runs.items():
        wall, cpu, peak = median(several)
        ratios = "".join(f"{value:>7.2f}" for value in ratio(several, runs[base]))
        lines.append(f"{name:<22}{wall:>7.3f} s{cpu:>7.3f} s{peak / 2**20:>6.0f} MiB  {ratios}")
    return "\n".join(lines)


def in_gdb(gdb: Gdb, core: Core, *commands: str) -> Command:
    """Return the command line of a gdb that looks at a core; without commands it only loads it."""
    words = [*gdb.argv, "-nx", "-batch", "-iex", "set auto-load no", str(core.executable), str(core.path)]
    source = ["-ex", f"source {CHECKOUT / 'gdb_gospan' / 'gdb_gospan'}"] if commands else []
    return [*words, *source, *(word for command in commands for word in ("-ex", command))], gdb.environment()


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


def breakdown(path: str, core: Core) -> Command:
    """Return viewcore's nearest command: three totals of the same heap."""
    return [path, str(core.path), "--exe", str(core.executable), "breakdown"], dict(os.environ)
