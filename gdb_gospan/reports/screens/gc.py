"""The collector as a page of facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdb_gospan.fields import units
from gdb_gospan.fields.units import UNKNOWN, count, counted, duration, share
from gdb_gospan.render import bars
from gdb_gospan.render.provenance import footer, heading, wrapped
from gdb_gospan.render.style import Style

_SPARK = 40
_DEFAULTS = {"madvdontneed": 1, "profstackdepth": 128, "adaptivestackstart": 1}
"""GODEBUG settings whose usual value is not 0 (runtime1.go, parsedebugvars)."""
_NAMES_ONLY = "decoratemappings"
"""Names mappings for the kernel and moves no memory; its default depends on the go line of go.mod."""


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the facts out, one subject a line or two."""
    facts = [
        ("Cycle", _cycle(document["gc"])),
        ("Heap", _heap(document["pacer"], document["gc"]["num_gc"], style)),
        ("Limit", _limit(document["gc"], document["pacer"], style)),
        ("Sweep", _sweep(document["sweep"])),
        ("Scavenger", _scavenger(document["scavenger"], document["gc"]["num_gc"], style)),
        ("Pauses", _pauses(document["gc"])),
        ("GODEBUG", _godebug(document["godebug"])),
    ]
    lines = [wrapped(name, parts, style.width) for name, parts in facts]
    return "\n".join([heading(document, style), "", *lines, "", footer(document, style)]) + "\n"


def _cycle(gc: dict[str, Any]) -> list[str]:
    if gc["phase"] is None:
        return ["phase unknown"]
    phase = "between cycles" if gc["phase"] == "off" else f"cycle {gc['cycles']} running: {gc['phase']}"
    parts = [phase, f"{counted(gc['num_gc'], 'cycle')} over ({count(gc['num_forced_gc'])} forced)"]
    if gc["last_gc"]:
        parts.append(f"last {units.moment(gc['last_gc'])}")
    return parts


def _heap(pacer: dict[str, Any], cycles: int, style: Style) -> list[str]:
    def size(value: int | None) -> str:
        return units.nbytes(value, exact=style.exact)

    live, goal = pacer["heap_live"], pacer["heap_goal"]
    near = "" if goal is None or live is None or no_goal(goal) else f", {share(live, goal)} of the goal"
    return [
        f"live {size(live)} by the pacer's count{near}",
        goal_words(goal, size) + ("" if goal is None or no_goal(goal) else " (its cycle begins earlier)"),
        *_scanned(pacer, size),
        *(
            [f"{size(pacer['heap_marked'])} found alive at the last", _cpu(pacer["gc_cpu_fraction"])]
            if cycles
            else []
        ),
    ]


def no_goal(goal: int) -> bool:
    """Whether NextGC says that there is no goal: GOGC is off and no memory limit set (mgcpacer.go, heapGoal)."""
    return goal >= 1 << 60


def goal_words(goal: int | None, size: Callable[[int | None], str]) -> str:
    """Say what the next cycle aims for; the cycle begins at a trigger below that, which is not the same each time."""
    if goal is not None and no_goal(goal):
        return "no heap goal (GOGC is off)"
    return f"next heap goal {size(goal)}"


def _cpu(fraction: float | None) -> str:
    """Say GCCPUFraction: it is worked out at the end of each cycle, and stands until the next (mgc.go, gcMarkTermination)."""
    return f"GC took {units.percent(fraction and 100 * fraction)} of the program's CPU time, as of the end of the last cycle"


def _scanned(pacer: dict[str, Any], size: Callable[[int | None], str]) -> list[str]:
    """Say what GOGC counts besides the heap, of which NextGC is made up."""
    stacks, globals_ = pacer["stack_scan_last"], pacer["globals_scan"]
    if stacks is None or globals_ is None:
        return []
    return [f"scanned besides {size(stacks)} of stacks, {size(globals_)} of globals"]


def _limit(gc: dict[str, Any], pacer: dict[str, Any], style: Style) -> list[str]:
    used = units.nbytes(pacer["memory_used"], exact=style.exact)
    if pacer["memory_limit"] is None:
        none = "no memory limit (GOMEMLIMIT)" if gc["memory_limit_known"] else "memory limit unknown"
        return [none, f"{used} counts as used"]
    limit, headroom = units.nbytes(pacer["memory_limit"], exact=style.exact), pacer["memory_headroom"]
    if headroom is None:
        return [f"GOMEMLIMIT {limit}", f"{used} used"]
    over = "over it" if headroom < 0 else "below it"
    return [f"GOMEMLIMIT {limit}", f"{used} used", f"{units.nbytes(abs(headroom), exact=style.exact)} {over}"]


def _sweep(sweep: dict[str, Any]) -> list[str]:
    sweepers = "sweepers unknown" if sweep["sweepers"] is None else counted(sweep["sweepers"], "sweeper")
    done = "done" if sweep["done"] else f"going on, {sweepers} at work"
    parts = [done, f"generation {count(sweep['sweepgen'])}"]
    if sweep["pages_swept"] is not None:
        parts.append(f"{counted(sweep['pages_swept'], 'page')} swept this cycle")
    if sweep["pages_per_byte"]:
        parts.append(f"{sweep['pages_per_byte']:.3g} pages to sweep for each byte allocated")
    return parts


def _scavenger(scavenger: dict[str, Any], cycles: int, style: Style) -> list[str]:
    def size(value: int | None) -> str:
        return units.nbytes(value, exact=style.exact)

    of = f"in use {size(scavenger['heap_in_use'])} + idle {size(scavenger['heap_free'])}"
    parts = [f"heap not returned {size(scavenger['retained'])} ({of})"]
    if not cycles:
        parts.append("no goal before the end of the first cycle")
    for name, key in () if not cycles else (("GOGC", "gc_percent_goal"), ("GOMEMLIMIT", "memory_limit_goal")):
        goal = scavenger[key]
        if not scavenger["goals_known"]:
            parts.append(f"goal for {name} {UNKNOWN}")
            continue
        parts.append(f"no goal for {name}" if goal is None else f"goal for {name}: {size(goal)}")
    released = {key: scavenger[f"released_{key}"] for key in ("background", "eagerly")}
    for key, value in released.items():
        if value is not None:
            how = "in the background" if key == "background" else "eagerly"
            parts.append(f"{size(value)} returned {how}")
    return parts


def _pauses(gc: dict[str, Any]) -> list[str]:
    if not gc["pause_quantiles"]:
        return ["none yet"]
    names = ("min", "p25", "p50", "p75", "max")
    parts = [f"{name} {duration(value)}" for name, value in zip(names, gc["pause_quantiles"], strict=True)]
    newest = gc["pauses"][:_SPARK]
    shape = bars.sparkline(newest[::-1])
    return [*parts, f"total {duration(gc['pause_total'])}", f"{shape} (the last {len(newest)}, newest right)"]


def _godebug(settings: dict[str, int] | None) -> list[str]:
    if settings is None:
        return [UNKNOWN]
    unusual = [
        f"{name}={value}"
        for name, value in settings.items()
        if value != _DEFAULTS.get(name, 0) and name != _NAMES_ONLY
    ]
    return unusual or ["nothing unusual that matters to memory"]
