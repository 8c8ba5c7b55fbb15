"""How long a process stands still for go-spans, by a clock of its own: a thread that looks at the time all the time.

Beside it stands what go-spans says itself (``pause_ms``), and in gdb, which stops the process before go-spans is asked. In gdb
the first command finds the layout, too; the next stop of the same program has it. Of go-spans objects, which copies the
objects with pointers, there is what it announces before the stop and what the stop was.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools import debian, processes, programs
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.gdbs import Gdb
    from tools.processes import Running

SPANS = (24_000, 300_000, 1_500_000)
COMMANDS = ("summary", "check", "snapshot")
STRIPPED = "-s -w"
LINKS = (1_000_000, 10_000_000, 50_000_000)
"""Objects of a list, 16 bytes each."""


def report(gdb: Gdb, minor: str, rounds: int) -> None:
    """Print the gaps that a sleeping and a busy program see, whole and stripped; then gdb's stops, and through gdbserver."""
    print(f"{'--pid, ms':<32}{'gap':>8}{'longest':>9}{'pause_ms':>10}")
    for ldflags in ("", STRIPPED):
        for churn in (False, True):
            for number in SPANS:
                with _spans(minor, number, ldflags, churn=churn) as running:
                    for command in COMMANDS:
                        gaps, pauses = _gaps(running, command, rounds)
                        kind = f"{'stripped' if ldflags else 'full'}, {'busy' if churn else 'sleeping'}"
                        print(
                            f"{number:>9,} {kind + ', ' + command:<22}{statistics.median(gaps):>8.1f}{max(gaps):>9.1f}"
                            f"{statistics.median(pauses):>10.1f}"
                        )
    _contents(minor, rounds)
    for number in (SPANS[0], SPANS[-1]):
        _in_gdb(gdb, minor, number, rounds)


@contextlib.contextmanager
def _spans(minor: str, number: int, ldflags: str = "", *, churn: bool = False) -> Iterator[Running]:
    executable = programs.build("spans", minor, ldflags=ldflags)
    more = ["-churn"] if churn else []
    with processes.start(executable, "-spans", str(number), "-clock", *more, "-end", "sleep") as running:
        running.line()
        yield running


def _gaps(running: Running, command: str, rounds: int) -> tuple[list[float], list[float]]:
    """Return the longest gap that the process has seen meanwhile, and what go-spans says of it: ms; the first is not counted."""
    gaps, pauses = [], []
    with tempfile.TemporaryDirectory() as folder:
        words = [str(Path(folder) / "heap.gospan"), "--replace"] if command == "snapshot" else []
        for _ in range(rounds + 1):
            _longest(running)
            answer = json.loads(_in_shell(running.pid, command, *words))
            gaps.append(_longest(running))
            pauses.append(answer["target"]["pause_ms"])
    return gaps[1:], pauses[1:]


def _contents(minor: str, rounds: int) -> None:
    """Print how long go-spans objects pauses processes, and that by what it has announced."""
    executable = programs.build("objects", minor)
    print(f"{'objects --pid':<32}{'announced, ms':>14}{'pause_ms':>10}{'ratio':>7}")
    for number in LINKS:
        with processes.start(executable, "-list", str(number), "-end", "sleep") as running:
            running.line()
            command = [sys.executable, "-m", "gdb_gospan", "objects", "--json", "--max-pause", "0"]
            rows = []
            for _ in range(rounds):
                said = subprocess.run(
                    [*command, "--pid", str(running.pid)], check=True, capture_output=True, text=True
                )
                about = re.search(r"about ([\d.]+) s: (.+) of objects", said.stderr)
                assert about is not None
                pause = json.loads(said.stdout)["target"]["pause_ms"]
                rows.append((1000 * float(about[1]), pause, pause / (1000 * float(about[1]))))
            expected, pause, ratio = (statistics.median(column) for column in zip(*rows, strict=True))
            print(f"{about[2]:>32}{expected:>14.0f}{pause:>10.0f}{ratio:>7.2f}")


def _longest(running: Running) -> float:
    os.kill(running.pid, signal.SIGUSR1)
    return int(running.line()) / 1e6


def _in_shell(pid: int, command: str, *words: str) -> str:
    line = [sys.executable, "-m", "gdb_gospan", command, *words, "--pid", str(pid), "--json"]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


def _in_gdb(gdb: Gdb, minor: str, number: int, rounds: int) -> None:
    """Print the gap of a gdb that attaches, asks for a summary and detaches, twice, and our part of it."""
    with _spans(minor, number) as running:
        gaps, first, second = [], [], []
        commands = ["go-spans summary --json", "detach", f"attach {running.pid}", "go-spans summary --json"]
        for _ in range(rounds):
            _longest(running)
            said = run_gdb(gdb, commands, pid=running.pid).stdout
            gaps.append(_longest(running))
            first.append(json.loads(said[0])["target"]["pause_ms"])
            second.append(json.loads(said[3])["target"]["pause_ms"])
        print(
            f"in gdb, {number:>9,} spans: {statistics.median(first):>6.0f} ms of ours, {statistics.median(second):.0f} at the "
            f"next stop; the longest stop {statistics.median(gaps):.0f} ms"
        )
        if number == SPANS[0]:
            _remote(gdb, programs.build("spans", minor), running.pid, number, rounds)


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
    print(f"gdbserver, {number:>9,} spans: {statistics.median(pauses):>6.0f} ms, {reads} reads")
