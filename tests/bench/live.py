"""How long a process stands still for go-spans summary: in gdb, in the shell, and through gdbserver on loopback.

The first command in a gdb finds the layout, too; the next stop of the same program has it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from tools import debian, processes, programs
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gdbs import Gdb

SPANS = (24_000, 1_500_000)


def report(gdb: Gdb, minor: str, rounds: int) -> None:
    """Print the pauses, and for gdbserver the reads."""
    executable = programs.build("spans", minor)
    for number in SPANS:
        with processes.start(executable, "-spans", str(number), "-end", "sleep") as running:
            running.line()
            pauses: dict[str, list[float]] = {"in gdb": [], "in gdb, again": [], "--pid": []}
            commands = [
                "go-spans summary --json",
                "detach",
                f"attach {running.pid}",
                "go-spans summary --json",
            ]
            for _ in range(rounds):
                said = run_gdb(gdb, commands, pid=running.pid).stdout
                for name, answer in zip(pauses, (said[0], said[3], _in_shell(running.pid)), strict=True):
                    pauses[name].append(json.loads(answer)["target"]["pause_ms"])
            for name, several in pauses.items():
                print(f"{name + ',':<15}{number:>10,} spans: {statistics.median(several):>6.0f} ms")
            if number == SPANS[0]:
                _remote(gdb, executable, running.pid, number, rounds)


def _in_shell(pid: int) -> str:
    command = [sys.executable, "-m", "gdb_gospan", "summary", "--pid", str(pid), "--json"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _remote(gdb: Gdb, executable: Path, pid: int, number: int, rounds: int) -> None:
    pauses, reads = [], 0
    for _ in range(rounds):
        with subprocess.Popen(
            [debian.gdbserver(), "--once", "--attach", "127.0.0.1:0", str(pid)],
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stderr is not None
            port = next(line for line in server.stderr if "Listening" in line).split()[-1]
            commands = [f"target remote 127.0.0.1:{port}", "go-spans summary --json", "detach"]
            target = json.loads(run_gdb(gdb, commands, exe=executable).stdout[1])["target"]
            pauses.append(target["pause_ms"])
            reads = target["reads"]
    print(f"{'gdbserver,':<15}{number:>10,} spans: {statistics.median(pauses):>6.0f} ms, {reads} reads")
