"""Stripped programs that others built, each at work: go-spans summary of the process, and of a core of it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench.measure import median, once
from tools import cores, realwork, realworld

OWN = [sys.executable, "-m", "gdb_gospan", "summary"]


def report(rounds: int) -> None:
    """Print what a summary takes, start-up included; of a core without its executable, too."""
    print(f"{'':<16}{'wall':>9}{'CPU':>9}{'peak':>10}")
    for name in realworld.PROGRAMS:
        with tempfile.TemporaryDirectory() as folder, realwork.at_work(name, Path(folder)) as busy:
            core = Path(folder) / "core"
            cores.gcore(busy.running.pid, core)
            targets = {
                "live": ["--pid", str(busy.running.pid)],
                "core": [str(realworld.executable(name)), str(core)],
                "core alone": [str(core)],
            }
            print(name)
            for target, words in targets.items():
                wall, cpu, peak = median([once([*OWN, *words], dict(os.environ)) for _ in range(rounds)])
                print(f"  {target:<14}{wall:>7.2f} s{cpu:>7.2f} s{peak / 2**20:>6.0f} MiB", flush=True)
