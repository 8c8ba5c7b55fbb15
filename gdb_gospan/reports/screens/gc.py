"""The screen of go-spans gc."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from gdb_gospan.fields import units
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.goal import goal_words, no_goal
from gdb_gospan.fields.units import UNKNOWN, count, counted, duration, share
from gdb_gospan.render import bars
from gdb_gospan.render.provenance import footer, heading, wrapped

if TYPE_CHECKING:  # which imports this one
    from gdb_gospan.reports.gc import (
        Collector,
        Limiter,
        Pace,
        Pacer,
        Queues,
        Scavenger,
        State,
        Survived,
        Sweep,
    )

GODEBUG_DEFAULTS: Final[Mapping[str, int]] = {
    "madvdontneed": 1,
    "profstackdepth": 128,
    "adaptivestackstart": 1,
}
"""GODEBUG settings whose usual value is not 0 (runtime1.go, parsedebugvars)."""
_NAMES_ONLY = "decoratemappings"
"""Names mappings for the kernel and moves no memory; its default depends on the go line of go.mod."""
_SLOW: Final = 1e-6
"""Pages to sweep for each byte: one for each MiB."""
_OFTEN: Final = 1
"""Cycles a second that are told as such."""
_FULL: Final = 10
"""A bucket of the CPU limiter that is filled to one in so many is worth a word."""
_SPARK = 40
"""Pauses that are drawn."""

Size = Callable[["int | None"], str]
"""Says bytes."""


def screen(answer: Collector, looks: Looks) -> str:
    """Lay the facts out, one subject a line or two."""

    def size(value: int | None) -> str:
        return units.nbytes(value, exact=looks.exact)

    gc, pacer = answer.gc, answer.pacer
    facts = [
        ("Cycle", [*_cycle(gc), *_pace(answer.pace)]),
        ("Heap", _heap(pacer, gc.num_gc, size)),
        ("Objects", _objects(answer.objects, gc.num_gc, size)),
        (
            "Limit",
            [*_limit(gc, pacer, size), *_limiter(answer.limiter, limited=pacer.memory_limit is not None)],
        ),
        ("Sweep", _sweep(answer.sweep)),
        ("Scavenger", _scavenger(answer.scavenger, gc.num_gc, size)),
        ("Pauses", _pauses(gc)),
        ("Queues", _queues(answer.queues)),
        ("GODEBUG", _godebug(answer.godebug)),
    ]
    lines = [wrapped(name, parts, looks.width) for name, parts in facts if parts]
    return "\n".join([heading(answer, looks), "", *lines, "", footer(answer, looks)]) + "\n"


def _cycle(gc: State) -> list[str]:
    if gc.phase is None:
        return ["phase unknown"]
    phase = "between cycles" if gc.phase == "off" else f"cycle {gc.cycles} running: {gc.phase}"
    parts = [phase, f"{counted(gc.num_gc, 'cycle')} finished ({count(gc.num_forced_gc)} forced)"]
    if gc.last_gc:
        parts.append(f"last {units.moment(gc.last_gc)}")
    return parts


def _pace(pace: Pace | None) -> list[str]:
    if pace is None:
        return []
    often = f"{pace.per_second:,.1f} a second"
    seldom = f"one every {duration(1e9 / pace.per_second)}"
    return [f"the last {pace.cycles} cycles: {often if pace.per_second >= _OFTEN else seldom}"]


def _starts(trigger: int | None, size: Size) -> str:
    return " (the cycle starts earlier)" if trigger is None else f" (the cycle starts at {size(trigger)})"


def _objects(objects: Survived | None, cycles: int, size: Size) -> list[str]:
    if objects is None:  # the script for Delve has no bitmaps
        return []
    if not cycles:
        return [f"{size(objects.new_bytes)} allocated, no cycle yet"]
    parts = [
        f"{size(objects.survived_bytes)} survived the last cycle",
        f"{size(objects.new_bytes)} allocated since",
    ]
    return parts + ([f"{size(objects.unknown_bytes)} not known"] if objects.unknown_bytes else [])


def _limiter(limiter: Limiter | None, *, limited: bool) -> list[str]:
    """Say what holds the collector back, when it does or did."""
    if limiter is None or limiter.enabled is None or limiter.fill is None or not limiter.capacity:
        return []
    if limiter.enabled:
        return [
            "CPU limiter enabled: the collector gets no more than half of the CPU time, so the heap may exceed its goal"
        ]
    full = f"{share(limiter.fill, limiter.capacity)} full"
    if limiter.last_enabled_cycle:
        return [f"CPU limiter {full}, last enabled in cycle {count(limiter.last_enabled_cycle)}"]
    return (
        [f"CPU limiter {full}, never enabled"] if limited or limiter.fill * _FULL > limiter.capacity else []
    )


def _queues(queues: Queues | None) -> list[str]:
    """Say how many finalizers and cleanups wait, and what those that run them are doing."""
    if queues is None:  # likewise
        return []
    unknown = "finalizers not known"
    parts = [unknown if queues.finalizers is None else f"{counted(queues.finalizers, 'finalizer')} waiting"]
    if queues.cleanups is not None:
        parts.append(f"{counted(queues.cleanups, 'cleanup')} waiting")
    for each in queues.goroutines or ():
        if each.function is not None:
            waits = f", waiting: {each.wait_reason}" if each.wait_reason else ""
            parts.append(f"goroutine {each.goid} is in {each.function}{waits}")
    return parts


def _heap(pacer: Pacer, cycles: int, size: Size) -> list[str]:
    live, goal = pacer.heap_live, pacer.heap_goal
    near = "" if goal is None or live is None or no_goal(goal) else f", {share(live, goal)} of the goal"
    parts = [
        f"estimated live {size(live)}{near}",
        goal_words(goal, size) + ("" if goal is None or no_goal(goal) else _starts(pacer.trigger, size)),
        *_scanned(pacer, size),
    ]
    if cycles:
        parts += [f"the last cycle found {size(pacer.heap_marked)} live", _cpu(pacer.gc_cpu_fraction)]
    return parts


def _cpu(fraction: float | None) -> str:
    """Say GCCPUFraction: it is worked out at the end of each cycle, and stands until the next (mgc.go, gcMarkTermination)."""
    return f"GC used {units.percent(fraction and 100 * fraction)} of the CPU time up to the end of the last cycle"


def _scanned(pacer: Pacer, size: Size) -> list[str]:
    """Say what GOGC counts besides the heap, of which NextGC is made up."""
    stacks, globals_ = pacer.stack_scan_last, pacer.globals_scan
    if stacks is None or globals_ is None:
        return []
    return [f"also scanned: {size(stacks)} of stacks, {size(globals_)} of globals"]


def _limit(gc: State, pacer: Pacer, size: Size) -> list[str]:
    limit, used, headroom = pacer.memory_limit, size(pacer.memory_used), pacer.memory_headroom
    if limit is None:
        none = "no memory limit (GOMEMLIMIT)" if gc.memory_limit_known else "memory limit unknown"
        return [none, f"{used} would count against it"]
    parts = [f"GOMEMLIMIT {size(limit)}", f"{used} used"]
    if headroom is not None:
        parts.append(f"{size(abs(headroom))} {'over it' if headroom < 0 else 'below it'}")
    return parts


def _sweep(sweep: Sweep) -> list[str]:
    sweepers = "sweepers unknown" if sweep.sweepers is None else counted(sweep.sweepers, "sweeper")
    done = "done" if sweep.done else f"in progress, {sweepers} active"
    parts = [done, f"generation {count(sweep.sweepgen)}"]
    if sweep.pages_swept is not None:
        parts.append(f"{counted(sweep.pages_swept, 'page')} swept this cycle")
    # Before a goal that is far away it is next to nothing.
    if sweep.pages_per_byte and sweep.pages_per_byte >= _SLOW and not sweep.done:
        parts.append(f"{sweep.pages_per_byte * (1 << 20):,.3g} pages to sweep for each MiB allocated")
    return parts


def _scavenger(scavenger: Scavenger, cycles: int, size: Size) -> list[str]:
    of = f"in use {size(scavenger.heap_in_use)} + idle {size(scavenger.heap_free)}"
    parts = [f"heap not returned {size(scavenger.retained)} ({of})"]
    if not cycles:
        parts.append("no scavenge goal before the end of the first cycle")
    else:
        for name, goal in (("GOGC", scavenger.gc_percent_goal), ("GOMEMLIMIT", scavenger.memory_limit_goal)):
            if not scavenger.goals_known:
                parts.append(f"scavenge goal from {name} {UNKNOWN}")
            else:
                parts.append(
                    f"no scavenge goal from {name}"
                    if goal is None
                    else f"scavenge goal from {name}: {size(goal)}"
                )
    released = (
        (scavenger.released_background, "in the background"),
        (scavenger.released_eagerly, "eagerly"),
    )
    return parts + [f"{size(value)} returned {how}" for value, how in released if value is not None]


def _pauses(gc: State) -> list[str]:
    if not gc.pause_quantiles:
        return ["none yet"]
    names = ("min", "p25", "p50", "p75", "max")
    parts = [f"{name} {duration(value)}" for name, value in zip(names, gc.pause_quantiles, strict=True)]
    newest = gc.pauses[:_SPARK]
    shape = bars.sparkline(newest[::-1])
    return [*parts, f"total {duration(gc.pause_total)}", f"{shape} (last {len(newest)}, newest on the right)"]


def _godebug(settings: Mapping[str, int] | None) -> list[str]:
    if settings is None:
        return [UNKNOWN]
    unusual = [
        f"{name}={value}"
        for name, value in settings.items()
        if value != GODEBUG_DEFAULTS.get(name, 0) and name != _NAMES_ONLY
    ]
    return unusual or ["all settings that affect memory have their defaults"]
