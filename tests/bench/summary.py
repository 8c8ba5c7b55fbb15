"""The benchmarks: whole commands side by side in one run, in turn, page cache warm; medians and ratios.

small    a core of a 320 MB heap, some 24,000 span descriptors:
         gdb -batch PROGRAM CORE -ex 'go-spans summary', start-up included,
         viewcore CORE --exe PROGRAM breakdown   (golang.org/x/debug/cmd/viewcore), and gdb itself
start    what the plugin in a gdbinit adds to gdb's start
objects  a core of a heap of small objects, 2.7 GB, some 240,000 span descriptors
scale    24 k, 300 k, 1.5 M and 10 M descriptors (cores of 0.2 to 85 GB, mostly holes)
every    each command on 1.5 M descriptors, and its peak beside the runtime's own metadata
live     how long go-spans summary keeps a process: here, and through gdbserver
delve    how long it does in Delve: the script inside, and through its JSON-RPC
programs stripped programs that others built, each at work: live, and in a core
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from bench import delve, live, scale
from bench import programs as others
from bench.measure import breakdown, in_gdb, in_turn, median, table, viewcore
from gdb_gospan.reports.catalog import COMMANDS
from tools import cores, gdbs, programs
from tools.cache import CHECKOUT, Unavailable

PARTS = ("small", "start", "objects", "scale", "every", "live", "delve", "programs")
SCALE = [24_000, 300_000, 1_500_000, 10_000_000]
METADATA = ("MSpanSys", "MCacheSys", "BuckHashSys", "GCSys", "OtherSys")
ARGUMENTS = {
    "map": "",
    "cache": "0",
    "gate": "--max sys=1TiB",
    "snapshot": f"--replace {tempfile.gettempdir()}/bench-{os.getpid()}.gospan",
}


def beside(gdb: gdbs.Gdb, core: cores.Core, peer: str | None, rounds: int) -> None:
    """Print gdb alone, viewcore and go-spans summary on one core."""
    commands = {"gdb alone": in_gdb(gdb, core)}
    base = "gdb alone"
    if peer:
        base = "viewcore breakdown"
        commands[base] = breakdown(peer, core)
    commands["go-spans summary"] = in_gdb(gdb, core, "go-spans summary")
    print(table(in_turn(commands, rounds), base))


def start(gdb: gdbs.Gdb, rounds: int) -> None:
    """Print what the plugin adds to gdb's start."""
    with tempfile.TemporaryDirectory() as folder:
        init = Path(folder) / "gdbinit"
        init.write_text(f"source {CHECKOUT / 'gdb_gospan' / 'gdb_gospan'}\n")
        bare = ([*gdb.argv, "-nx", "-batch"], gdb.environment())
        loaded = ([*gdb.argv, "-nx", "-batch", "-ix", str(init)], gdb.environment())
        runs = in_turn({"gdb": bare, "gdb with the plugin": loaded}, 2 * rounds)
    print(table(runs, "gdb"))
    added = statistics.median(b.wall - a.wall for a, b in zip(*runs.values(), strict=True))
    print(f"added: {added * 1000:.1f} ms")


def every(gdb: gdbs.Gdb, minor: str, rounds: int) -> None:
    """Print each command's time on 1.5 million descriptors, half of them on the free list."""
    core = cores.kernel_core(programs.build("spans", minor), "-spans", "1500000", "-drop", "2")
    held = "('main.slices'.array)[1498000]"
    commands = {
        command.name: in_gdb(
            gdb,
            core,
            f"go-spans {command.name} {held if command.takes_address else ARGUMENTS.get(command.name, '')}",
        )
        for command in COMMANDS
        if command.needs_target
    }
    commands["list --limit 0"] = in_gdb(gdb, core, "go-spans list --limit 0")
    metadata = sum(core.stdout[name] for name in METADATA)
    print(f"{'':<14}{'wall':>9}{'CPU':>9}{'peak':>10}  by the metadata, {metadata / 2**20:,.0f} MiB")
    answers = in_turn(commands, rounds)
    Path(ARGUMENTS["snapshot"].removeprefix("--replace ")).unlink(missing_ok=True)
    for name, runs in answers.items():
        wall, cpu, peak = median(runs)
        print(f"{name:<14}{wall:>7.2f} s{cpu:>7.2f} s{peak / 2**20:>6.0f} MiB  {peak / metadata:>6.2f}")


def main() -> int:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} [all]")
    parser.add_argument("--viewcore", help="path of a viewcore binary")
    parser.add_argument(
        "--rounds", type=int, default=11, help="of small and start; the others take fewer [11]"
    )
    parser.add_argument("--go", default="1.26", help="Go release of the programs [1.26]")
    parser.add_argument("--spans", type=int, nargs="*", help="numbers of spans for scale")
    parser.add_argument("--walk", action="store_true", help="scale: time a loop over gdb.Values, too")
    arguments = parser.parse_args()
    wanted = arguments.parts or list(PARTS)
    if unknown := [part for part in wanted if part not in PARTS]:
        parser.error(f"no part {unknown[0]}: {', '.join(PARTS)}")
    peer = viewcore(arguments.viewcore)
    if not peer:
        print("no viewcore here (try: --viewcore PATH)", file=sys.stderr)
    few = max(arguments.rounds // 3, 1)
    try:
        gdb = gdbs.ensure(gdbs.system_label())
        for part in wanted:
            print(f"\n{part}")
            if part == "small":
                beside(gdb, frag(arguments.go, 100_000), peer, arguments.rounds)
            elif part == "start":
                start(gdb, arguments.rounds)
            elif part == "objects":
                beside(gdb, frag(arguments.go, 1_000_000), peer, few)
            elif part == "scale":
                numbers = arguments.spans or SCALE
                scale.report(gdb, arguments.go, numbers, peer, few, walk=arguments.walk)
            elif part == "every":
                every(gdb, arguments.go, few)
            elif part == "live":
                live.report(gdb, arguments.go, few)
            elif part == "delve":
                delve.report(arguments.go, few)
            else:
                others.report(few)
    except Unavailable as error:
        print(f"tests/bench/run: {error}", file=sys.stderr)
        return 1
    return 0


def frag(minor: str, objects: int) -> cores.Core:
    """Return the core of the sample program with so many objects alive."""
    return cores.kernel_core(programs.build("frag", minor), "-objects", str(objects))


if __name__ == "__main__":
    sys.exit(main())
