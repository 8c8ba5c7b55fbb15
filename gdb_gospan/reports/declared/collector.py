"""The collector, and the runtime's own statistics."""

from __future__ import annotations

from gdb_gospan.fields.command import Command

COLLECTOR: tuple[Command, ...] = (
    Command(
        "gc",
        "the garbage collector: cycle, pacer, memory limit, sweep, scavenger, pauses",
        "Where the collector stands and what decides when it runs next. It also has all that\n"
        "debug.ReadGCStats returns: LastGC, NumGC, PauseTotal, the pauses and their quantiles.",
        "go-spans gc",
        rows="gc pacer sweep scavenger godebug",
        columns=(
            (
                "live by the pacer's count",
                "heapLive: marked at the last cycle and allocated since, whole cached spans",
            ),
            (
                "next heap goal",
                "MemStats.NextGC, at which the next cycle is to be over: from GOGC, or from the memory limit if that is lower",
            ),
            ("scanned besides", "stacks at the last cycle, and globals: GOGC counts them with what is alive"),
            ("Limit", "GOMEMLIMIT, and what counts against it: all mapped memory that is not returned"),
            (
                "Sweep",
                "what the last cycle found dead is freed span by span, in the background and by allocation",
            ),
            (
                "heap not returned",
                "what the scavenger's goals are compared with: spans in use, and idle pages kept",
            ),
            (
                "Scavenger",
                "returns free pages to the OS down to a goal: for GOGC next goal / last goal * heap in use at the last * 1.1",
            ),
            (
                "Pauses",
                "each cycle's stop-the-world time, of the last 256 cycles; a debugger's own stop in the midst of one counts in it",
            ),
            ("GODEBUG", "settings that matter to memory and are not at their default"),
        ),
    ),
    Command(
        "memstats",
        "what runtime.ReadMemStats would return now, every field",
        "Computed from the runtime's counters as ReadMemStats does it, without calling it. In a quiet stop it is\n"
        "what the program itself would print.",
        "go-spans memstats --json",
        rows="memstats",
        columns=(
            (
                "~",
                "reading would first empty the Ps' caches, which may move this field; the scavenger moves HeapReleased at any time",
            ),
            (
                "runtime/metrics",
                "Prometheus' go_memstats_* come from it; it does not empty the caches, and lacks what they hold back",
            ),
            ("BySize", "allocations and frees by size class since the start, of classes that were used"),
        ),
    ),
)
