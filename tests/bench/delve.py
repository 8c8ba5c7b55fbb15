"""How long a report keeps a process in Delve: the script inside it, and go-spans through its JSON-RPC."""

from __future__ import annotations

import functools
import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from tools import delves, processes, programs

if TYPE_CHECKING:
    from tools.delves import Delve

SPANS = (24_000, 1_000_000)


def _inside(delve: Delve, pid: int, **env: str) -> str:
    (said,) = delves.run(delve, ["go_spans summary --json"], pid=pid, env=env, timeout=600)
    return said


def _through(delve: Delve, pid: int) -> str:
    with delves.headless(delve, pid=pid) as address:
        command = [sys.executable, "-m", "gdb_gospan", "summary", "--dlv", address, "--json"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


_ROUTES = {
    "go_spans summary": _inside,
    "go_spans summary, GOGC=400": functools.partial(_inside, GOGC="400"),
    "go-spans summary --dlv": _through,
}


def report(minor: str, rounds: int) -> None:
    """Print the pauses that each route says itself, and what they are of."""
    delve = delves.ensure(delves.NEWEST)
    print(f"Delve {delve.label}")
    executable = programs.build("spans", minor)
    for number in SPANS:
        with processes.start(executable, "-spans", str(number), "-end", "sleep") as running:
            running.line()
            for name, route in _ROUTES.items():
                targets = [json.loads(route(delve, running.pid))["target"] for _ in range(rounds)]
                pause = statistics.median(target["pause_ms"] for target in targets) / 1000
                reads = f", {targets[0]['reads']} reads" if targets[0].get("reads") else ""
                print(f"{name + ',':<34}{number:>10,} spans: {pause:>7.2f} s{reads}", flush=True)
