"""How the time of a summary grows with the heap, beside viewcore's, a loop over gdb.Values and the bytes themselves.

Cores of programs with so many spans of 8 KiB that are never written: all that costs anything is the runtime's
own metadata. Medians of whole commands in turn, page cache warm; a loop over gdb.Values is run once.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import breakdown, in_gdb, in_turn, median, once, ratio
from tools import cores, programs

if TYPE_CHECKING:
    from tools.gdbs import Gdb

ENGINE = Path(__file__).with_name("engine.py")
WALK = Path(__file__).with_name("value_walk.py")
MOST_FOR_OTHERS = 2_000_000
ENGINE_ROUNDS = 7
"""At least: how long the kernel takes to clear fresh pages swings, and with it the ratio of one pair."""


def engine(core: cores.Core, rounds: int) -> tuple[float, float, float, int]:
    """Return the seconds of the engine, those of reading the same bytes, the ratio round by round, and how many bytes.

    Both read into fresh memory, whose pages the kernel has to clear first: most of the time of the second one, and
    more or less of it from one moment to the next. So they take turns, and each pair makes a ratio.
    """
    target = [str(core.executable), str(core.path)]
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        subprocess.run([sys.executable, str(ENGINE), *target, "--ranges", file.name], check=True)
        seconds: dict[str, list[float]] = {"engine": [], "floor": []}
        size = 0
        for _ in range(rounds + 1):
            for name, options in (("engine", []), ("floor", ["--floor", file.name])):
                command = [sys.executable, str(ENGINE), *target, *options]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                seconds[name].append(float(said[0]))
                size = int(said[1]) if name == "floor" else size
    engine, floor = (values[1:] for values in seconds.values())
    ratios = [one / other for one, other in zip(engine, floor, strict=True)]
    return statistics.median(engine), statistics.median(floor), statistics.median(ratios), size


def report(gdb: Gdb, minor: str, spans: list[int], viewcore: str | None, rounds: int, *, walk: bool) -> None:
    """Print a row for each number of spans."""
    print(
        f"{'descriptors':>12}{'metadata':>10}{'go-spans':>10}{'peak':>10}{'viewcore':>10}{'peak':>10}{'ratio':>7}"
        f"{'gdb.Value':>11}{'engine':>9}{'bytes':>9}{'ratio':>7}{'per span':>10}"
    )
    for number in spans:
        core = cores.kernel_core(programs.build("spans", minor), "-spans", str(number))
        commands = {"go-spans": in_gdb(gdb, core, "go-spans summary")}
        if viewcore and number <= MOST_FOR_OTHERS:
            commands["viewcore"] = breakdown(viewcore, core)
        runs = in_turn(commands, rounds)
        own = median(runs["go-spans"])
        cells = [f"{core.stdout['MSpanInuse'] // 160:>12,}"]
        seconds, floor, times, size = engine(core, max(rounds, ENGINE_ROUNDS))
        cells += [f"{size / 2**20:>6.0f} MiB", f"{own.wall:>8.2f} s", f"{own.peak / 2**20:>6.0f} MiB"]
        if "viewcore" in runs:
            other = median(runs["viewcore"])
            cells += [f"{other.wall:>8.2f} s", f"{other.peak / 2**20:>6.0f} MiB"]
            cells.append(f"{ratio(runs['viewcore'], runs['go-spans']).wall:>7.1f}")
        else:
            cells += ["", "", ""]
        if walk and number <= MOST_FOR_OTHERS:
            walked = once(*in_gdb(gdb, core, f"source {WALK}"))
            cells.append(f"{walked.wall:>9.1f} s")
        else:
            cells.append("")
        cells += [f"{seconds:>7.3f} s", f"{floor:>7.3f} s", f"{times:>7.1f}"]
        cells.append(f"{1e9 * seconds / (core.stdout['MSpanInuse'] // 160):>7.0f} ns")
        widths = (12, 10, 10, 10, 10, 10, 7, 11, 9, 9, 7, 10)
        print("".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)), flush=True)
