"""The causes of findings in sentences, from their evidence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from gdb_gospan.fields.spanclass import class_name
from gdb_gospan.fields.units import count, counted, duration, percent

Evidence = Mapping[str, Any]
Size = Callable[["int | None"], str]
"""Writes bytes."""


def _share(value: float | None) -> str:
    return percent(None if value is None else 100 * value)


def limit(e: Evidence, size: Size) -> str:
    """Say the cause of limit-thrashing."""
    close = f"the last cycle found {size(e['heap_marked_bytes'])} live under a limit of {size(e['memory_limit_bytes'])}"
    often = f"{e['cycles_per_second']:,} GC cycles a second"
    held = ", and the CPU limiter holds it back" if e["cpu_limiter_used"] else ""
    return f"The collector runs all the time because the heap is close to GOMEMLIMIT: {often}, {close}{held}."


def finalizers(e: Evidence, _size: Size) -> str:
    """Say the cause of finalizers-stuck."""
    parts = [
        counted(e[name], what)
        for name, what in (("finalizers", "finalizer"), ("cleanups", "cleanup"))
        if e[name]
    ]
    many = " and ".join(parts) or "Finalizers"
    kept = "" if e["finalizers"] == 0 else ", and the objects of finalizers stay in memory"
    if not e.get("function"):
        return f"{many} wait to be run{kept}. It is not known what the goroutine that runs them does."
    where = f"{e['function']} ({e['wait_reason']})"
    if e.get("waited_ns") is None:
        return f"{many} wait to be run{kept}. The goroutine that runs them is in {where}."
    since = f"at the last GC it had waited for {duration(e['waited_ns'])}"
    return f"{many} wait to be run{kept}. The goroutine that runs them waits in {where}; {since}."


def _slots(e: Evidence, size: Size) -> str:
    occupied = (
        "" if e["occupied_share"] is None else f", {_share(e['occupied_share'])} of whose slots are in use"
    )
    return f"{counted(e['spans'], 'span')}{occupied}, {size(e['free_slot_bytes'])} free"


def sparse(e: Evidence, size: Size) -> str:
    """Say the cause of sparse-spans."""
    return f"A few survivors of a burst keep whole spans in use: {_slots(e, size)}.{_stranded(e, size)}"


def _stranded(e: Evidence, size: Size) -> str:
    who = (
        f" Objects that {e['stranded_in']} allocated strand about {size(e['stranded_bytes'])} of it, by the heap profile."
        if e.get("stranded_in")
        else ""
    )
    if not e.get("stranded_owner"):
        return who
    return (
        f"{who} Objects of {_type(e['stranded_type'])} strand {size(e['stranded_type_bytes'])} of it; "
        f"{_who(e['stranded_owner'])} keeps objects that strand {size(e['stranded_owner_bytes'])}."
    )


def class_waste(e: Evidence, size: Size) -> str:
    """Say the cause of class-waste."""
    name = class_name(e["elemsize"] or None, noscan=e["noscan"])
    return f"Size class {name} has {_share(e['class_share'])} of all free slots: {_slots(e, size)}.{_stranded(e, size)}"


def idle(e: Evidence, size: Size) -> str:
    """Say the cause of idle-retained."""
    gogc = "off" if e["gc_percent"] is None else e["gc_percent"]
    goal = e["scavenger_goal_bytes"]
    if e["held_by_goal"] is None:
        why = (
            f"GOGC={gogc} allowed it to keep them at the last GC cycle, so the scavenger does not return them"
        )
    elif e["held_by_goal"]:
        why = f"GOGC={gogc} allows the heap to keep {size(goal)}, so the scavenger does not return them"
    else:
        why = "the scavenger returns them in the background" + (
            f" until {size(goal)} are left" if goal else ""
        )
    return (
        f"The runtime keeps {size(e['idle_bytes'])} of free pages, {size(e['beyond_bytes'])} more than the heap needs until the "
        f"next GC cycle: {why}."
    )


def scattered(e: Evidence, size: Size) -> str:
    """Say the cause of contiguity."""
    return (
        f"{_share(e['short_runs_share'])} of the {size(e['idle_bytes'])} of free pages lie in runs of 1 to 3 pages "
        "between spans in use: nothing larger than 24 KiB fits."
    )


def leak(e: Evidence, _size: Size) -> str:
    """Say the cause of goroutine-leak."""
    where = f" ({e['started_file'].rpartition('/')[2]}:{e['started_line']})" if e["started_file"] else ""
    if e["statements"] > 1:
        where = f" ({e['statements']} go statements)"
    by = (
        f"started in {e['started_by']}{where}"
        if e["started_by"]
        else f"of the go statement before {e['go_pc']}"
    )
    many = "all wait" if e["alike"] == e["goroutines"] else "wait"
    waits = ""
    if e["wait_reason"]:
        waits = (
            " in " + e["wait_reason"]
            if many == "all wait"
            else f", {count(e['alike'])} of them in {e['wait_reason']}"
        )
    lock = " Look for the one that holds the lock." if e["wait_reason"].startswith("sync.") else ""
    since = (
        "" if e["waited_ns"] is None else f". At the last GC one had waited for {duration(e['waited_ns'])}"
    )
    return f"{counted(e['goroutines'], 'goroutine')} {by} {many}{waits}{since}. What they hold is not counted here.{lock}"


def deep(e: Evidence, size: Size) -> str:
    """Say the cause of deep-stacks."""
    have = "has" if e["deep"] == 1 else "have"
    deep = f"{counted(e['deep'], 'goroutine')} with deep stacks {have} {size(e['deep_bytes'])}"
    return f"{deep} of {size(e['stack_bytes'])}; {_deepest(e, size)}."


def _deepest(e: Evidence, size: Size) -> str:
    what = f", mostly of {e['function']}" if e["function"] else ""
    number = "" if e["goid"] is None else f" (goroutine {count(int(e['goid']))})"
    return f"the largest is {size(e['largest_bytes'])}{number}{what}"


def many(e: Evidence, size: Size) -> str:
    """Say the cause of many-stacks."""
    used = "" if e["used_bytes"] is None else f", of which {size(e['used_bytes'])} are in use"
    deep = (
        f"; {count(e['deep'])} of them have {size(e['deep_bytes'])}, {_deepest(e, size)}" if e["deep"] else ""
    )
    idle = e["used_bytes"] is not None and 4 * e["used_bytes"] < e["stack_bytes"]
    shrink = " Each GC cycle halves those that use less than a quarter." if idle else ""
    return f"The stacks of {counted(e['goroutines'], 'goroutine')} take {size(e['stack_bytes'])}{used}{deep}.{shrink}"


def returned(e: Evidence, size: Size) -> str:
    """Say the cause of returned-resident."""
    lazy = ", because of GODEBUG=madvdontneed=0 (LazyFree)" if e["madvdontneed_0"] else ""
    returned = size(e["returned_bytes"])
    if "recorded" not in e:
        return f"The runtime has returned {returned} that the kernel has not taken{lazy}."
    if e["recorded"]:
        return f"The core has {returned} of pages that the runtime had returned: they were in memory or in swap{lazy}."
    return f"Up to {returned} that the runtime has returned may still be resident{lazy}."


def beyond(e: Evidence, size: Size) -> str:
    """Say the cause of beyond-go."""
    beyond, whole = size(e["beyond_bytes"]), size(e["whole_bytes"])
    if e["recorded"]:
        return f"{beyond} of the {whole} in the core are not the runtime's: C heap, stacks of threads, other mappings."
    return f"{beyond} of {whole} of RSS are not memory that the runtime keeps: returned yet resident, or outside Go."


def garbage(e: Evidence, size: Size) -> str:
    """Say the cause of garbage-waiting."""
    gogc = "GOGC is off" if e["gc_percent"] is None else f"GOGC is {e['gc_percent']}"
    limit = e["memory_limit_bytes"]
    gogc += "" if limit is None else f" and GOMEMLIMIT {size(limit)}"
    goal = e["heap_goal_bytes"]
    due = "no cycle is due" if goal is None else f"the next cycle ends at a heap of {size(goal)}"
    survived = f"which {size(e['survived_bytes'])} survived" if e["cycles"] else "of which there was none"
    return f"{size(e['new_bytes'])} of objects were allocated since the last GC cycle, {survived}: {gogc}, so {due}."


def live(e: Evidence, size: Size) -> str:
    """Say the cause of live-objects."""
    worst = class_name(e["elemsize"] or None, noscan=e["noscan"])
    return (
        f"The heap goal has grown {e['growth']} times between the last two of {counted(e['cycles'], 'GC cycle')}: load at the "
        f"start, a burst, a cache that fills, or a leak. {size(e['survived_bytes'])} of objects survived, most in class {worst}: "
        f"{size(e['class_bytes'])}.{_allocated(e, size)}"
    )


def _allocated(e: Evidence, size: Size) -> str:
    who = (
        f" {e['allocated_in']} allocated {size(e['allocated_bytes'])} or more of what is in use, by the heap profile."
        if e.get("allocated_in")
        else ""
    )
    if not e.get("kept_owner"):
        return who
    return (
        f"{who} {size(e['kept_type_bytes'])} are objects of {_type(e['kept_type'])}; the owner of most objects is {_who(e['kept_owner'])}, "
        f"{size(e['kept_owner_bytes'])}."
    )


def healthy(e: Evidence, size: Size) -> str:
    """Say the cause of healthy."""
    where = (
        "" if e["outside_known"] else " in the Go heap; memory outside it is not known (try: --smaps FILE)"
    )
    resident = " of resident memory" if e["resident"] else ""
    name = class_name(e["elemsize"] or None, noscan=e["noscan"])
    most = (
        f", most in class {name} ({counted(e['class_objects'], 'object')}, {size(e['class_bytes'])})"
        if e["class_bytes"]
        else ""
    )
    return (
        f"No waste stands out{where}. Objects take {size(e['object_bytes'])}{resident}{most}.{_allocated(e, size)} A heap profile tells "
        "who allocates objects, and a later look whether objects grow."
    )


def metadata(e: Evidence, size: Size) -> str:
    """Say the cause of metadata."""
    kinds = {
        "profiling buckets": e["profiler_bytes"],
        "span descriptors": e["span_descriptor_bytes"],
        "GC bitmaps and queues": e["gc_bytes"],
        "records of finalizers, cleanups and profiled objects": e["special_bytes"],
        "other structures": max(e["other_bytes"] - e["special_bytes"], 0)
        if e["other_bytes"] is not None
        else None,
    }
    largest = sorted(kinds.items(), key=lambda each: -(each[1] or 0))[:2]
    return (
        "The runtime's own structures: "
        + ", ".join(f"{size(value)} of {name}" for name, value in largest)
        + "."
    )


def dead(e: Evidence, size: Size) -> str:
    """Say the cause of dead-goroutines."""
    return (
        f"{counted(e['dead'], 'goroutine')} have ended. The runtime keeps each for the next one and never frees it: "
        f"{size(e['descriptor_bytes'])} of descriptors, {size(e['stack_bytes'])} of stacks."
    )


def _type(name: str | None) -> str:
    return f"type {name}" if name else "an unknown type"


def _who(owner: str) -> str:
    """Return the name of an owner for a sentence: ``shared: T`` is an object that several roots keep."""
    return re.sub(r"\Ashared: ", "a shared ", owner)
